//! Values of the other options.

use cache_runtime::cached;

#[cached(ns = "a", none = "keep")]
async fn none(id: u64) -> Option<u64> {
    Some(id)
}

#[cached(ns = "a", l1 = "validat", load_timeout = "30")]
async fn near(id: u64) -> u64 {
    id
}

#[cached(ns = "a", version = "2", schema = 256)]
async fn numbers(id: u64) -> u64 {
    id
}

#[cached(ns = "a", codec = "jsn", returns = "values")]
async fn names(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl_with = |value, more| value, unless = value.is_empty())]
async fn closures(id: u64) -> String {
    id.to_string()
}

#[cached(ns = "a", when = true)]
async fn always(id: u64) -> u64 {
    id
}

#[cached(ns = "a", when = |id| id > 1)]
async fn condition(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = id)]
async fn template(id: u64) -> u64 {
    id
}

struct Repo;

impl Repo {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(1);

    #[cached(ns = "a", load_timeout = Self::LIMIT)]
    async fn limit(id: u64) -> u64 {
        id
    }
}

fn main() {}
