//! `cached` 4.1 over Redis: `#[concurrent_cached]` with its asynchronous store.

use cache_benches::case::{Boxed, Case, Setup, Slice};
use cache_benches::remote;
use cache_benches::work::{LoadError, Task, load_page, load_task, load_task_slowly};
use cached::macros::concurrent_cached;
use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use std::sync::OnceLock;
use std::time::Duration;

static URL: OnceLock<String> = OnceLock::new();

async fn store<K, V>(prefix: &str) -> AsyncRedisCache<K, V>
where
    K: std::fmt::Display + Clone + Send + Sync,
    V: serde::Serialize + serde::de::DeserializeOwned + Send,
{
    let url = URL.get().expect("it is set");
    let builder = AsyncRedisCache::builder(prefix).ttl(Duration::from_secs(300)).connection_string(url);
    builder.build().await.expect("the server runs")
}

#[concurrent_cached(
    ty = "cached::AsyncRedisCache<u64, Task>",
    create = { store("task").await },
    map_error = |_| LoadError
)]
async fn task(id: u64) -> Result<Task, LoadError> {
    load_task(id)
}

#[concurrent_cached(
    ty = "cached::AsyncRedisCache<String, Vec<Task>>",
    create = { store("list").await },
    key = "String",
    convert = { format!("{user_id}:{status:?}:{limit}:{offset}") },
    map_error = |_| LoadError
)]
async fn list(user_id: &str, status: Option<&str>, limit: u32, offset: u32) -> Result<Vec<Task>, LoadError> {
    load_page(user_id, status, limit, offset)
}

#[concurrent_cached(
    ty = "cached::AsyncRedisCache<u64, Task>",
    create = { store("slow").await },
    map_error = |_| LoadError
)]
async fn slow(id: u64) -> Result<Task, LoadError> {
    load_task_slowly(id).await
}

async fn remove(id: u64) -> Result<(), LoadError> {
    let store = TASK.get().expect("a task was asked for");
    store.async_cache_delete(&id).await.map(drop).map_err(|_| LoadError)
}

macro_rules! over {
    (|$setup:ident| $slice:expr) => {
        |$setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                URL.set($setup.redis.clone()).expect("it is set once");
                task(0).await.expect("no body fails");
                $slice
            })
        }
    };
}

/// It in all subjects over a server.
pub fn cases() -> Vec<Case> {
    let name = "cached, #[concurrent_cached], AsyncRedisCache";
    vec![
        Case::new("redis", name, over!(|setup| remote::hits(setup, task).await)),
        Case::new("rows", name, over!(|setup| remote::list_hits(setup, list).await)),
        Case::new("miss", name, over!(|setup| remote::misses(&setup, task))),
        Case::new("invalidate", name, over!(|setup| remote::mutations(&setup, remove))),
        Case::new("stampede", name, over!(|_setup| remote::herd(slow))),
    ]
    .into_iter()
    .map(Case::over_redis)
    .collect()
}
