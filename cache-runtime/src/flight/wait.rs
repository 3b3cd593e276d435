//! Waiting for another process's load: one poller for a key, whoever waits.

use super::Sharded;
use crate::breaker::jitter;
use crate::error::StoreError;
use crate::frame::Entry;
use crate::key::Key;
use crate::store::{Lease, Store};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// What stood at the key when it was no longer a lease.
pub(crate) type Reply = Result<Option<Bytes>, StoreError>;

const FIRST: Duration = Duration::from_millis(2);
const SLOWEST: Duration = Duration::from_millis(50);

#[derive(Clone, Default)]
pub(crate) struct Waits(Arc<Sharded<Vec<oneshot::Sender<Reply>>>>);

impl Waits {
    /// Waits until `key` holds something else than a lease; the answer was asked for after this call began.
    pub(crate) async fn wait(&self, store: &Arc<dyn Store>, key: &Key, lease: Lease) -> Reply {
        let (waiter, reply) = oneshot::channel();
        let first = {
            let mut waits = self.0.lock(key.name());
            let waiters = waits.entry(key.name.clone());
            let first = matches!(waiters, std::collections::hash_map::Entry::Vacant(_));
            waiters.or_default().push(waiter);
            first
        };
        if first {
            let place = Place { waits: self.clone(), name: key.name.clone(), left: false };
            tokio::spawn(poll(place, store.clone(), key.clone(), first_delay(&**store, lease)));
        }
        reply.await.unwrap_or(Err(StoreError::Unreachable))
    }
}

/// Half of what is left of the load, by what its lease says.
fn first_delay(store: &dyn Store, lease: Lease) -> Duration {
    let age = Duration::from_millis(store.now_ms().saturating_sub(lease.acquired_ms));
    (lease.expected / 2).saturating_sub(age).clamp(FIRST, SLOWEST)
}

async fn poll(mut place: Place, store: Arc<dyn Store>, key: Key, first: Duration) {
    let mut delay = first;
    let mut asking = Vec::new();
    loop {
        tokio::time::sleep(jitter(delay)).await;
        // Those who come while the answer is under way are left for the next one.
        asking.append(&mut place.arrivals());
        let reply = store.get(&key).await;
        if let Ok(Some(bytes)) = &reply
            && let Ok(Entry::Lease(_)) = Entry::parse(&key, bytes)
        {
            delay = (delay * 2).min(SLOWEST);
        } else {
            for waiter in asking.drain(..) {
                // A waiter that is gone needs no answer.
                let _ = waiter.send(reply.clone());
            }
            delay = FIRST;
        }
        asking.retain(|waiter| !waiter.is_closed());
        if asking.is_empty() && place.leave() {
            return;
        }
    }
}

/// The poller's place in the map; dropped with its runtime, it leaves nobody behind who would wait for ever.
struct Place {
    waits: Waits,
    name: Bytes,
    left: bool,
}

impl Place {
    fn arrivals(&self) -> Vec<oneshot::Sender<Reply>> {
        self.waits.0.lock(&self.name).get_mut(&self.name).map(std::mem::take).unwrap_or_default()
    }

    /// Ends the polling if nobody came meanwhile.
    fn leave(&mut self) -> bool {
        let mut waits = self.waits.0.lock(&self.name);
        let Some(waiters) = waits.get_mut(&self.name) else { return true };
        waiters.retain(|waiter| !waiter.is_closed());
        self.left = waiters.is_empty();
        if self.left {
            waits.remove(&self.name);
        }
        self.left
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.left {
            self.waits.0.lock(&self.name).remove(&self.name);
        }
    }
}
