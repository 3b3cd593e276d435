//! Functions that load many.
#![allow(unused_variables)]

use cache_runtime::{cached, cached_many};
use std::collections::{HashMap, HashSet};

struct Repo;

impl Repo {
    #[cached(ns = "a")]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached_many]
    async fn nothing(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get)]
    async fn no_ids(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get(id))]
    async fn no_each(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(self.get, each = ids)]
    async fn method(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(tags("a", "b"), each = ids)]
    async fn tags(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, each = idds)]
    async fn unknown(&self, ids: &[u64], limit: u32) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, each = ids.iter())]
    async fn no_name(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(each id in ids => Self::get(id), each = ids)]
    async fn named_twice(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, Self::get, each = ids)]
    async fn two(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, each = ids, ttl = "short")]
    async fn options(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, each = ids, eech = ids)]
    async fn slips(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, each = ids)]
    async fn a_set(&self, ids: HashSet<u64>) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, each = ids)]
    async fn changes(&mut self, ids: &[u64], connection: &mut u64) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, each = ids)]
    async fn no_value(&self, ids: &[u64]) {}

    #[cached_many(Self::get, each = ids)]
    async fn opaque(&self, ids: &[u64]) -> impl Clone {
        HashMap::<u64, u64>::new()
    }

    #[cached_many(Self::get, each = ids)]
    fn not_async(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }

    #[cached_many(Self::get, each = ids)]
    #[cached(ns = "b")]
    async fn both(&self, ids: &[u64]) -> HashMap<u64, u64> {
        HashMap::new()
    }
}

fn main() {}
