//! The same over a cluster, where a value and what is beside it are in one slot.

use super::{HEADER, KEY, RUM, Service, TEA, titled};
use cache_runtime::{Cache, Outcome};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_cluster::RedisCluster;
use cache_tests::wait::until;
use std::time::Duration;

async fn service(cluster: &RedisCluster) -> Service {
    let cache = Cache::builder().redis(cluster.url()).app("shop").build().expect("a good configuration");
    cache.ready(Duration::from_secs(10)).await.expect("the cluster is up");
    Service(cache)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_do_is_seen_over_a_cluster() {
    let cluster = RedisCluster::start(3, 0);
    let (service, source) = (service(&cluster).await, GatedLoad::open(titled("tea")));
    let slot = cluster.slot(KEY);
    assert_eq!(cluster.slot(HEADER), slot);
    let home = &cluster.servers[cluster.owner(slot)];
    service.read(&source).await;
    until("it is stored", async || home.cli(&["GET", KEY]) == TEA).await;
    assert_eq!(service.read(&source).await.0, titled("tea"));
    home.cli(&["SET", KEY, RUM]);
    assert_eq!(service.read(&source).await.0, titled("rum"));
    let swept = service.0.invalidate_prefix("tasks:v1:task_").await.expect("the cluster answers");
    assert!(swept.keys >= 1, "the header that stayed, and the value");
    assert_eq!(home.cli(&["EXISTS", KEY, HEADER]), "0");
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalidation_finds_what_a_moving_slot_has_split() {
    let cluster = RedisCluster::start(3, 0);
    let (service, source) = (service(&cluster).await, GatedLoad::open(titled("tea")));
    let slot = cluster.slot(KEY);
    let from = cluster.owner(slot);
    let to = (from + 1) % 3;
    let (old, new) = (&cluster.servers[from], &cluster.servers[to]);
    service.read(&source).await;
    until("it is stored", async || old.cli(&["GET", KEY]) == TEA).await;
    let slot = slot.to_string();
    new.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &cluster.id(from)]);
    old.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &cluster.id(to)]);
    old.cli(&["MIGRATE", "127.0.0.1", &new.port().to_string(), HEADER, "0", "5000"]);
    let names = || [old, new].map(|server| server.cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]));
    assert_eq!(names(), [KEY, HEADER]);
    source.set(titled("rum"));
    service.invalidate().await;
    // What announces it stands there for a millisecond.
    let left = names().join("\n");
    assert!(left.lines().all(|name| name.is_empty() || name.starts_with("cache:fence:")), "{left}");
    assert_eq!(service.read(&source).await.0, titled("rum"));
}
