//! A load under a lease: taken, renewed while the body runs, ended by a fill that the store may refuse.

use super::{Call, Engine, LEASE, Loaded, Request, Stamped, detach, detach_later};
use crate::breaker::spread;
use crate::error::StoreError;
use crate::flight::{Landing, Leader, Shared, Verdict};
use crate::frame::{Lease, Token};
use crate::key::Key;
use crate::local::{Kept, Ticket};
use crate::policy::Level;
use crate::store::{Leased, Store};
use crate::time::Instant;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How much of a ttl (in thousandths) may be cut off, so that entries stored together do not expire together.
const JITTER: u32 = 100;

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
        key: &Key,
        leader: Leader,
        instead_of: Option<Token>,
        ticket: Ticket,
        call: &mut dyn Call,
    ) -> Result<Led, StoreError> {
        let token = Token::random();
        let created_ms = self.store.now_ms();
        let held = HeldLease { store: &self.store, key, token, armed: true };
        let expected = self.counters(request.site).loads.typical();
        let lease = Lease { token, expected, acquired_ms: created_ms };
        match self.store.lease(key, lease, LEASE, instead_of).await? {
            // A reply that was lost on the way may have been ours.
            Leased::Denied(bytes) if bytes[..] != lease.to_bytes() => {
                held.forget();
                return Ok(Led::Denied(bytes));
            }
            Leased::Denied(_) | Leased::Granted => {}
        }
        let started = Instant::now();
        let loaded = self.run_renewing(request, key, token, call).await;
        let ttl = match loaded {
            Loaded::Failed(error) => {
                leader.close().end(Verdict::Failed(error));
                return Ok(Led::Loaded);
            }
            Loaded::Keep => None,
            Loaded::Store(ttl) => Some(ttl.map(spread_down)),
        };
        let stored = |soft| Stamped { token, created_ms, soft, delta: started.elapsed() };
        let frame = ttl.and_then(|ttl| call.frame(key, stored(ttl)).map(|frame| (frame, ttl)));
        if ttl.is_some() && frame.is_none() {
            self.counters(request.site).not_storable.fetch_add(1, Relaxed);
        }
        held.forget();
        // Closed before the store is asked: who comes from now on asks for themselves.
        let landing = leader.close();
        let wanted = landing.has_joiners() || (frame.is_some() && request.site.level != Level::Off);
        let shared = if wanted { call.share() } else { None };
        match frame {
            Some((frame, ttl)) => {
                self.fill(request, key, Filling { token, created_ms, frame, ttl, ticket, shared, landing });
            }
            None => self.certify(key, token, shared, landing),
        }
        Ok(Led::Loaded)
    }

    /// Sends the value to the store; joiners and L1 get it only if the store took it.
    pub(super) fn fill(&self, request: &Request<'_>, key: &Key, filling: Filling) {
        let Filling { token, created_ms, frame, ttl, ticket, shared, landing } = filling;
        let (store, key) = (self.store.clone(), key.clone());
        let counters = self.counters(request.site);
        let keep = self.keeper(request, ticket);
        detach(async move {
            let frame = Bytes::from(frame);
            let size = frame.len();
            match store.fill(&key, token, frame, ttl).await {
                Ok(true) => {
                    let Some(shared) = shared else { return };
                    landing.end(Verdict::Certified(shared.clone()));
                    if let Some(keep) = keep {
                        keep.store(Kept { value: shared, token, created_ms, fresh: ttl, size });
                    }
                }
                Ok(false) => drop(counters.fills_refused.fetch_add(1, Relaxed)),
                Err(error) => counters.failed(error),
            }
        });
    }

    /// Asks the store whether the load still stands, for the joiners of a value that is not to be stored.
    fn certify(&self, key: &Key, token: Token, shared: Option<Shared>, landing: Landing) {
        let (store, key) = (self.store.clone(), key.clone());
        detach(async move {
            if let (Ok(true), Some(shared)) = (store.release(&key, token).await, shared) {
                landing.end(Verdict::Certified(shared));
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
    pub(super) frame: Vec<u8>,
    pub(super) ttl: Option<Duration>,
    pub(super) ticket: Ticket,
    pub(super) shared: Option<Shared>,
    pub(super) landing: Landing,
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
            detach_later(async move {
                // If this fails too, the lease lapses.
                let _ = store.release(&key, token).await;
            });
        }
    }
}

fn spread_down(ttl: Duration) -> Duration {
    (spread(ttl, JITTER / 2) - ttl * (JITTER / 2) / 1_000).max(Duration::from_millis(1))
}
