//! What an id is worth that the body has no value for.

use super::source::{Down, Table};
use cache_runtime::store::Lifetime;
use cache_runtime::{Cache, cached, cached_many};
use std::collections::HashMap;
use std::time::Duration;

#[cached(ns = "batches", none = "30s", skip(table))]
async fn find(id: u64, table: &Table) -> Result<Option<u64>, Down> {
    table.one(id).await
}

#[cached_many(find, each = ids)]
async fn find_many(ids: &[u64], table: &Table) -> Result<HashMap<u64, u64>, Down> {
    table.query(ids).await
}

#[tokio::test]
async fn an_absent_id_is_stored_as_the_function_says() {
    let (cache, table) = (Cache::in_process(), Table::of([1]));
    assert_eq!(cache.scope_for(find_many(&[1, 2], &table)).await, Ok(HashMap::from([(1, 10)])));
    let entry = cache.scope_for(async { find_entry(2) }).await;
    assert_eq!(entry.peek().await, Some(None));
    let Some(Lifetime::Left(left)) = entry.ttl().await else { panic!("it lives for 30 s") };
    assert!(left <= Duration::from_secs(30) && left > Duration::from_secs(20), "{left:?}");
    assert_eq!(cache.scope_for(find(2, &table)).await, Ok(None));
    assert_eq!(cache.scope_for(find_many(&[2, 1], &table)).await, Ok(HashMap::from([(1, 10)])));
    assert_eq!(table.asked(), [vec![1, 2]]);
}

/// Nothing that is absent is stored, as that is the default.
#[cached(ns = "batches", skip(table))]
async fn find_anew(id: u64, table: &Table) -> Result<Option<u64>, Down> {
    table.one(id).await
}

#[cached_many(find_anew, each = ids)]
async fn find_anew_many(ids: &[u64], table: &Table) -> Result<HashMap<u64, u64>, Down> {
    table.query(ids).await
}

#[tokio::test]
async fn an_absent_id_is_asked_for_again_where_the_function_says_nothing() {
    let (cache, table) = (Cache::in_process(), Table::of([1]));
    for _ in 0..2 {
        assert_eq!(cache.scope_for(find_anew_many(&[1, 2], &table)).await, Ok(HashMap::from([(1, 10)])));
    }
    assert_eq!(table.asked(), [vec![1, 2], vec![2]]);
}

/// Every id has a value, by what the function says.
#[cached(ns = "batches", skip(table))]
async fn surely(id: u64, table: &Table) -> Result<u64, Down> {
    table.one(id).await?.ok_or(Down)
}

#[cached_many(surely, each = ids)]
async fn surely_many(ids: &[u64], table: &Table) -> Result<HashMap<u64, u64>, Down> {
    table.query(ids).await
}

#[tokio::test]
async fn an_id_that_cannot_be_absent_is_left_out_and_not_stored() {
    let (cache, table) = (Cache::in_process(), Table::of([1]));
    assert_eq!(cache.scope_for(surely_many(&[1, 2], &table)).await, Ok(HashMap::from([(1, 10)])));
    assert_eq!(cache.scope_for(async { surely_entry(2).peek().await }).await, None);
    assert_eq!(cache.scope_for(surely(2, &table)).await, Err(Down));
    table.set(2, 20);
    assert_eq!(cache.scope_for(surely(2, &table)).await, Ok(20), "no lease is left");
    assert_eq!(table.asked(), [vec![1, 2], vec![2], vec![2]]);
}
