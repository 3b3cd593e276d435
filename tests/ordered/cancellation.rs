//! Callers that go away, panic or fail leave the others as they were.

use super::world::{Process, World, everywhere};
use cache_runtime::store::Memory;
use cache_runtime::{Outcome, cached};
use cache_tests::gate::{Counter, GatedLoad};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn a_joiner_leads_when_the_leader_is_dropped() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::new(1);
        let leader = process.spawn_read(1, &source);
        source.gate.arrived().await;
        // So many lookups at once keep a server of a test's kind busy for longer than their deadline.
        let callers = if matches!(world, World::Memory(_)) { 1_000 } else { 100 };
        let joiners: Vec<_> = (0..callers).map(|_| process.spawn_read(1, &source)).collect();
        tokio::task::yield_now().await;
        leader.0.abort();
        source.gate.arrived_times(2).await;
        source.gate.open();
        for joiner in joiners {
            assert_eq!(joiner.end().await.0, 1);
        }
        assert_eq!(source.loads.get(), 2, "one more load, not a thousand");
    })
    .await;
}

#[tokio::test]
async fn a_dropped_joiner_disturbs_nobody() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::new(1);
        let leader = process.spawn_read(1, &source);
        source.gate.arrived().await;
        let joiners: Vec<_> = (0..10).map(|_| process.spawn_read(1, &source)).collect();
        tokio::task::yield_now().await;
        joiners.iter().step_by(2).for_each(|joiner| joiner.0.abort());
        source.gate.open();
        assert_eq!(leader.end().await.0, 1);
        for joiner in joiners.into_iter().skip(1).step_by(2) {
            assert_eq!(joiner.end().await.0, 1);
        }
        assert_eq!(source.loads.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_leader_gives_its_lease_back() {
    everywhere(async |world| {
        let (process, other) = (world.process().await, world.process().await);
        let stuck = GatedLoad::new(1);
        let leader = process.spawn_read(1, &stuck);
        stuck.gate.arrived().await;
        leader.0.abort();
        let started = std::time::Instant::now();
        assert_eq!(other.read(1, &GatedLoad::open(2)).await.0, 2);
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    })
    .await;
}

/// Drops a call after each number of polls it takes, and checks that the next caller is answered at once.
#[tokio::test]
async fn a_call_can_be_dropped_at_every_await() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(7);
        for polls in 0..60 {
            let id = 1_000 + polls;
            let call = process.0.scope_for(super::world::read(id, source.clone()));
            drop(
                cache_tests::wait::within_time(Duration::from_secs(1), "so many polls", polled(call, polls))
                    .await,
            );
            let started = std::time::Instant::now();
            assert_eq!(process.read(id, &source).await.0, 7);
            let waited = started.elapsed();
            assert!(waited < Duration::from_millis(500), "{waited:?} after a drop at poll {polls}");
        }
    })
    .await;
}

/// Polls `future` up to `polls` times, then gives it back to be dropped.
pub(crate) async fn polled<F: Future + Send>(future: F, polls: u64) -> std::pin::Pin<Box<F>> {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 || future.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    future
}

#[cached(ns = "ordered", skip(load), l1 = "off")]
async fn panicking(id: u64, load: GatedLoad<bool>) -> u64 {
    assert!(!load.load().await, "the body panics");
    id
}

#[tokio::test]
async fn a_panic_reaches_its_own_caller_and_the_next_one_leads() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::new(true);
        let leader = process.spawn(panicking(1, source.clone()));
        source.gate.arrived().await;
        source.set(false);
        let joiners: Vec<_> = (0..100).map(|_| process.spawn(panicking(1, source.clone()))).collect();
        tokio::task::yield_now().await;
        source.gate.open();
        assert!(leader.0.await.expect_err("it panicked").is_panic());
        for joiner in joiners {
            assert_eq!(joiner.end().await.0, 1);
        }
        assert_eq!(source.loads.get(), 2);
    })
    .await;
}

#[derive(Debug, Clone, PartialEq)]
struct Shareable;

#[derive(Debug, PartialEq)]
struct Unshareable;

#[cached(ns = "ordered", skip(loads), l1 = "off")]
async fn failing_alike(id: u64, loads: Counter) -> Result<u64, Shareable> {
    loads.add();
    tokio::time::sleep(Duration::from_millis(50)).await;
    Err(Shareable)
}

#[cached(ns = "ordered", skip(loads), l1 = "off")]
async fn failing_apart(id: u64, loads: Counter) -> Result<u64, Unshareable> {
    loads.add();
    tokio::time::sleep(Duration::from_millis(50)).await;
    Err(Unshareable)
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_of_a_failing_body_are_not_lined_up() {
    let process = Process::over(Arc::<Memory>::default());
    let loads = Counter::default();
    let started = Instant::now();
    let calls: Vec<_> = (0..100).map(|_| process.spawn(failing_alike(1, loads.clone()))).collect();
    for call in calls {
        assert_eq!(call.end().await.0, Err(Shareable));
    }
    assert!(started.elapsed() <= Duration::from_millis(60), "{:?}", started.elapsed());
    assert_eq!(loads.get(), 1, "they share the error");
    let started = Instant::now();
    let calls: Vec<_> = (0..100).map(|_| process.spawn(failing_apart(1, loads.clone()))).collect();
    for call in calls {
        assert_eq!(call.end().await.0, Err(Unshareable));
    }
    assert!(started.elapsed() <= Duration::from_millis(150), "{:?}", started.elapsed());
    assert_eq!(loads.get(), 101);
}

#[tokio::test]
async fn an_error_is_not_cached() {
    #[cached(ns = "ordered", skip(load), l1 = "off")]
    async fn fallible(id: u64, load: GatedLoad<Result<u64, String>>) -> Result<u64, String> {
        load.load().await
    }
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(Err("down".to_owned()));
        let call = || process.spawn(fallible(1, source.clone())).end();
        assert_eq!(call().await.0, Err("down".to_owned()));
        source.set(Ok(1));
        assert_eq!(call().await, (Ok(1), Outcome::Loaded));
        source.set(Err("down again".to_owned()));
        assert_eq!(call().await.0, Ok(1));
    })
    .await;
}
