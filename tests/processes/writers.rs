//! A writer that is killed between its commit and its invalidation.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

use cache_runtime::{Cache, cached, invalidates};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::{real_time, until};
use cache_tests::worker::{Worker, serve};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use std::time::Duration;

/// Reads its source, which stands in Redis beside the cache.
#[cached(ns = "writers", ttl = "2s", l1 = "off", skip(source))]
async fn read(id: u64, source: &MultiplexedConnection) -> u64 {
    source.clone().get(format!("source:{id}")).await.expect("the source answers")
}

async fn commit_and_hang(id: u64, source: &MultiplexedConnection, done: impl AsyncFnOnce()) {
    let _: () = source.clone().set(format!("source:{id}"), 2).await.expect("the source answers");
    done().await;
    std::future::pending::<()>().await;
}

#[invalidates(read(id))]
async fn after(id: u64, source: &MultiplexedConnection, done: impl AsyncFnOnce()) {
    commit_and_hang(id, source, done).await;
}

#[invalidates(read(id), mode = "around", hold = "5s")]
async fn around(id: u64, source: &MultiplexedConnection, done: impl AsyncFnOnce()) {
    commit_and_hang(id, source, done).await;
}

/// The child: commits, says so, and never comes to its invalidation.
#[test]
fn worker_process() {
    serve("writer", async |mut parent| {
        let url: String = parent.config();
        let (cache, source) = connect(&url).await;
        parent.answer(&json!("ready"));
        while let Some(mode) = parent.question().await {
            let done = async || parent.answer(&json!("committed"));
            match mode {
                Value::Bool(true) => cache.scope_for(around(1, &source, done)).await,
                _ => cache.scope_for(after(1, &source, done)).await,
            }
        }
    });
}

async fn connect(url: &str) -> (Cache, MultiplexedConnection) {
    let cache = Cache::builder().redis(url).build().expect("a good url");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    let client = redis::Client::open(url).expect("a good url");
    (cache, client.get_multiplexed_async_connection().await.expect("the server is up"))
}

/// What is read right after the writer was killed behind its commit.
async fn after_the_kill(is_around: bool) -> (u64, Cache, MultiplexedConnection, RedisServer) {
    let server = RedisServer::start();
    let (cache, source) = connect(&server.url()).await;
    let _: () = source.clone().set("source:1", 1).await.expect("the source answers");
    cache.scope_for(read(1, &source)).await;
    until("it is stored", async || cache.scope_for(async { read_entry(1).exists().await }).await).await;
    let mut writer = Worker::spawn("writer", server.url()).await;
    assert_eq!(writer.receive().await, json!("ready"));
    assert_eq!(writer.ask(json!(is_around)).await, json!("committed"));
    writer.kill();
    let value = cache.scope_for(read(1, &source)).await;
    (value, cache, source, server)
}

#[tokio::test]
async fn with_holds_around_the_body_nobody_reads_the_old_value() {
    let (value, cache, source, _server) = after_the_kill(true).await;
    assert_eq!(value, 2);
    for _ in 0..50 {
        assert_eq!(cache.scope_for(read(1, &source)).await, 2);
        real_time(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn without_them_the_old_value_ends_with_its_ttl() {
    let (value, cache, source, _server) = after_the_kill(false).await;
    assert_eq!(value, 1, "the window that `mode = \"around\"` closes");
    real_time(Duration::from_secs(2)).await;
    assert_eq!(cache.scope_for(read(1, &source)).await, 2);
}
