//! The configuration of a cache.

use super::Cache;
use crate::catalog::catalog;
use crate::engine::{Engine, Parts};
use crate::error::ConfigError;
use crate::local::{Capacity, Local};
use crate::memory::Memory;
use crate::pending::Pending;
use crate::store::Store;
use std::sync::Arc;

/// Bodies that run at once in one namespace, unless said.
const LOADS: usize = 64;

/// What becomes of the entries when the server was restarted or replaced by a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnRestart {
    /// Each process sends its invalidations of the last minute again before it reads. What a process that is gone had invalidated may
    /// come back until its ttl ends.
    #[default]
    Replay,
    /// Besides, all entries from before are taken as invalid.
    Flush,
}

/// A cache being configured.
#[must_use]
pub struct CacheBuilder {
    pub(super) app: String,
    pub(super) local: Capacity,
    store: Choice,
    #[cfg(feature = "redis")]
    tls: Option<crate::redis::Tls>,
    enabled: bool,
    loads: usize,
    #[cfg_attr(
        not(feature = "redis"),
        expect(dead_code, reason = "only a server restarts apart from its caches")
    )]
    on_restart: OnRestart,
}

enum Choice {
    InProcess,
    Given(Arc<dyn Store>),
    #[cfg(feature = "redis")]
    Redis {
        url: Result<String, ConfigError>,
        setting: &'static str,
    },
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            app: String::new(),
            local: Capacity::mib(64),
            store: Choice::InProcess,
            #[cfg(feature = "redis")]
            tls: None,
            enabled: true,
            loads: LOADS,
            on_restart: OnRestart::Replay,
        }
    }
}

impl CacheBuilder {
    /// Shares entries through a Redis or Valkey (≥ 7.0): `redis://[user:password@]host[:port][/db]`, or one of the other forms that the
    /// manual's page on topologies names.
    #[cfg(feature = "redis")]
    pub fn redis(self, url: impl Into<String>) -> Self {
        self.redis_at(Ok(url.into()))
    }

    #[cfg(feature = "redis")]
    fn redis_at(self, url: Result<String, ConfigError>) -> Self {
        Self { store: Choice::Redis { url, setting: "redis url" }, ..self }
    }

    /// Shares entries through a Redis Cluster, found by any of its servers: `redis://[user:password@]host[:port]`, the same in
    /// everything but the host. It has to be without `OnRestart::Flush`.
    #[cfg(feature = "cluster")]
    pub fn redis_cluster(self, urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.redis_at(crate::redis::joined("cluster", urls, ""))
    }

    /// Shares entries through the master of this name, found by any of its sentinels: `redis://[user:password@]host[:port][/db]` with
    /// the host and port of a sentinel, and user, password and database of the master; the same in everything but the host.
    #[cfg(feature = "sentinel")]
    pub fn redis_sentinel(
        self,
        urls: impl IntoIterator<Item = impl Into<String>>,
        master: impl AsRef<str>,
    ) -> Self {
        self.redis_at(crate::redis::joined("sentinel", urls, master.as_ref()))
    }

    /// Certificates for `rediss://`.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: crate::redis::Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Shares entries through `store`: several caches over one [`Memory`], or a store of your own.
    pub fn store(self, store: Arc<dyn Store>) -> Self {
        Self { store: Choice::Given(store), ..self }
    }

    /// The first part of every key: lower case letters, digits, `_`, `-`, `.`.
    pub fn app(self, app: impl Into<String>) -> Self {
        Self { app: app.into(), ..self }
    }

    /// How much the in-process tier holds; 64 MiB unless said.
    pub fn local(self, capacity: Capacity) -> Self {
        Self { local: capacity, ..self }
    }

    /// What becomes of the entries when the server was restarted or replaced; all processes of an application have to say the same.
    pub fn on_restart(self, on_restart: OnRestart) -> Self {
        Self { on_restart, ..self }
    }

    /// How many bodies run at once in one namespace for the store, so that clearing thousands of hot entries does not become thousands of
    /// queries at once; 64 unless said. Others wait in the order they came, each at most for its `load_timeout` and three seconds.
    pub fn loads(self, most: usize) -> Self {
        Self { loads: most.clamp(1, tokio::sync::Semaphore::MAX_PERMITS), ..self }
    }

    /// Builds the cache; never waits for the store, never fails because it is down.
    ///
    /// # Errors
    /// If a setting cannot be used, or two annotated functions of the program have one key.
    ///
    /// # Panics
    /// With a Redis, outside of a tokio runtime.
    pub fn build(self) -> Result<Cache, ConfigError> {
        check_app("application name", &self.app)?;
        check_keys()?;
        let local = Arc::new(Local::new(self.local));
        let pending = Arc::new(Pending::of(self.app.clone(), local.clone()));
        let store: Arc<dyn Store> = match &self.store {
            Choice::InProcess => Arc::new(Memory::default()),
            Choice::Given(store) => store.clone(),
            #[cfg(feature = "redis")]
            Choice::Redis { url, setting } => {
                let guarded = (self.on_restart == OnRestart::Flush).then(|| self.app.clone());
                let upkeep = crate::redis::Upkeep::of(pending.clone(), guarded);
                crate::redis::open(&url.clone()?, setting, self.tls.as_ref(), upkeep)?
            }
        };
        Ok(self.over(store, local, pending))
    }

    /// A cache of this process alone.
    pub(super) fn in_process(self) -> Cache {
        self.over_memory(Memory::default())
    }

    /// A cache that caches nothing.
    pub(super) fn disabled(self) -> Cache {
        let builder = Self { local: Capacity::mib(0), enabled: false, ..self };
        builder.over_memory(Memory::with_capacity(0))
    }

    fn over_memory(self, memory: Memory) -> Cache {
        let local = Arc::new(Local::new(self.local));
        let pending = Arc::new(Pending::of(self.app.clone(), local.clone()));
        self.over(Arc::new(memory), local, pending)
    }

    fn over(self, store: Arc<dyn Store>, local: Arc<Local>, pending: Arc<Pending>) -> Cache {
        store.listen(&self.app, local.clone());
        let Self { app, enabled, loads, .. } = self;
        let parts = Parts { app, store, local, pending, enabled, loads };
        Cache { engine: Arc::new(Engine::new(parts)) }
    }

    pub(super) fn from_vars(var: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<Self, ConfigError> {
        let text = |name: &'static str| match var(name).map(std::ffi::OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) if text.is_empty() => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(ConfigError::new(name, "is not unicode")),
        };
        let mut builder = Self::default();
        if let Some(url) = text("CACHE_URL")? {
            #[cfg(feature = "redis")]
            {
                builder.store = Choice::Redis { url: Ok(url), setting: "CACHE_URL" };
            }
            #[cfg(not(feature = "redis"))]
            {
                drop(url);
                return Err(no_redis());
            }
        }
        #[cfg(feature = "redis")]
        {
            builder.tls = crate::redis::Tls::of_files(text)?;
        }
        if let Some(app) = text("CACHE_APP")? {
            check_app("CACHE_APP", &app)?;
            builder.app = app;
        }
        if let Some(mib) = text("CACHE_LOCAL_MIB")? {
            let parsed = mib.parse().ok().filter(|mib: &u64| *mib <= 1 << 20);
            let problem =
                || ConfigError::new("CACHE_LOCAL_MIB", format!("is `{mib}`, not a whole number of MiB"));
            builder.local = Capacity::mib(parsed.ok_or_else(problem)?);
        }
        Ok(builder)
    }
}

fn check_app(setting: &str, app: &str) -> Result<(), ConfigError> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    if app.bytes().all(legal) {
        return Ok(());
    }
    Err(ConfigError::new(
        setting,
        format!("is `{app}`, with a character other than a-z, 0-9, `_`, `-` and `.`"),
    ))
}

/// Each function has its keys for itself.
fn check_keys() -> Result<(), ConfigError> {
    let shared: Vec<String> = catalog().shared_keys().iter().map(ToString::to_string).collect();
    if shared.is_empty() {
        return Ok(());
    }
    Err(ConfigError::new("annotated functions", format!("clash: {}", shared.join("; and "))))
}

#[cfg(not(feature = "redis"))]
fn no_redis() -> ConfigError {
    ConfigError::new("CACHE_URL", "is set, and this program was built without the feature `redis`")
}
