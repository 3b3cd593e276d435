//! Every form in which an attribute can stand. Nothing in it is to be found.
#![allow(dead_code)]

use async_trait::async_trait;
use cache_runtime::{Cache, KeyPart, cached, invalidates, updates};
use std::marker::PhantomData;
use std::time::Duration;

#[cached(ns = "forms")]
pub(crate) async fn free(id: u64) -> u64 {
    id
}

#[cached(ns = "forms", skip(T))]
async fn generic<T: KeyPart + Sync>(of: &T) -> String {
    let _ = of;
    String::new()
}

#[cached(ns = "forms")]
async fn r#type(id: u64) -> u64 {
    id
}

#[invalidates(generic::<T>(of), r#type(1))]
async fn generic_change<T: KeyPart + Sync + Clone>(of: &T) {
    let _ = of;
}

pub(crate) struct Repo {
    tenant: u64,
    cache: Cache,
}

impl Repo {
    const TTL: Duration = Duration::from_secs(7);

    #[cached(ns = "forms")]
    async fn get(&self, id: u64) -> Result<Option<u64>, String> {
        Ok(Some(id))
    }

    #[cached(ns = "forms", version = 2, tags = ["owner:{owner}", "first:{result.0}"])]
    async fn tagged(&self, owner: u64, limit: u32) -> Result<Option<(u8, u8)>, String> {
        let _ = (owner, limit);
        Ok(None)
    }

    #[cached(ns = "forms", key = "{self.tenant}:{id}")]
    async fn of_tenant(&self, id: u64) -> u64 {
        id
    }

    #[cached(ns = "forms", ttl = Self::TTL, ttl_only)]
    async fn constant(&self) -> u64 {
        1
    }

    #[cached(ns = "forms.cleared")]
    async fn cleared(&self) -> u64 {
        1
    }

    #[cached(ns = "forms", ttl_with = |_| Duration::from_secs(1), ttl_only)]
    async fn by_value(&self) -> u64 {
        1
    }

    /// The key of `get`, in a cache that may be another.
    #[cached(ns = "forms", key = "get:{id}", cache = self.cache, ttl_only)]
    async fn elsewhere(&self, id: u64) -> u64 {
        id
    }

    #[updates(Repo::get(id))]
    async fn replace(&self, id: u64) -> Result<u64, String> {
        Ok(id)
    }
}

mod apart {
    use cache_runtime::invalidates;

    impl super::Repo {
        #[invalidates(
            Self::get(id),
            self.of_tenant(id),
            super::free(id),
            tags("forms", "owner:{owner}", "first:{result}"),
            namespace("forms.cleared")
        )]
        async fn change(&self, id: u64, owner: u64) -> Result<u64, String> {
            let _ = owner;
            Ok(id)
        }
    }
}

struct Generic<M, D>(PhantomData<fn() -> (M, D)>);

impl<M: KeyPart + Clone + Send + Sync, D> Generic<M, D> {
    #[cached(ns = "forms.generic")]
    async fn get(&self, id: M) -> u64 {
        let _ = id;
        1
    }

    #[invalidates(Self::get(id))]
    async fn change(&self, id: M) {
        drop(id);
    }
}

trait Load<K> {
    async fn load(&self, key: K) -> u64;
    async fn save(&self, key: K);
}

struct Plain<D>(D);

#[cached(ns = "forms.plain")]
impl<K: KeyPart + Clone + Send, D: Sync> Load<K> for Plain<D> {
    #[cached]
    async fn load(&self, key: K) -> u64 {
        drop(key);
        1
    }

    #[invalidates(Self::load(key))]
    async fn save(&self, key: K) {
        drop(key);
    }
}

#[async_trait]
trait LoadBoxed {
    async fn load(&self, key: u64) -> u64;
    async fn save(&self, key: u64);
}

struct Boxed;

#[async_trait]
#[cached(ns = "forms.boxed")]
impl LoadBoxed for Boxed {
    #[cached]
    async fn load(&self, key: u64) -> u64 {
        key
    }

    #[invalidates(Self::load(key))]
    async fn save(&self, key: u64) {
        let _ = key;
    }
}

macro_rules! repo {
    ($name:ident, $namespace:literal) => {
        struct $name;

        impl $name {
            #[cached(ns = $namespace)]
            async fn get(&self, id: u64) -> u64 {
                id
            }

            #[invalidates(Self::get(id))]
            async fn change(&self, id: u64) {
                let _ = id;
            }
        }
    };
}

repo!(First, "forms.first");
repo!(Second, "forms.second");

#[derive(Clone)]
struct Background;

impl Background {
    #[cached(ns = "forms.background", swr = "1s")]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::get(id), deferred)]
    async fn change(&self, id: u64) -> Result<(), String> {
        let _ = id;
        Ok(())
    }
}
