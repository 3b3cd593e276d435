//! A Redis that is down or does not answer: nobody notices more than latency, and nothing stale survives it.

mod support;

use std::time::{Duration, Instant};

use cache_runtime::Cache;
use serde_json::json;
use support::redis::Redis;
use support::{Service, free_port, journey};
use tasks_api::Config;

#[tokio::test]
async fn a_redis_that_is_down_costs_nothing_but_time() {
    let url = format!("redis://127.0.0.1:{}/", free_port());
    let cache = Cache::builder().redis(url).build().expect("a legal configuration");
    let service = Service::start(Config { cache, ..Config::default() }).await;
    assert_eq!(service.word("/tasks/1").await, "bypassed");
    service.rename("/tasks/1", "Renamed all the same").await;
    assert_eq!(service.read("/tasks/1").await["title"], "Renamed all the same");
    let health = service.get("/healthz").await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json, json!({ "status": "ok", "database": "ok", "cache": "down" }));
    let health = service.get("/health").await;
    assert_eq!((health.status.as_u16(), &health.json["cache"]["status"]), (200, &json!("unreachable")));
    let metrics = service.get("/metrics").await.json;
    assert!(metrics.as_str().is_some_and(|page| page.contains("\ncache_up 0\n")), "{metrics}");
    journey::every_endpoint(&service).await;
    assert!(service.stop_with_losses().await > 0, "nobody hears of these changes");
}

#[tokio::test]
async fn a_change_during_an_outage_is_never_taken_back() {
    let Some(redis) = Redis::start() else { return };
    let cache = Cache::builder().redis(&redis.url).build().expect("a legal configuration");
    cache.ready(Duration::from_secs(5)).await.expect("Redis is up");
    let service = Service::start(Config { cache: cache.clone(), ..Config::default() }).await;
    assert_eq!(service.word("/tasks/1").await, "loaded");
    service.until("/tasks/1", |answer| answer.cache.as_deref() == Some("hit-l1")).await;

    redis.signal("-STOP");
    let begun = Instant::now();
    let renamed = service.rename("/tasks/1", "While nobody answered").await;
    assert_eq!(renamed.invalidation.as_deref(), Some("queued"));
    assert_eq!(service.read("/tasks/1").await["title"], "While nobody answered");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(cache.stats().pending_invalidations > 0);

    redis.signal("-CONT");
    let begun = Instant::now();
    while cache.stats().pending_invalidations > 0 {
        assert_eq!(service.read("/tasks/1").await["title"], "While nobody answered");
        assert!(begun.elapsed() < Duration::from_secs(10), "the invalidations are not sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(service.read("/tasks/1").await["title"], "While nobody answered");
    assert!(service.word("/tasks/1").await.starts_with("hit"));
    service.stop().await;
}
