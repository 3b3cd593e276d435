//! Namespaces that are missing, empty, or not in their letters.

use cache_runtime::cached;

#[cached]
async fn missing(id: u64) -> u64 {
    id
}

#[cached(ns = "")]
async fn empty(id: u64) -> u64 {
    id
}

#[cached(ns = "My Tasks")]
async fn letters(id: u64) -> u64 {
    id
}

#[cached(ns = "a:b")]
async fn colon(id: u64) -> u64 {
    id
}

#[cached(ns = tasks)]
async fn no_string(id: u64) -> u64 {
    id
}

fn main() {}
