//! The cache that people hold, and how it is built.

use crate::context;
use crate::engine::{Engine, Parts};
use crate::error::{AlreadyInstalled, ConfigError, NotReady};
use crate::local::{Capacity, Local};
use crate::memory::Memory;
use crate::observe::{Invalidation, Stats};
use crate::pending::Pending;
use crate::store::Store;
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
    #[must_use]
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// A cache of this process alone, with the default capacities.
    #[must_use]
    pub fn in_process() -> Self {
        CacheBuilder::default().over_memory(Memory::default())
    }

    /// A cache that caches nothing: every call runs its body.
    #[must_use]
    pub fn disabled() -> Self {
        let builder = CacheBuilder { local: Capacity::mib(0), enabled: false, ..CacheBuilder::default() };
        builder.over_memory(Memory::with_capacity(0))
    }

    /// The cache that the environment describes.
    ///
    /// | variable | meaning | without it |
    /// |---|---|---|
    /// | `CACHE_URL` | the Redis to share entries through | in-process |
    /// | `CACHE_APP` | first part of every key | none |
    /// | `CACHE_LOCAL_MIB` | capacity of the in-process tier in MiB | 64 |
    ///
    /// # Errors
    /// If a variable cannot be used; the error names it.
    ///
    /// # Panics
    /// If `CACHE_URL` is set and this is called outside of a tokio runtime.
    pub fn from_env() -> Result<Self, ConfigError> {
        CacheBuilder::from_vars(|name| std::env::var_os(name))?.build()
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
    pub async fn scope_for<F: Future>(&self, future: F) -> F::Output {
        context::with_cache(self.clone(), future).await
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
        let outcome = self.engine.invalidate(&[], &tags).await;
        context::report_invalidation(outcome);
        outcome
    }

    /// Makes every entry of `namespace` untrue, however many there are.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn clear_namespace(&self, namespace: &str) -> Invalidation {
        let tags = self.engine.namespace_tags(namespace);
        let outcome = self.engine.invalidate(&[], &tags).await;
        context::report_invalidation(outcome);
        outcome
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

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.engine, &other.engine)
    }

    /// The cache that a call without `cache = ..` uses now.
    pub(crate) fn ambient() -> Ambient {
        match context::scoped_cache() {
            Some(cache) => Ambient::Scoped(cache),
            None => {
                Ambient::Global(INSTALLED.get().unwrap_or_else(|| EMBEDDED.get_or_init(Self::in_process)))
            }
        }
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

/// A cache being configured.
#[must_use]
pub struct CacheBuilder {
    app: String,
    local: Capacity,
    store: Choice,
    enabled: bool,
}

enum Choice {
    InProcess,
    Given(Arc<dyn Store>),
    #[cfg(feature = "redis")]
    Redis {
        url: String,
        setting: &'static str,
    },
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self { app: String::new(), local: Capacity::mib(64), store: Choice::InProcess, enabled: true }
    }
}

impl CacheBuilder {
    /// Shares entries through a Redis or Valkey (≥ 7.0): `redis://[user:password@]host[:port][/db]`.
    #[cfg(feature = "redis")]
    pub fn redis(self, url: impl Into<String>) -> Self {
        Self { store: Choice::Redis { url: url.into(), setting: "redis url" }, ..self }
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

    /// Builds the cache; never waits for the store, never fails because it is down.
    ///
    /// # Errors
    /// If a setting cannot be used.
    ///
    /// # Panics
    /// With a Redis, outside of a tokio runtime.
    pub fn build(self) -> Result<Cache, ConfigError> {
        check_app("application name", &self.app)?;
        let local = Arc::new(Local::new(self.local));
        let pending = Arc::new(Pending::of(self.app.clone(), local.clone()));
        let store: Arc<dyn Store> = match &self.store {
            Choice::InProcess => Arc::new(Memory::default()),
            Choice::Given(store) => store.clone(),
            #[cfg(feature = "redis")]
            Choice::Redis { url, setting } => {
                Arc::new(crate::redis::Redis::draining(url, setting, pending.clone())?)
            }
        };
        Ok(self.over(store, local, pending))
    }

    /// A cache over a store that needs no connection.
    fn over_memory(self, memory: Memory) -> Cache {
        let local = Arc::new(Local::new(self.local));
        let pending = Arc::new(Pending::of(self.app.clone(), local.clone()));
        self.over(Arc::new(memory), local, pending)
    }

    fn over(self, store: Arc<dyn Store>, local: Arc<Local>, pending: Arc<Pending>) -> Cache {
        store.listen(&self.app, local.clone());
        let parts = Parts { app: self.app, store, local, pending, enabled: self.enabled };
        Cache { engine: Arc::new(Engine::new(parts)) }
    }

    fn from_vars(var: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<Self, ConfigError> {
        let text = |name: &'static str| match var(name).map(std::ffi::OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) if text.is_empty() => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(ConfigError::new(name, "is not unicode")),
        };
        let mut builder = Self::default();
        if let Some(url) = text("CACHE_URL")? {
            builder.store = url_choice(url)?;
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

#[cfg(feature = "redis")]
fn url_choice(url: String) -> Result<Choice, ConfigError> {
    Ok(Choice::Redis { url, setting: "CACHE_URL" })
}

#[cfg(not(feature = "redis"))]
fn url_choice(_: String) -> Result<Choice, ConfigError> {
    Err(ConfigError::new("CACHE_URL", "is set, and this program was built without the feature `redis`"))
}

#[cfg(test)]
mod tests {
    use super::{Cache, CacheBuilder, Capacity};

    fn from_vars(vars: &[(&str, &str)]) -> Result<CacheBuilder, crate::ConfigError> {
        CacheBuilder::from_vars(|name| {
            vars.iter().find(|(var, _)| *var == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn without_variables_the_cache_is_in_process() {
        let cache = from_vars(&[]).and_then(CacheBuilder::build).expect("nothing can be wrong");
        assert_eq!(cache.engine.app, "");
        let builder =
            from_vars(&[("CACHE_APP", "shop"), ("CACHE_LOCAL_MIB", "8"), ("CACHE_URL", "")]).expect("good");
        assert_eq!((builder.app.as_str(), builder.local), ("shop", Capacity::mib(8)));
    }

    #[test]
    fn a_wrong_variable_is_named_with_its_value() {
        let error = |vars: &[(&str, &str)]| {
            from_vars(vars).and_then(CacheBuilder::build).expect_err("it is wrong").to_string()
        };
        assert_eq!(
            error(&[("CACHE_LOCAL_MIB", "lots")]),
            "CACHE_LOCAL_MIB is `lots`, not a whole number of MiB"
        );
        assert_eq!(
            error(&[("CACHE_APP", "My Shop")]),
            "CACHE_APP is `My Shop`, with a character other than a-z, 0-9, `_`, `-` and `.`"
        );
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_wrong_url_is_named_without_its_password() {
        for url in [
            "http://me:hunter2@localhost",
            "redis://me:hunter2@localhost:port",
            "redis://me:hunter2@host:1/db/db",
            "redis://:hunter2@localhost:99999999",
            "unix:///tmp/x?pass=hunter2&db=x",
            "me:hunter2@localhost",
            "redis://me:hun@ter2@localhost:99999999",
        ] {
            let error =
                from_vars(&[("CACHE_URL", url)]).and_then(CacheBuilder::build).expect_err(url).to_string();
            assert!(error.starts_with("CACHE_URL is `"), "{error}");
            assert!(!error.contains("hunter2") && !error.contains("ter2"), "{error}");
        }
    }

    #[test]
    fn one_cache_is_installed_for_a_process() {
        let (one, other) = (Cache::in_process(), Cache::in_process());
        one.install();
        one.install();
        assert!(other.try_install().is_err());
    }
}
