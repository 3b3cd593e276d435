//! What a real server says that a map never does.

use super::{At, LONG, TERM, lease, tokens, value};
use cache_runtime::store::{Leased, Redis, Store, Token};
use cache_runtime::{Key, StoreError};
use cache_tests::redis_process::RedisServer;
use std::sync::Arc;
use std::time::Duration;

async fn over(server: &RedisServer) -> At {
    let store = Redis::connect(&server.url()).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    At { store: Arc::new(store), key: Key::new("store:v1:fault") }
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let server = RedisServer::start();
    let at = over(&server).await;
    let [token, holder] = tokens();
    for _ in 0..2 {
        at.lease(token).await;
        server.cli(&["SCRIPT", "FLUSH"]);
        assert!(at.fill(token, &value(token, "v")).await);
        server.cli(&["SCRIPT", "FLUSH"]);
        at.invalidate().await;
        assert_eq!(at.get().await, None);
        server.cli(&["SCRIPT", "FLUSH"]);
        at.hold(holder).await;
        at.unhold(holder).await;
    }
}

#[tokio::test]
async fn under_oom_nothing_is_stored_and_everything_can_be_removed() {
    let server = RedisServer::start();
    let at = over(&server).await;
    let [token, other, holder] = tokens();
    at.lease(token).await;
    at.fill(token, &value(token, "v")).await;
    let held = At { store: at.store.clone(), key: Key::new("store:v1:held") };
    held.hold(holder).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let fresh = Key::new("store:v1:fresh");
    let refused = at.store.lease(&fresh, lease(other), TERM, None).await;
    assert_eq!(refused, Err(StoreError::OutOfMemory));
    at.invalidate().await;
    assert_eq!(at.get().await, None);
    held.invalidate().await;
    assert_eq!(held.get().await, None, "a hold that cannot be marked goes");
    held.unhold(holder).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    held.hold(holder).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(!held.put(holder, &value(holder, "x")).await, "a value that does not fit is not stored");
    assert_eq!(held.get().await, None);
}

#[tokio::test]
async fn a_foreign_type_is_told_and_gives_way_to_an_invalidation() {
    let server = RedisServer::start();
    let at = over(&server).await;
    let [token] = tokens();
    server.cli(&["RPUSH", "store:v1:fault", "x"]);
    assert_eq!(at.store.get(&at.key).await, Err(StoreError::ForeignType));
    let leased = at.store.lease(&at.key, lease(token), TERM, None).await;
    assert_eq!(leased, Err(StoreError::ForeignType));
    let filled = at.store.fill(&at.key, token, value(token, "v"), LONG).await;
    assert_eq!(filled, Err(StoreError::ForeignType));
    at.invalidate().await;
    assert_eq!(at.lease(token).await, Leased::Granted);
    server.cli(&["DEL", "store:v1:fault"]);
    server.cli(&["RPUSH", "store:v1:fault", "x"]);
    at.hold(token).await;
    assert!(at.put(token, &value(token, "v")).await);
}

#[tokio::test]
async fn missing_rights_are_told_and_the_rest_works() {
    let server = RedisServer::start();
    server.cli(&[
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">secret",
        "~store:*",
        "resetchannels",
        "-@all",
        "+get",
        "+hello",
    ]);
    let url = server.url().replace("redis://", "redis://reader:secret@");
    let store = Redis::connect(&url).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("a user who may only read is enough to connect");
    let key = Key::new("store:v1:fault");
    assert_eq!(store.get(&key).await, Ok(None));
    let [token] = tokens();
    assert_eq!(store.lease(&key, lease(token), TERM, None).await, Err(StoreError::Denied));
    assert_eq!(store.invalidate(std::slice::from_ref(&key)).await, Err(StoreError::Denied));
}

/// How often the server was sent `command`.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")).map(str::to_owned));
    line.map_or(0, |line| line.split(',').next().and_then(|calls| calls.parse().ok()).expect("a number"))
}

#[tokio::test]
async fn reads_that_wait_together_are_one_command() {
    let server = RedisServer::start();
    let at = over(&server).await;
    let keys: Vec<_> = (0..300).map(|n| Key::new(format!("store:v1:{}", n % 100))).collect();
    for n in 0..50 {
        server.cli(&["SET", &format!("store:v1:{n}"), &format!("value {n}")]);
    }
    let (gets, mgets) = (calls(&server, "get"), calls(&server, "mget"));
    let reads = keys.iter().map(|key| {
        let (store, key) = (at.store.clone(), key.clone());
        tokio::spawn(async move { store.get(&key).await })
    });
    let reads: Vec<_> = reads.collect();
    for (n, read) in reads.into_iter().enumerate() {
        let expected = (n % 100 < 50).then(|| format!("value {}", n % 100).into());
        assert_eq!(read.await.expect("no panic"), Ok(expected));
    }
    assert_eq!(
        (calls(&server, "get") - gets, calls(&server, "mget") - mgets),
        (1, 1),
        "the first goes at once"
    );
    at.get().await;
    assert_eq!(calls(&server, "get") - gets, 2, "a read alone is a command of its own");
}

#[tokio::test]
async fn a_name_that_may_not_be_read_disturbs_no_other_read() {
    let server = RedisServer::start();
    server
        .cli(&["ACL", "SETUSER", "reader", "on", ">secret", "~store:*", "-@all", "+get", "+mget", "+hello"]);
    server.cli(&["SET", "store:v1:mine", "value"]);
    let store =
        Redis::connect(&server.url().replace("redis://", "redis://reader:secret@")).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    let (mine, other) = (Key::new("store:v1:mine"), Key::new("other:v1:secret"));
    let first = Key::new("store:v1:first");
    let (first, mine, other) = tokio::join!(store.get(&first), store.get(&mine), store.get(&other));
    assert_eq!((first, mine), (Ok(None), Ok(Some("value".into()))));
    assert_eq!(other, Err(StoreError::Denied));
}

#[tokio::test]
async fn a_replica_is_not_served_from() {
    let master = RedisServer::start();
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &master.port().to_string()]);
    let store = Redis::connect(&replica.url()).expect("a good url");
    let error = store.ready(Duration::from_secs(1)).await.expect_err("masters only");
    assert!(error.to_string().contains("replica"), "{error}");
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    store.ready(Duration::from_secs(10)).await.expect("it is a master now");
    replica.cli(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let key = Key::new("store:v1:fault");
    let lost = || async { store.lease(&key, lease(Token::random()), TERM, None).await };
    assert_eq!(lost().await, Err(StoreError::Unavailable), "read-only");
    assert_eq!(lost().await, Err(StoreError::Unreachable), "and given up");
}

#[tokio::test]
async fn a_wrong_password_is_told_without_the_password() {
    let server = RedisServer::with(&["--requirepass", "right"]);
    let url = server.url().replace("redis://", "redis://:hunter2@");
    let store = Redis::connect(&url).expect("a good url");
    let error = store.ready(Duration::from_secs(1)).await.expect_err("it does not let us in").to_string();
    assert!(!error.contains("hunter2") && error.to_lowercase().contains("password"), "{error}");
}

#[tokio::test]
async fn operations_fail_at_once_while_the_server_is_gone() {
    let server = RedisServer::start();
    let at = over(&server).await;
    server.kill();
    cache_tests::wait::until("the loss is noticed", async || {
        at.store.get(&at.key).await == Err(StoreError::Unreachable)
    })
    .await;
    let started = std::time::Instant::now();
    for _ in 0..1_000 {
        assert_eq!(at.store.get(&at.key).await, Err(StoreError::Unreachable));
    }
    assert!(started.elapsed() < Duration::from_millis(100), "{:?} for 1000", started.elapsed());
    server.restart();
    at.store.ready(Duration::from_secs(10)).await.expect("it comes back by itself");
    assert_eq!(at.get().await, None);
}

#[tokio::test]
async fn a_frozen_server_costs_three_deadlines() {
    let server = RedisServer::start();
    let at = over(&server).await;
    server.freeze();
    let started = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(at.store.get(&at.key).await, Err(StoreError::Timeout));
    }
    assert_eq!(at.store.get(&at.key).await, Err(StoreError::Unreachable));
    let waited = started.elapsed();
    assert!((300..600).contains(&waited.as_millis()), "{waited:?}");
    server.thaw();
    at.store.ready(Duration::from_secs(10)).await.expect("it comes back by itself");
    assert_eq!(at.get().await, None);
}
