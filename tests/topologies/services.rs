//! What the protocol carries besides cached functions, over a cluster.

use super::cluster::connected;
use super::{PATIENCE, far, far_entry};
use cache_runtime::health::Status;
use cache_runtime::{Invalidation, Policy, Put, WriteBehindOptions, Written, cached_many};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_cluster::RedisCluster;
use cache_tests::wait::until;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

#[tokio::test]
async fn plain_operations_go_to_the_master_of_each_key() {
    let cluster = RedisCluster::start(3, 0);
    let (one, other) = (connected(&cluster).await, connected(&cluster).await);
    for id in 0..30_u64 {
        assert_eq!(one.set(("sessions", id), &id, Policy::LONG).await, Ok(Put::Stored));
        assert_eq!(one.increment(("calls", id), 2, Policy::LONG).await, Ok(2));
        assert_eq!(other.increment(("calls", id), 3, Policy::LONG).await, Ok(5));
    }
    let keys = (0..31_u64).map(|id| ("sessions", id));
    let found: Vec<Option<u64>> =
        other.get_many(keys).await.into_iter().map(|read| read.expect("it answers")).collect();
    assert_eq!(found, (0..30).map(Some).chain([None]).collect::<Vec<_>>());
    assert_eq!(one.expire(("sessions", 1_u64), Policy::SHORT).await, Ok(true));
    assert_eq!(one.delete(("sessions", 2_u64)).await, Ok(Invalidation::Applied));
    until("the other process has heard of it", async || {
        other.get::<u64>(("sessions", 2_u64)).await == Ok(None)
    })
    .await;
}

#[tokio::test]
async fn what_begins_alike_falls_on_every_master() {
    let cluster = RedisCluster::start(3, 0);
    let (one, other) = (connected(&cluster).await, connected(&cluster).await);
    for id in 0..60_u64 {
        one.set(("swept", ("a", id)), &id, Policy::LONG).await.expect("it answers");
        one.set(("swept", ("b", id)), &id, Policy::LONG).await.expect("it answers");
    }
    let swept = other.invalidate_prefix("swept:(a,").await.expect("it answers");
    assert_eq!((swept.keys, swept.invalidation), (60, Invalidation::Applied));
    for id in 0..60_u64 {
        assert_eq!(one.get::<u64>(("swept", ("a", id))).await, Ok(None), "{id}");
    }
    assert_eq!(one.get::<u64>(("swept", ("b", 7_u64))).await, Ok(Some(7)));
}

#[cached_many(far, each = ids)]
async fn far_many(ids: &[u64], source: &GatedLoad<u64>) -> HashMap<u64, u64> {
    let value = source.load().await;
    ids.iter().map(|id| (*id, value)).collect()
}

#[tokio::test]
async fn a_batch_is_one_load_wherever_its_keys_are() {
    let cluster = RedisCluster::start(3, 0);
    let cache = connected(&cluster).await;
    let (source, ids) = (GatedLoad::open(1), (0..100).collect::<Vec<_>>());
    for _ in 0..2 {
        let found = cache.scope_for(far_many(&ids, &source)).await;
        assert_eq!((found.len(), source.loads.get()), (100, 1));
        until("all are stored", async || {
            let counts = cache.key_counts(10_000).await.expect("it answers");
            counts.complete && counts.namespaces.get("far") == Some(&100)
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_written_behind_is_saved_by_any_process() {
    let cluster = RedisCluster::start(3, 0);
    let saved = Arc::new(Mutex::new(HashMap::new()));
    let save = {
        let saved = saved.clone();
        move |batch: Vec<Written<u64, u64>>| {
            saved
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(batch.iter().map(|write| (write.key, write.value)));
            async { Ok::<_, String>(()) }
        }
    };
    let cache = connected(&cluster).await;
    let behind = cache.write_behind("views", WriteBehindOptions::default().namespace("far"), save);
    let source = GatedLoad::open(0);
    let written = cache.scope_for(async { behind.write(&far_entry(1), 1, 42).await });
    written.await.expect("the journal has it");
    assert_eq!(cache.scope_for(far(1, &source)).await, 42);
    assert_eq!(behind.flush(PATIENCE).await.expect("it answers"), 0);
    assert_eq!(saved.lock().unwrap_or_else(PoisonError::into_inner).get(&1), Some(&42));
}

#[tokio::test]
async fn a_cluster_is_as_well_as_its_worst_master() {
    let cluster = RedisCluster::start(3, 0);
    let cache = connected(&cluster).await;
    let health = cache.health().await;
    assert!(health.store.reachable, "{health}");
    assert_ne!(health.status, Status::Unreachable);
    cluster.servers[1].kill();
    until("the dead one is noticed", async || cache.health().await.status == Status::Unreachable).await;
    // it cannot be told who is subscribed where
    assert!(cache.progress::<u64>("jobs").publish(1, &1).await.is_err());
}
