//! The block form.

use cache_runtime::cached;

struct Repo;

#[cached(ns = "a", key = "{id}", skip(db), ttl = "shrot")]
impl Repo {
    #[cached]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(ttl = "90")]
    async fn own_mistake(&self, id: u64) -> u64 {
        id
    }

    #[cached = "a"]
    async fn no_list(&self, id: u64) -> u64 {
        id
    }
}

#[cached(ns = "a")]
impl Repo {
    fn nothing_cached() {}
}

#[cached(ttl = "short")]
impl Repo {
    #[cached]
    async fn no_namespace(&self, id: u64) -> u64 {
        id
    }
}

trait Tasks {
    async fn all(&self) -> u64;
}

#[cached(ns = "a")]
impl<T: Sync> Tasks for T {
    #[cached]
    async fn all(&self) -> u64 {
        1
    }
}

fn main() {
    let _entry = Repo::get_entry(1);
    let _entry = Repo::own_mistake_entry(1);
}
