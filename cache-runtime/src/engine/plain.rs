//! Entries that no function owns: read without loading, set, given another lifetime; and counters.

use super::read::Seen;
use super::retry::Again;
use super::tags::Marks;
use super::{Answer, Answered, Engine, Put, Request, Stamped};
use crate::error::StoreError;
use crate::frame::{self, Entry, Tags, Token};
use crate::policy::Term;
use crate::store::{Lifetime, integer};
use crate::time::millis_u32;
use bytes::Bytes;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

impl Engine {
    /// Gives `answer` the entry's value, if a tier has it; waits for no load.
    pub(crate) async fn get(
        &self,
        request: &Request<'_>,
        answer: &mut dyn Answer,
    ) -> Result<Option<Answered>, StoreError> {
        if !self.enabled {
            return Ok(None);
        }
        if let Some(hit) = self.read_local(request, answer) {
            return Ok(Some(hit));
        }
        let marks = self.marks(request);
        if self.pending.contains_any(&marks.key, &marks.tags) {
            return Ok(None);
        }
        if let Some(hit) = self.read_validated(request, &marks, answer).await {
            return Ok(Some(hit));
        }
        let reply = self.look_up(request, &marks, self.ticket(&marks)).await?;
        match self.see(request, &marks, reply, answer).await? {
            Seen::Usable(hit) => Ok(Some(hit)),
            _ => Ok(None),
        }
    }

    /// Makes `answer` the entry; where the store cannot be asked, the removal of the old one is queued.
    ///
    /// # Errors
    /// If the value cannot be written; nothing is changed then.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub(crate) async fn set(
        self: &Arc<Self>,
        request: &Request<'_>,
        term: Term,
        answer: &mut dyn Answer,
    ) -> Result<Put, StoreError> {
        if !self.enabled {
            return Ok(Put::Removed);
        }
        let marks = self.marks(request);
        let keys = slice::from_ref(&marks.key);
        // The generations from before: whatever is invalidated from now on makes the value invalid.
        let captured = self.retried(Again::Repeatable, || self.store_capture(request, &marks)).await;
        let stored = match captured {
            Ok(captured) => {
                let (token, created_ms) = (Token::random(), self.store.now_ms());
                let stamped =
                    Stamped { token, tags: Tags::NONE, created_ms, soft: term.fresh, delta: Duration::ZERO };
                let (frame, _) = self.framed(request, &marks.key, captured, stamped, answer).await;
                let frame = Bytes::from(frame.ok_or(StoreError::NotStorable)?.bytes);
                self.invalidate_local(keys, &[]);
                self.pending.sending(keys, &[]);
                let set = || self.store.set(&marks.key, frame.clone(), term.hard());
                let stored = self.retried(Again::Unsent, set).await;
                self.invalidate_local(keys, &[]);
                stored
            }
            Err(error) => Err(error),
        };
        match stored {
            Ok(true) => Ok(Put::Stored),
            Ok(false) => Ok(Put::Removed),
            // It may have been stored after all, over what someone else has said since.
            Err(error) => {
                self.fault(request.site, error);
                Ok(Self::put_outcome(self.invalidate(keys, &[]).await))
            }
        }
    }

    /// How much longer the entry or the counter lives; `None` where there is neither.
    pub(crate) async fn left(&self, request: &Request<'_>) -> Result<Option<Lifetime>, StoreError> {
        let marks = self.marks(request);
        match self.stands(request, &marks).await? {
            None => Ok(None),
            Some(Stands::Value) => self.store.lifetime(&marks.key).await,
            Some(Stands::Counter) => Ok(self.store.count(&marks.key).await?.map(|(_, left)| left)),
        }
    }

    /// Whether there is a value or a counter.
    pub(crate) async fn exists(&self, request: &Request<'_>) -> Result<bool, StoreError> {
        Ok(self.stands(request, &self.marks(request)).await?.is_some())
    }

    async fn stands(&self, request: &Request<'_>, marks: &Marks) -> Result<Option<Stands>, StoreError> {
        let Some(bytes) = self.standing(marks).await? else { return Ok(None) };
        match Entry::parse(&marks.key, &bytes) {
            Ok(Entry::Value(value)) => {
                Ok(self.is_valid(request, marks, &value).await?.then_some(Stands::Value))
            }
            _ => Ok(integer(&bytes).map(|_| Stands::Counter)),
        }
    }

    /// Lets the value that stands at the key live for `ttl` from now on (`None`: for ever); tells whether there is one.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub(crate) async fn expire(
        &self,
        request: &Request<'_>,
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let marks = self.marks(request);
        let keys = slice::from_ref(&marks.key);
        // Each time round, someone else has changed the entry in between.
        loop {
            let Some(bytes) = self.standing(&marks).await? else { return Ok(false) };
            let Ok(Entry::Value(value)) = Entry::parse(&marks.key, &bytes) else { return Ok(false) };
            if !self.is_valid(request, &marks, &value).await?
                || !self.prolong_tags(&marks, value.tags, ttl).await?
            {
                return Ok(false);
            }
            let age = self.age(value.created_ms);
            let soft_ms = ttl.map_or(u32::MAX, |ttl| millis_u32(age.saturating_add(ttl)));
            let frame =
                frame::Value { soft_ms, ..value }.to_bytes(&marks.key).ok_or(StoreError::NotStorable)?;
            let frame = Bytes::from(frame);
            self.invalidate_local(keys, &[]);
            self.pending.sending(keys, &[]);
            let replace = || self.store.replace(&marks.key, value.token, frame.clone(), ttl);
            let replaced = self.retried(Again::Repeatable, replace).await;
            self.invalidate_local(keys, &[]);
            if replaced? {
                return Ok(true);
            }
        }
    }

    /// Adds to the counter, which lives for as long as the request's policy says from when it begins.
    pub(crate) async fn increment(&self, request: &Request<'_>, by: i64) -> Result<i64, StoreError> {
        let (key, ttl) = (self.key(request.key), request.policy.lifetime());
        let increment = async || {
            // The counter is still to be removed: what would be counted now would be removed with it.
            if self.pending.contains_any(&key, []) {
                return Err(StoreError::Unavailable);
            }
            self.store.increment(&key, by, ttl).await
        };
        self.retried(Again::Unsent, increment).await
    }

    /// What the counter counts.
    pub(crate) async fn counted(&self, request: &Request<'_>) -> Result<Option<i64>, StoreError> {
        let key = self.key(request.key);
        if self.pending.contains_any(&key, []) {
            return Ok(None);
        }
        Ok(self.store.count(&key).await?.map(|(count, _)| count))
    }
}

/// What can be asked for.
enum Stands {
    Value,
    Counter,
}
