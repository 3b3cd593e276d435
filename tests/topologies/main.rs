//! Servers that are more than one, speak TLS, or let in only users with few rights.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

mod acl;
mod cluster;
mod moves;
mod sentinel;
mod services;
mod tls;

use cache_runtime::{Cache, Invalidation, Outcome, Tier, cached, invalidates, observed, updates};
use cache_tests::gate::GatedLoad;
use cache_tests::wait::until;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
/// How long after an acknowledged invalidation another process may serve the old value.
const DELTA: Duration = Duration::from_millis(1_010);

#[cached(ns = "far", ttl = "medium", l1 = "off", tags = ["all"], skip(source))]
async fn far(id: u64, source: &GatedLoad<u64>) -> u64 {
    source.load().await
}

#[cached(ns = "near", ttl = "medium", tags = ["all"], skip(source))]
async fn near(id: u64, source: &GatedLoad<u64>) -> u64 {
    source.load().await
}

#[cached(ns = "late", ttl = "medium", l1 = "off", tags = ["of:{result}"], skip(source))]
async fn late(id: u64, source: &GatedLoad<u64>) -> u64 {
    source.load().await
}

#[invalidates(far(id), near(id), late(id))]
async fn write(id: u64, value: u64, source: &GatedLoad<u64>) {
    source.set(value);
}

#[invalidates(tags("far", "all"), tags("near", "all"))]
async fn write_all(value: u64, source: &GatedLoad<u64>) {
    source.set(value);
}

#[updates(far(id))]
async fn update(id: u64, value: u64, source: &GatedLoad<u64>) -> u64 {
    source.set(value);
    value
}

/// A cached call, and how it was answered.
async fn call(cache: &Cache, call: impl Future<Output = u64>) -> (u64, Outcome) {
    let (value, report) = cache.scope_for(observed(call)).await;
    (value, report.outcome().expect("a cached call"))
}

/// A mutation, until it is acknowledged: on a busy machine an answer may come too late.
async fn acknowledged<T>(cache: &Cache, mutation: impl AsyncFn() -> T) {
    let mut last = Vec::new();
    for _ in 0..4 {
        let (_, report) = cache.scope_for(observed(mutation())).await;
        last = report.invalidations().to_vec();
        if !last.is_empty() && last.iter().all(|one| *one == Invalidation::Applied) {
            return;
        }
    }
    panic!("{last:?}");
}

/// Reads `value` past what was stored before.
async fn read_anew(cache: &Cache, read: impl Future<Output = u64>, value: u64) {
    let (read, outcome) = call(cache, read).await;
    assert_eq!(read, value);
    assert!(matches!(outcome, Outcome::Loaded | Outcome::Bypassed), "{outcome:?}");
}

/// Waits until `cache` says, in an error that has `words`, why it is not ready.
async fn unready(cache: &Cache, words: &str) -> String {
    let mut error = String::new();
    until(format!("it says `{words}`"), async || {
        error = cache.ready(Duration::from_millis(200)).await.expect_err("it cannot be").to_string();
        error.contains(words)
    })
    .await;
    error
}

/// Reads until L1 answers, with `value` all along.
async fn settled(cache: &Cache, id: u64, source: &GatedLoad<u64>, value: u64) {
    until("L1 answers", async || {
        let (read, outcome) = call(cache, near(id, source)).await;
        assert_eq!(read, value);
        outcome == Outcome::Hit(Tier::L1)
    })
    .await;
}

/// Reads until `value` comes, but for reads that begin within `bound` of the acknowledgement.
async fn read_within(cache: &Cache, id: u64, source: &GatedLoad<u64>, value: u64, bound: Duration) {
    let acknowledged = Instant::now();
    let mut stale = Duration::ZERO;
    until("the new value is read", async || {
        let started = acknowledged.elapsed();
        let new = call(cache, near(id, source)).await.0 == value;
        if !new {
            stale = started;
        }
        new
    })
    .await;
    assert!(stale < bound, "the old value was read {stale:?} after the invalidation");
}

/// Reads until the store's value answers, with `value` all along.
async fn stored(cache: &Cache, id: u64, source: &GatedLoad<u64>, value: u64) {
    until("the store answers", async || {
        let (read, outcome) = call(cache, far(id, source)).await;
        assert_eq!(read, value);
        outcome == Outcome::Hit(Tier::L2)
    })
    .await;
}

/// All that the protocol does, by two processes.
async fn protocol(one: &Cache, other: &Cache) {
    for cache in [one, other] {
        cache.ready(PATIENCE).await.expect("the servers are up");
    }
    let source = GatedLoad::open(0);
    for id in 0..12 {
        let value = |step: u64| id * 100 + step;
        source.set(value(1));
        acknowledged(one, async || write(id, value(1), &source).await).await;
        stored(one, id, &source, value(1)).await;
        stored(other, id, &source, value(1)).await;
        settled(other, id, &source, value(1)).await;
        acknowledged(one, async || write(id, value(2), &source).await).await;
        read_anew(other, far(id, &source), value(2)).await;
        read_within(other, id, &source, value(2), DELTA).await;
        settled(other, id, &source, value(2)).await;
        acknowledged(one, async || write_all(value(3), &source).await).await;
        read_anew(other, far(id, &source), value(3)).await;
        read_within(other, id, &source, value(3), DELTA).await;
        until("an update puts its value", async || {
            acknowledged(one, async || update(id, value(4), &source).await).await;
            let (read, outcome) = call(other, far(id, &source)).await;
            assert_eq!(read, value(4));
            outcome == Outcome::Hit(Tier::L2)
        })
        .await;
        assert_eq!(call(other, late(id, &source)).await.0, value(4));
        until("it is stored", async || call(one, late(id, &source)).await.1 == Outcome::Hit(Tier::L2)).await;
        source.set(value(5));
        acknowledged(one, async || one.invalidate_tag("late", &format!("of:{}", value(4))).await).await;
        read_anew(other, late(id, &source), value(5)).await;
        acknowledged(one, async || one.clear_namespace("far").await).await;
        read_anew(other, far(id, &source), value(5)).await;
    }
}
