//! Plain operations: entries and counters that no function owns.

mod key;
mod many;
mod sweep;
mod values;

pub use self::key::PlainKey;
pub use self::sweep::{Sweep, escape_pattern};
pub use self::values::Values;

use self::key::Name;
use crate::cache::Cache;
use crate::codec::{Codec, Value};
use crate::engine::{Again, Engine, Put, Request};
use crate::error::StoreError;
use crate::key::{Args, Key};
use crate::observe::Invalidation;
use crate::policy::{Level, Policy};
use crate::scope::Targets;
use crate::site::Site;
use crate::store::Lifetime;
use std::future::Future;
use std::time::Duration;

/// Where plain entries stand in numbers, and in L1.
static PLAIN: Site = Site::new("(plain)", "coherent", "(plain)");
static VALIDATED: Site = Site::new("(plain)", "validated", "(plain,validated)").level(Level::Validate);

/// Plain operations: `get`, `set` and their like, for what no function owns.
///
/// A name is a text or a namespace with a part, see [`PlainKey`]. Values are JSON, with other codecs through
/// [`values`](Self::values). They live in the same tiers as those of functions and obey the same rules: namespaces clear them, and what
/// was set or deleted is read by nobody any more.
impl Cache {
    /// The same operations with another codec, or another use of the in-process tier.
    #[must_use]
    pub fn values<C: Codec>(&self) -> Values<'_, C> {
        Values::of(self, &PLAIN)
    }

    fn json(&self) -> Values<'_, crate::codec::Json> {
        self.values()
    }

    /// The value, if the cache has one of this type.
    ///
    /// # Errors
    /// If the store cannot be asked, or `key` names nothing.
    ///
    /// # Cancel safety
    /// Cancel safe.
    ///
    /// # Examples
    /// ```
    /// # use cache_runtime::{Cache, Policy};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), cache_runtime::StoreError> {
    /// let cache = Cache::in_process();
    /// cache.set(("sessions", 42), &"ann".to_owned(), Policy::LONG).await?;
    /// assert_eq!(cache.get::<String>(("sessions", 42)).await?.as_deref(), Some("ann"));
    /// # Ok(()) }
    /// ```
    pub async fn get<V: Value>(&self, key: impl PlainKey) -> Result<Option<V>, StoreError> {
        self.json().get(key).await
    }

    /// Makes `value` the entry for as long as `policy` says ([`Policy::NEVER`]: until it is deleted or evicted).
    ///
    /// Once this returned no reader gets an older value, under the delta of its level; a load under way stores nothing. An entry that
    /// someone holds is left to them ([`Put::Removed`]). Where the store cannot be asked, the removal of the older value is queued
    /// ([`Put::Queued`]), and `value` is not kept. In a scope the entry is removed, now and after the commit.
    ///
    /// # Errors
    /// If `value` cannot be written, or `key` names nothing; nothing is changed then.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn set<V: Value>(
        &self,
        key: impl PlainKey,
        value: &V,
        policy: Policy,
    ) -> Result<Put, StoreError> {
        self.json().set(key, value, policy).await
    }

    /// The value, or that of `load`, which runs once for all who ask at the time, and becomes the entry.
    ///
    /// A value that `load` returns is stored, a `None` too. Within another load, and in a scope, `load` always runs.
    ///
    /// # Errors
    /// Those of `load`. Where the store cannot be asked, or `key` names nothing, `load` runs.
    ///
    /// # Cancel safety
    /// As cancel safe as `load`.
    ///
    /// # Examples
    /// ```
    /// # use cache_runtime::{Cache, Policy};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # let cache = Cache::in_process();
    /// let rate = cache.get_or_load(("rates", "EUR"), Policy::SHORT, async { Ok::<_, ()>(108) }).await;
    /// assert_eq!(rate, Ok(108));
    /// # }
    /// ```
    pub async fn get_or_load<V, E, F>(&self, key: impl PlainKey, policy: Policy, load: F) -> Result<V, E>
    where
        V: Value,
        E: Send,
        F: Future<Output = Result<V, E>> + Send,
    {
        self.json().get_or_load(key, policy, load).await
    }

    /// What [`get`](Self::get) gives for each key, in the order of the keys; asked for together.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn get_many<V: Value>(
        &self,
        keys: impl IntoIterator<Item = impl PlainKey>,
    ) -> Vec<Result<Option<V>, StoreError>> {
        self.json().get_many(keys).await
    }

    /// What [`set`](Self::set) gives for each entry, in the order of the entries; sent together, each happens by itself.
    ///
    /// # Cancel safety
    /// Dropped before its end, some may have happened.
    pub async fn set_many<V: Value>(
        &self,
        entries: impl IntoIterator<Item = (impl PlainKey, V)>,
        policy: Policy,
    ) -> Vec<Result<Put, StoreError>> {
        self.json().set_many(entries, policy).await
    }

    /// Removes the value or the counter, like an invalidation: once this returned no reader gets it, under the delta of its level.
    ///
    /// # Errors
    /// If `key` names nothing.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn delete(&self, key: impl PlainKey) -> Result<Invalidation, StoreError> {
        self.delete_many([key]).await
    }

    /// The same for all of `keys`, sent together; one outcome for all of them, the worst.
    ///
    /// # Errors
    /// If one of `keys` names nothing; nothing is removed then.
    ///
    /// # Cancel safety
    /// Dropped before its end, some may have happened.
    pub async fn delete_many(
        &self,
        keys: impl IntoIterator<Item = impl PlainKey>,
    ) -> Result<Invalidation, StoreError> {
        let keys = keys.into_iter().map(|key| Ok(self.engine.key(&Name::of(&key)?.key)));
        let keys = keys.collect::<Result<Vec<Key>, StoreError>>()?;
        // A connection that is about to come back spares the queue.
        let _ = self.engine.retried(Again::Unsent, async || Ok(())).await;
        Ok(Targets { cache: self.clone(), keys, tags: Vec::new() }.invalidate().await)
    }

    /// Whether the store has a value or a counter.
    ///
    /// # Errors
    /// If the store cannot be asked, or `key` names nothing.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn exists(&self, key: impl PlainKey) -> Result<bool, StoreError> {
        let entry = Entry::new(&PLAIN, &key)?;
        self.checked(self.engine.exists(&entry.request(Policy::NEVER, None)).await)
    }

    /// How much longer the store has the value or the counter; `None` where there is neither.
    ///
    /// # Errors
    /// If the store cannot be asked, or `key` names nothing.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ttl(&self, key: impl PlainKey) -> Result<Option<Lifetime>, StoreError> {
        let entry = Entry::new(&PLAIN, &key)?;
        self.checked(self.engine.left(&entry.request(Policy::NEVER, None)).await)
    }

    /// Lets the value live for as long as `policy` says from now on, shorter or longer than before; tells whether there was one.
    ///
    /// What was set or deleted meanwhile stays so. No process serves a value longer than a shortened lifetime, under the delta of its
    /// level. A counter keeps its own.
    ///
    /// # Errors
    /// If the store cannot be asked (it may have happened), or `key` names nothing.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn expire(&self, key: impl PlainKey, policy: Policy) -> Result<bool, StoreError> {
        let entry = Entry::new(&PLAIN, &key)?;
        let policy = policy.without_stale();
        self.checked(self.engine.expire(&entry.request(policy, None), policy.fresh()).await)
    }

    /// Adds `by` to the counter, and tells what it counts then.
    ///
    /// One that is not there begins at zero, and lives from then on for as long as `policy` says; counting does not prolong it. No
    /// increment is lost or done twice: what may have been executed is not sent again.
    ///
    /// # Errors
    /// If the store cannot be asked (with [`Timeout`](StoreError::Timeout) and [`Unreachable`](StoreError::Unreachable) it may have
    /// happened), if a value stands there or the sum is no `i64` ([`NotAnInteger`](StoreError::NotAnInteger), nothing is changed), or
    /// if `key` names nothing.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    ///
    /// # Examples
    /// ```
    /// # use cache_runtime::{Cache, Policy};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), cache_runtime::StoreError> {
    /// # let cache = Cache::in_process();
    /// let calls = cache.increment(("calls", "10.0.0.1"), 1, Policy::SHORT).await?;
    /// assert!(calls <= 100, "too many calls in a minute");
    /// assert_eq!(cache.count(("calls", "10.0.0.1")).await?, Some(1));
    /// # Ok(()) }
    /// ```
    pub async fn increment(&self, key: impl PlainKey, by: i64, policy: Policy) -> Result<i64, StoreError> {
        let entry = Entry::new(&PLAIN, &key)?;
        self.checked(self.engine.increment(&entry.request(policy, None), by).await)
    }

    /// What the counter counts; `None` where there is none.
    ///
    /// # Errors
    /// If the store cannot be asked, if a value stands there, or `key` names nothing.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn count(&self, key: impl PlainKey) -> Result<Option<i64>, StoreError> {
        let entry = Entry::new(&PLAIN, &key)?;
        self.checked(self.engine.counted(&entry.request(Policy::NEVER, None)).await)
    }

    /// Counts the faults of plain operations.
    fn checked<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        answer.inspect_err(|error| self.engine.counters(&PLAIN).failed(*error))
    }
}

/// One entry, by its name.
struct Entry {
    site: &'static Site,
    name: Name,
    args: Args,
}

impl Entry {
    fn new(site: &'static Site, key: &(impl PlainKey + ?Sized)) -> Result<Self, StoreError> {
        let name = Name::of(key)?;
        // The name is all that L1 finds it by.
        let args = Args::named(site.seed, name.key.written());
        Ok(Self { site, name, args })
    }

    fn request(&self, policy: Policy, tag_ttl: Option<Duration>) -> Request<'_> {
        let Self { site, name: Name { key, namespace }, args } = self;
        Request { site, namespace, policy, key, args, tags: &[], tags_with: false, tag_ttl, batch: None }
    }

    fn namespace(&self) -> &str {
        &self.name.namespace
    }

    fn key(&self, engine: &Engine) -> Key {
        engine.key(&self.name.key)
    }
}
