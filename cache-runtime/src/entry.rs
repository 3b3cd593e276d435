//! The entry of one function for one set of arguments.

use crate::cache::Cache;
use crate::codec::Value;
use crate::engine::{HeldEntry, Put, Request};
use crate::key::{Key, KeyBuf};
use crate::observe::Invalidation;
use crate::policy::Policy;
use crate::site::Site;
use crate::store::Lifetime;
use crate::typed::{Rules, ShareError, Slot, Typed};
use bytes::Bytes;
use std::future::Future;

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
    cache: Cache,
    site: &'static Site,
    policy: Policy,
    key: KeyBuf,
    tags: Vec<Bytes>,
    rules: Rules<V>,
}

impl<V: Value> EntryRef<V> {
    pub(crate) fn new(
        cache: Cache,
        site: &'static Site,
        policy: Policy,
        (key, tags): (KeyBuf, Vec<Bytes>),
        rules: Rules<V>,
    ) -> Self {
        Self { cache, site, policy, key, tags, rules }
    }

    /// The value, if the cache has one; never runs the function.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn peek(&self) -> Option<V> {
        let mut slot = Slot::empty(self.site, self.rules);
        self.cache.engine.peek(&self.request(), &mut slot).await?;
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
        self.cache.engine.lifetime(&self.request()).await
    }

    /// Removes the value from every tier, so that no read that starts after this returned gets it.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn invalidate(&self) -> Invalidation {
        let outcome = self.cache.engine.invalidate(&[self.store_key()], &[]).await;
        crate::context::report_invalidation(outcome);
        outcome
    }

    /// Makes `value` the entry, under the function's rules (`none`, `unless`, `ttl_with`).
    ///
    /// A value that another writer's invalidation overtakes is not stored. `value` must be current when this is called; to write to the
    /// source and to the cache together, take a [`hold`](Self::hold) before the source is written.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened; the entry is not served wrongly, and not at all for up to 10 s.
    pub async fn put(&self, value: V) -> Put {
        self.hold().await.put(value).await
    }

    /// Lets nothing be stored at this entry until the hold ends (at the latest after 10 s), so that a value written to the source
    /// meanwhile can become the entry.
    ///
    /// # Cancel safety
    /// Dropped before its end, the entry is not cached for up to 10 s.
    pub async fn hold(&self) -> Hold<'_, V> {
        let held = self.cache.engine.hold(&self.request(), None).await;
        Hold { entry: self, held, ended: false }
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
        let body = std::pin::pin!(crate::context::loading(load));
        let slot = Slot::empty(self.site, self.rules);
        let mut call = Typed::new(slot, self.policy, ShareError::never(), body);
        self.cache.engine.refresh(&self.request(), &mut call).await;
        call.answer()
    }

    /// The entry's key in the store.
    #[must_use]
    pub fn key(&self) -> String {
        self.store_key().to_string()
    }

    pub(crate) fn into_target(self) -> (Cache, Key) {
        let key = self.store_key();
        (self.cache, key)
    }

    fn store_key(&self) -> Key {
        self.cache.engine.key(&self.key)
    }

    fn request(&self) -> Request<'_> {
        let (tags_with, tag_ttl) = (self.rules.has_tags(), self.rules.tag_ttl(self.policy));
        Request { site: self.site, key: &self.key, tags: &self.tags, tags_with, tag_ttl }
    }
}

impl<V: Value> std::fmt::Debug for EntryRef<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EntryRef").field(&self.store_key()).finish()
    }
}

/// An entry that is being written; dropped, it leaves nothing behind.
#[must_use]
pub struct Hold<'a, V: Value> {
    entry: &'a EntryRef<V>,
    held: Option<HeldEntry>,
    ended: bool,
}

impl<V: Value> Hold<'_, V> {
    /// Makes `value` the entry, unless anyone else held or invalidated it since the hold began.
    ///
    /// # Cancel safety
    /// Dropped before its end, the entry is not cached until the hold lapses.
    pub async fn put(mut self, value: V) -> Put {
        self.ended = true;
        let EntryRef { cache, site, policy, rules, .. } = self.entry;
        if !cache.engine.enabled {
            return Put::Removed;
        }
        let request = self.entry.request();
        match (self.held.take(), rules.storage(site, *policy, &value)) {
            (Some(held), Some(ttl)) => {
                cache.engine.put(&request, held, ttl, &mut Slot::full(site, *rules, value)).await
            }
            (held, _) => cache.engine.end_hold(&request, held).await,
        }
    }
}

impl<V: Value> Drop for Hold<'_, V> {
    fn drop(&mut self) {
        if self.ended || !self.entry.cache.engine.enabled {
            return;
        }
        let engine = self.entry.cache.engine.clone();
        engine.end_hold_later(self.entry.store_key(), self.held.take());
    }
}
