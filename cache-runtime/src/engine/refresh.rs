//! What an entry can do by itself: be looked at, replaced, reloaded.

use super::load::Filling;
use super::read::Answered;
use super::tags::{Captured, Marks};
use super::{Answer, Call, Engine, HOLD, Loaded, Request, Stamped};
use crate::error::StoreError;
use crate::flight::Landing;
use crate::frame::{Entry, Tags, Token};
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

/// A hold that this process has, and the generations from before it.
pub(crate) struct HeldEntry {
    holder: Token,
    captured: Captured,
}

impl Engine {
    /// Gives `answer` the entry's value, if a tier has it.
    pub(crate) async fn peek(&self, request: &Request<'_>, answer: &mut dyn Answer) -> Option<Answered> {
        let marks = self.marks(request);
        let bytes = self.find(request, &marks).await?;
        let Ok(Entry::Value(value)) = Entry::parse(&marks.key, &bytes) else { return None };
        answer.decode(&value).ok()?;
        Some((Outcome::Hit(Tier::L2), self.age(value.created_ms)))
    }

    /// How much longer the entry lives in the store.
    pub(crate) async fn lifetime(&self, request: &Request<'_>) -> Option<Lifetime> {
        let marks = self.marks(request);
        self.find(request, &marks).await?;
        self.store.lifetime(&marks.key).await.map_err(|error| self.fault(request.site, error)).ok()?
    }

    /// The frame of the entry, if it is a value and nothing speaks against it.
    async fn find(&self, request: &Request<'_>, marks: &Marks) -> Option<Bytes> {
        if !self.enabled || self.pending.contains_any(&marks.key, &marks.tags) {
            return None;
        }
        let found = async {
            let Some(bytes) = self.store.get(&marks.key).await? else { return Ok(None) };
            let Ok(Entry::Value(value)) = Entry::parse(&marks.key, &bytes) else { return Ok(None) };
            let pending = self.pending.contains_texts(&marks.tags[0], value.tags);
            let current = !pending && self.is_current(request.site.level, marks, None, &value).await?;
            Ok(current.then_some(bytes))
        };
        found.await.map_err(|error| self.fault(request.site, error)).ok()?
    }

    /// Lets nothing be stored at the entry until [`put`](Self::put); `None` where the store cannot be asked.
    pub(crate) async fn hold(&self, request: &Request<'_>, term: Option<Duration>) -> Option<HeldEntry> {
        if !self.enabled {
            return None;
        }
        let holder = Token::random();
        let marks = self.marks(request);
        let (held, captured) = tokio::join!(
            biased;
            self.store.hold(std::slice::from_ref(&marks.key), holder, term.unwrap_or(HOLD)),
            self.store_capture(request, &marks)
        );
        match held.and(captured) {
            Ok(captured) => Some(HeldEntry { holder, captured }),
            Err(error) => {
                self.fault(request.site, error);
                self.unhold_later(marks.key, Some(holder));
                None
            }
        }
    }

    /// Ends the hold by making `answer` the entry, unless someone else changed the entry under the hold.
    pub(crate) async fn put(
        self: &Arc<Self>,
        request: &Request<'_>,
        held: HeldEntry,
        ttl: Option<Duration>,
        answer: &mut dyn Answer,
    ) -> Put {
        let key = self.key(request.key);
        let HeldEntry { holder, captured } = held;
        let created_ms = self.store.now_ms();
        let stamped =
            Stamped { token: holder, tags: Tags::NONE, created_ms, soft: ttl, delta: Duration::ZERO };
        let (frame, _) = self.framed(request, &key, captured, stamped, answer).await;
        let Some(frame) = frame else { return self.unhold(&key, holder).await };
        self.invalidate_local(std::slice::from_ref(&key), &[]);
        self.pending.sending(std::slice::from_ref(&key), &[]);
        let stored = self.store.put(&key, holder, Bytes::from(frame), ttl).await;
        self.invalidate_local(std::slice::from_ref(&key), &[]);
        match stored {
            Ok(true) => Put::Stored,
            Ok(false) => Put::Removed,
            Err(_) => self.unhold(&key, holder).await,
        }
    }

    /// Ends the hold and leaves nothing behind.
    pub(crate) async fn end_hold(self: &Arc<Self>, request: &Request<'_>, held: Option<HeldEntry>) -> Put {
        let key = self.key(request.key);
        match held {
            Some(held) => self.unhold(&key, held.holder).await,
            None => Self::put_outcome(self.invalidate(std::slice::from_ref(&key), &[]).await),
        }
    }

    pub(crate) async fn unhold(self: &Arc<Self>, key: &Key, holder: Token) -> Put {
        let keys = std::slice::from_ref(key);
        self.invalidate_local(keys, &[]);
        self.pending.sending(keys, &[]);
        let ended = self.store.unhold(keys, holder).await;
        self.invalidate_local(keys, &[]);
        match ended {
            Ok(()) => Put::Removed,
            Err(_) => Self::put_outcome(self.invalidate(keys, &[]).await),
        }
    }

    /// Ends the hold from where nothing can be awaited.
    pub(crate) fn end_hold_later(&self, key: Key, held: Option<HeldEntry>) {
        self.unhold_later(key, held.map(|held| held.holder));
    }

    fn unhold_later(&self, key: Key, holder: Option<Token>) {
        let Some(holder) = holder else { return };
        let store = self.store.clone();
        super::detach_later(async move {
            // If this fails, the hold lapses.
            let _ = store.unhold(std::slice::from_ref(&key), holder).await;
        });
    }

    const fn put_outcome(invalidation: Invalidation) -> Put {
        match invalidation {
            Invalidation::Queued => Put::Queued,
            _ => Put::Removed,
        }
    }

    /// Runs the body and replaces the entry by its value, while the old one goes on answering.
    pub(crate) async fn refresh(&self, request: &Request<'_>, call: &mut dyn Call) -> Outcome {
        let marks = self.marks(request);
        if !self.enabled || self.pending.contains_any(&marks.key, &marks.tags) {
            return self.load_alone(request, call).await.0;
        }
        match self.refresh_shared(request, &marks, call).await {
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
        marks: &Marks,
        call: &mut dyn Call,
    ) -> Result<Outcome, StoreError> {
        let ticket = self.ticket(marks);
        let seen = match self.store.get(&marks.key).await? {
            Some(bytes) => match Entry::parse(&marks.key, &bytes) {
                Ok(Entry::Value(value)) => Some(value.token),
                _ => None,
            },
            None => None,
        };
        let Some(seen) = seen else {
            return self.read_shared(request, marks, call).await.map(|(outcome, _)| outcome);
        };
        let token = Token::random();
        let (refreshing, captured) = tokio::join!(
            biased;
            self.store.refresh(&marks.key, seen, token, request.site.load_timeout),
            self.capture(request, marks)
        );
        if !refreshing? {
            return Ok(self.load_alone(request, call).await.0);
        }
        let captured = captured?;
        let created_ms = self.store.now_ms();
        let started = Instant::now();
        if let Loaded::Store(ttl) = self.run(request, call).await {
            let delta = started.elapsed();
            let stamped = Stamped { token, tags: Tags::NONE, created_ms, soft: ttl, delta };
            let (frame, captured) = self.framed(request, &marks.key, captured, stamped, call).await;
            let Some(frame) = frame else { return Ok(Outcome::Loaded) };
            let (tags, landing) = (captured.tags.into(), Landing::unwatched());
            self.local.invalidate(marks.key.hash);
            let filling = Filling { token, created_ms, frame, ttl, ticket, tags, shared: None, landing };
            self.fill(request, marks, filling);
        }
        Ok(Outcome::Loaded)
    }
}
