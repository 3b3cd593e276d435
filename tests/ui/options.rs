//! Options that are unknown, given twice, or written otherwise.

use cache_runtime::cached;

#[cached(ns = "a", tll = "short")]
async fn near(id: u64) -> u64 {
    id
}

#[cached(ns = "a", eviction = "lru")]
async fn far(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ns = "b")]
async fn twice(id: u64) -> u64 {
    id
}

#[cached(ns = "a", skip = id)]
async fn names_without_parentheses(id: u64) -> u64 {
    id
}

#[cached(ns = "a", skip())]
async fn no_names(id: u64) -> u64 {
    id
}

#[cached("a")]
async fn no_name(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl)]
async fn no_value(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = )]
async fn value_missing(id: u64) -> u64 {
    id
}

#[cached(ns = "a" ttl = "short")]
async fn comma_missing(id: u64) -> u64 {
    id
}

#[cached(ns = "a", compress = "gzip")]
async fn compress_unknown(id: u64) -> u64 {
    id
}

#[cached(ns = "a", compress = 9)]
async fn compress_is_no_level(id: u64) -> u64 {
    id
}

fn main() {}
