//! A load that began before a mutation must not store its value after it.

use super::world::{Spy, World, everywhere};
use cache_runtime::Outcome;
use cache_tests::gate::GatedLoad;

/// Load ‖ commit ‖ invalidate ‖ fill, then a read in each process; tells what those two read.
async fn race(world: &World, blind: bool) -> [u64; 2] {
    let spy = Spy { blind, ..Spy::default() };
    let (reader, writer) = (world.spied(&spy).await, world.process().await);
    let source = GatedLoad::new(1);
    let slow = reader.spawn_read(1, &source);
    source.gate.arrived().await;
    source.set(2);
    writer.invalidate(1).await;
    source.gate.open();
    assert_eq!(slow.end().await.0, 1, "it began before the mutation ended: both values are right");
    spy.fills.reached(1).await;
    [reader.read(1, &source).await.0, writer.read(1, &source).await.0]
}

#[tokio::test]
async fn a_load_that_an_invalidation_overtook_stores_nothing() {
    everywhere(async |world| assert_eq!(race(world, false).await, [2, 2])).await;
}

#[tokio::test]
async fn without_the_comparison_of_the_fill_the_old_value_stays() {
    everywhere(async |world| assert_eq!(race(world, true).await, [1, 1])).await;
}

#[tokio::test]
async fn an_invalidation_of_an_absent_key_counts() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(1);
        process.invalidate(1).await;
        assert_eq!(process.read(1, &source).await, (1, Outcome::Loaded));
    })
    .await;
}

#[tokio::test]
async fn a_value_is_shared_between_processes() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::open(1);
        assert_eq!(one.read(1, &source).await, (1, Outcome::Loaded));
        assert_eq!(one.read(1, &source).await.0, 1);
        assert_eq!(other.read(1, &source).await.0, 1);
        assert_eq!(other.read(2, &source).await, (1, Outcome::Loaded), "another key");
        assert_eq!(source.loads.get(), 2);
        source.set(2);
        other.invalidate(1).await;
        assert_eq!(one.read(1, &source).await.0, 2);
        assert_eq!(other.read(1, &source).await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn while_one_process_loads_the_others_wait() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::new(1);
        let leader = one.spawn_read(1, &source);
        source.gate.arrived().await;
        let waiters: Vec<_> = (0..100).map(|_| other.spawn_read(1, &source)).collect();
        tokio::task::yield_now().await;
        source.gate.open();
        assert_eq!(leader.end().await, (1, Outcome::Loaded));
        for waiter in waiters {
            assert_eq!(waiter.end().await.0, 1);
        }
        assert_eq!(source.loads.get(), 1);
    })
    .await;
}
