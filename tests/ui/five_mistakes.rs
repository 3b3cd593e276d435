//! Five mistakes in one attribute are five errors, and no other: what stands around the function still compiles.

use cache_runtime::{cached, invalidates};

struct Repo;

impl Repo {
    #[cached(ns = "Tasks", ttl = "mediun", skpi(id), version = 0, none = "chache")]
    async fn get(&self, id: u64) -> Option<u64> {
        Some(id)
    }

    #[invalidates(Self::get(id))]
    async fn change(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let _future = Repo.get(1);
    let _entry = Repo::get_entry(1);
    let _future = Repo.change(1);
}
