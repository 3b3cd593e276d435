//! The generated crates: the same functions, by each contestant.

use super::FUNCTIONS;
use std::fmt::Write as _;

/// What names begin with that differ in their number alone, in whatever case.
pub(super) const ITEM: &str = "item";

/// Who, and how a function of his looks. `{n}` is its number.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) own: bool,
    pub(super) note: &'static str,
    /// What stands above all functions.
    head: &'static str,
    /// Before each.
    before: &'static str,
    /// Above each.
    attribute: &'static str,
    /// What each returns in its `Ok`.
    value: &'static str,
    body: &'static str,
    /// What a caller adds to a call.
    call: &'static str,
}

const PLAIN: Contestant = Contestant {
    name: "no cache = limit",
    own: false,
    note: "",
    head: "",
    before: "",
    attribute: "",
    value: "Task",
    body: "load_task(id + {n})",
    call: "",
};

/// A type for each function.
const OWN_TYPE: &str = "\
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Item{n}(pub Task);
";

pub(super) const CONTESTANTS: [Contestant; 11] = [
    PLAIN,
    Contestant { name: "quick_cache by hand, with a ttl", body: IN_MEMORY, ..PLAIN },
    Contestant { name: "redis by hand", head: BY_HAND, body: OVER_REDIS, ..PLAIN },
    Contestant {
        name: "redis by hand, a type for each",
        head: BY_HAND,
        before: OWN_TYPE,
        value: "Item{n}",
        body: "json(format!(\"item:{n}:{id}\"), move || load_task(id + {n}).map(Item{n})).await",
        ..PLAIN
    },
    Contestant {
        name: "this library",
        own: true,
        note: "in process and over Redis alike: which it is is said when the program starts",
        attribute: "#[cache_runtime::cached(ns = \"build\", ttl = \"medium\")]",
        ..PLAIN
    },
    Contestant {
        name: "this library, a type for each",
        own: true,
        before: OWN_TYPE,
        attribute: "#[cache_runtime::cached(ns = \"build\", ttl = \"medium\")]",
        value: "Item{n}",
        body: "load_task(id + {n}).map(Item{n})",
        ..PLAIN
    },
    Contestant {
        name: "cached, #[cached]",
        attribute: "#[cached::macros::cached(max_size = 1_000, ttl_secs = 300)]",
        ..PLAIN
    },
    Contestant {
        name: "cached, #[concurrent_cached]",
        attribute: "#[cached::macros::concurrent_cached(max_size = 1_000, ttl_secs = 300)]",
        ..PLAIN
    },
    Contestant {
        name: "cached, #[concurrent_cached], AsyncRedisCache",
        head: CACHED_REDIS,
        attribute: "#[cached::macros::concurrent_cached(ty = \"cached::AsyncRedisCache<u64, Task>\", \
                    create = { store(\"item_{n}\").await }, map_error = |_| LoadError)]",
        ..PLAIN
    },
    Contestant { name: "multi-tier-cache, by hand", head: MULTI_TIER, body: OVER_TIERS, ..PLAIN },
    Contestant {
        name: "hitbox",
        head: HITBOX,
        attribute: "#[hitbox_fn::cached]",
        value: "Own",
        body: "load_task(id + {n}).map(|inner| Own { inner })",
        call: ".cache(&*CACHE)",
        ..PLAIN
    },
];

const IN_MEMORY: &str = "\
static CACHE: std::sync::LazyLock<quick_cache::sync::Cache<u64, cache_benches::limits::Timed<Task>>> =
        std::sync::LazyLock::new(|| quick_cache::sync::Cache::new(1_000));
    if let Some(found) = CACHE.get(&id).and_then(cache_benches::limits::Timed::fresh) { return Ok(found); }
    let loaded = load_task(id + {n})?;
    CACHE.insert(id, cache_benches::limits::Timed::new(loaded.clone()));
    Ok(loaded)";

const OVER_REDIS: &str = "json(format!(\"item:{n}:{id}\"), move || load_task(id + {n})).await";

const BY_HAND: &str = "\
use redis::{AsyncCommands, aio::MultiplexedConnection};
static CONNECTION: std::sync::OnceLock<MultiplexedConnection> = std::sync::OnceLock::new();
async fn json<V>(key: String, load: impl FnOnce() -> Result<V, LoadError>) -> Result<V, LoadError>
where
    V: serde::Serialize + serde::de::DeserializeOwned,
{
    let mut connection = CONNECTION.get().ok_or(LoadError)?.clone();
    let found: Option<Vec<u8>> = connection.get(&key).await.map_err(|_| LoadError)?;
    if let Some(found) = found {
        return serde_json::from_slice(&found).map_err(|_| LoadError);
    }
    let value = load()?;
    let encoded = serde_json::to_vec(&value).map_err(|_| LoadError)?;
    let () = connection.set_ex(&key, encoded, 300).await.map_err(|_| LoadError)?;
    Ok(value)
}
";

const CACHED_REDIS: &str = "\
async fn store<K, V>(prefix: &str) -> cached::AsyncRedisCache<K, V>
where
    K: std::fmt::Display + Clone + Send + Sync,
    V: serde::Serialize + serde::de::DeserializeOwned + Send,
{
    let builder = cached::AsyncRedisCache::builder(prefix).ttl(std::time::Duration::from_secs(300));
    builder.connection_string(\"redis://127.0.0.1\").build().await.expect(\"the server runs\")
}
";

const OVER_TIERS: &str = "cached(format!(\"item:{n}:{id}\"), move || load_task(id + {n})).await";

const MULTI_TIER: &str = "\
static CACHE: std::sync::OnceLock<multi_tier_cache::CacheManager> = std::sync::OnceLock::new();
async fn cached<V>(key: String, load: impl FnOnce() -> Result<V, LoadError> + Send) -> Result<V, LoadError>
where
    V: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let cache = CACHE.get().ok_or(LoadError)?;
    let load = || async { Ok(load().expect(\"no body fails\")) };
    let strategy = multi_tier_cache::CacheStrategy::ShortTerm;
    cache.get_or_compute_typed(&key, strategy, load).await.map_err(|_| LoadError)
}
";

/// Its functions return what it can store, and are called with a cache.
const HITBOX: &str = "\
use hitbox_fn::prelude::*;
use hitbox_moka::MokaBackend;
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, CacheableResponse)]
pub struct Own { inner: Task }
type InMemory = Cache<
    MokaBackend<hitbox_backend::format::BincodeFormat>,
    hitbox::concurrency::NoopConcurrencyManager,
    hitbox_core::DisabledOffload,
>;
static CACHE: std::sync::LazyLock<InMemory> = std::sync::LazyLock::new(|| {
    let policy =
        hitbox::policy::PolicyConfig::builder().ttl(std::time::Duration::from_secs(300)).build();
    let moka = MokaBackend::builder().max_entries(1_000).value_format(hitbox_backend::format::BincodeFormat);
    Cache::builder().backend(moka.build()).policy(policy).build()
});
";

impl Contestant {
    pub(super) fn source(&self) -> String {
        let Self { head, before, attribute, value, body, call, .. } = self;
        let mut text = format!(
            "#![allow(unused_imports)]\nuse cache_benches::work::{{LoadError, Task, load_task}};\n{head}"
        );
        let mut all = String::new();
        for number in 0..FUNCTIONS {
            let function = format!(
                "{before}{attribute}\npub async fn {ITEM}_{{n}}(id: u64) -> Result<{value}, LoadError> {{\n    {body}\n}}\n"
            );
            text += &function.replace("{n}", &number.to_string());
            let _ = writeln!(all, "Box::pin(async {{ {ITEM}_{number}(1){call}.await.is_ok() }}),");
        }
        // what is called somewhere is compiled
        let futures = "std::pin::Pin<Box<dyn Future<Output = bool> + Send>>";
        let _ = writeln!(text, "pub fn all() -> Vec<{futures}> {{ vec![{all}] }}");
        text
    }
}
