//! Loads shared within this process.
//!
//! A flight is open while its result may still be promised to newcomers. It closes *before* the operation that certifies its
//! value is sent to the store, so that nobody adopts a value that was certified before they came.

#[cfg(cache_loom)]
mod interleavings;
mod trailing;
mod wait;

pub(crate) use self::trailing::{Trailing, Turn};
pub(crate) use self::wait::Waits;

use crate::key::Key;
use crate::sync::{Mutex, MutexGuard};
use bytes::Bytes;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use tokio::sync::watch;

/// A value or an error that several callers take a clone of.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// How a flight ended for those who joined it.
#[derive(Clone)]
pub(crate) enum Verdict {
    /// The store certified the value.
    Certified(Shared),
    /// It did not: something was invalidated meanwhile.
    Refused,
    /// The body failed; its error, where it can be shared.
    Failed(Option<Shared>),
    /// The leader was dropped or panicked.
    Abandoned,
}

const SHARDS: usize = 32;

/// A map by key, locked in parts.
pub(crate) struct Sharded<T>(Box<[Mutex<HashMap<Bytes, T>>]>);

impl<T> Default for Sharded<T> {
    fn default() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(SHARDS).collect())
    }
}

impl<T> Sharded<T> {
    pub(crate) fn lock(&self, name: &[u8]) -> MutexGuard<'_, HashMap<Bytes, T>> {
        let hash = xxhash_rust::xxh3::xxh3_64(name).to_le_bytes()[7];
        self.0[usize::from(hash) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open flights of this process.
#[derive(Clone, Default)]
pub(crate) struct Flights(Arc<Sharded<Flight>>);

struct Flight {
    stamp: u64,
    verdict: Arc<watch::Sender<Option<Verdict>>>,
}

impl Flights {
    /// Joins the open flight for `key`, unless it began before `stamp` changed.
    pub(crate) fn join(&self, key: &Key, stamp: u64) -> Option<Joiner> {
        let flights = self.0.lock(key.name());
        let flight = flights.get(key.name()).filter(|flight| flight.stamp == stamp)?;
        Some(Joiner(flight.verdict.subscribe()))
    }

    /// Opens a flight; `None` when one is open already. One of an older stamp is left to those who are in it.
    pub(crate) fn open(&self, key: &Key, stamp: u64) -> Option<Leader> {
        let mut flights = self.0.lock(key.name());
        if flights.get(key.name()).is_some_and(|flight| flight.stamp == stamp) {
            return None;
        }
        let verdict = Arc::new(watch::Sender::new(None));
        flights.insert(key.name.clone(), Flight { stamp, verdict: verdict.clone() });
        Some(Leader { flights: self.clone(), name: key.name.clone(), landing: Some(Landing(Some(verdict))) })
    }
}

/// A caller that waits for another's load.
pub(crate) struct Joiner(watch::Receiver<Option<Verdict>>);

impl Joiner {
    pub(crate) async fn verdict(mut self) -> Verdict {
        match self.0.wait_for(Option::is_some).await {
            Ok(verdict) => verdict.clone().unwrap_or(Verdict::Abandoned),
            Err(_) => Verdict::Abandoned,
        }
    }
}

/// Leads an open flight; dropped, it abandons it.
pub(crate) struct Leader {
    flights: Flights,
    name: Bytes,
    landing: Option<Landing>,
}

impl Leader {
    /// Lets nobody join any more.
    pub(crate) fn close(mut self) -> Landing {
        self.leave();
        self.landing.take().unwrap_or(Landing::unwatched())
    }

    fn leave(&self) {
        let Some(Landing(Some(mine))) = &self.landing else { return };
        let mut flights = self.flights.0.lock(&self.name);
        if flights.get(&self.name).is_some_and(|flight| Arc::ptr_eq(&flight.verdict, mine)) {
            flights.remove(&self.name);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.leave();
        if let Some(landing) = self.landing.take() {
            landing.end(Verdict::Abandoned);
        }
    }
}

/// A closed flight whose joiners still wait for the verdict; dropped, it is refused.
pub(crate) struct Landing(Option<Arc<watch::Sender<Option<Verdict>>>>);

impl Landing {
    /// One that nobody could join.
    pub(crate) const fn unwatched() -> Self {
        Self(None)
    }

    /// Whether anyone waits. Once it is closed, only a no can follow a yes.
    pub(crate) fn has_joiners(&self) -> bool {
        self.0.as_ref().is_some_and(|verdict| verdict.receiver_count() > 0)
    }

    pub(crate) fn end(mut self, verdict: Verdict) {
        if let Some(sender) = self.0.take() {
            sender.send_replace(Some(verdict));
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            sender.send_replace(Some(Verdict::Refused));
        }
    }
}
