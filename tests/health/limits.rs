//! What a configuration limits.

use super::{WELL, connected, outcome, shop, user};
use cache_runtime::health::Feed;
use cache_runtime::{Cache, CacheBuilder, Invalidation, Outcome, Tier, cached, updates};
use cache_tests::proxy::{Direction, Proxy};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::{real_time, until};
use std::time::{Duration, Instant};

fn refused(builder: CacheBuilder) -> String {
    builder.build().expect_err("it cannot be used").to_string()
}

#[tokio::test]
async fn a_wrong_limit_is_named_with_its_value() {
    let builder = Cache::builder;
    assert_eq!(
        refused(builder().largest_value((64 << 20) + 1)),
        "largest_value is 67108865 bytes: an entry has 67108864 at most"
    );
    assert!(refused(builder().operations(0)).starts_with("operations is 0, not from 1 to "));
    let most = usize::MAX;
    assert!(
        refused(builder().operations(most)).starts_with(&format!("operations is {most}, not from 1 to "))
    );
    assert_eq!(refused(builder().idle_check(Duration::from_millis(9))), "idle_check is 9ms, less than 100ms");
    let edge = builder().largest_value(64 << 20).operations(1).idle_check(Duration::from_millis(100));
    edge.build().expect("these can be used");
}

#[cached(ns = "limited", ttl = "medium")]
async fn note(length: usize) -> String {
    "x".repeat(length)
}

#[updates(note(length))]
async fn write_note(length: usize) -> String {
    "y".repeat(length)
}

/// As JSON a text takes two bytes more.
#[tokio::test]
async fn a_larger_value_is_returned_and_not_stored() {
    let server = RedisServer::with(&WELL);
    for cache in [
        Cache::builder().largest_value(102).build().expect("a good limit"),
        connected(shop(&server.url()).largest_value(102)).await,
    ] {
        until("100 bytes are stored", async || outcome(&cache, 100).await == Outcome::Hit(Tier::L2)).await;
        let notes = || cache.stats().namespace("limited");
        until("three loads were not stored", async || {
            assert!(!matches!(outcome(&cache, 101).await, Outcome::Hit(_)), "one byte more is not");
            assert_eq!(cache.scope_for(note(101)).await.len(), 101);
            notes().not_storable >= 3
        })
        .await;
        assert_eq!((notes().hits(), notes().not_storable), (0, notes().loaded), "nor in memory");
        let before = notes().not_storable;
        until("nor when it is written", async || {
            assert_eq!(cache.scope_for(write_note(101)).await, "y".repeat(101));
            notes().not_storable > before
        })
        .await;
    }
    assert_eq!(server.cli(&["KEYS", "shop:*"]), "shop:health:v1:text:100");
}

/// Replies are kept back, so that what was sent is what the server has done.
#[tokio::test]
async fn no_more_operations_than_allowed_are_under_way() {
    let server = RedisServer::with(&WELL);
    let proxy = Proxy::to(server.port()).await;
    let cache = connected(shop(&proxy.url()).operations(3)).await;
    for tag in 0..10 {
        server.cli(&["SET", &format!("cache:tag:{{shop:health}}:t{tag}"), "x"]);
    }
    let left = || server.cli(&["KEYS", "cache:tag:{shop:health}:t*"]).lines().count();
    proxy.stall(Direction::ToClient);
    let calls: Vec<_> = (0..10)
        .map(|tag| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.invalidate_tag("health", &format!("t{tag}")).await })
        })
        .collect();
    until("three are sent", async || left() == 7).await;
    real_time(Duration::from_millis(50)).await;
    assert_eq!(left(), 7, "the others wait for their turn");
    proxy.resume();
    for call in calls {
        call.await.expect("no panic");
    }
    until("all were sent", async || left() == 0 && cache.stats().pending_invalidations == 0).await;
}

/// The connections to `server` of caches, by number, but those that listen.
fn connections(server: &RedisServer) -> Vec<String> {
    let all = server.cli(&["CLIENT", "LIST"]);
    let data = all.lines().filter(|line| !line.contains(" flags=t") && !line.contains(" cmd=client|list "));
    data.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Each takes 120 ms of the 250 that an invalidation waits for its turn.
#[tokio::test]
async fn a_turn_that_does_not_come_fails_like_an_answer_that_does_not() {
    let server = RedisServer::with(&WELL);
    let proxy = Proxy::to(server.port()).await;
    let cache = connected(shop(&proxy.url()).operations(1)).await;
    until("the feed is there", async || cache.stats().feed == Feed::Live).await;
    let before = connections(&server);
    assert_eq!(before.len(), 1);
    proxy.set_latency(Duration::from_millis(60), Duration::ZERO);
    let begun = Instant::now();
    let calls: Vec<_> = (0..20)
        .map(|tag| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.invalidate_tag("health", &format!("t{tag}")).await })
        })
        .collect();
    let mut ended = Vec::new();
    for call in calls {
        ended.push(call.await.expect("no panic"));
    }
    let (took, applied) = (begun.elapsed(), ended.iter().filter(|it| **it == Invalidation::Applied).count());
    assert!((1..=4).contains(&applied), "{ended:?}");
    assert_eq!(ended.iter().filter(|it| **it == Invalidation::Queued).count(), 20 - applied);
    assert!(took < Duration::from_secs(1), "{took:?}: nobody waits without an end");
    assert!(cache.stats().up, "who waits for a turn knows nothing of the connection");
    proxy.set_latency(Duration::ZERO, Duration::ZERO);
    until("the rest is sent", async || cache.stats().pending_invalidations == 0).await;
    assert_eq!(connections(&server), before, "by the same connection");
}

const IDLE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_connection_that_is_half_open_is_given_up_before_anybody_asks() {
    let server = RedisServer::with(&WELL);
    let proxy = Proxy::to(server.port()).await;
    let cache = connected(shop(&proxy.url()).idle_check(IDLE)).await;
    proxy.half_open();
    until("nobody answers", async || !cache.stats().up).await;
    let begun = Instant::now();
    assert_eq!(outcome(&cache, 1).await, Outcome::Bypassed);
    assert!(begun.elapsed() < Duration::from_millis(80), "{:?}: less than one deadline", begun.elapsed());
    proxy.resume();
    cache.ready(super::PATIENCE).await.expect("it is back");
}

#[tokio::test]
async fn a_frozen_server_is_given_up_before_anybody_asks() {
    let server = RedisServer::with(&WELL);
    let cache = connected(shop(&server.url()).idle_check(IDLE)).await;
    server.freeze();
    until("nobody answers", async || !cache.stats().up).await;
    server.thaw();
    cache.ready(super::PATIENCE).await.expect("it is back");
}

/// A refusal of the sign of life is one.
#[tokio::test]
async fn an_idle_connection_whose_server_answers_is_kept() {
    let server = RedisServer::with(&WELL);
    user(&server, "shop", "+@all -ping -client|tracking ~*");
    for (user, feed) in [("", Feed::Live), ("shop:hunter2@", Feed::Unavailable)] {
        let url = server.url().replace("redis://", &format!("redis://{user}"));
        let cache = connected(shop(&url).idle_check(Duration::from_millis(100))).await;
        until("the feed is as it will be", async || cache.stats().feed == feed).await;
        let before = connections(&server);
        assert!(!before.is_empty());
        for _ in 0..20 {
            real_time(Duration::from_millis(50)).await;
            assert!(cache.stats().up);
        }
        assert_eq!(connections(&server), before, "nobody connected again");
        drop(cache);
        until("it is gone", async || connections(&server).is_empty()).await;
    }
}
