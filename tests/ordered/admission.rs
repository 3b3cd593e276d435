//! The bound on the bodies that run at once in a namespace: who waits, who is next, and who does not wait.

use super::world::Process;
use cache_runtime::{Cache, Outcome, cached};
use cache_tests::gate::GatedLoad;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::Instant;

fn process(loads: usize) -> Process {
    Process(Cache::builder().loads(loads).build().expect("a good configuration"))
}

fn sources<const N: usize>() -> [GatedLoad<u64>; N] {
    std::array::from_fn(|_| GatedLoad::new(1))
}

/// Whatever can happen now has happened.
async fn quiet() {
    for _ in 0..50 {
        yield_now().await;
    }
}

fn running(sources: &[GatedLoad<u64>]) -> Vec<usize> {
    sources.iter().map(|source| source.loads.get()).collect()
}

#[tokio::test]
async fn as_many_bodies_run_as_are_admitted_and_the_others_come_in_their_order() {
    let process = process(2);
    let sources = sources::<5>();
    let mut calls = Vec::new();
    for (id, source) in (0..).zip(&sources) {
        calls.push(process.spawn_read(id, source));
        quiet().await;
    }
    assert_eq!(running(&sources), [1, 1, 0, 0, 0]);
    for (ended, expected) in [(1, [1, 1, 1, 0, 0]), (0, [1, 1, 1, 1, 0]), (3, [1; 5])] {
        sources[ended].gate.open();
        quiet().await;
        assert_eq!(running(&sources), expected, "after the end of {ended}");
    }
    for source in &sources {
        source.gate.open();
    }
    for call in calls {
        assert_eq!(call.end().await, (1, Outcome::Loaded));
    }
}

#[tokio::test]
async fn a_dropped_waiting_caller_makes_room_for_nobody_and_stands_in_nobodys_way() {
    let process = process(1);
    let sources = sources::<3>();
    let first = process.spawn_read(0, &sources[0]);
    sources[0].gate.arrived().await;
    let [dropped, last] =
        [1, 2].map(|id| (id, process.spawn_read(id, &sources[usize::try_from(id).expect("small")])));
    quiet().await;
    dropped.1.0.abort();
    quiet().await;
    assert_eq!(running(&sources), [1, 0, 0], "the place of the first is not free");
    sources[0].gate.open();
    sources[2].gate.arrived().await;
    assert_eq!(running(&sources), [1, 0, 1]);
    let again = process.spawn_read(1, &sources[1]);
    quiet().await;
    assert_eq!(running(&sources), [1, 0, 1], "one place, not two");
    // A dropped caller that runs gives its place to the next one.
    last.1.0.abort();
    sources[1].gate.arrived().await;
    sources[1].gate.open();
    assert_eq!(first.end().await.0, 1);
    assert_eq!(again.end().await.0, 1);
}

#[cached(ns = "ordered", ttl = "medium", l1 = "off", skip(load))]
async fn admitted_outer(id: u64, load: GatedLoad<u64>) -> u64 {
    super::world::read(id, load).await
}

#[tokio::test]
async fn a_load_within_a_load_needs_no_place_of_its_own() {
    let process = process(1);
    let source = GatedLoad::open(1);
    assert_eq!(process.spawn(admitted_outer(1, source.clone())).end().await, (1, Outcome::Loaded));
    assert_eq!(process.read(1, &source).await, (1, Outcome::Loaded), "the place is free again");
}

/// As long as a joiner waits at most: a load lasts no longer than its timeout.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever_behind_loads_that_never_end() {
    let process = process(1);
    let (stuck, source) = (GatedLoad::new(1), GatedLoad::open(2));
    let first = process.spawn_read(1, &stuck);
    stuck.gate.arrived().await;
    let started = Instant::now();
    let waiting = process.spawn_read(2, &source);
    let waited = tokio::time::timeout(Duration::from_secs(100), waiting.0).await;
    let answered = waited.expect("still waiting").expect("it neither panics nor is cancelled");
    assert_eq!(answered, (2, Outcome::Loaded));
    assert!(started.elapsed() <= Duration::from_secs(34), "{:?}", started.elapsed());
    first.0.abort();
}

/// A task that the body starts does not know that it runs within a load.
#[tokio::test(start_paused = true)]
async fn a_load_that_waits_for_a_task_with_a_load_of_its_own_ends() {
    #[cached(ns = "ordered", ttl = "medium", l1 = "off", skip(process, load))]
    async fn spawning(id: u64, process: Process, load: GatedLoad<u64>) -> u64 {
        process.read(id, &load).await.0
    }
    let process = process(1);
    let call = process.spawn(spawning(1, process.clone(), GatedLoad::open(3)));
    let ended = tokio::time::timeout(Duration::from_secs(100), call.0).await;
    assert_eq!(ended.expect("a deadlock").expect("it neither panics nor is cancelled"), (3, Outcome::Loaded));
}

#[cached(ns = "ordered", ttl = "10s", l1 = "off", stale_if_error = "1h", skip(load))]
async fn admitted_forgiving(id: u64, load: GatedLoad<Result<u64, String>>) -> Result<u64, String> {
    load.load().await
}

#[tokio::test(start_paused = true)]
async fn loads_of_expired_values_wait_for_their_turn_like_others() {
    let process = process(1);
    let sources: [GatedLoad<Result<u64, String>>; 2] = std::array::from_fn(|_| GatedLoad::open(Ok(1)));
    let call = |id: usize| process.spawn(admitted_forgiving(id as u64, sources[id].clone()));
    for (id, source) in sources.iter().enumerate() {
        assert_eq!(call(id).end().await, (Ok(1), Outcome::Loaded));
        source.gate.close();
        source.set(Err("down".to_owned()));
    }
    tokio::time::advance(Duration::from_mins(1)).await;
    let first = call(0);
    sources[0].gate.arrived_times(2).await;
    let second = call(1);
    quiet().await;
    assert_eq!(sources[1].loads.get(), 1, "the first one runs");
    sources[0].gate.open();
    assert_eq!(first.end().await, (Ok(1), Outcome::Stale));
    sources[1].gate.open();
    assert_eq!(second.end().await, (Ok(1), Outcome::Stale));
}
