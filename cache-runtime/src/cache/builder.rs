//! The configuration of a cache.

use super::Cache;
use crate::catalog::catalog;
use crate::codec::Compression;
use crate::engine::{Engine, Parts};
use crate::error::ConfigError;
use crate::frame::LARGEST;
use crate::local::{Capacity, Local};
use crate::memory::Memory;
use crate::pending::Pending;
use crate::policy::Policy;
use crate::settings::Settings;
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

/// Bodies that run at once in one namespace, unless said.
const LOADS: usize = 64;
/// A connection that is asked for signs of life all the time is not idle.
const SHORTEST_IDLE: Duration = Duration::from_millis(100);

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
    pub(super) settings: Settings,
    largest: usize,
    operations: Option<usize>,
    idle: Option<Duration>,
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
            settings: Settings::default(),
            largest: LARGEST,
            operations: None,
            idle: None,
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

    /// How long what is loaded in `namespace` is fresh, instead of what its functions say (`ttl = ..`); a ttl from a value, or of a `None`,
    /// stays as it is.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use cache_runtime::{Cache, Policy};
    ///
    /// let minutes: Policy = "2m".parse()?; // from a file, or a flag
    /// let cache = Cache::builder().ttl("tasks", minutes).build()?;
    /// # drop(cache); Ok(()) }
    /// ```
    pub fn ttl(mut self, namespace: impl Into<String>, policy: Policy) -> Self {
        self.settings.ttls.insert(namespace.into(), policy);
        self
    }

    /// How values are compressed in the store where their functions do not say it (`compress = ..`).
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.compression = Some(compression);
        self
    }

    /// How values of `namespace` are compressed in the store, whatever their functions say.
    pub fn compress(mut self, namespace: impl Into<String>, compression: Compression) -> Self {
        self.settings.compressions.insert(namespace.into(), compression);
        self
    }

    /// How many bytes a value may take in the store, as its codec writes it; 64 MiB unless said, which is the most. A larger one is returned
    /// to its caller, not stored, and counted as `not_storable`.
    pub fn largest_value(self, bytes: usize) -> Self {
        Self { largest: bytes, ..self }
    }

    /// How many operations wait for an answer of the server at once; without a limit unless said. Others wait for their turn, in the order
    /// they came, each as long as it would wait for the answer, and then fail as if that had not come.
    pub fn operations(self, most: usize) -> Self {
        Self { operations: Some(most), ..self }
    }

    /// After how long without an operation the server is asked for a sign of life; 30 s unless said, and up to a sixth later. A connection
    /// without one for a second is given up, so that no caller has to find out.
    pub fn idle_check(self, after: Duration) -> Self {
        Self { idle: Some(after), ..self }
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
        self.check_limits()?;
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
                let upkeep = upkeep.limited(self.operations, self.idle);
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
        let Self { app, enabled, loads, settings, largest, .. } = self;
        let parts = Parts { app, store, local, pending, enabled, loads, settings, largest };
        Cache { engine: Arc::new(Engine::new(parts)) }
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let most = tokio::sync::Semaphore::MAX_PERMITS;
        if self.largest > LARGEST {
            let problem = format!("is {} bytes: an entry has {LARGEST} at most", self.largest);
            return Err(ConfigError::new("largest_value", problem));
        }
        if let Some(operations) = self.operations.filter(|operations| !(1..=most).contains(operations)) {
            return Err(ConfigError::new("operations", format!("is {operations}, not from 1 to {most}")));
        }
        if let Some(idle) = self.idle.filter(|idle| *idle < SHORTEST_IDLE) {
            return Err(ConfigError::new("idle_check", format!("is {idle:?}, less than {SHORTEST_IDLE:?}")));
        }
        Ok(())
    }

    pub(super) fn from_vars(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let ours = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok().filter(|name| name.starts_with("CACHE_"))?, value))
        };
        let mut vars: BTreeMap<String, OsString> = vars.into_iter().filter_map(ours).collect();
        vars.retain(|_, value| !value.is_empty());
        let unicode = |name: &str, value: OsString| {
            value.into_string().map_err(|_| ConfigError::new(name, "is not unicode"))
        };
        let text = |name: &str| vars.get(name).cloned().map(|value| unicode(name, value)).transpose();
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
        for (name, value) in &vars {
            let Some(namespace) = name.strip_prefix("CACHE_TTL_") else { continue };
            let value = unicode(name, value.clone())?;
            let problem = |problem: String| ConfigError::new(name, format!("is `{value}`, {problem}"));
            let policy = value.parse::<Policy>().map_err(problem)?;
            builder = namespaces(name, namespace).into_iter().fold(builder, |all, ns| all.ttl(ns, policy));
        }
        Ok(builder)
    }
}

/// The namespaces that a variable's name ends with: upper case letters, and `_` for what is no letter or digit.
fn namespaces(variable: &str, name: &str) -> Vec<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let is = |namespace: &&str| namespace.chars().map(plain).eq(name.chars());
    let known: BTreeSet<&str> =
        catalog().functions().iter().map(|function| function.namespace()).filter(is).collect();
    if known.is_empty() {
        tracing::warn!(variable, "no annotated function has this namespace");
    }
    let as_it_stands = name.to_ascii_lowercase();
    known.into_iter().map(str::to_owned).chain([as_it_stands]).collect()
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
