//! The entry that a value becomes.

use cache_runtime::{cached, invalidates, updates};

#[cached(ns = "a")]
async fn get(id: u64) -> Option<String> {
    Some(id.to_string())
}

#[updates]
async fn nothing(id: u64) -> String {
    id.to_string()
}

#[updates(tags("a", "x"), get(id))]
async fn tag_first(id: u64) -> String {
    id.to_string()
}

#[updates(each id in ids => get(id))]
async fn several(ids: Vec<u64>) -> String {
    ids.len().to_string()
}

#[updates(get(result.len()))]
async fn of_result(id: u64) -> String {
    id.to_string()
}

#[updates(get(id), mode = "after", deferred)]
async fn options(id: u64) -> String {
    id.to_string()
}

#[updates(get(id))]
async fn another_type(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[updates(get(id))]
#[invalidates(get(id))]
async fn both(id: u64) -> String {
    id.to_string()
}

#[cached(ns = "a")]
#[updates(get(id))]
async fn reads_and_writes(id: u64) -> String {
    id.to_string()
}

fn main() {}
