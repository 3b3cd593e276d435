//! `multi-tier-cache` 0.6.9: moka in front of Redis; both hold bytes, so that every hit decodes.

use cache_benches::case::{self, Boxed, Case, Setup, Slice};
use cache_benches::remote;
use cache_benches::work::{LoadError, Task, load_page, load_task, load_task_slowly};
use multi_tier_cache::{CacheManager, CacheStrategy, CacheTier, L1Cache, L2Cache, MokaCacheConfig};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::{Arc, OnceLock};

const STRATEGY: CacheStrategy = CacheStrategy::ShortTerm; // 300 s

static CACHE: OnceLock<CacheManager> = OnceLock::new();

async fn install(setup: &Setup) {
    let l1 = L1Cache::new(MokaCacheConfig::default()).expect("the configuration is its own");
    let l2 = L2Cache::with_url(&setup.redis).await.expect("the server runs");
    let cache = CacheManager::new_with_backends(Arc::new(l1), Arc::new(l2), None);
    assert!(CACHE.set(cache.expect("two tiers")).is_ok());
}

async fn install_redis_alone(setup: &Setup) {
    let l2 = L2Cache::with_url(&setup.redis).await.expect("the server runs");
    let tier = CacheTier::new(Arc::new(l2), 1, false, 1, 1.0);
    assert!(CACHE.set(CacheManager::new_with_tiers(vec![tier], None).expect("one tier")).is_ok());
}

async fn cached<V>(key: String, load: impl FnOnce() -> Result<V, LoadError> + Send) -> Result<V, LoadError>
where
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let cache = CACHE.get().expect("it is installed");
    let load = || async { Ok(load().expect("no body fails")) };
    cache.get_or_compute_typed(&key, STRATEGY, load).await.map_err(|_| LoadError)
}

async fn task<V: From<Task> + Serialize + DeserializeOwned + Send + Sync + 'static>(
    id: u64,
) -> Result<V, LoadError> {
    cached(format!("tasks:{id}"), move || load_task(id).map(V::from)).await
}

async fn list<V: From<Vec<Task>> + Serialize + DeserializeOwned + Send + Sync + 'static>(
    user_id: &'static str,
    status: Option<&'static str>,
    limit: u32,
    offset: u32,
) -> Result<V, LoadError> {
    let key = format!("list:{user_id}:{status:?}:{limit}:{offset}");
    cached(key, move || load_page(user_id, status, limit, offset).map(V::from)).await
}

async fn slow(id: u64) -> Result<Task, LoadError> {
    let cache = CACHE.get().expect("it is installed");
    let load = || async { Ok(load_task_slowly(id).await.expect("no body fails")) };
    cache.get_or_compute_typed(&format!("slow:{id}"), STRATEGY, load).await.map_err(|_| LoadError)
}

async fn remove(id: u64) -> Result<(), LoadError> {
    CACHE.get().expect("it is installed").invalidate(&format!("tasks:{id}")).await.map_err(|_| LoadError)
}

macro_rules! over {
    ($install:ident, |$setup:ident| $slice:expr) => {
        |$setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                $install(&$setup).await;
                $slice
            })
        }
    };
}

macro_rules! installed {
    ($calls:ident, $function:expr) => {
        |setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                install(&setup).await;
                case::$calls(setup, $function).await
            })
        }
    };
}

/// It in all subjects.
pub fn cases() -> Vec<Case> {
    let name = "multi-tier-cache, moka over Redis";
    let note = "its tier in memory holds JSON, which every hit decodes";
    vec![
        Case::new("task-arc", name, installed!(tasks, task::<Arc<Task>>)),
        Case::new("task", name, installed!(tasks, task::<Task>)),
        Case::new("list-arc", name, installed!(lists, list::<Arc<Vec<Task>>>)),
        Case::new("list", name, installed!(lists, list::<Vec<Task>>)),
    ]
    .into_iter()
    .map(|case| case.note(note))
    .chain(remote_cases())
    .map(Case::over_redis)
    .collect()
}

fn remote_cases() -> Vec<Case> {
    let (both, redis) = ("multi-tier-cache, moka over Redis", "multi-tier-cache, Redis alone");
    vec![
        Case::new("redis", redis, over!(install_redis_alone, |s| remote::hits(s, task::<Task>).await)),
        Case::new(
            "rows",
            redis,
            over!(install_redis_alone, |s| remote::list_hits(s, list::<Vec<Task>>).await),
        ),
        Case::new("miss", both, over!(install, |s| remote::misses(&s, task::<Task>))),
        Case::new("invalidate", both, over!(install, |s| remote::mutations(&s, remove)))
            .note("without its channel that tells other processes"),
        Case::new("stampede", both, over!(install, |_s| remote::herd(slow))),
    ]
}
