//! Options that cannot both be meant.

use cache_runtime::{cached, invalidates};

#[cached(ns = "a", none = "cache")]
async fn never_none(id: u64) -> Result<Vec<u64>, String> {
    Ok(vec![id])
}

#[cached(ns = "a", ttl = "never", ttl_with = |_| std::time::Duration::from_secs(1))]
async fn two_ttls(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = "never", ttl_only)]
async fn no_end(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = "{id}", skip(id))]
async fn in_and_out(id: u64) -> u64 {
    id
}

struct Db {
    cache: cache_runtime::Cache,
}

#[cached(ns = "a", skip(db), cache = db.cache)]
async fn cache_of_a_skipped_parameter(db: &Db, id: u64) -> u64 {
    let _ = db;
    id
}

#[cached(ns = "a")]
#[cached(ns = "b")]
async fn twice(id: u64) -> u64 {
    id
}

#[cached(ns = "a")]
#[invalidates(twice(id))]
async fn reads_and_writes(id: u64) -> u64 {
    id
}

fn main() {}
