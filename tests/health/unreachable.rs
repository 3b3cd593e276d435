//! A store that cannot be asked is an answer, and a quick one.

use super::{WELL, connected, shop, user};
use cache_runtime::health::{Feed, Status};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::time::{Duration, Instant};

#[tokio::test]
async fn no_server_is_said_at_once() {
    let cache = shop("redis://me:hunter2@127.0.0.1:1/").build().expect("a good url");
    until("it was tried", async || {
        cache.health().await.store.reason.is_some_and(|reason| reason != "not connected yet")
    })
    .await;
    // The tag, and the clock of its namespace.
    cache.invalidate_tag("health", "any").await;
    let begun = Instant::now();
    let health = cache.health().await;
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    assert_eq!(
        (health.status, health.feed, health.pending_invalidations),
        (Status::Unreachable, Feed::Lost, 2)
    );
    let text = health.to_string();
    assert!(text.starts_with("unreachable: redis does not answer: Connection refused"), "{text}");
    assert!(text.ends_with("; feed lost; 2 invalidations wait") && !text.contains("hunter2"), "{text}");
    assert!(!cache.stats().up);
}

#[tokio::test]
async fn a_wrong_password_is_the_reason_and_is_not_shown() {
    let server = RedisServer::with(&WELL);
    user(&server, "shop", "+@all ~*");
    let url = server.url().replace("redis://", "redis://shop:wrong-secret@");
    let cache = shop(&url).build().expect("a good url");
    until("it was tried", async || {
        let text = cache.health().await.to_string();
        assert!(!text.contains("wrong-secret"), "{text}");
        text.to_lowercase().contains("password")
    })
    .await;
}

#[tokio::test]
async fn a_frozen_server_costs_half_a_second_until_it_is_given_up() {
    let server = RedisServer::with(&WELL);
    let cache = connected(shop(&server.url())).await;
    server.freeze();
    let begun = Instant::now();
    let health = cache.health().await;
    let took = begun.elapsed();
    assert_eq!(health.status, Status::Unreachable);
    assert!((500..1_500).contains(&took.as_millis()), "{took:?}");
    assert_eq!(health.store.reason.as_deref(), Some("the store did not answer in time"));
    server.thaw();
    until("it is well again", async || cache.health().await.status == Status::Healthy).await;
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_is_told() {
    let server = RedisServer::with(&WELL);
    let cache = connected(shop(&server.url())).await;
    until("it is well", async || cache.health().await.status == Status::Healthy).await;
    server.kill();
    until("its end is told", async || cache.health().await.status == Status::Unreachable).await;
    server.restart();
    until("it is well again", async || cache.health().await.status == Status::Healthy).await;
}
