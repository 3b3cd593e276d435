//! Parameters that a key cannot have, or cannot miss.

use cache_runtime::cached;

struct Path<T>(T);

trait Model {
    type Id: cache_runtime::KeyPart + Send + Sync;
}

#[cached(ns = "a", skip(dbb))]
async fn near(db: u64, id: u64) -> u64 {
    db + id
}

#[cached(ns = "a", skip(db, db))]
async fn twice(db: u64, id: u64) -> u64 {
    db + id
}

#[cached(ns = "a")]
async fn unique(db: &mut u64, id: u64) -> u64 {
    *db + id
}

#[cached(ns = "a")]
async fn pattern(Path(id): Path<u64>) -> u64 {
    id
}

struct Repo;

impl Repo {
    #[cached(ns = "a", skip(self))]
    async fn receiver(&self, id: u64) -> u64 {
        id
    }
}

#[cached(ns = "a")]
async fn two_types<M: Model>(id: M::Id) -> u64 {
    drop(id);
    1
}

#[cached(ns = "a", key = "{id}")]
async fn constant<const N: usize>(id: u64) -> u64 {
    id
}

fn main() {}
