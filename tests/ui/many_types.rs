//! Functions that load many, whose types do not fit.

use cache_runtime::{cached, cached_many};
use std::collections::HashMap;

#[cached(ns = "a")]
async fn get(id: u64) -> Option<u64> {
    Some(id)
}

#[cached_many(get, each = ids)]
async fn whose(ids: &[u64]) -> Vec<u64> {
    ids.to_vec()
}

#[cached_many(get, each = ids)]
async fn of_others(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, String::new())).collect()
}

#[cached_many(get, each = ids)]
async fn other_ids(ids: &[u32]) -> HashMap<u32, u64> {
    ids.iter().map(|id| (*id, 1)).collect()
}

#[cached_many(found, each = ids)]
async fn of_none(ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, 1)).collect()
}

struct Connection;

#[cached_many(get, each = ids)]
async fn taken_away(ids: &[u64], connection: Connection) -> HashMap<u64, u64> {
    drop(connection);
    ids.iter().map(|id| (*id, 1)).collect()
}

fn main() {}
