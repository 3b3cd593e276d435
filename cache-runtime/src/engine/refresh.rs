//! What an entry can do by itself: be looked at, replaced, reloaded.

use super::load::Filling;
use super::read::Answered;
use super::{Answer, Call, Engine, HOLD, Loaded, Request, Stamped};
use crate::error::StoreError;
use crate::flight::Landing;
use crate::frame::{Entry, Token};
use crate::key::Key;
use crate::observe::{Invalidation, Outcome, Tier};
use crate::store::Lifetime;
use crate::time::Instant;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// What became of a value that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Put {
    /// It is the entry now.
    Stored,
    /// It is not, and nothing else is: someone else changed the entry meanwhile, or the function's rules say not to store it. The next
    /// reader loads.
    Removed,
    /// The store could not be asked; the removal of the entry is sent as soon as it can.
    Queued,
}

impl Engine {
    /// Gives `answer` the entry's value, if a tier has it.
    pub(crate) async fn peek(&self, request: &Request<'_>, answer: &mut dyn Answer) -> Option<Answered> {
        let key = self.key(request.key);
        if !self.enabled || self.pending.contains(&key) {
            return None;
        }
        let bytes = self.store.get(&key).await.map_err(|error| self.fault(request.site, error)).ok()??;
        let Ok(Entry::Value(value)) = Entry::parse(&key, &bytes) else { return None };
        answer.decode(&value).ok()?;
        Some((Outcome::Hit(Tier::L2), self.age(value.created_ms)))
    }

    /// How much longer the entry lives in the store.
    pub(crate) async fn lifetime(&self, request: &Request<'_>) -> Option<Lifetime> {
        let key = self.key(request.key);
        if !self.enabled || self.pending.contains(&key) {
            return None;
        }
        self.store.lifetime(&key).await.map_err(|error| self.fault(request.site, error)).ok()?
    }

    /// Lets nothing be stored at the entry until [`put`](Self::put); `None` where the store cannot be asked.
    pub(crate) async fn hold(&self, request: &Request<'_>) -> Option<Token> {
        let holder = Token::random();
        let held = self.store.hold(&self.key(request.key), holder, HOLD).await;
        held.map_err(|error| self.fault(request.site, error)).ok().map(|()| holder)
    }

    /// Ends the hold by making `answer` the entry, unless someone else changed the entry under the hold.
    pub(crate) async fn put(
        self: &Arc<Self>,
        request: &Request<'_>,
        holder: Option<Token>,
        ttl: Option<Duration>,
        answer: &dyn Answer,
    ) -> Put {
        let key = self.key(request.key);
        let keys = std::slice::from_ref(&key);
        self.invalidate_local(keys);
        let stored = match holder.and_then(|token| Some((token, self.stamped(token, ttl, &key, answer)?))) {
            Some((holder, frame)) => self.store.put(&key, holder, frame, ttl).await,
            None => Err(StoreError::Unreachable),
        };
        self.invalidate_local(keys);
        match stored {
            Ok(true) => Put::Stored,
            Ok(false) => Put::Removed,
            Err(_) => self.unhold(request, holder).await,
        }
    }

    /// Ends the hold and leaves nothing behind.
    pub(crate) async fn unhold(self: &Arc<Self>, request: &Request<'_>, holder: Option<Token>) -> Put {
        let key = self.key(request.key);
        if let Some(holder) = holder
            && self.store.unhold(&key, holder).await.is_ok()
        {
            self.invalidate_local(std::slice::from_ref(&key));
            return Put::Removed;
        }
        match self.invalidate(std::slice::from_ref(&key)).await {
            Invalidation::Applied => Put::Removed,
            Invalidation::Queued => Put::Queued,
        }
    }

    /// Ends the hold from where nothing can be awaited.
    pub(crate) fn unhold_later(&self, key: Key, holder: Option<Token>) {
        let Some(holder) = holder else { return };
        let store = self.store.clone();
        super::detach_later(async move {
            // If this fails, the hold lapses.
            let _ = store.unhold(&key, holder).await;
        });
    }

    fn stamped(&self, token: Token, soft: Option<Duration>, key: &Key, answer: &dyn Answer) -> Option<Bytes> {
        let created_ms = self.store.now_ms();
        answer.frame(key, Stamped { token, created_ms, soft, delta: Duration::ZERO }).map(Bytes::from)
    }

    /// Runs the body and replaces the entry by its value, while the old one goes on answering.
    pub(crate) async fn refresh(&self, request: &Request<'_>, call: &mut dyn Call) -> Outcome {
        let key = self.key(request.key);
        if !self.enabled || self.pending.contains(&key) {
            return self.load_alone(request, call).await.0;
        }
        match self.refresh_shared(request, &key, call).await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.fault(request.site, error);
                self.load_alone(request, call).await.0
            }
        }
    }

    async fn refresh_shared(
        &self,
        request: &Request<'_>,
        key: &Key,
        call: &mut dyn Call,
    ) -> Result<Outcome, StoreError> {
        let ticket = self.local.ticket(key.hash);
        let Some(bytes) = self.store.get(key).await? else {
            return self.read_shared(request, key, call).await.map(|(outcome, _)| outcome);
        };
        let Ok(Entry::Value(seen)) = Entry::parse(key, &bytes) else {
            return self.read_shared(request, key, call).await.map(|(outcome, _)| outcome);
        };
        let token = Token::random();
        if !self.store.refresh(key, seen.token, token, request.site.load_timeout).await? {
            return Ok(self.load_alone(request, call).await.0);
        }
        let created_ms = self.store.now_ms();
        let started = Instant::now();
        if let Loaded::Store(ttl) = self.run(request, call).await {
            let stored = Stamped { token, created_ms, soft: ttl, delta: started.elapsed() };
            let Some(frame) = call.frame(key, stored) else { return Ok(Outcome::Loaded) };
            let landing = Landing::unwatched();
            self.local.invalidate(key.hash);
            self.fill(request, key, Filling { token, created_ms, frame, ttl, ticket, shared: None, landing });
        }
        Ok(Outcome::Loaded)
    }
}
