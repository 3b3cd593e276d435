//! Bounds: places among the loads, a store that is down or slow, values that have expired.

use super::source::{Down, Table, get_many, tens};
use cache_runtime::store::Redis;
use cache_runtime::{Cache, Outcome, cached, cached_many, observed};
use cache_tests::gate::Gate;
use cache_tests::redis_process::RedisServer;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::yield_now;

async fn quiet() {
    for _ in 0..50 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_one_place_among_the_loads() {
    let cache = Cache::builder().loads(2).build().expect("a good configuration");
    let gate = Gate::default();
    let table = Table::behind(&gate, 0..1_000);
    let batches: Vec<_> = (0..3)
        .map(|batch| {
            let (cache, table) = (cache.clone(), table.clone());
            let ids: Vec<u64> = (100 * batch..100 * (batch + 1)).collect();
            tokio::spawn(async move { cache.scope_for(get_many(&ids, &table)).await })
        })
        .collect();
    quiet().await;
    assert_eq!(table.asked().len(), 2, "two places, two bodies");
    assert!(table.asked().iter().all(|ids| ids.len() == 100));
    gate.open();
    for (batch, task) in (0..).zip(batches) {
        let found = tokio::time::timeout(Duration::from_secs(30), task).await.expect("it waits for itself");
        assert_eq!(found.expect("it ends"), Ok(tens(100 * batch..100 * (batch + 1))));
    }
    assert_eq!(table.asked().len(), 3);
}

#[tokio::test]
async fn a_store_that_is_down_leaves_one_body_with_all_ids() {
    let server = RedisServer::start();
    let cache = Cache::builder().redis(server.url()).build().expect("a good configuration");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    server.kill();
    let table = Table::of(0..300);
    let ids: Vec<u64> = (0..300).collect();
    for batch in 1..=5 {
        let (found, report) = cache.scope_for(observed(get_many(&ids, &table))).await;
        assert_eq!(found, Ok(tens(0..300)));
        assert!(report.answers().iter().all(|answer| answer.outcome == Outcome::Bypassed));
        assert_eq!(table.asked().len(), batch);
        assert_eq!(table.asked()[batch - 1], ids);
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_leaves_one_body_with_all_ids() {
    let server = RedisServer::start();
    let store = Redis::connect(&server.url()).expect("a good url");
    let cache = Cache::builder().store(Arc::new(store)).build().expect("a good configuration");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    server.freeze();
    let table = Table::of(0..100);
    let ids: Vec<u64> = (0..100).collect();
    assert_eq!(cache.scope_for(get_many(&ids, &table)).await, Ok(tens(0..100)));
    assert_eq!(table.asked(), [ids]);
    server.thaw();
}

#[cached(ns = "batches", ttl = "10s", swr = "1h")]
async fn slow(id: u64, table: Table) -> Result<Option<u64>, Down> {
    table.one(id).await
}

impl cache_runtime::KeyPart for Table {
    fn write(&self, _: &mut cache_runtime::KeyWriter<'_>) {}
}

#[cached_many(each id in ids => slow(id, table))]
async fn slow_many(ids: &[u64], table: Table) -> Result<HashMap<u64, u64>, Down> {
    table.query(ids).await
}

/// Nothing reloads in the background for a batch, so nothing is served that would need it.
#[tokio::test(start_paused = true)]
async fn a_batch_loads_what_is_past_its_ttl() {
    let (cache, table) = (Cache::in_process(), Table::of(0..10));
    let call = || cache.scope_for(slow_many(&[1, 2], table.clone()));
    assert_eq!(call().await, Ok(tens([1, 2])));
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(call().await, Ok(tens([1, 2])));
    assert_eq!(table.asked().len(), 1);
    table.set(1, 11);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(call().await, Ok(HashMap::from([(1, 11), (2, 20)])));
    assert_eq!(call().await, Ok(HashMap::from([(1, 11), (2, 20)])));
    assert_eq!(table.asked(), [vec![1, 2], vec![1, 2]]);
    // The function itself goes on answering with what is stale.
    table.set(1, 12);
    tokio::time::advance(Duration::from_secs(15)).await;
    let (found, report) = cache.scope_for(observed(slow(1, table.clone()))).await;
    assert_eq!((found, report.outcome()), (Ok(Some(11)), Some(Outcome::Stale)));
}
