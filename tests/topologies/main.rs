//! Servers that are more than one, speak TLS, or let in only users with few rights.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

mod acl;
mod cluster;
mod moves;
mod sentinel;
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

/// A mutation, which has to be acknowledged.
async fn acknowledged<T>(cache: &Cache, mutation: impl Future<Output = T>) {
    let (_, report) = cache.scope_for(observed(mutation)).await;
    let all = report.invalidations();
    assert!(!all.is_empty() && all.iter().all(|one| *one == Invalidation::Applied), "{all:?}");
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
        acknowledged(one, write(id, value(1), &source)).await;
        stored(one, id, &source, value(1)).await;
        assert_eq!(call(other, far(id, &source)).await, (value(1), Outcome::Hit(Tier::L2)));
        settled(other, id, &source, value(1)).await;
        acknowledged(one, write(id, value(2), &source)).await;
        assert_eq!(call(other, far(id, &source)).await, (value(2), Outcome::Loaded));
        read_within(other, id, &source, value(2), DELTA).await;
        settled(other, id, &source, value(2)).await;
        acknowledged(one, write_all(value(3), &source)).await;
        assert_eq!(call(other, far(id, &source)).await, (value(3), Outcome::Loaded));
        read_within(other, id, &source, value(3), DELTA).await;
        acknowledged(one, update(id, value(4), &source)).await;
        assert_eq!(call(other, far(id, &source)).await, (value(4), Outcome::Hit(Tier::L2)));
        assert_eq!(call(other, late(id, &source)).await.0, value(4));
        until("it is stored", async || call(one, late(id, &source)).await.1 == Outcome::Hit(Tier::L2)).await;
        source.set(value(5));
        assert_eq!(one.invalidate_tag("late", &format!("of:{}", value(4))).await, Invalidation::Applied);
        assert_eq!(call(other, late(id, &source)).await, (value(5), Outcome::Loaded));
        assert_eq!(one.clear_namespace("far").await, Invalidation::Applied);
        assert_eq!(call(other, far(id, &source)).await, (value(5), Outcome::Loaded));
    }
}
