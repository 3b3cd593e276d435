//! How many keys there are.

use super::{WELL, connected, shop, user};
use cache_runtime::store::Memory;
use cache_runtime::{Cache, KeyCounts, StoreError, cached};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::collections::BTreeMap;
use std::sync::Arc;

#[cached(ns = "counted", ttl = "medium", l1 = "off")]
async fn few(n: u64) -> u64 {
    n
}

#[cached(ns = "more", ttl = "medium", l1 = "off")]
async fn many(n: u64) -> u64 {
    n
}

async fn fill(cache: &Cache) {
    cache
        .scope_for(async {
            few(1).await;
            for n in 0..5 {
                many(n).await;
            }
        })
        .await;
}

fn is_filled(counts: &KeyCounts) -> bool {
    let expected = BTreeMap::from([("counted".to_owned(), 1), ("more".to_owned(), 5)]);
    assert!(counts.complete);
    counts.namespaces == expected
}

#[tokio::test]
async fn keys_are_counted_by_namespace_and_only_those_of_the_application() {
    let server = RedisServer::with(&WELL);
    let (cache, other) =
        (connected(shop(&server.url())).await, connected(shop(&server.url()).app("other")).await);
    server.cli(&[
        "MSET",
        "shop:counted:other",
        "x",
        "shop:counted:v:1",
        "x",
        "shop:more",
        "x",
        "foreign",
        "x",
    ]);
    fill(&cache).await;
    other.scope_for(few(7)).await;
    until("fills are stored", async || is_filled(&cache.key_counts(10_000).await.expect("it answers"))).await;
    let others = other.key_counts(10_000).await.expect("it answers");
    assert_eq!(others.namespaces, BTreeMap::from([("counted".to_owned(), 1)]));
}

#[tokio::test]
async fn keys_of_the_process_are_counted_too() {
    let memory = Arc::new(Memory::default());
    let build = |app: &str| Cache::builder().store(memory.clone()).app(app).build().expect("a good name");
    let (cache, other) = (build("shop"), build("other"));
    fill(&cache).await;
    other.scope_for(few(7)).await;
    assert!(is_filled(&cache.key_counts(10_000).await.expect("it answers")));
    let sample = cache.key_counts(3).await.expect("it answers");
    assert!(!sample.complete && sample.namespaces.values().sum::<u64>() <= 3, "{sample:?}");
}

#[tokio::test(start_paused = true)]
async fn keys_of_the_process_that_have_ended_are_not_counted() {
    let cache = Cache::in_process();
    fill(&cache).await;
    assert!(is_filled(&cache.key_counts(10_000).await.expect("it answers")));
    tokio::time::advance(std::time::Duration::from_hours(1)).await;
    assert_eq!(cache.key_counts(10_000).await.expect("it answers").namespaces, BTreeMap::new());
}

#[tokio::test]
async fn a_sample_of_many_keys_takes_few_steps_and_says_that_it_is_one() {
    let server = RedisServer::with(&WELL);
    let cache = connected(shop(&server.url())).await;
    server.cli(&["EVAL", "for i = 1, 20000 do redis.call('SET', 'shop:many:v1:' .. i, 'x') end", "0"]);
    let calls = |command: &str| {
        let stats = server.cli(&["INFO", "commandstats"]);
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")).map(str::to_owned));
        line.map_or(0, |line| {
            line.split(',').next().and_then(|calls| calls.parse::<u64>().ok()).expect("a number")
        })
    };
    let sample = cache.key_counts(3_500).await.expect("it answers");
    assert_eq!((calls("scan"), calls("keys")), (4, 0));
    assert!(!sample.complete);
    let seen = sample.namespaces["many"];
    assert!((3_000..5_000).contains(&seen), "{seen}");
    let all = cache.key_counts(1_000_000).await.expect("it answers");
    assert!(all.complete && all.namespaces["many"] == 20_000, "{all:?}");
    assert_eq!(calls("keys"), 0);
}

#[tokio::test]
async fn a_user_who_may_not_list_keys_is_told() {
    let server = RedisServer::with(&WELL);
    let cache = connected(shop(&user(&server, "shop", "+@all -scan ~*"))).await;
    assert_eq!(cache.key_counts(10).await, Err(StoreError::Denied));
    server.kill();
    until("its end is noticed", async || cache.key_counts(10).await == Err(StoreError::Unreachable)).await;
}
