//! A load under a lease: taken, renewed while the body runs, ended by a fill that the store may refuse.

use super::tags::{Captured, Marks};
use super::{Answer, Call, Engine, Framed, LEASE, Loaded, Request, Stamped, detach, detach_later};
use crate::breaker::{Backoff, spread};
use crate::error::StoreError;
use crate::flight::{Landing, Leader, Shared, Verdict};
use crate::frame::{Lease, Tags, Token};
use crate::key::Key;
use crate::local::{Kept, Ticket};
use crate::policy::Level;
use crate::policy::Term;
use crate::store::{Leased, Store};
use crate::tag::{Generation, Tag};
use crate::time::Instant;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How much of a ttl (in thousandths) may be cut off, so that entries stored together do not expire together.
const JITTER: u32 = 100;

/// What was known of a key before its lease was asked for.
pub(super) enum Known {
    /// Nothing: the lookup begins with this.
    Nothing,
    /// That there is nothing, or the value with this token, to be replaced.
    Seen(Option<Token>),
}

/// How leading ended.
pub(super) enum Led {
    /// The body ran.
    Loaded,
    /// The store holds something else by now.
    Denied(Bytes),
}

impl Engine {
    /// Takes the lease and runs the body; the fill goes on in the background.
    pub(super) async fn lead(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        leader: Leader,
        known: Known,
        ticket: Ticket,
        call: &mut dyn Call,
    ) -> Result<Led, StoreError> {
        let key = &marks.key;
        // Before the lease: nobody else is kept waiting by who waits here.
        let _admitted = self.admitted(request).await;
        let token = Token::random();
        let created_ms = self.store.now_ms();
        let held = HeldLease { store: &self.store, key, token, armed: true };
        let expected = self.counters(request.site).loads.typical();
        let lease = Lease { token, expected, acquired_ms: created_ms };
        let (instead_of, is_lookup) = match known {
            Known::Nothing => (None, true),
            Known::Seen(instead_of) => (instead_of, false),
        };
        let asked = Instant::now();
        // The generations before the load: whatever is invalidated from now on makes the entry invalid.
        let (leased, captured) = tokio::join!(biased; self.store.lease(key, lease, LEASE, instead_of),
            self.capture(request, marks)
        );
        if is_lookup {
            self.counters(request.site).lookups.record(asked.elapsed());
        }
        match leased? {
            // A reply that was lost on the way may have been ours.
            Leased::Denied(bytes) if bytes[..] != lease.to_bytes() => {
                held.forget();
                return Ok(Led::Denied(bytes));
            }
            Leased::Denied(_) | Leased::Granted => {}
        }
        let captured = captured?;
        let started = Instant::now();
        let loaded = self.run_renewing(request, key, token, call).await;
        let delta = started.elapsed();
        let term = match loaded {
            Loaded::Failed(error) => {
                leader.close().end(Verdict::Failed(error));
                return Ok(Led::Loaded);
            }
            Loaded::Keep => None,
            Loaded::Store(term) => Some(Term { fresh: term.fresh.map(spread_down), ..term }),
        };
        let stamped =
            Stamped { token, tags: Tags::NONE, created_ms, soft: term.and_then(|term| term.fresh), delta };
        let (frame, captured) = match term {
            Some(_) => self.framed(request, key, captured, stamped, call).await,
            None => (None, captured),
        };
        held.forget();
        // Closed before the store is asked: who comes from now on asks for themselves.
        let landing = leader.close();
        let wanted = landing.has_joiners() || (frame.is_some() && request.site.level != Level::Off);
        let shared = if wanted { call.share() } else { None };
        match (frame, term) {
            (Some(frame), Some(term)) => {
                let tags = captured.tags.into();
                let filling =
                    Filling { token, created_ms, delta, frame, term, ticket, tags, shared, landing };
                self.fill(request, marks, filling);
            }
            _ => self.certify(key, token, captured.certificate(), shared, landing),
        }
        Ok(Led::Loaded)
    }

    /// The answer as a frame with all of its tags, if it can be stored.
    pub(super) async fn framed(
        &self,
        request: &Request<'_>,
        key: &Key,
        mut captured: Captured,
        stamped: Stamped<'_>,
        answer: &mut dyn Answer,
    ) -> (Option<Framed>, Captured) {
        let later = self.capture_later(request.tag_ttl, &mut captured, &answer.tags()).await;
        match later {
            Ok(true) => {}
            Ok(false) => {
                self.counters(request.site).fills_refused.fetch_add(1, Relaxed);
                return (None, captured);
            }
            Err(error) => {
                self.fault(request.site, error);
                return (None, captured);
            }
        }
        let tags = captured.tags.iter().map(|(tag, generation)| (tag.text(), *generation));
        let compression = self.settings.compression(request.namespace, request.site.compression);
        let frame = Tags::encode(tags).and_then(|tags| {
            answer.frame(key, Stamped { tags: Tags::encoded(&tags), ..stamped }, compression, self.largest)
        });
        let counters = self.counters(request.site);
        match &frame {
            Some(frame) => counters.framed(frame.raw_len, frame.bytes.len()),
            None => drop(counters.not_storable.fetch_add(1, Relaxed)),
        }
        (frame, captured)
    }

    /// Sends the value to the store; joiners and L1 get it only if the store took it.
    pub(super) fn fill(&self, request: &Request<'_>, marks: &Marks, filling: Filling) {
        let Filling { token, created_ms, delta, frame, term, ticket, tags, shared, landing } = filling;
        let (store, key) = (self.store.clone(), marks.key.clone());
        let counters = self.counters(request.site);
        let keep = self.keeper(request, marks, ticket.certified_from_now());
        detach(async move {
            let size = frame.raw_len;
            let frame = Bytes::from(frame.bytes);
            // A lease knows nothing of tags: joiners need to hear that these stand, too.
            let asked = if landing.has_joiners() { &tags[..] } else { &[] };
            let (filled, current) =
                tokio::join!(biased; store.fill(&key, token, frame, term.hard()), unchanged(&*store, asked));
            match filled {
                Ok(true) => {
                    let Some(value) = shared else { return };
                    if current {
                        landing.end(Verdict::Certified(value.clone()));
                    }
                    if let Some(keep) = keep {
                        let age = Duration::from_millis(store.now_ms().saturating_sub(created_ms));
                        let (fresh, left) = (term.fresh, term.hard());
                        keep.store(
                            age,
                            Kept { value, token, created_ms, fresh, delta, left, sure: None, tags, size },
                        );
                    }
                }
                Ok(false) => drop(counters.fills_refused.fetch_add(1, Relaxed)),
                Err(error) => {
                    counters.failed(error);
                    drop(landing);
                    give_back(store, key, token).await;
                }
            }
        });
    }

    /// Asks the store whether the load still stands, for the joiners of a value that is not to be stored.
    fn certify(
        &self,
        key: &Key,
        token: Token,
        certificate: Option<Box<[(Tag, Generation)]>>,
        shared: Option<Shared>,
        landing: Landing,
    ) {
        let (store, key) = (self.store.clone(), key.clone());
        detach(async move {
            // Without a certificate nobody can take the value, whatever the lease says.
            let shared = shared.filter(|_| certificate.is_some());
            let tags = certificate.unwrap_or_default();
            let asked = if landing.has_joiners() { &tags[..] } else { &[] };
            let (released, current) =
                tokio::join!(biased; store.release(&key, token), unchanged(&*store, asked));
            match (released, shared) {
                (Ok(true), Some(shared)) if current => landing.end(Verdict::Certified(shared)),
                (Err(_), _) => {
                    drop(landing);
                    give_back(store, key, token).await;
                }
                _ => {}
            }
        });
    }

    /// Runs the body; from a third of the lease on, a task renews it.
    async fn run_renewing(
        &self,
        request: &Request<'_>,
        key: &Key,
        token: Token,
        call: &mut dyn Call,
    ) -> Loaded {
        let mut body = std::pin::pin!(self.run(request, call));
        if let Ok(loaded) = tokio::time::timeout(LEASE / 3, &mut body).await {
            return loaded;
        }
        let renewing = renew(self.store.clone(), key.clone(), token, request.site.load_timeout);
        let _renewal = AbortOnDrop(tokio::spawn(renewing));
        body.await
    }
}

pub(super) struct Filling {
    pub(super) token: Token,
    pub(super) created_ms: u64,
    pub(super) delta: Duration,
    pub(super) frame: Framed,
    pub(super) term: Term,
    pub(super) ticket: Ticket,
    pub(super) tags: Box<[(Tag, Generation)]>,
    pub(super) shared: Option<Shared>,
    pub(super) landing: Landing,
}

/// Whether the store says now that `tags` have these generations.
pub(super) async fn unchanged(store: &dyn Store, tags: &[(Tag, Generation)]) -> bool {
    if tags.is_empty() {
        return true;
    }
    let (tags, then): (Vec<_>, Vec<_>) = tags.iter().cloned().unzip();
    let now = store.generations(&tags).await;
    now.is_ok_and(|now| now.into_iter().eq(then.into_iter().map(Some)))
}

/// Renews a lease every third of its term until it is lost or the load has had its time.
async fn renew(store: Arc<dyn Store>, key: Key, token: Token, load_timeout: Duration) {
    let end = Instant::now() + load_timeout.saturating_sub(LEASE / 3);
    while Instant::now() < end {
        match store.renew(&key, token, LEASE).await {
            Ok(false) => return,
            // One lost renewal is not the end: there are two more in a term.
            Ok(true) | Err(_) => tokio::time::sleep(LEASE / 3).await,
        }
    }
}

/// Gives back a lease that may still stand, as soon as the store can be asked: others wait for it. At worst it lapses.
async fn give_back(store: Arc<dyn Store>, key: Key, token: Token) {
    let lapses = Instant::now() + LEASE;
    let mut backoff = Backoff::default();
    while store.release(&key, token).await.is_err() && Instant::now() < lapses {
        tokio::time::sleep(backoff.pause()).await;
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A lease that goes back to the store when the load ends in any other way than by a fill.
struct HeldLease<'a> {
    store: &'a Arc<dyn Store>,
    key: &'a Key,
    token: Token,
    armed: bool,
}

impl HeldLease<'_> {
    fn forget(mut self) {
        self.armed = false;
    }
}

impl Drop for HeldLease<'_> {
    fn drop(&mut self) {
        if self.armed {
            let (store, key, token) = (self.store.clone(), self.key.clone(), self.token);
            detach_later(give_back(store, key, token));
        }
    }
}

fn spread_down(ttl: Duration) -> Duration {
    spread(ttl, JITTER / 2).saturating_sub(ttl / (1_000 / (JITTER / 2))).max(Duration::from_millis(1))
}
