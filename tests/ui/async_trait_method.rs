//! In a trait's impl the companion has no place, unless the block form makes one.

use cache_runtime::cached;

#[async_trait::async_trait]
trait Tasks {
    async fn get(&self, id: u64) -> u64;
}

struct Pg;

#[async_trait::async_trait]
impl Tasks for Pg {
    #[cached(ns = "a")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
