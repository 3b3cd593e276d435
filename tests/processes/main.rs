//! Real processes over one Redis.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

use cache_runtime::{Cache, cached, observed};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::{real_time, until};
use cache_tests::worker::{Worker, serve};
use redis::AsyncCommands;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Counts its runs in Redis, beside the cache.
#[cached(ns = "processes", ttl = "medium", l1 = "off", skip(counter, load_ms))]
async fn slow(id: u64, load_ms: u64, counter: &redis::aio::MultiplexedConnection) -> u64 {
    let mut counter = counter.clone();
    let runs: u64 = counter.incr("runs", 1).await.expect("counted");
    real_time(Duration::from_millis(load_ms)).await;
    runs
}

/// The child: calls the function many times at once, on request.
#[test]
fn worker_process() {
    serve("caller", async |mut parent| {
        let url: String = parent.config();
        let cache = Cache::builder().redis(&url).build().expect("a good url");
        cache.ready(Duration::from_secs(10)).await.expect("the server is up");
        let client = redis::Client::open(url).expect("a good url");
        let counter = client.get_multiplexed_async_connection().await.expect("the server is up");
        parent.answer(&json!("ready"));
        while let Some(question) = parent.question().await {
            let [id, load_ms, callers] =
                ["id", "load_ms", "callers"].map(|name| question[name].as_u64().expect("given"));
            let started = Instant::now();
            let calls: Vec<_> = (0..callers)
                .map(|_| {
                    let (cache, counter) = (cache.clone(), counter.clone());
                    tokio::spawn(
                        async move { cache.scope_for(observed(slow(id, load_ms, &counter))).await.0 },
                    )
                })
                .collect();
            let mut values = Vec::new();
            for call in calls {
                values.push(call.await.expect("no panic"));
            }
            values.dedup();
            let ms = u64::try_from(started.elapsed().as_millis()).expect("a short test");
            parent.answer(&json!({ "values": values, "ms": ms }));
        }
    });
}

async fn workers<const N: usize>(server: &RedisServer) -> [Worker; N] {
    let mut workers = Vec::new();
    for _ in 0..N {
        let mut worker = Worker::spawn("caller", server.url()).await;
        assert_eq!(worker.receive().await, json!("ready"));
        workers.push(worker);
    }
    workers.try_into().unwrap_or_else(|_| unreachable!("N were made"))
}

fn calls(id: u64, load_ms: u64, callers: u64) -> Value {
    json!({ "id": id, "load_ms": load_ms, "callers": callers })
}

#[tokio::test]
async fn a_thousand_callers_in_four_processes_make_one_load() {
    let server = RedisServer::start();
    let mut workers = workers::<4>(&server).await;
    for (id, load_ms) in [(1, 100), (2, 5), (3, 0)] {
        server.cli(&["SET", "runs", "0"]);
        for worker in &mut workers {
            worker.send(calls(id, load_ms, 250)).await;
        }
        for worker in &mut workers {
            assert_eq!(worker.receive().await["values"], json!([1]));
        }
        assert_eq!(server.cli(&["GET", "runs"]).trim().trim_matches('"'), "1", "loads of {load_ms} ms");
    }
}

#[tokio::test]
async fn when_a_loader_is_killed_another_loads_within_the_lease() {
    let server = RedisServer::start();
    let [mut loader, mut other] = workers::<2>(&server).await;
    loader.send(calls(1, 60_000, 1)).await;
    until("it loads", async || server.cli(&["EXISTS", "runs"]).contains('1')).await;
    loader.kill();
    let answer = other.ask(calls(1, 0, 100)).await;
    assert_eq!(answer["values"], json!([2]));
    let waited = answer["ms"].as_u64().expect("measured");
    assert!(waited <= 3_200, "{waited} ms");
}

#[tokio::test]
async fn a_frozen_loader_does_not_overwrite_what_came_after_it() {
    let server = RedisServer::start();
    let [mut loader, mut other] = workers::<2>(&server).await;
    loader.send(calls(1, 300, 1)).await;
    until("it loads", async || server.cli(&["EXISTS", "runs"]).contains('1')).await;
    loader.freeze();
    assert_eq!(other.ask(calls(1, 0, 10)).await["values"], json!([2]), "the lease lapsed");
    loader.thaw();
    assert_eq!(loader.receive().await["values"], json!([1]), "its own caller gets its own load");
    assert_eq!(other.ask(calls(1, 0, 10)).await["values"], json!([2]));
    assert_eq!(loader.ask(calls(1, 0, 10)).await["values"], json!([2]));
}

/// A load that takes longer than a lease keeps it by renewing it.
#[tokio::test]
async fn a_load_longer_than_its_lease_stays_the_only_one() {
    let server = RedisServer::start();
    let mut workers = workers::<2>(&server).await;
    for worker in &mut workers {
        worker.send(calls(1, 4_500, 10)).await;
    }
    for worker in &mut workers {
        assert_eq!(worker.receive().await["values"], json!([1]));
    }
    assert_eq!(server.cli(&["GET", "runs"]).trim().trim_matches('"'), "1");
}
