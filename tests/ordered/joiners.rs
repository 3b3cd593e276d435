//! Who may take another's load.

use super::world::{Process, Spy, everywhere};
use cache_runtime::store::Memory;
use cache_runtime::{Outcome, cached};
use cache_tests::gate::{Gate, GatedLoad};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn callers_of_one_process_share_a_load() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::new(1);
        let leader = process.spawn_read(1, &source);
        source.gate.arrived().await;
        let joiners: Vec<_> = (0..100).map(|_| process.spawn_read(1, &source)).collect();
        tokio::task::yield_now().await;
        source.gate.open();
        assert_eq!(leader.end().await, (1, Outcome::Loaded));
        for joiner in joiners {
            assert_eq!(joiner.end().await.0, 1);
        }
        assert_eq!(source.loads.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_joiner_after_an_invalidation_of_its_process_does_not_join() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::new(1);
        let old = process.spawn_read(1, &source);
        source.gate.arrived().await;
        source.set(2);
        process.invalidate(1).await;
        let new = process.spawn_read(1, &source);
        source.gate.arrived_times(2).await;
        source.gate.open();
        assert_eq!(new.end().await, (2, Outcome::Loaded));
        assert_eq!(old.end().await.0, 1);
        assert_eq!(process.read(1, &source).await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn a_joiner_takes_no_value_that_the_store_refused() {
    everywhere(async |world| {
        let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
        let source = GatedLoad::new(1);
        let leader = reader.spawn_read(1, &source);
        source.gate.arrived().await;
        source.set(2);
        // The reader's process does not learn of this but by the fill's answer.
        writer.invalidate(1).await;
        let joiner = reader.spawn_read(1, &source);
        tokio::task::yield_now().await;
        source.gate.open();
        assert_eq!(leader.end().await.0, 1);
        assert_eq!(joiner.end().await.0, 2, "it came after the mutation had returned");
    })
    .await;
}

#[tokio::test]
async fn nobody_joins_a_load_whose_fill_is_on_its_way() {
    everywhere(async |world| {
        let answers = Gate::default();
        let spy = Spy { fill_answers: Some(answers.clone()), ..Spy::unfed() };
        let (reader, writer) = (world.spied(&spy).await, world.process().await);
        let source = GatedLoad::open(1);
        assert_eq!(reader.read(1, &source).await, (1, Outcome::Loaded), "it does not wait for the fill");
        answers.arrived().await;
        source.set(2);
        writer.invalidate(1).await;
        let late = reader.spawn_read(1, &source);
        source.loads.reached(2).await;
        answers.open();
        assert_eq!(late.end().await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn lookups_under_way_are_not_shared_with_later_callers() {
    everywhere(async |world| {
        let writer = world.process().await;
        let source = GatedLoad::open(1);
        writer.read(1, &source).await;
        let answers = Gate::default();
        let spy = Spy { get_answers: Some(answers.clone()), ..Spy::default() };
        let reader = world.spied(&spy).await;
        let early = reader.spawn_read(1, &source);
        answers.arrived().await;
        source.set(2);
        writer.invalidate(1).await;
        let late = reader.spawn_read(1, &source);
        answers.arrived_times(2).await;
        answers.open();
        assert_eq!(early.end().await.0, 1);
        assert_eq!(late.end().await.0, 2);
    })
    .await;
}

/// `None` is not stored by default; those who waited for it still need not load.
#[cached(ns = "ordered", skip(load), l1 = "off")]
async fn find(id: u64, load: GatedLoad<Option<u64>>) -> Option<u64> {
    load.load().await
}

#[tokio::test]
async fn joiners_share_a_value_that_is_not_stored() {
    everywhere(async |world| {
        let source = GatedLoad::new(None);
        source.gate.open();
        // The namespace's generation is new to nobody: a flight is closed to late joiners by the push of one.
        world.process().await.spawn(find(2, source.clone())).end().await;
        let process = world.process().await;
        let source = GatedLoad::new(None);
        let first = process.spawn(find(1, source.clone()));
        source.gate.arrived().await;
        let calls: Vec<_> = (0..50).map(|_| process.spawn(find(1, source.clone()))).collect();
        tokio::task::yield_now().await;
        source.gate.open();
        assert_eq!(first.end().await.0, None);
        for call in calls {
            assert_eq!(call.end().await.0, None);
        }
        assert_eq!(source.loads.get(), 1);
        source.set(Some(1));
        assert_eq!(process.spawn(find(1, source.clone())).end().await, (Some(1), Outcome::Loaded));
    })
    .await;
}

#[tokio::test]
async fn joiners_take_no_unstored_value_that_an_invalidation_overtook() {
    everywhere(async |world| {
        let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
        let source = GatedLoad::new(None);
        let leader = reader.spawn(find(1, source.clone()));
        source.gate.arrived().await;
        source.set(Some(2));
        writer.0.scope_for(async { find_entry(1).invalidate().await }).await;
        let joiner = reader.spawn(find(1, source.clone()));
        tokio::task::yield_now().await;
        source.gate.open();
        assert_eq!(leader.end().await.0, None);
        assert_eq!(joiner.end().await.0, Some(2), "it came after the mutation had returned");
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_another_process_gets_no_answer_from_before_it_came() {
    everywhere(async |world| {
        let answers = Gate::default();
        let spy = Spy { value_answers: Some(answers.clone()), ..Spy::unfed() };
        let (reader, other) = (world.spied(&spy).await, world.process().await);
        let source = GatedLoad::new(1);
        let loader = other.spawn_read(1, &source);
        source.gate.arrived().await;
        let early = reader.spawn_read(1, &source);
        spy.gets.reached(2).await;
        source.gate.open();
        assert_eq!(loader.end().await.0, 1);
        answers.arrived().await;
        source.set(2);
        other.invalidate(1).await;
        source.gate.close();
        let next = other.spawn_read(1, &source);
        source.gate.arrived_times(2).await;
        let asked = spy.gets.get();
        let late = reader.spawn_read(1, &source);
        spy.gets.reached(asked + 1).await;
        tokio::task::yield_now().await;
        answers.open();
        assert_eq!(early.end().await.0, 1);
        source.gate.open();
        assert_eq!(next.end().await.0, 2);
        assert_eq!(late.end().await.0, 2, "it came after the mutation had returned");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn callers_whose_loads_are_always_overtaken_are_not_lined_up() {
    #[cached(ns = "ordered", l1 = "off", skip(writer))]
    async fn contested(id: u64, writer: Process) -> u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        writer.0.scope_for(async { contested_entry(id).invalidate().await }).await;
        id
    }
    let store = Arc::<Memory>::default();
    let (reader, writer) = (Process::over(store.clone()), Process::over(store));
    let started = Instant::now();
    let calls: Vec<_> = (0..20).map(|_| reader.spawn(contested(1, writer.clone()))).collect();
    for call in calls {
        assert_eq!(call.end().await.0, 1);
    }
    assert!(started.elapsed() <= Duration::from_millis(250), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_joiner_does_not_wait_for_a_load_that_never_ends() {
    let process = Process::over(Arc::<Memory>::default());
    let stuck = GatedLoad::new(1);
    let leader = process.spawn_read(1, &stuck);
    stuck.gate.arrived().await;
    let started = Instant::now();
    assert_eq!(process.read(1, &GatedLoad::open(2)).await, (2, Outcome::Bypassed));
    assert!(started.elapsed() <= Duration::from_secs(40), "{:?}", started.elapsed());
    leader.0.abort();
}
