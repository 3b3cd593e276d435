//! Plain values of one codec.

use super::many::together;
use super::{Entry, PlainKey, VALIDATED};
use crate::cache::Cache;
use crate::codec::{Codec, Json, Value};
use crate::context;
use crate::engine::{Again, Put};
use crate::error::StoreError;
use crate::observe::{Answer, Outcome};
use crate::policy::Policy;
use crate::scope::Targets;
use crate::site::Site;
use crate::typed::{Rules, ShareError, Slot, Typed};
use std::future::Future;
use std::marker::PhantomData;

/// Plain operations on values written by the codec `C`, see [`Cache::values`].
///
/// What another codec wrote is a miss, and is replaced.
pub struct Values<'c, C = Json> {
    cache: &'c Cache,
    site: &'static Site,
    codec: PhantomData<fn() -> C>,
}

impl<C> Clone for Values<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Values<'_, C> {}

impl<C> std::fmt::Debug for Values<'_, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Values").field(self.cache).finish()
    }
}

impl<'c, C: Codec> Values<'c, C> {
    pub(super) fn of(cache: &'c Cache, site: &'static Site) -> Self {
        Self { cache, site, codec: PhantomData }
    }

    /// Asks the store at each hit whether the value of the in-process tier still is the one there, so that what another process sets or
    /// deletes is seen at once.
    #[must_use]
    pub fn validated(self) -> Self {
        Self { site: &VALIDATED, ..self }
    }

    /// As [`Cache::get`].
    ///
    /// # Errors
    /// As there.
    pub async fn get<V: Value>(self, key: impl PlainKey) -> Result<Option<V>, StoreError> {
        self.read(&Entry::new(self.site, &key)?).await
    }

    /// As [`Cache::set`].
    ///
    /// # Errors
    /// As there.
    pub async fn set<V: Value>(
        self,
        key: impl PlainKey,
        value: &V,
        policy: Policy,
    ) -> Result<Put, StoreError> {
        self.write(Entry::new(self.site, &key)?, value.clone(), policy).await
    }

    /// As [`Cache::get_or_load`].
    ///
    /// # Errors
    /// As there.
    pub async fn get_or_load<V, E, F>(self, key: impl PlainKey, policy: Policy, load: F) -> Result<V, E>
    where
        V: Value,
        E: Send,
        F: Future<Output = Result<V, E>> + Send,
    {
        let (Ok(entry), false) = (Entry::new(self.site, &key), context::reads_past_caches()) else {
            return load.await;
        };
        let (engine, rules) = (&self.cache.engine, Self::rules());
        let policy = engine.settings.policy(entry.namespace(), policy.without_stale());
        let request = entry.request(policy, rules.tag_ttl(self.site, policy));
        let mut slot = Slot::empty(self.site, rules);
        let hit = if engine.enabled { engine.read_local(&request, &mut slot) } else { None };
        let (answer, answered) = if let (Some(value), Some(hit)) = (slot.take(), hit) {
            (Ok(value), hit)
        } else {
            let mut call = Typed::new(slot, policy, ShareError::never(), Box::pin(load));
            let answered = if engine.enabled {
                engine.read(&request, &mut call).await
            } else {
                engine.bypass(&request, &mut call).await
            };
            (call.answer(), answered)
        };
        self.count(answered.outcome);
        let Site { namespace, function, .. } = self.site;
        context::report_answer(Answer { namespace, function, outcome: answered.outcome, age: answered.age });
        answer
    }

    /// As [`Cache::get_many`].
    pub async fn get_many<V: Value>(
        self,
        keys: impl IntoIterator<Item = impl PlainKey>,
    ) -> Vec<Result<Option<V>, StoreError>> {
        let read = async |key: Result<Entry, StoreError>| {
            let entry = key?;
            self.cache.engine.retried(Again::Repeatable, || self.read(&entry)).await
        };
        let entries: Vec<_> = keys.into_iter().map(|key| Entry::new(self.site, &key)).collect();
        let _together = self.cache.engine.store.gather();
        together(entries.into_iter().map(read)).await
    }

    /// As [`Cache::set_many`].
    pub async fn set_many<V: Value>(
        self,
        entries: impl IntoIterator<Item = (impl PlainKey, V)>,
        policy: Policy,
    ) -> Vec<Result<Put, StoreError>> {
        let entries = entries.into_iter().map(|(key, value)| (Entry::new(self.site, &key), value));
        let entries: Vec<_> = entries.collect();
        let write =
            async |(entry, value): (Result<Entry, StoreError>, V)| self.write(entry?, value, policy).await;
        together(entries.into_iter().map(write)).await
    }

    async fn read<V: Value>(self, entry: &Entry) -> Result<Option<V>, StoreError> {
        let mut slot = Slot::empty(self.site, Self::rules());
        let request = entry.request(Policy::NEVER, None);
        let found = self.cache.checked(self.cache.engine.get(&request, &mut slot).await)?;
        Ok(found.and_then(|answered| {
            self.count(answered.outcome);
            slot.take()
        }))
    }

    async fn write<V: Value>(self, entry: Entry, value: V, policy: Policy) -> Result<Put, StoreError> {
        let (engine, rules) = (&self.cache.engine, Self::rules());
        let policy = engine.settings.policy(entry.namespace(), policy.without_stale());
        let request = entry.request(policy, rules.tag_ttl(self.site, policy));
        if context::scope().is_some() {
            // A value that is not committed is nobody else's yet.
            let keys = vec![entry.key(engine)];
            Targets { cache: self.cache.clone(), keys, tags: Vec::new() }.invalidate().await;
            return Ok(engine.end_hold(&request, None).await);
        }
        // A policy lasts for a millisecond at least, so that everything is stored.
        let term = rules.storage(self.site, policy, &value).ok_or(StoreError::NotStorable)?;
        engine.set(&request, term, &mut Slot::full(self.site, rules, value)).await
    }

    fn rules<V: Value>() -> Rules<V> {
        Rules::new::<C>(|_| false)
    }

    fn count(self, outcome: Outcome) {
        self.cache.engine.count(self.site, outcome);
    }
}
