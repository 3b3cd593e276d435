//! Entries by hand: looked at, put, refreshed.

use super::world::{Process, everywhere, read, read_entry};
use cache_runtime::store::Lifetime;
use cache_runtime::{Outcome, Put};
use cache_tests::gate::{Gate, GatedLoad};
use std::convert::Infallible;
use std::time::Duration;

async fn in_process<T>(process: &Process, future: impl Future<Output = T>) -> T {
    process.0.scope_for(future).await
}

#[tokio::test]
async fn an_entry_is_looked_at_without_loading() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(1);
        in_process(&process, async {
            assert_eq!(read_entry(1).key(), "ordered:v1:read:1");
            assert_eq!(read_entry(1).peek().await, None);
            assert!(!read_entry(1).exists().await);
            assert_eq!(read_entry(1).ttl().await, None);
            read(1, source.clone()).await;
            assert_eq!(read_entry(1).peek().await, Some(1));
            assert!(read_entry(1).exists().await);
            let Some(Lifetime::Left(left)) = read_entry(1).ttl().await else { panic!("it has a ttl") };
            assert!((260..=300).contains(&left.as_secs()), "{left:?}");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_value_is_put_and_shared() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::open(1);
        other.read(1, &source).await;
        assert_eq!(in_process(&one, async { read_entry(1).put(5).await }).await, Put::Stored);
        assert_eq!(one.read(1, &source).await.0, 5);
        assert_eq!(other.read(1, &source).await.0, 5);
        assert_eq!(source.loads.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_put_under_a_hold_gives_way_to_anothers_invalidation() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::open(1);
        in_process(&one, async {
            let entry = read_entry(1);
            let hold = entry.hold().await;
            source.set(2);
            let older = 2;
            source.set(3);
            other.invalidate(1).await;
            assert_eq!(hold.put(older).await, Put::Removed);
        })
        .await;
        assert_eq!(one.read(1, &source).await.0, 3);
    })
    .await;
}

#[tokio::test]
async fn of_two_writers_the_older_does_not_win() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::open(0);
        in_process(&one, async {
            let entry = read_entry(1);
            let first = entry.hold().await;
            in_process(&other, async {
                let entry = read_entry(1);
                let second = entry.hold().await;
                source.set(2);
                assert_eq!(second.put(2).await, Put::Removed);
            })
            .await;
            assert_eq!(first.put(1).await, Put::Removed);
        })
        .await;
        assert_eq!(one.read(1, &source).await.0, 2);
        assert_eq!(other.read(1, &source).await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_hold_is_given_up() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(1);
        in_process(&process, async {
            drop(read_entry(1).hold().await);
        })
        .await;
        cache_tests::wait::until("values are stored again", async || {
            process.read(1, &source).await.1 == Outcome::Loaded
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_load_under_way_does_not_overwrite_a_put() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::new(1);
        let slow = one.spawn_read(1, &source);
        source.gate.arrived().await;
        source.set(2);
        assert_eq!(in_process(&other, async { read_entry(1).put(2).await }).await, Put::Stored);
        source.gate.open();
        slow.end().await;
        assert_eq!(other.read(1, &source).await.0, 2);
        assert_eq!(one.read(1, &source).await.0, 2);
        assert_eq!(source.loads.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_refresh_replaces_the_value_while_the_old_one_answers() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(1);
        process.read(1, &source).await;
        source.set(2);
        let started = Gate::default();
        in_process(&process, async {
            let entry = read_entry(1);
            let refresh = entry.refresh(async {
                started.wait().await;
                Ok::<_, Infallible>(read(1, source.clone()).await)
            });
            let meanwhile = async {
                started.arrived().await;
                let old = read(1, source.clone()).await;
                started.open();
                old
            };
            assert_eq!(tokio::join!(refresh, meanwhile), (Ok(2), 1));
        })
        .await;
        assert_eq!(process.read(1, &source).await.0, 2);
        assert_eq!(source.loads.get(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_refresh_that_an_invalidation_overtook_stores_nothing() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::open(1);
        one.read(1, &source).await;
        let started = Gate::default();
        in_process(&one, async {
            let entry = read_entry(1);
            let refresh = entry.refresh(async {
                let old = source.load().await;
                started.wait().await;
                Ok::<_, Infallible>(old)
            });
            let meanwhile = async {
                started.arrived().await;
                source.set(2);
                other.invalidate(1).await;
                started.open();
            };
            assert_eq!(tokio::join!(refresh, meanwhile).0, Ok(1));
        })
        .await;
        assert_eq!(other.read(1, &source).await.0, 2);
        assert_eq!(one.read(1, &source).await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn a_failed_refresh_leaves_the_entry() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(1);
        process.read(1, &source).await;
        let refresh =
            in_process(&process, async { read_entry(1).refresh(async { Err("down") }).await }).await;
        assert_eq!(refresh, Err("down"));
        assert_eq!(process.read(1, &source).await.0, 1);
        let absent =
            in_process(&process, async { read_entry(2).refresh(async { Ok::<_, ()>(9) }).await }).await;
        assert_eq!(absent, Ok(9));
        cache_tests::wait::real_time(Duration::from_millis(20)).await;
        assert_eq!(process.read(2, &source).await.0, 9);
    })
    .await;
}
