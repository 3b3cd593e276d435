//! Rates and totals.

use super::{outcome, text};
use cache_runtime::{Cache, FunctionStats, Outcome, Stats, cached};

#[cached(ns = "health", ttl = "medium")]
async fn kept(n: u64) -> u64 {
    n
}

#[cached(ns = "elsewhere", ttl = "medium", when = n > 0)]
async fn sometimes(n: u64) -> u64 {
    n
}

fn near(rate: Option<f64>, expected: f64) -> bool {
    rate.is_some_and(|rate| (rate - expected).abs() < 1e-9)
}

#[test]
fn there_is_no_rate_before_the_first_call() {
    let none = FunctionStats::default();
    assert_eq!((none.hit_rate(), none.miss_rate(), none.error_rate(), none.calls()), (None, None, None, 0));
    let none = Stats::default();
    assert_eq!((none.hit_rate(), none.miss_rate(), none.error_rate()), (None, None, None));
    assert_eq!((none.total(), none.namespace("any")), (FunctionStats::default(), FunctionStats::default()));
}

#[test]
fn each_outcome_is_a_hit_or_a_miss() {
    let one = |set: fn(&mut FunctionStats)| {
        let mut stats = FunctionStats::default();
        set(&mut stats);
        (stats.hits(), stats.misses(), stats.calls(), stats.hit_rate(), stats.miss_rate())
    };
    let (hit, miss) = ((1, 0, 1, Some(1.0), Some(0.0)), (0, 1, 1, Some(0.0), Some(1.0)));
    assert_eq!(one(|stats| stats.hits_l1 = 1), hit);
    assert_eq!(one(|stats| stats.hits_l2 = 1), hit);
    assert_eq!(one(|stats| stats.stale = 1), hit);
    assert_eq!(one(|stats| stats.joined = 1), miss);
    assert_eq!(one(|stats| stats.loaded = 1), miss);
    assert_eq!(one(|stats| stats.bypassed = 1), miss);
}

#[test]
fn errors_are_counted_for_each_call_and_never_more_than_one() {
    let mut stats = FunctionStats::default();
    stats.loaded = 4;
    stats.errors.insert("timeout", 1);
    assert!(near(stats.error_rate(), 0.25));
    stats.errors.insert("unreachable", 9);
    assert_eq!(stats.all_errors(), 10);
    assert!(near(stats.error_rate(), 1.0));
}

#[tokio::test]
async fn totals_are_those_of_all_functions() {
    let cache = Cache::in_process();
    cache
        .scope_for(async {
            kept(1).await;
            kept(1).await;
            kept(1).await;
            text(1).await;
            sometimes(0).await;
        })
        .await;
    assert_eq!(outcome(&cache, 1).await, Outcome::Hit(cache_runtime::Tier::L2));
    let stats = cache.stats();
    let kept = &stats.namespaces["health"]["kept"];
    assert!(near(kept.hit_rate(), 2.0 / 3.0) && near(kept.miss_rate(), 1.0 / 3.0), "{kept:?}");
    let health = stats.namespace("health");
    assert_eq!((health.hits_l1, health.hits_l2, health.loaded, health.bypassed), (2, 1, 2, 0));
    let total = stats.total();
    assert_eq!((total.calls(), total.bypassed, total.load.count), (6, 1, 3));
    assert!(near(stats.hit_rate(), 0.5) && near(stats.miss_rate(), 0.5) && near(stats.error_rate(), 0.0));
    let each: Vec<_> = stats.namespaces.values().flat_map(|functions| functions.values()).collect();
    assert_eq!(Some(total.load.max_us), each.iter().map(|one| one.load.max_us).max());
    assert!(total.load.p99_us <= total.load.max_us);
}
