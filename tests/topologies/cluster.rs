//! A cluster: each key at its master, and every master listened to.

use super::{DELTA, PATIENCE, acknowledged, call, far, near, protocol, read_within, settled, unready, write};
use cache_runtime::store::{Lease, Leased, RedisCluster as Store, Store as _, Token};
use cache_runtime::{Cache, Invalidation, Key, OnRestart, Outcome, StoreError, Tier};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_cluster::RedisCluster;
use cache_tests::wait::until;
use std::time::Duration;

pub(super) fn over(cluster: &RedisCluster) -> Cache {
    Cache::builder().redis(cluster.url()).build().expect("a good url")
}

pub(super) async fn connected(cluster: &RedisCluster) -> Cache {
    let cache = over(cluster);
    cache.ready(PATIENCE).await.expect("the cluster is up");
    cache
}

/// The master that has the entry of `near(id)`.
fn home(cluster: &RedisCluster, id: u64) -> usize {
    cluster.owner(cluster.slot(&format!("near:v1:near:{id}")))
}

#[tokio::test]
async fn the_protocol_runs_over_a_cluster() {
    let cluster = RedisCluster::start(3, 0);
    let urls = cluster.servers.iter().map(cache_tests::redis_process::RedisServer::url);
    let by_urls = Cache::builder().redis_cluster(urls).build().expect("good urls");
    protocol(&by_urls, &connected(&cluster).await).await;
    for server in &cluster.servers {
        assert_ne!(server.cli(&["DBSIZE"]), "0", "each has its part");
        let stats = server.cli(&["INFO", "commandstats"]);
        assert!(!stats.contains("cmdstat_asking"), "nobody was sent elsewhere: {stats}");
    }
}

/// One that is named is enough to find the others.
#[tokio::test]
async fn a_cluster_is_found_by_one_of_its_servers() {
    let cluster = RedisCluster::start(3, 0);
    let one = format!("redis+cluster://127.0.0.1:{}", cluster.servers[2].port());
    let cache = Cache::builder().redis(one).build().expect("a good url");
    protocol(&cache, &connected(&cluster).await).await;
}

#[tokio::test]
async fn many_keys_of_all_masters_are_asked_for_and_invalidated_at_once() {
    let cluster = RedisCluster::start(3, 0);
    let store = Store::connect(&cluster.url()).expect("a good url");
    store.ready(PATIENCE).await.expect("the cluster is up");
    let keys: Vec<_> = (0..300).map(|n| Key::new(format!("store:v1:many:{n}"))).collect();
    let lease = |token| Lease { token, expected: Duration::ZERO, acquired_ms: 1 };
    let (token, other) = (Token::random(), Token::random());
    for key in &keys {
        let leased = store.lease(key, lease(token), Duration::from_secs(9), None).await;
        assert_eq!(leased, Ok(Leased::Granted));
    }
    let store = std::sync::Arc::new(store);
    let reads = keys.iter().map(|key| {
        let (store, key) = (store.clone(), key.clone());
        tokio::spawn(async move { store.get(&key).await })
    });
    for read in reads.collect::<Vec<_>>() {
        let found = read.await.expect("no panic").expect("the cluster answers").expect("it is there");
        assert_eq!(found[..], lease(token).to_bytes());
    }
    store.invalidate(&keys).await.expect("the cluster answers");
    store.hold(&keys, other, Duration::from_secs(9)).await.expect("the cluster answers");
    for key in &keys {
        assert_eq!(store.get(key).await.expect("the cluster answers").expect("a hold")[0], b'H');
    }
    store.unhold(&keys, other).await.expect("the cluster answers");
    for key in &keys {
        assert_eq!(store.get(key).await, Ok(None));
    }
}

#[tokio::test]
async fn every_master_is_listened_to() {
    let cluster = RedisCluster::start(3, 0);
    let (reader, writer) = (connected(&cluster).await, connected(&cluster).await);
    let source = GatedLoad::open(0);
    let mut heard = [0; 3];
    for id in 0..30 {
        settled(&reader, id, &source, 0).await;
        heard[home(&cluster, id)] += 1;
    }
    assert!(heard.iter().all(|count| *count > 0), "{heard:?}");
    source.set(1);
    for id in 0..30 {
        acknowledged(&writer, async || write(id, 1, &source).await).await;
        read_within(&reader, id, &source, 1, DELTA).await;
    }
}

/// A flush of any master empties L1.
#[tokio::test]
async fn a_flush_of_any_master_is_heard() {
    let cluster = RedisCluster::start(3, 0);
    let reader = connected(&cluster).await;
    let source = GatedLoad::open(0);
    for (value, server) in (1..).zip(&cluster.servers) {
        settled(&reader, 1, &source, value - 1).await;
        server.cli(&["FLUSHALL"]);
        until("L1 is empty", async || call(&reader, near(1, &source)).await.1 != Outcome::Hit(Tier::L1))
            .await;
        source.set(value);
        acknowledged(&reader, async || write(1, value, &source).await).await;
    }
}

/// While one master is away, nothing that it may have announced is served from memory; the other masters' part goes on in the store.
#[tokio::test]
async fn without_one_master_l1_rests_and_the_others_serve() {
    let cluster = RedisCluster::with(3, 0, &["--cluster-require-full-coverage", "no"]);
    let reader = connected(&cluster).await;
    let source = GatedLoad::open(1);
    let [here, there] =
        [0, 1].map(|master| (0..1_000).find(|id| home(&cluster, *id) == master).expect("some"));
    let tags = cluster.owner(cluster.slot("cache:tag:{near}:*"));
    let gone = (0..3).find(|at| *at != tags && *at != 2).expect("of three");
    let (lost, kept) = if gone == 0 { (here, there) } else { (there, here) };
    let kept =
        if tags == 2 { kept } else { (0..1_000).find(|id| home(&cluster, *id) == tags).expect("some") };
    for id in [lost, kept] {
        settled(&reader, id, &source, 1).await;
    }
    cluster.servers[gone].kill();
    let loads = source.loads.get();
    until("its loss is heard", async || call(&reader, near(kept, &source)).await.1 == Outcome::Hit(Tier::L2))
        .await;
    // Longer than the signs of life of the others are apart.
    for _ in 0..30 {
        assert_eq!(call(&reader, near(kept, &source)).await, (1, Outcome::Hit(Tier::L2)));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(source.loads.get(), loads);
    assert_eq!(call(&reader, near(lost, &source)).await, (1, Outcome::Bypassed));
    cluster.servers[gone].restart();
    cluster.settled();
    reader.ready(PATIENCE).await.expect("it is back");
    settled(&reader, lost, &source, 1).await;
}

/// What waits for a master that is away keeps no other one from being used.
#[tokio::test]
async fn a_master_is_used_again_whatever_waits_for_another() {
    let cluster = RedisCluster::with(3, 0, &["--cluster-require-full-coverage", "no"]);
    let cache = connected(&cluster).await;
    let source = GatedLoad::open(1);
    let tags = cluster.owner(cluster.slot("cache:tag:{near}:*"));
    let away = (tags + 1) % 3;
    let [here, there] =
        [tags, away].map(|master| (0..1_000).find(|id| home(&cluster, *id) == master).expect("some"));
    settled(&cache, here, &source, 1).await;
    cluster.servers[away].kill();
    let queued = cache.scope_for(async { super::near_entry(there).invalidate().await }).await;
    assert_eq!(queued, Invalidation::Queued);
    cluster.servers[tags].cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    let (server, key) = (&cluster.servers[tags], format!("near:v1:near:{here}"));
    until("the connection is made again", async || {
        call(&cache, near(here, &source)).await == (1, Outcome::Hit(Tier::L2))
    })
    .await;
    assert_eq!(server.cli(&["EXISTS", &key]), "1");
    assert_eq!(cache.stats().pending_invalidations, 1);
    cluster.servers[away].restart();
    until("it is sent", async || cache.stats().pending_invalidations == 0).await;
}

#[tokio::test]
async fn a_server_of_a_cluster_alone_is_no_cluster() {
    let cluster = RedisCluster::start(3, 0);
    let alone = Cache::builder().redis(cluster.servers[0].url()).build().expect("a good url");
    alone.ready(PATIENCE).await.expect("it is up");
    let source = GatedLoad::open(1);
    for id in 0..9 {
        assert_eq!(call(&alone, far(id, &source)).await.0, 1);
    }
    let server = cache_tests::redis_process::RedisServer::start();
    let url = server.url().replace("redis://", "redis+cluster://");
    let cache = Cache::builder().redis(url).build().expect("a good url");
    unready(&cache, "cluster support disabled").await;
}

#[tokio::test]
async fn a_cluster_cannot_be_flushed_at_restarts() {
    let cluster = Cache::builder().redis("redis+cluster://127.0.0.1:1").on_restart(OnRestart::Flush);
    let error = cluster.build().expect_err("not made for it").to_string();
    assert!(error.contains("OnRestart::Flush"), "{error}");
}

#[tokio::test]
async fn copies_of_every_master_are_waited_for() {
    let cluster = RedisCluster::start(3, 1);
    let store = Store::connect(&cluster.url()).expect("a good url");
    store.ready(PATIENCE).await.expect("the cluster is up");
    let keys: Vec<_> = (0..20).map(|n| Key::new(format!("store:v1:many:{n}"))).collect();
    assert_eq!(store.invalidate_durably(&keys, &[], 1, Duration::from_secs(5)).await, Ok(1));
    cluster.servers[3].freeze();
    assert_eq!(store.invalidate_durably(&keys, &[], 1, Duration::from_millis(200)).await, Ok(0));
    cluster.servers[3].thaw();
    let lost = Key::new("nobody");
    cluster.servers[0].kill();
    cluster.servers[1].kill();
    cluster.servers[2].kill();
    until("it is noticed", async || store.get(&lost).await == Err(StoreError::Unreachable)).await;
}
