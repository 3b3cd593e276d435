//! Reloads of values that go on answering: how many there are, what they leave, and what an invalidation leaves of them.

use super::world::Process;
use cache_runtime::store::Memory;
use cache_runtime::{Cache, Outcome, Tier, cached};
use cache_tests::gate::GatedLoad;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::yield_now;

#[cached(ns = "reloads", ttl = "10s", swr = "1h", skip(load), tags = ["owner:{owner}"])]
async fn swr(owner: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

fn process() -> Process {
    Process(Cache::builder().build().expect("a good configuration"))
}

async fn quiet() {
    for _ in 0..50 {
        yield_now().await;
    }
}

/// Stores a first value and lets it become stale; the next loads wait at the gate.
async fn grow_stale(process: &Process, owner: u64) -> GatedLoad<u64> {
    let source = GatedLoad::open(1);
    assert_eq!(process.spawn(swr(owner, source.clone())).end().await, (1, Outcome::Loaded));
    source.gate.close();
    source
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_reloaded_value_is_in_l1() {
    let process = process();
    let source = grow_stale(&process, 7).await;
    let call = || process.spawn(swr(7, source.clone())).end();
    pass(60).await;
    source.set(2);
    assert_eq!(call().await, (1, Outcome::Stale));
    source.gate.arrived_times(2).await;
    source.gate.open();
    quiet().await;
    assert_eq!(call().await, (2, Outcome::Hit(Tier::L1)));
    assert_eq!(source.loads.get(), 2);
}

/// The store takes the fill, for the tag leaves the refresh lease alone; L1 must not take the value.
#[tokio::test(start_paused = true)]
async fn a_reload_that_an_invalidation_of_its_tag_overtook_is_not_served() {
    let process = process();
    let source = grow_stale(&process, 7).await;
    let call = || process.spawn(swr(7, source.clone())).end();
    pass(60).await;
    assert_eq!(call().await, (1, Outcome::Stale));
    source.gate.arrived_times(2).await;
    source.set(2);
    process.0.invalidate_tag("reloads", "owner:7").await;
    source.gate.open();
    quiet().await;
    assert_eq!(call().await, (2, Outcome::Loaded));
}

/// The refresh lease of a body that runs for longer than a load may has lapsed; its process has not forgotten it.
#[tokio::test(start_paused = true)]
async fn one_body_of_a_process_reloads_an_entry_however_long_it_takes() {
    let process = process();
    let source = grow_stale(&process, 7).await;
    let call = || process.spawn(swr(7, source.clone())).end();
    for _ in 0..5 {
        pass(60).await;
        assert_eq!(call().await, (1, Outcome::Stale));
        quiet().await;
    }
    assert_eq!(source.loads.get(), 2);
    source.gate.open();
    quiet().await;
    source.set(2);
    pass(60).await;
    assert_eq!(call().await, (1, Outcome::Stale));
    quiet().await;
    assert_eq!(call().await.0, 2, "the next one is reloaded again");
}

/// Of the 40 entries that are due, 32 are reloaded; the others at their next hit.
#[tokio::test(start_paused = true)]
async fn reloads_in_the_background_are_bounded_in_number() {
    const DUE: usize = 40;
    const MOST: usize = 32;
    let process = process();
    let mut sources = Vec::new();
    for owner in 0..DUE {
        sources.push(grow_stale(&process, owner as u64).await);
    }
    pass(60).await;
    let loads =
        |sources: &[GatedLoad<u64>]| sources.iter().map(|source| source.loads.get() - 1).sum::<usize>();
    for _ in 0..2 {
        for (owner, source) in (0..).zip(&sources) {
            assert_eq!(process.spawn(swr(owner, source.clone())).end().await, (1, Outcome::Stale));
        }
        quiet().await;
        assert_eq!(loads(&sources), MOST);
    }
    for source in &sources {
        source.gate.open();
    }
    quiet().await;
    for (owner, source) in (0..).zip(&sources) {
        process.spawn(swr(owner, source.clone())).end().await;
    }
    quiet().await;
    assert_eq!(loads(&sources), DUE);
}

#[tokio::test(start_paused = true)]
async fn after_the_shutdown_nothing_is_reloaded() {
    let process = process();
    let sources = [grow_stale(&process, 1).await, grow_stale(&process, 2).await];
    let call = |owner: usize| process.spawn(swr(owner as u64, sources[owner - 1].clone())).end();
    pass(60).await;
    assert_eq!(call(1).await, (1, Outcome::Stale));
    sources[0].gate.arrived_times(2).await;
    assert_eq!(process.0.shutdown(Duration::from_secs(1)).await, 0);
    for source in &sources {
        source.set(2);
        source.gate.open();
    }
    quiet().await;
    assert_eq!(call(1).await, (1, Outcome::Stale), "the reload under way has ended");
    assert_eq!(call(2).await, (1, Outcome::Stale));
    quiet().await;
    assert_eq!(sources[1].loads.get(), 1, "and none begins");
}

/// L1 hears of invalidations, and a reload is none.
#[tokio::test(start_paused = true)]
async fn what_another_process_has_reloaded_is_taken_from_the_store() {
    let store = Arc::<Memory>::default();
    let (one, other) = (Process::over(store.clone()), Process::over(store));
    let source = GatedLoad::open(1);
    let call = |process: &Process| process.spawn(swr(7, source.clone())).end();
    assert_eq!(call(&one).await, (1, Outcome::Loaded));
    assert_eq!(call(&other).await, (1, Outcome::Hit(Tier::L2)));
    pass(60).await;
    source.set(2);
    assert_eq!(call(&one).await, (1, Outcome::Stale));
    quiet().await;
    assert_eq!(call(&other).await, (1, Outcome::Stale));
    quiet().await;
    assert_eq!(call(&other).await, (2, Outcome::Hit(Tier::L2)));
    assert_eq!(source.loads.get(), 2);
    pass(60).await;
    source.set(3);
    assert_eq!(call(&other).await, (2, Outcome::Stale));
    quiet().await;
    assert_eq!(call(&other).await, (3, Outcome::Hit(Tier::L1)), "what is due in both is reloaded");
}
