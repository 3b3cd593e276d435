//! A lookup, from its arrival to its answer.

use super::load::{Known, Led};
use super::tags::Marks;
use super::{Answer, Answered, Call, Engine, Loaded, Request, Unreadable, Unsaved};
use crate::error::StoreError;
use crate::flight::{Turn, Verdict};
use crate::frame::{Entry, Lease, Token, Unusable};
use crate::key::Key;
use crate::local::Ticket;
use crate::observe::{Outcome, Tier};
use crate::policy::Probe;
use crate::tag::{Generation, Tag};
use crate::time::Instant;
use bytes::Bytes;
use std::future::poll_fn;
use std::time::Duration;

/// How often a caller lets a load be taken from it before it loads for itself alone.
const PATIENCE: u32 = 3;

/// What an answer of the store means for a lookup.
pub(super) enum Seen {
    /// The caller has its value.
    Usable(Answered),
    /// Someone loads.
    Lease(Lease),
    /// Nobody may store now, or nobody here should.
    Beside,
    /// Nothing, or a value to be replaced.
    Open(Option<Token>),
    /// A value that answers only where its load fails; the caller has it.
    Expired(Token, Box<[(Tag, Generation)]>),
}

/// An answer of the store, and what was known when it was asked.
pub(super) struct Reply {
    pub(super) ticket: Ticket,
    bytes: Option<Bytes>,
    generations: Option<Vec<Option<Generation>>>,
}

impl Engine {
    /// Answers `call` from the store, from another's load, or by its body; never fails.
    pub(crate) async fn read(&self, request: &Request<'_>, call: &mut dyn Call) -> Answered {
        let marks = self.marks(request);
        if self.pending.contains_any(&marks.key, &marks.tags) {
            return self.beside(request, &marks.key, call).await;
        }
        if let Some(answered) = self.read_validated(request, &marks, call).await {
            return answered;
        }
        match self.read_shared(request, &marks, call).await {
            Ok(answered) => answered,
            Err(error) => {
                self.fault(request.site, error);
                self.beside(request, &marks.key, call).await
            }
        }
    }

    /// The lookup proper. An error means that the store cannot be relied on now.
    pub(super) async fn read_shared(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        call: &mut dyn Call,
    ) -> Result<Answered, StoreError> {
        let key = &marks.key;
        let patience = request.site.load_timeout + super::LEASE;
        let mut refusals = 0;
        let mut reply = None;
        let mut waited = false;
        let counters = self.counters(request.site);
        let mut probes = match request.site.probe {
            // What is asked for in a batch is asked for by one command.
            Probe::Auto => request.batch.is_none() && counters.misses.are_usual(),
            Probe::Get => false,
            Probe::Lease => true,
        };
        loop {
            let ticket = self.ticket(marks);
            if let Some(joiner) = self.flights.join(key, ticket.stamp) {
                reply = None;
                // What many ask for is there, or soon will be.
                probes = false;
                let verdict = request.waiting(tokio::time::timeout(patience, joiner.verdict())).await;
                match verdict.unwrap_or(Verdict::Failed(None)) {
                    Verdict::Certified(value) if call.adopt(&value) => {
                        return Ok(Answered::by(Outcome::Joined));
                    }
                    Verdict::Failed(Some(error)) if call.adopt_error(&error) => {
                        return Ok(Answered::by(Outcome::Joined));
                    }
                    Verdict::Failed(_) => return Ok(self.load_alone(request, call).await),
                    Verdict::Certified(_) | Verdict::Refused => refusals += 1,
                    Verdict::Abandoned => {}
                }
                if refusals == PATIENCE {
                    return Ok(self.load_alone(request, call).await);
                }
                continue;
            }
            let seen = match reply.take() {
                Some(reply) => reply,
                None if std::mem::take(&mut probes) && self.admits(request.site) => {
                    let Some(leader) = self.flights.open(key, ticket.stamp) else { continue };
                    match self.lead(request, marks, leader, Known::Nothing, ticket, call).await {
                        Ok(Led::Loaded) => {
                            counters.misses.learn(false);
                            return Ok(Answered::by(Outcome::Loaded));
                        }
                        Ok(Led::Denied(bytes)) => Reply { ticket, bytes: Some(bytes), generations: None },
                        // There may be a value all the same.
                        Err(StoreError::OutOfMemory) => continue,
                        Err(error) => return Err(error),
                    }
                }
                None => self.look_up(request, marks, ticket).await?,
            };
            let ticket = seen.ticket;
            let seen = self.see(request, marks, seen, call).await?;
            counters.misses.learn(!matches!(seen, Seen::Open(_)));
            match seen {
                Seen::Usable(hit) if waited => return Ok(Answered { outcome: Outcome::Joined, ..hit }),
                Seen::Usable(answered) => return Ok(answered),
                Seen::Beside => return Ok(self.beside(request, key, call).await),
                Seen::Lease(lease) => {
                    let ticket = self.ticket(marks);
                    let wait = self.waits.wait(&self.store, key, lease);
                    let Ok(bytes) = request.waiting(tokio::time::timeout(patience, wait)).await else {
                        return Ok(self.load_alone(request, call).await);
                    };
                    reply = Some(Reply { ticket, bytes: bytes?, generations: None });
                    waited = true;
                }
                Seen::Expired(token, tags) => {
                    let Some(leader) = self.flights.open(key, ticket.stamp) else { continue };
                    return self.reload_expired(request, marks, leader, (token, tags, ticket), call).await;
                }
                Seen::Open(instead_of) => {
                    let Some(leader) = self.flights.open(key, ticket.stamp) else { continue };
                    match self.lead(request, marks, leader, Known::Seen(instead_of), ticket, call).await? {
                        Led::Loaded => return Ok(Answered::by(Outcome::Loaded)),
                        Led::Denied(bytes) => {
                            reply = Some(Reply { ticket, bytes: Some(bytes), generations: None });
                        }
                    }
                }
            }
        }
    }

    pub(super) async fn look_up(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        ticket: Ticket,
    ) -> Result<Reply, StoreError> {
        let started = Instant::now();
        let level = request.site.level;
        let found = if let Some(known) = self.known_generations(level, &marks.tags) {
            self.store.get(&marks.key).await.map(|bytes| (bytes, known))
        } else {
            let asked = self.store.look_up(&marks.key, &marks.tags);
            self.asked_generations(level, &marks.tags, asked).await
        };
        self.counters(request.site).lookups.record(started.elapsed());
        let (bytes, generations) = found?;
        Ok(Reply { ticket, bytes, generations: Some(generations) })
    }

    /// What stands at the key, and what that means; a usable value is the answer, and goes to L1.
    pub(super) async fn see(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        reply: Reply,
        answer: &mut dyn Answer,
    ) -> Result<Seen, StoreError> {
        let Some(bytes) = reply.bytes else { return Ok(Seen::Open(None)) };
        let seen = match Entry::parse(&marks.key, &bytes) {
            Ok(Entry::Lease(lease)) => return Ok(Seen::Lease(lease)),
            Ok(Entry::Hold) => return Ok(Seen::Beside),
            Ok(Entry::Value(value)) => {
                if self.pending.contains_texts(&marks.tags[0], value.tags) {
                    return Ok(Seen::Beside);
                }
                if !self.is_current(request.site.level, marks, reply.generations, &value).await? {
                    return Ok(Seen::Open(Some(value.token)));
                }
                let delta = Duration::from_millis(value.delta_ms.into());
                let aged = self.aged(request, Tier::L2, value.created_ms, value.fresh(), delta);
                match answer.decode(&value) {
                    Ok(()) => match aged {
                        Some(answered) => {
                            self.keep(request, marks, reply.ticket, &value, answer);
                            let age = answered.age.filter(|_| !value.is_foreign());
                            return Ok(Seen::Usable(Answered { age, ..answered }));
                        }
                        None => return Ok(Seen::Expired(value.token, Self::tags_of(marks, value.tags))),
                    },
                    Err(Unreadable::Newer) => Seen::Beside,
                    Err(Unreadable::Broken) => Seen::Open(Some(value.token)),
                }
            }
            Err(Unusable::Corrupt(Some(token))) => Seen::Open(Some(token)),
            Err(Unusable::Corrupt(None) | Unusable::Foreign | Unusable::Layout) => Seen::Beside,
        };
        self.counters(request.site).undecodable.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(seen)
    }

    /// Loads beside the store: held, unreachable, or with an invalidation of this process unsent.
    pub(super) async fn beside(&self, request: &Request<'_>, key: &Key, call: &mut dyn Call) -> Answered {
        loop {
            let mut load = match self.trailing.arrive(key) {
                Turn::Load(load) => load,
                Turn::Join(joiner) => {
                    let patience = 2 * request.site.load_timeout;
                    let verdict = request.waiting(tokio::time::timeout(patience, joiner.verdict())).await;
                    match verdict.unwrap_or(Verdict::Failed(None)) {
                        Verdict::Certified(value) if call.adopt(&value) => {
                            return Answered::by(Outcome::Joined);
                        }
                        Verdict::Failed(Some(error)) if call.adopt_error(&error) => {
                            return Answered::by(Outcome::Joined);
                        }
                        Verdict::Abandoned => continue,
                        _ => return self.load_alone(request, call).await,
                    }
                }
            };
            request.waiting(load.turn(request.site.load_timeout)).await;
            let loaded = self.run(request, call).await;
            let verdict = match loaded {
                Loaded::Failed(error) => Verdict::Failed(error),
                Loaded::Store(_) | Loaded::Keep if load.has_joiners() => {
                    call.share().map_or(Verdict::Refused, Verdict::Certified)
                }
                Loaded::Store(_) | Loaded::Keep => Verdict::Refused,
            };
            load.end(verdict);
            return Answered::by(Outcome::Bypassed);
        }
    }

    /// Runs the body of a call that is not to be cached.
    pub(crate) async fn bypass(&self, request: &Request<'_>, call: &mut dyn Call) -> Answered {
        self.run(request, call).await;
        Answered::by(Outcome::Bypassed)
    }

    /// Runs the body for this caller only; as many at once as a store of data bears.
    pub(super) async fn load_alone(&self, request: &Request<'_>, call: &mut dyn Call) -> Answered {
        let _permit = request.admitted(self.fallbacks.clone().acquire_owned()).await;
        self.run(request, call).await;
        Answered::by(Outcome::Bypassed)
    }

    /// Runs the body to its end.
    pub(super) async fn run(&self, request: &Request<'_>, call: &mut dyn Call) -> Loaded {
        let started = Instant::now();
        let mut unsaved = Unsaved::Nothing;
        if self.has_journals(request.site) {
            unsaved = Box::pin(self.unsaved(request, call)).await;
        }
        let loaded = match unsaved {
            Unsaved::Answers => call.has_answer(),
            _ => poll_fn(|context| call.poll_load(context)).await,
        };
        // What the source says may be older than what was written.
        let loaded = match loaded {
            Loaded::Store(_) if unsaved == Unsaved::Unknown => Loaded::Keep,
            loaded => loaded,
        };
        self.counters(request.site).loads.record(started.elapsed());
        match loaded {
            Loaded::Store(term) => Loaded::Store(self.heated(request, term)),
            other => other,
        }
    }
}
