//! Values past their freshness: served while one caller reloads them, or where a load fails, and never after an invalidation.

use cache_runtime::store::Memory;
use cache_runtime::{Cache, Outcome, Tier, cached, observed};
use cache_tests::gate::GatedLoad;
use std::sync::Arc;
use std::time::Duration;

#[cached(ns = "aged", ttl = "10s", swr = "10s", skip(source))]
async fn swr(id: u64, source: &GatedLoad<u64>) -> u64 {
    source.load().await
}

#[derive(Debug, Clone, PartialEq)]
enum Failure {
    Passing,
    Final,
}

impl Failure {
    fn is_passing(&self) -> bool {
        *self == Self::Passing
    }
}

#[cached(ns = "aged", ttl = "10s", stale_if_error("1h", Failure::is_passing), skip(source))]
async fn forgiving(id: u64, source: &GatedLoad<Result<u64, Failure>>) -> Result<u64, Failure> {
    source.load().await
}

fn cache() -> Cache {
    Cache::builder().store(Arc::<Memory>::default()).build().expect("a good configuration")
}

async fn outcome<T>(cache: &Cache, call: impl Future<Output = T>) -> (T, Outcome) {
    let (value, report) = cache.scope_for(observed(call)).await;
    (value, report.outcome().expect("a cached call"))
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_answers_while_one_load_runs_in_the_background() {
    let (cache, source) = (cache(), GatedLoad::open(1));
    assert_eq!(outcome(&cache, swr(1, &source)).await, (1, Outcome::Loaded));
    pass(12).await;
    source.set(2);
    source.gate.close();
    for _ in 0..50 {
        assert_eq!(outcome(&cache, swr(1, &source)).await, (1, Outcome::Stale));
    }
    source.gate.arrived_times(2).await;
    source.gate.open();
    cache_tests::wait::until("it is reloaded", async || {
        outcome(&cache, swr(1, &source)).await == (2, Outcome::Hit(Tier::L1))
    })
    .await;
    assert_eq!(source.loads.get(), 2);
    pass(25).await;
    assert_eq!(outcome(&cache, swr(1, &source)).await.1, Outcome::Loaded, "gone after the stale time");
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_ends_a_stale_value_and_the_load_behind_it() {
    let (cache, source) = (cache(), GatedLoad::open(1));
    outcome(&cache, swr(1, &source)).await;
    pass(12).await;
    source.gate.close();
    assert_eq!(outcome(&cache, swr(1, &source)).await, (1, Outcome::Stale));
    source.gate.arrived_times(2).await;
    source.set(2);
    cache.scope_for(async { swr_entry(1).invalidate().await }).await;
    source.gate.open();
    assert_eq!(outcome(&cache, swr(1, &source)).await.0, 2);
    pass(1).await;
    assert_eq!(outcome(&cache, swr(1, &source)).await.0, 2, "the reload began before the invalidation");
}

#[tokio::test(start_paused = true)]
async fn loads_in_the_background_end_with_the_cache() {
    let (cache, source) = (cache(), GatedLoad::open(1));
    outcome(&cache, swr(1, &source)).await;
    pass(12).await;
    source.gate.close();
    outcome(&cache, swr(1, &source)).await;
    source.gate.arrived_times(2).await;
    assert_eq!(cache.shutdown(Duration::from_secs(1)).await, 0);
    source.gate.open();
    tokio::task::yield_now().await;
    pass(1).await;
    assert_eq!(outcome(&cache, swr(1, &source)).await.1, Outcome::Stale, "nobody reloads any more");
}

#[tokio::test(start_paused = true)]
async fn an_expired_value_answers_for_a_load_that_fails() {
    let (cache, source) = (cache(), GatedLoad::open(Ok(1)));
    assert_eq!(outcome(&cache, forgiving(1, &source)).await, (Ok(1), Outcome::Loaded));
    pass(1_800).await;
    source.set(Err(Failure::Passing));
    for _ in 0..3 {
        assert_eq!(outcome(&cache, forgiving(1, &source)).await, (Ok(1), Outcome::Stale));
        pass(4).await;
    }
    source.set(Err(Failure::Final));
    assert_eq!(outcome(&cache, forgiving(1, &source)).await.0, Err(Failure::Final));
    pass(4).await;
    source.set(Ok(2));
    assert_eq!(outcome(&cache, forgiving(1, &source)).await, (Ok(2), Outcome::Loaded));
    assert!(matches!(outcome(&cache, forgiving(1, &source)).await, (Ok(2), Outcome::Hit(_))));
    pass(4_000).await;
    source.set(Err(Failure::Passing));
    assert_eq!(outcome(&cache, forgiving(1, &source)).await.0, Err(Failure::Passing), "too old");
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_value_answers_for_no_error() {
    let (cache, source) = (cache(), GatedLoad::open(Ok(1)));
    outcome(&cache, forgiving(1, &source)).await.0.expect("loaded");
    pass(60).await;
    source.set(Err(Failure::Passing));
    cache.clear_namespace("aged").await;
    assert_eq!(outcome(&cache, forgiving(1, &source)).await.0, Err(Failure::Passing));
}
