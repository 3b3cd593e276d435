//! What an entry can do by itself: be looked at, reloaded.

use super::load::{Filling, unchanged};
use super::tags::Marks;
use super::{Answer, Answered, Call, Engine, LEASE, Loaded, Request, Stamped};
use crate::error::StoreError;
use crate::flight::{Landing, Leader, Shared, Verdict};
use crate::frame::{self, Entry, Tags, Token};
use crate::key::Key;
use crate::local::Ticket;
use crate::observe::{Outcome, Tier};
use crate::policy::Level;
use crate::store::Lifetime;
use crate::tag::{Generation, Tag};
use crate::time::Instant;
use bytes::Bytes;

impl Engine {
    /// Gives `answer` the entry's value, if a tier has it.
    pub(crate) async fn peek(&self, request: &Request<'_>, answer: &mut dyn Answer) -> Option<Answered> {
        let marks = self.marks(request);
        let bytes = self.find(request, &marks).await?;
        let Ok(Entry::Value(value)) = Entry::parse(&marks.key, &bytes) else { return None };
        answer.decode(&value).ok()?;
        let age = self.age(value.created_ms);
        Some(Answered { outcome: Outcome::Hit(Tier::L2), age: Some(age), due: false })
    }

    /// How much longer the entry lives in the store.
    pub(crate) async fn lifetime(&self, request: &Request<'_>) -> Option<Lifetime> {
        let marks = self.marks(request);
        self.find(request, &marks).await?;
        self.store.lifetime(&marks.key).await.map_err(|error| self.fault(request.site, error)).ok()?
    }

    /// The frame of the entry, if it is a value and nothing speaks against it.
    async fn find(&self, request: &Request<'_>, marks: &Marks) -> Option<Bytes> {
        let bytes = self.standing(marks).await.map_err(|error| self.fault(request.site, error));
        let bytes = bytes.ok()??;
        let Ok(Entry::Value(value)) = Entry::parse(&marks.key, &bytes) else { return None };
        let current = self.is_valid(request, marks, &value).await;
        current.map_err(|error| self.fault(request.site, error)).ok()?.then_some(bytes)
    }

    /// What stands at the key, unless that waits to be removed.
    pub(super) async fn standing(&self, marks: &Marks) -> Result<Option<Bytes>, StoreError> {
        if !self.enabled || self.pending.contains_any(&marks.key, &marks.tags) {
            return Ok(None);
        }
        self.store.get(&marks.key).await
    }

    /// Whether nothing speaks against the value that stands at the key.
    pub(super) async fn is_valid(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        value: &frame::Value<'_>,
    ) -> Result<bool, StoreError> {
        let pending = self.pending.contains_texts(&marks.tags[0], value.tags);
        Ok(!pending && self.is_current(request.site.level, marks, None, value).await?)
    }

    /// Runs the body and replaces the entry by its value, while the old one goes on answering.
    pub(crate) async fn refresh(&self, request: &Request<'_>, call: &mut dyn Call) -> Outcome {
        let marks = self.marks(request);
        if !self.enabled || self.pending.contains_any(&marks.key, &marks.tags) {
            return self.load_alone(request, call).await.outcome;
        }
        match self.refresh_shared(request, &marks, call).await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.fault(request.site, error);
                self.load_alone(request, call).await.outcome
            }
        }
    }

    /// The same where nobody waits for the answer: only if nobody else is at it, or was.
    pub(crate) async fn refresh_unwatched(&self, request: &Request<'_>, call: &mut dyn Call) {
        let marks = self.marks(request);
        if self.pending.contains_any(&marks.key, &marks.tags) {
            return;
        }
        let served = self.created_local(request);
        if let Err(error) = self.refresh_granted(request, &marks, served, call).await {
            self.fault(request.site, error);
        }
    }

    /// Reloads a value that has expired; where the body fails in a way that is forgiven, the value that `call` has answers.
    pub(super) async fn reload_expired(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        leader: Leader,
        (seen, seen_tags, ticket): (Token, Box<[(Tag, Generation)]>, Ticket),
        call: &mut dyn Call,
    ) -> Result<Answered, StoreError> {
        let admitted = self.admitted(request).await;
        let token = Token::random();
        let (granted, captured) = tokio::join!(
            biased;
            self.store.refresh(&marks.key, seen, token, LEASE),
            self.capture(request, marks)
        );
        if !granted? {
            // Another process is at it, and may fail: its callers have the same value to fall back on.
            drop((leader, admitted));
            let answered = self.load_alone(request, call).await;
            return Ok(if forgiven(call) { Answered::by(Outcome::Stale) } else { answered });
        }
        let captured = captured?;
        let created_ms = self.store.now_ms();
        let started = Instant::now();
        match self.run(request, call).await {
            Loaded::Store(term) => {
                let delta = started.elapsed();
                let stamped = Stamped { token, tags: Tags::NONE, created_ms, soft: term.fresh, delta };
                let (frame, captured) = self.framed(request, &marks.key, captured, stamped, call).await;
                let landing = leader.close();
                if let Some(frame) = frame {
                    let (tags, shared) = (captured.tags.into(), call.share());
                    let filling =
                        Filling { token, created_ms, delta, frame, term, ticket, tags, shared, landing };
                    self.fill(request, marks, filling);
                }
            }
            Loaded::Keep => drop(leader.close()),
            Loaded::Failed(_) if forgiven(call) => {
                self.share_stale(&marks.key, (seen, seen_tags), leader.close(), call.share());
                return Ok(Answered::by(Outcome::Stale));
            }
            Loaded::Failed(error) => leader.close().end(Verdict::Failed(error)),
        }
        Ok(Answered::by(Outcome::Loaded))
    }

    /// Gives joiners the expired value, if it still stands.
    fn share_stale(
        &self,
        key: &Key,
        (seen, tags): (Token, Box<[(Tag, Generation)]>),
        landing: Landing,
        shared: Option<Shared>,
    ) {
        let (store, key) = (self.store.clone(), key.clone());
        super::detach(async move {
            let (head, current) = tokio::join!(biased; store.head(&key), unchanged(&*store, &tags));
            if let (Ok(head), true, Some(shared)) = (head, current, shared)
                && frame::value_token(&head) == Some(seen)
            {
                landing.end(Verdict::Certified(shared));
            }
        });
    }

    async fn refresh_shared(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        call: &mut dyn Call,
    ) -> Result<Outcome, StoreError> {
        match self.refresh_granted(request, marks, None, call).await? {
            Refreshing::Done => Ok(Outcome::Loaded),
            Refreshing::Absent => {
                self.read_shared(request, marks, call).await.map(|answered| answered.outcome)
            }
            Refreshing::Denied => Ok(self.load_alone(request, call).await.outcome),
        }
    }

    /// Takes the right to reload what stands at the entry, and does it; where L1 has a value that is due, that was created at `served`.
    async fn refresh_granted(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        served: Option<u64>,
        call: &mut dyn Call,
    ) -> Result<Refreshing, StoreError> {
        let mut ticket = self.ticket(marks);
        let seen = match self.store.get(&marks.key).await? {
            Some(bytes) => match Entry::parse(&marks.key, &bytes) {
                Ok(Entry::Value(value)) => Some((value.token, value.created_ms)),
                _ => None,
            },
            None => None,
        };
        let Some((seen, created_ms)) = seen else { return Ok(Refreshing::Absent) };
        if served.is_some_and(|served| served != created_ms) {
            // Someone else has reloaded it: the next call finds that in the store.
            self.local.invalidate(marks.key.hash);
            return Ok(Refreshing::Denied);
        }
        let token = Token::random();
        let (refreshing, captured) = tokio::join!(
            biased;
            self.store.refresh(&marks.key, seen, token, request.site.load_timeout),
            self.capture(request, marks)
        );
        if !refreshing? {
            return Ok(Refreshing::Denied);
        }
        let captured = captured?;
        let created_ms = self.store.now_ms();
        let started = Instant::now();
        let loaded = self.run(request, call).await;
        if let Loaded::Store(term) = loaded {
            let delta = started.elapsed();
            let stamped = Stamped { token, tags: Tags::NONE, created_ms, soft: term.fresh, delta };
            let (frame, captured) = self.framed(request, &marks.key, captured, stamped, call).await;
            let Some(frame) = frame else { return Ok(Refreshing::Done) };
            let (tags, landing) = (captured.tags.into(), Landing::unwatched());
            let shared = if request.site.level == Level::Off { None } else { call.share() };
            // L1 gives up the old value, and takes the new one if nothing else has changed the stamps since the ticket.
            self.local.invalidate(marks.key.hash);
            ticket.stamp = ticket.stamp.wrapping_add(1);
            let filling = Filling { token, created_ms, delta, frame, term, ticket, tags, shared, landing };
            self.fill(request, marks, filling);
        }
        Ok(Refreshing::Done)
    }
}

/// Whether a stale value answers instead of the body's error.
fn forgiven(call: &mut dyn Call) -> bool {
    let forgiven = call.forgives();
    if forgiven {
        call.forget_error();
    }
    forgiven
}

/// What became of a refresh.
enum Refreshing {
    /// The body ran.
    Done,
    /// There is nothing to refresh.
    Absent,
    /// Someone else is at it.
    Denied,
}
