//! Targets of a mutation.

use cache_runtime::{cached, invalidates};

#[derive(Clone, Copy)]
struct Repo;

impl Repo {
    #[cached(ns = "a")]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates]
    async fn nothing(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::get)]
    async fn no_call(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(id + 1)]
    async fn no_target(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(each id ids => Self::get(id))]
    async fn each(&self, ids: Vec<u64>) -> usize {
        ids.len()
    }

    #[invalidates(Self::get(id), on_eror = "keep")]
    async fn options(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::get(id), on_error = "kep")]
    async fn values(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::get(id))]
    #[invalidates(Self::get(id))]
    async fn twice(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::get(id))]
    async fn opaque(&self, id: u64) -> impl Clone {
        id
    }
}

fn main() {}
