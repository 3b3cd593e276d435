//! How a cache is, in numbers and in words, and what its settings limit.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

mod configurations;
mod counts;
mod exposition;
mod limits;
mod numbers;
mod others;
mod unreachable;

use cache_runtime::health::{Feed, Health, Subject, Weight};
use cache_runtime::{Cache, CacheBuilder, Outcome, cached, observed};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// What `redis.md` asks for.
const WELL: [&str; 4] = ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"];

#[cached(ns = "health", ttl = "medium", l1 = "off")]
async fn text(length: usize) -> String {
    "x".repeat(length)
}

fn shop(url: &str) -> CacheBuilder {
    Cache::builder().redis(url).app("shop")
}

async fn connected(builder: CacheBuilder) -> Cache {
    let cache = builder.build().expect("a good configuration");
    cache.ready(PATIENCE).await.expect("the server is up");
    cache
}

/// The health of the application `shop` at `url`, once the feed is as it will be.
async fn health(url: &str, feed: Feed) -> Health {
    let cache = connected(shop(url)).await;
    until(format!("the feed is {feed}"), async || cache.stats().feed == feed).await;
    cache.health().await
}

/// Has a user of this name made, with these rights, and gives the address for it.
fn user(server: &RedisServer, name: &str, rights: &str) -> String {
    let mut command = vec!["ACL", "SETUSER", name, "on", ">hunter2", "resetchannels"];
    command.extend(rights.split_whitespace());
    server.cli(&command);
    server.url().replace("redis://", &format!("redis://{name}:hunter2@"))
}

fn of(health: &Health, weight: Weight) -> Vec<Subject> {
    health.store.findings.iter().filter(|it| it.weight == weight).map(|it| it.subject).collect()
}

fn warnings(health: &Health) -> Vec<Subject> {
    of(health, Weight::Warning)
}

async fn outcome(cache: &Cache, length: usize) -> Outcome {
    let (text, report) = cache.scope_for(observed(text(length))).await;
    assert_eq!(text.len(), length);
    report.outcome().expect("a cached call")
}
