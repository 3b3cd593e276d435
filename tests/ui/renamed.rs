//! A mutation breaks when the function that it invalidates is renamed or takes other parameters.

use cache_runtime::{cached, invalidates};

struct Repo;

impl Repo {
    #[cached(ns = "a")]
    async fn find(&self, id: u64, tenant: u32) -> u64 {
        id + u64::from(tenant)
    }

    #[invalidates(Self::get(id))]
    async fn old_name(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::find(id))]
    async fn old_parameters(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::find(id, 1))]
    async fn old_type(&self, id: String) -> usize {
        id.len()
    }
}

fn main() {}
