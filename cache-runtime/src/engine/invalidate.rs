//! Making entries untrue: here at once, in the store now or as soon as it can be reached.

use super::Engine;
use crate::breaker::Backoff;
use crate::key::Key;
use crate::observe::Invalidation;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Keys in one trip.
const BATCH: usize = 512;

impl Engine {
    /// Removes `keys` from every tier.
    ///
    /// # Cancel safety
    /// What was not sent when this is dropped is not sent; `Mutation` starts over in that case.
    pub(crate) async fn invalidate(self: &Arc<Self>, keys: &[Key]) -> Invalidation {
        if keys.is_empty() || !self.enabled {
            return Invalidation::Applied;
        }
        self.invalidate_local(keys);
        let mut outcome = Invalidation::Applied;
        for keys in keys.chunks(BATCH) {
            if let Err(error) = self.store.invalidate(keys).await {
                tracing::warn!(%error, keys = keys.len(), "an invalidation waits for the store");
                self.pending.add(keys);
                outcome = Invalidation::Queued;
            }
        }
        // Again: covers what this process read while the store was being asked.
        self.invalidate_local(keys);
        if outcome == Invalidation::Queued {
            self.drain_later();
        }
        outcome
    }

    /// Removes `keys` from where nothing can be awaited: here at once, in the store in the background.
    pub(crate) fn invalidate_later(self: &Arc<Self>, keys: Vec<Key>) {
        self.invalidate_local(&keys);
        let engine = self.clone();
        super::detach_later(async move {
            engine.invalidate(&keys).await;
        });
    }

    pub(super) fn invalidate_local(&self, keys: &[Key]) {
        keys.iter().for_each(|key| self.local.invalidate(key.hash));
    }

    /// Starts sending what is pending, unless that is going on already.
    fn drain_later(self: &Arc<Self>) {
        if self.draining.swap(true, Ordering::AcqRel) {
            return;
        }
        let draining = Draining(self.clone());
        super::detach_later(async move {
            let engine = draining.0.clone();
            engine.drain().await;
            drop(draining);
            // What was queued between the last look and now has nobody else.
            if !engine.pending.is_empty() {
                engine.drain_later();
            }
        });
    }

    async fn drain(&self) {
        let mut backoff = Backoff::default();
        while let Some(batch) = self.pending.batch(BATCH) {
            match self.store.invalidate(&batch.keys).await {
                Ok(()) => {
                    self.invalidate_local(&batch.keys);
                    self.pending.sent(&batch);
                    backoff = Backoff::default();
                }
                Err(_) => tokio::time::sleep(backoff.pause()).await,
            }
        }
    }
}

/// The right to drain; dropped with its runtime, it is left to the next one who queues.
struct Draining(Arc<Engine>);

impl Drop for Draining {
    fn drop(&mut self) {
        self.0.draining.store(false, Ordering::Release);
    }
}
