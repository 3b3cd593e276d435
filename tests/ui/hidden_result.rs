//! A `Result` whose alias does not show it.

use cache_runtime::cached;

type Loaded = Result<u64, String>;

#[cached(ns = "a")]
async fn hidden(id: u64) -> Loaded {
    Ok(id)
}

fn main() {}
