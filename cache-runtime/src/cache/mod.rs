//! The cache that people hold, and how it is built.

mod builder;

pub use self::builder::{CacheBuilder, OnRestart};

use crate::context;
use crate::engine::Engine;
use crate::error::{AlreadyInstalled, ConfigError, NotReady, StoreError};
use crate::health::{Health, KeyCounts};

use crate::observe::{Invalidation, Stats};

use crate::scope::{Scope, Targets};

use bytes::Bytes;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

static INSTALLED: OnceLock<Cache> = OnceLock::new();
static EMBEDDED: OnceLock<Cache> = OnceLock::new();

/// Where annotated functions keep their values; clones are the same cache.
///
/// Which cache a call uses: the one its `cache = ..` names, else the one of [`scope_for`](Self::scope_for), else the
/// [installed](Self::install) one, else one embedded in the process.
///
/// # Examples
/// ```
/// # #[cfg(feature = "redis")] {
/// use cache_runtime::{Cache, Capacity};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache::builder()
///     .redis("redis://127.0.0.1/")
///     .app("shop")
///     .local(Capacity::mib(64))
///     .build()?; // waits for nothing: Redis may be down
/// # drop(cache); Ok(()) }
/// # }
/// ```
#[derive(Clone)]
pub struct Cache {
    pub(crate) engine: Arc<Engine>,
}

impl Cache {
    /// Starts a configuration.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// A cache of this process alone, with the default capacities.
    #[must_use]
    pub fn in_process() -> Self {
        CacheBuilder::default().in_process()
    }

    /// A cache that caches nothing: every call runs its body.
    #[must_use]
    pub fn disabled() -> Self {
        CacheBuilder::default().disabled()
    }

    /// The cache that the environment describes.
    ///
    /// | variable | meaning | without it |
    /// |---|---|---|
    /// | `CACHE_URL` | the Redis to share entries through | in-process |
    /// | `CACHE_APP` | first part of every key | none |
    /// | `CACHE_LOCAL_MIB` | capacity of the in-process tier in MiB | 64 |
    /// | `CACHE_TTL_TASKS` | ttl of the namespace `tasks`: `"2m"`, or the name of a policy | what the functions say |
    /// | `CACHE_TLS_CA`, `CACHE_TLS_CERT`, `CACHE_TLS_KEY` | files of certificates for `rediss://` | the system's authorities |
    ///
    /// # Errors
    /// If a variable cannot be used; the error names it.
    ///
    /// # Panics
    /// If `CACHE_URL` is set and this is called outside of a tokio runtime.
    pub fn from_env() -> Result<Self, ConfigError> {
        CacheBuilder::from_vars(std::env::vars_os())?.build()
    }

    /// Makes this the ambient cache of the process.
    ///
    /// # Panics
    /// If another one is installed already.
    pub fn install(&self) {
        if let Err(error) = self.try_install() {
            panic!("{error}");
        }
    }

    /// Makes this the ambient cache of the process.
    ///
    /// # Errors
    /// If another one is installed already.
    pub fn try_install(&self) -> Result<(), AlreadyInstalled> {
        let installed = INSTALLED.get_or_init(|| self.clone());
        if installed.is(self) { Ok(()) } else { Err(AlreadyInstalled) }
    }

    /// Runs `future` with this as its ambient cache.
    ///
    /// Tasks that `future` spawns are not part of it.
    ///
    /// # Cancel safety
    /// As cancel safe as `future`.
    pub fn scope_for<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        context::with_cache(self.clone(), future)
    }

    /// Runs a transaction: what the mutations in it make untrue is invalidated after [`Scope::commit`], and not at all when `transaction`
    /// fails before that. Cached functions called in it run their bodies, which see the transaction's own rows.
    ///
    /// What was recorded when `transaction` succeeds without committing through the scope is invalidated then.
    ///
    /// # Errors
    /// Those of `transaction`.
    ///
    /// # Cancel safety
    /// As cancel safe as `transaction`.
    ///
    /// # Examples
    /// ```
    /// # use cache_runtime::{Cache, cached, invalidates}; use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    /// # static BALANCE: AtomicU64 = AtomicU64::new(1);
    /// # async fn commit() -> Result<(), &'static str> { Ok(()) }
    /// #[cached(ns = "doc", ttl = "short")]
    /// async fn balance(account: u64) -> u64 {
    ///     BALANCE.load(Relaxed)
    /// }
    ///
    /// #[invalidates(balance(account))]
    /// async fn deposit(account: u64, amount: u64) {
    ///     BALANCE.fetch_add(amount, Relaxed);
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), &'static str> {
    /// let cache = Cache::in_process();
    /// cache.scope(async |scope| {
    ///     deposit(1, 10).await;
    ///     deposit(2, 20).await;
    ///     scope.commit_with(commit).await // both entries fall here
    /// }).await?;
    /// # Ok(()) }
    /// ```
    pub async fn scope<T, E>(&self, transaction: impl AsyncFnOnce(&Scope) -> Result<T, E>) -> Result<T, E> {
        let scope = Scope::default();
        let future = scope.attach(transaction(&scope));
        let ended = context::with_cache(self.clone(), future).await;
        if ended.is_ok() {
            scope.end().await;
        }
        ended
    }

    /// Waits until the store serves.
    ///
    /// # Errors
    /// If it does not after `timeout`, with the reason.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ready(&self, timeout: Duration) -> Result<(), NotReady> {
        self.engine.store.ready(timeout).await
    }

    /// Makes every entry of `namespace` with the tag `tag` untrue, however many there are.
    ///
    /// `tag` is the text as the function's template gives it, with its parts escaped as in keys: `owner:7`.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn invalidate_tag(&self, namespace: &str, tag: &str) -> Invalidation {
        let tags = self.engine.tags(namespace, &[Bytes::copy_from_slice(tag.as_bytes())]);
        Targets { cache: self.clone(), keys: Vec::new(), tags }.invalidate().await
    }

    /// Makes every entry of `namespace` untrue, however many there are.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn clear_namespace(&self, namespace: &str) -> Invalidation {
        let tags = self.engine.namespace_tags(namespace).into();
        Targets { cache: self.clone(), keys: Vec::new(), tags }.invalidate().await
    }

    /// Sends what is still unsent, as far as the store can be reached within `deadline`, and tells how many invalidations are left.
    ///
    /// To be called last: what is left is lost with the process, and other processes may read those old values until their ttl ends.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn shutdown(&self, deadline: Duration) -> usize {
        self.engine.shutdown(deadline).await
    }

    /// The numbers since this cache was built.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// How the cache is: whether its store answers, whether this process hears of invalidations, and what speaks against the configuration
    /// of the server. Takes two seconds at most; a store that cannot be reached is an answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let health = cache_runtime::Cache::in_process().health().await;
    /// assert_eq!(health.to_string(), "healthy: in-process answers; feed live; 0 invalidations wait");
    /// # }
    /// ```
    pub async fn health(&self) -> Health {
        self.engine.health().await
    }

    /// How many keys each namespace has in the store, looking at about `most` keys and for a second or so; by `SCAN`, which may count a
    /// key twice while the server resizes its table.
    ///
    /// # Errors
    /// If the store cannot be asked or does not let keys be listed.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn key_counts(&self, most: usize) -> Result<KeyCounts, StoreError> {
        self.engine.store.key_counts(&self.engine.app, most).await
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.engine, &other.engine)
    }

    /// The cache that a call without `cache = ..` uses now.
    pub(crate) fn ambient() -> Ambient {
        match context::scoped_cache() {
            Some(cache) => Ambient::Scoped(cache),
            None => Ambient::Global(Self::global()),
        }
    }

    /// The cache of this process.
    #[inline]
    pub(crate) fn global() -> &'static Self {
        INSTALLED.get().unwrap_or_else(|| EMBEDDED.get_or_init(Self::in_process))
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("app", &self.engine.app).finish_non_exhaustive()
    }
}

/// The cache of one call.
pub(crate) enum Ambient {
    Global(&'static Cache),
    Scoped(Cache),
}

impl std::ops::Deref for Ambient {
    type Target = Cache;

    fn deref(&self) -> &Cache {
        match self {
            Self::Global(cache) => cache,
            Self::Scoped(cache) => cache,
        }
    }
}

#[cfg(test)]
mod tests;
