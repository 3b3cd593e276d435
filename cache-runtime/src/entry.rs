//! The entry of one function for one set of arguments.

use crate::cache::Cache;
use crate::codec::{Compression, Value};
use crate::engine::{Answer, Engine, HeldEntry, Put, Request, Stamped};
use crate::frame::{LARGEST, Tags, Token};
use crate::key::{Args, Key, KeyBuf};
use crate::observe::Invalidation;
use crate::policy::Policy;
use crate::scope::Targets;
use crate::site::Site;
use crate::store::Lifetime;
use crate::typed::{Rules, ShareError, Slot, Typed};
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The entry that a cached function uses for one set of arguments, without calling it.
///
/// `#[cached]` on `get` makes `get_entry(..)`, which gives one.
///
/// # Examples
/// ```
/// use cache_runtime::cached;
///
/// #[cached(ns = "doc", ttl = "short")]
/// async fn greeting(name: &str) -> String {
///     format!("hello {name}")
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(greeting_entry("you").peek().await, None);
/// greeting("you").await;
/// assert_eq!(greeting_entry("you").peek().await, Some("hello you".to_owned()));
/// greeting_entry("you").invalidate().await;
/// assert!(!greeting_entry("you").exists().await);
/// # }
/// ```
pub struct EntryRef<V> {
    place: Place,
    rules: Rules<V>,
}

/// Where an entry is, whatever its values are.
pub(crate) struct Place {
    pub(crate) cache: Cache,
    pub(crate) site: &'static Site,
    pub(crate) policy: Policy,
    pub(crate) key: KeyBuf,
    pub(crate) args: Args,
    pub(crate) tags: Vec<Bytes>,
    pub(crate) tags_with: bool,
    pub(crate) tag_ttl: Option<Duration>,
}

impl Place {
    pub(crate) fn store_key(&self) -> Key {
        self.cache.engine.key_of(&self.request())
    }

    pub(crate) fn request(&self) -> Request<'_> {
        let Self { site, policy, key, args, tags, tags_with, tag_ttl, .. } = self;
        Request {
            site,
            namespace: site.namespace,
            policy: *policy,
            key,
            args,
            tags,
            tags_with: *tags_with,
            tag_ttl: *tag_ttl,
            batch: None,
        }
    }
}

impl<V: Value> EntryRef<V> {
    pub(crate) fn new(place: Place, rules: Rules<V>) -> Self {
        Self { place, rules }
    }

    /// The value, if the cache has one; never runs the function.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn peek(&self) -> Option<V> {
        let mut slot = Slot::empty(self.place.site, self.rules);
        self.engine().peek(&self.place.request(), &mut slot).await?;
        slot.into_value()
    }

    /// Whether the cache has a value.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn exists(&self) -> bool {
        self.ttl().await.is_some()
    }

    /// How much longer the cache has the value; `None` when it has none.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ttl(&self) -> Option<Lifetime> {
        self.engine().lifetime(&self.place.request()).await
    }

    /// Removes the value from every tier, so that no read that starts after this returned gets it.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn invalidate(&self) -> Invalidation {
        let keys = vec![self.place.store_key()];
        Targets { cache: self.place.cache.clone(), keys, tags: Vec::new() }.invalidate().await
    }

    /// Makes `value` the entry, under the function's rules (`none`, `unless`, `ttl_with`).
    ///
    /// A value that another writer's invalidation overtakes is not stored. `value` must be current when this is called; to write to the
    /// source and to the cache together, take a [`hold`](Self::hold) before the source is written.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened; the hold is given up in the background.
    pub async fn put(&self, value: V) -> Put {
        self.hold().await.put(value).await
    }

    /// Lets nothing be stored at this entry until the hold ends (at the latest after 10 s), so that a value written to the source
    /// meanwhile can become the entry.
    ///
    /// # Cancel safety
    /// Dropped before its end, the hold is given up in the background.
    pub async fn hold(&self) -> Hold<'_, V> {
        let held = self.engine().hold(&self.place.request(), None).await;
        Hold { entry: self, held }
    }

    /// Runs `load` (calls of cached functions in it run their bodies) and makes its value the entry; the old one answers until then.
    ///
    /// # Errors
    /// Those of `load`; the entry stays as it is.
    ///
    /// # Cancel safety
    /// Cancel safe: the entry stays as it is.
    pub async fn refresh<E, F>(&self, load: F) -> Result<V, E>
    where
        E: Send,
        F: Future<Output = Result<V, E>> + Send,
    {
        let slot = Slot::empty(self.place.site, self.rules);
        let mut call = Typed::new(slot, self.place.policy, ShareError::never(), Box::pin(load));
        self.engine().refresh(&self.place.request(), &mut call).await;
        call.answer()
    }

    /// The entry's key in the store.
    #[must_use]
    pub fn key(&self) -> String {
        self.place.store_key().to_string()
    }

    /// `value` as a frame that stands for it where the entry does not; `None` when it cannot be written.
    pub(crate) fn frame(&self, value: V) -> Option<Bytes> {
        let created_ms = self.engine().store.now_ms();
        let (token, delta) = (Token::random(), Duration::ZERO);
        let stamped = Stamped { token, tags: Tags::NONE, created_ms, soft: None, delta };
        let slot = Slot::full(self.place.site, self.rules, value);
        let frame = slot.frame(&self.place.store_key(), stamped, Compression::off(), LARGEST)?;
        Some(Bytes::from(frame.bytes))
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn into_parts(self) -> (Place, Rules<V>) {
        (self.place, self.rules)
    }

    fn engine(&self) -> &Arc<Engine> {
        &self.place.cache.engine
    }
}

impl<V: Value> std::fmt::Debug for EntryRef<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EntryRef").field(&self.place.store_key()).finish()
    }
}

/// An entry that is being written; dropped, it leaves nothing behind.
#[must_use]
pub struct Hold<'a, V: Value> {
    entry: &'a EntryRef<V>,
    held: Option<HeldEntry>,
}

impl<V: Value> Hold<'_, V> {
    /// Makes `value` the entry, unless anyone else held or invalidated it since the hold began.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened; the hold is given up in the background.
    pub async fn put(mut self, value: V) -> Put {
        let EntryRef { place, rules } = self.entry;
        let engine = &place.cache.engine;
        if !engine.enabled {
            return Put::Removed;
        }
        if crate::context::scope().is_some() {
            // A value that is not committed is nobody else's yet.
            self.entry.invalidate().await;
            engine.end_hold(&place.request(), self.held.take()).await;
            return Put::Removed;
        }
        match (self.held.take(), rules.storage(place.site, place.policy, &value)) {
            (Some(held), Some(ttl)) => {
                engine.put(&place.request(), held, ttl, &mut Slot::full(place.site, *rules, value)).await
            }
            (held, _) => engine.end_hold(&place.request(), held).await,
        }
    }
}
