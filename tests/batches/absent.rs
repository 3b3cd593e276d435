//! What an id is worth that the body has no value for.

use super::source::{Down, Table, soon};
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
    assert_eq!(soon(cache.scope_for(surely(2, &table))).await, Err(Down));
    table.set(2, 20);
    assert_eq!(cache.scope_for(surely(2, &table)).await, Ok(20));
    assert_eq!(table.asked(), [vec![1, 2], vec![2], vec![2]]);
}

/// A body that gives more than it was asked for.
#[cached_many(surely, each = ids)]
async fn neighbours(ids: &[u64], table: &Table) -> Result<HashMap<u64, u64>, Down> {
    let around: Vec<u64> = ids.iter().flat_map(|id| id - 1..=id + 1).collect();
    table.query(&around).await
}

#[tokio::test]
async fn what_nobody_asked_for_is_neither_stored_nor_answered() {
    let (cache, table) = (Cache::in_process(), Table::of(0..10));
    assert_eq!(cache.scope_for(surely(3, &table)).await, Ok(30));
    table.set(3, 31);
    let found = cache.scope_for(neighbours(&[2, 3], &table)).await;
    assert_eq!(found, Ok(HashMap::from([(2, 20), (3, 30)])), "3 was there");
    assert_eq!(table.asked()[1..], [vec![1, 2, 3]]);
    assert!(!cache.scope_for(async { surely_entry(1).exists().await }).await);
    assert_eq!(cache.scope_for(surely(3, &table)).await, Ok(30));
}

#[cached(ns = "batches", ttl = "10s", l1 = "off", stale_if_error = "1h", skip(table))]
async fn lasting(id: u64, table: &Table) -> Result<u64, Down> {
    table.one(id).await?.ok_or(Down)
}

#[cached_many(lasting, each = ids)]
async fn lasting_many(ids: &[u64], table: &Table) -> Result<HashMap<u64, u64>, Down> {
    table.query(ids).await
}

#[tokio::test(start_paused = true)]
async fn an_expired_value_is_no_answer_where_the_body_has_none() {
    let (cache, table) = (Cache::in_process(), Table::of([1]));
    assert_eq!(cache.scope_for(lasting_many(&[1], &table)).await, Ok(HashMap::from([(1, 10)])));
    tokio::time::advance(Duration::from_mins(1)).await;
    let empty = Table::default();
    assert_eq!(cache.scope_for(lasting_many(&[1], &empty)).await, Ok(HashMap::new()));
    assert_eq!(empty.asked(), [vec![1]]);
}
