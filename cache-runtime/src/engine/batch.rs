//! What the lookups of a batch have in common: one body, which runs when none of them asks any more, and one place among the loads.

use super::Request;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use tokio::sync::{AcquireError, Mutex, OwnedSemaphorePermit};

/// A place among the loads that run at once; of a batch, all loads together have one.
pub(super) type Admitted = Arc<OwnedSemaphorePermit>;

/// Lookups that are polled together, by one task.
///
/// Each of them asks the store, then waits for another's load, or wants the body, or has ended. Only asking ends by itself, so the
/// body is run when none asks: it waits for no load of others, which may in turn wait for it.
pub(crate) struct Batch {
    asking: AtomicUsize,
    /// The place that the loads of this batch have, as long as one of them lasts. While it is waited for, the batch has none: what is waited for in
    /// a circle is never a place.
    admitted: Mutex<Weak<OwnedSemaphorePermit>>,
}

impl Batch {
    /// `members` lookups, all of which ask.
    pub(crate) fn of(members: usize) -> Self {
        Self { asking: AtomicUsize::new(members), admitted: Mutex::default() }
    }

    /// One of them asks no more: it waits, wants the body, or has ended.
    pub(crate) fn rests(&self) {
        self.asking.fetch_sub(1, Relaxed);
    }

    /// It asks again.
    pub(crate) fn goes_on(&self) {
        self.asking.fetch_add(1, Relaxed);
    }

    /// Whether none of them asks.
    pub(crate) fn is_quiet(&self) -> bool {
        self.asking.load(Relaxed) == 0
    }
}

impl Request<'_> {
    /// Waits for what another's load brings.
    pub(super) async fn waiting<F: Future>(&self, wait: F) -> F::Output {
        let Some(batch) = self.batch else { return wait.await };
        batch.rests();
        let output = wait.await;
        batch.goes_on();
        output
    }

    /// Waits for a place among the loads, or shares the one that the batch has.
    pub(super) async fn admitted(
        &self,
        place: impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>>,
    ) -> Option<Admitted> {
        // None is ever closed.
        let Some(batch) = self.batch else { return place.await.ok().map(Arc::new) };
        let mut admitted = batch.admitted.lock().await;
        if let Some(admitted) = admitted.upgrade() {
            return Some(admitted);
        }
        let place = Arc::new(place.await.ok()?);
        *admitted = Arc::downgrade(&place);
        Some(place)
    }
}
