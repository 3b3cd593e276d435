//! `hitbox` 0.2.4: moka with each of two formats, which every hit decodes, and moka over Redis.

use cache_benches::case::{self, Boxed, Case, Setup, Slice};
use cache_benches::remote;
use cache_benches::work::{LoadError, Task, load_page, load_task, load_task_slowly};
use hitbox::concurrency::{BroadcastConcurrencyManager, NoopConcurrencyManager};
use hitbox::offload::OffloadManager;
use hitbox::policy::{ConcurrencyLimit, PolicyConfig};
use hitbox_backend::composition::{Compose, CompositionBackend};
use hitbox_backend::format::{BincodeFormat, JsonFormat};
use hitbox_core::DisabledOffload;
use hitbox_fn::prelude::*;
use hitbox_moka::MokaBackend;
use hitbox_redis::{ConnectionMode, RedisBackend};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

type Over<B> = Cache<B, NoopConcurrencyManager, DisabledOffload>;
type Tiers = CompositionBackend<MokaBackend<BincodeFormat>, RedisBackend, OffloadManager>;

type Flights = Cache<RedisBackend, BroadcastConcurrencyManager<Result<OwnTask, LoadError>>, DisabledOffload>;

static REDIS: OnceLock<Over<RedisBackend>> = OnceLock::new();
static FLIGHTS: OnceLock<Flights> = OnceLock::new();
static JSON: OnceLock<Over<MokaBackend<JsonFormat>>> = OnceLock::new();
static BINCODE: OnceLock<Over<MokaBackend<BincodeFormat>>> = OnceLock::new();
static TIERS: OnceLock<Over<Tiers>> = OnceLock::new();

macro_rules! response {
    ($name:ident, $inner:ty, $value:ty) => {
        #[derive(Clone, Debug, Serialize, Deserialize, CacheableResponse)]
        pub struct $name {
            inner: $inner,
        }

        impl Borrow<$value> for $name {
            fn borrow(&self) -> &$value {
                &self.inner
            }
        }
    };
}

response!(OwnTask, Task, Task);
response!(ArcTask, Arc<Task>, Task);
response!(OwnPage, Vec<Task>, Vec<Task>);
response!(ArcPage, Arc<Vec<Task>>, Vec<Task>);

#[cached(prefix = "task_arc")]
async fn task_arc(id: u64) -> Result<ArcTask, LoadError> {
    load_task(id).map(|task| ArcTask { inner: Arc::new(task) })
}

#[cached(prefix = "task")]
async fn task(id: u64) -> Result<OwnTask, LoadError> {
    load_task(id).map(|inner| OwnTask { inner })
}

#[cached(prefix = "list_arc")]
async fn list_arc(
    user_id: String,
    status: Option<String>,
    limit: u32,
    offset: u32,
) -> Result<ArcPage, LoadError> {
    load_page(&user_id, status.as_deref(), limit, offset).map(|page| ArcPage { inner: Arc::new(page) })
}

#[cached(prefix = "list")]
async fn list(
    user_id: String,
    status: Option<String>,
    limit: u32,
    offset: u32,
) -> Result<OwnPage, LoadError> {
    load_page(&user_id, status.as_deref(), limit, offset).map(|inner| OwnPage { inner })
}

fn policy() -> PolicyConfig {
    PolicyConfig::builder().ttl(Duration::from_secs(300)).build()
}

fn in_process() {
    let json = MokaBackend::builder().max_entries(10_000).value_format(JsonFormat).build();
    assert!(JSON.set(Cache::builder().backend(json).policy(policy()).build()).is_ok());
    let bincode = MokaBackend::builder().max_entries(10_000).value_format(BincodeFormat).build();
    assert!(BINCODE.set(Cache::builder().backend(bincode).policy(policy()).build()).is_ok());
}

fn tiers(setup: &Setup) {
    let moka = MokaBackend::builder().max_entries(10_000).value_format(BincodeFormat).build();
    let redis = RedisBackend::builder().connection(ConnectionMode::single(&setup.redis)).build();
    let both = moka.compose(redis.expect("the address is right"), OffloadManager::with_defaults());
    assert!(TIERS.set(Cache::builder().backend(both).policy(policy()).build()).is_ok());
}

#[cached(prefix = "slow")]
async fn slow(id: u64) -> Result<OwnTask, LoadError> {
    load_task_slowly(id).await.map(|inner| OwnTask { inner })
}

fn redis(setup: &Setup) -> RedisBackend {
    let redis = RedisBackend::builder().connection(ConnectionMode::single(&setup.redis)).build();
    redis.expect("the address is right")
}

macro_rules! over_redis {
    (|$setup:ident| $slice:expr) => {
        |$setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                let cache = Cache::builder().backend(redis(&$setup)).policy(policy()).build();
                assert!(REDIS.set(cache).is_ok());
                $slice
            })
        }
    };
}

async fn remote_task(id: u64) -> Result<OwnTask, LoadError> {
    task(id).cache(REDIS.get().expect("it is installed")).await
}

async fn remote_list(
    user: &'static str,
    status: Option<&'static str>,
    limit: u32,
    offset: u32,
) -> Result<OwnPage, LoadError> {
    let (user, status) = (user.to_owned(), status.map(str::to_owned));
    list(user, status, limit, offset).cache(REDIS.get().expect("it is installed")).await
}

fn remote_cases() -> Vec<Case> {
    let name = "hitbox, Redis, bincode (default)";
    vec![
        Case::new("redis", name, over_redis!(|s| remote::hits(s, remote_task).await)),
        Case::new("rows", name, over_redis!(|s| remote::list_hits(s, remote_list).await)),
        Case::new("miss", name, over_redis!(|s| remote::misses(&s, remote_task))),
        Case::new("stampede", "hitbox, Redis, BroadcastConcurrencyManager", |setup| {
            Box::pin(async move {
                let limit = ConcurrencyLimit::new(1).expect("one is not none");
                let policy = PolicyConfig::builder().ttl(Duration::from_secs(300)).concurrency(limit).build();
                let manager = BroadcastConcurrencyManager::new();
                let cache =
                    Cache::builder().backend(redis(&setup)).policy(policy).concurrency_manager(manager);
                assert!(FLIGHTS.set(cache.build()).is_ok());
                remote::herd(
                    |id| async move { slow(id).cache(FLIGHTS.get().expect("it is installed")).await },
                )
            })
        }),
    ]
}

macro_rules! tasks {
    ($cache:ident, $function:ident) => {
        |setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                if stringify!($cache) == "TIERS" {
                    tiers(&setup)
                } else {
                    in_process()
                }
                let call =
                    |id| async move { $function(id).cache($cache.get().expect("it is installed")).await };
                case::tasks(setup, call).await
            })
        }
    };
}

macro_rules! lists {
    ($cache:ident, $function:ident) => {
        |setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                if stringify!($cache) == "TIERS" {
                    tiers(&setup)
                } else {
                    in_process()
                }
                // the macro takes no borrowed arguments
                let call = |user: &'static str, status: Option<&'static str>, limit, offset| async move {
                    let (user, status) = (user.to_owned(), status.map(str::to_owned));
                    $function(user, status, limit, offset).cache($cache.get().expect("it is installed")).await
                };
                case::lists(setup, call).await
            })
        }
    };
}

/// It in all subjects.
pub fn cases() -> Vec<Case> {
    let (json, bincode, both) =
        ("hitbox, moka, JSON (default)", "hitbox, moka, bincode", "hitbox, moka with bincode over Redis");
    let note = "moka holds encoded values, which every hit decodes; no dogpile prevention (its default)";
    vec![
        Case::new("task-arc", bincode, tasks!(BINCODE, task_arc)),
        Case::new("task-arc", json, tasks!(JSON, task_arc)),
        Case::new("task-arc", both, tasks!(TIERS, task_arc)).over_redis(),
        Case::new("task", bincode, tasks!(BINCODE, task)),
        Case::new("task", json, tasks!(JSON, task)),
        Case::new("task", both, tasks!(TIERS, task)).over_redis(),
        Case::new("list-arc", bincode, lists!(BINCODE, list_arc)),
        Case::new("list-arc", json, lists!(JSON, list_arc)),
        Case::new("list", bincode, lists!(BINCODE, list)),
        Case::new("list", json, lists!(JSON, list)),
    ]
    .into_iter()
    .map(|case| case.note(note))
    .chain(remote_cases().into_iter().map(Case::over_redis))
    .collect()
}
