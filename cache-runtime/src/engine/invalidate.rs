//! Making entries untrue: here at once, in the store now or as soon as it can be reached.

use super::Engine;
use crate::breaker::Backoff;
use crate::error::StoreError;
use crate::frame::Token;
use crate::key::Key;
use crate::observe::Invalidation;
use crate::tag::Tag;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Keys in one trip.
const BATCH: usize = 512;

impl Engine {
    /// Removes `keys`, and all that carries one of `tags`, from every tier.
    ///
    /// # Cancel safety
    /// What was not sent when this is dropped is not sent; `Mutation` starts over in that case.
    pub(crate) async fn invalidate(self: &Arc<Self>, keys: &[Key], tags: &[Tag]) -> Invalidation {
        if !self.enabled {
            return Invalidation::Applied;
        }
        self.invalidate_local(keys, tags);
        self.pending.sending(keys, tags);
        let mut outcome = Invalidation::Applied;
        // Apart, so that the future of the usual case, which has no tags, is small.
        let (tags_sent, keys_sent) = if tags.is_empty() {
            (None, self.send_keys(keys).await)
        } else {
            Box::pin(async { tokio::join!(biased; self.send_tags(tags), self.send_keys(keys)) }).await
        };
        for failed in tags_sent.into_iter().chain(keys_sent) {
            tracing::warn!(error = %failed, "an invalidation waits for the store");
            outcome = Invalidation::Queued;
        }
        // Again: covers what this process read while the store was being asked.
        self.invalidate_local(keys, tags);
        if outcome == Invalidation::Queued {
            self.drain_later();
        }
        outcome
    }

    /// The same, acknowledged by copies of the store too.
    pub(crate) async fn invalidate_durably(
        self: &Arc<Self>,
        keys: &[Key],
        tags: &[Tag],
        replicas: u32,
        patience: Duration,
    ) -> Invalidation {
        self.invalidate_local(keys, tags);
        self.pending.sending(keys, tags);
        let reached = self.store.invalidate_durably(keys, tags, replicas, patience).await;
        self.invalidate_local(keys, tags);
        match reached {
            Ok(reached) if reached >= replicas => Invalidation::Applied,
            Ok(_) => Invalidation::Unreplicated,
            // Perhaps only the connection for it failed.
            Err(_) => match self.invalidate(keys, tags).await {
                Invalidation::Applied => Invalidation::Unreplicated,
                other => other,
            },
        }
    }

    /// Lets nothing be stored at `keys` for `term`.
    pub(crate) async fn hold_keys(
        &self,
        keys: &[Key],
        holder: Token,
        term: Duration,
    ) -> Result<(), StoreError> {
        if !self.enabled || keys.is_empty() {
            return Ok(());
        }
        // A hold removes what stood there, like an invalidation, and may be all of one.
        self.pending.sending(keys, &[]);
        let held = self.store.hold(keys, holder, term).await;
        self.invalidate_local(keys, &[]);
        held
    }

    /// Ends holds, and removes what carries one of `tags`.
    pub(crate) async fn unhold_keys(
        self: &Arc<Self>,
        keys: &[Key],
        tags: &[Tag],
        holder: Token,
    ) -> Invalidation {
        self.invalidate_local(keys, tags);
        self.pending.sending(keys, tags);
        let ended = if keys.is_empty() { Ok(()) } else { self.store.unhold(keys, holder).await };
        let rest = if ended.is_ok() { &[] } else { keys };
        let outcome = self.invalidate(rest, tags).await;
        self.invalidate_local(keys, &[]);
        outcome
    }

    /// Ends holds from where nothing can be awaited.
    pub(crate) fn unhold_keys_later(self: &Arc<Self>, keys: Vec<Key>, tags: Vec<Tag>, holder: Token) {
        self.invalidate_local(&keys, &tags);
        let engine = self.clone();
        super::detach_later(async move {
            engine.unhold_keys(&keys, &tags, holder).await;
        });
    }

    async fn send_keys(&self, keys: &[Key]) -> Option<StoreError> {
        let mut failed = None;
        for keys in keys.chunks(BATCH) {
            if let Err(error) = self.store.invalidate(keys).await {
                self.pending.add(keys, &[]);
                failed = Some(error);
            }
        }
        failed
    }

    async fn send_tags(&self, tags: &[Tag]) -> Option<StoreError> {
        let error = self.store.invalidate_tags(tags).await.err()?;
        self.pending.add(&[], tags);
        Some(error)
    }

    /// The tags of `texts`, and the clock that falls with each of them.
    pub(crate) fn tags(&self, namespace: &str, texts: &[Bytes]) -> Vec<Tag> {
        let clock = Tag::clock(&self.app, namespace);
        let tags = texts.iter().map(|text| clock.sibling(text)).collect::<Vec<_>>();
        std::iter::once(clock).chain(tags).collect()
    }

    /// The tags that make a whole namespace untrue.
    pub(crate) fn namespace_tags(&self, namespace: &str) -> [Tag; 2] {
        [Tag::clock(&self.app, namespace), Tag::namespace(&self.app, namespace)]
    }

    /// Removes `keys` and `tags` from where nothing can be awaited: here at once, in the store in the background.
    pub(crate) fn invalidate_later(self: &Arc<Self>, keys: Vec<Key>, tags: Vec<Tag>) {
        self.invalidate_local(&keys, &tags);
        let engine = self.clone();
        super::detach_later(async move {
            engine.invalidate(&keys, &tags).await;
        });
    }

    pub(super) fn invalidate_local(&self, keys: &[Key], tags: &[Tag]) {
        for tag in tags {
            self.local.invalidate_tag([tag.clock_hash(), tag.hash()]);
        }
        for key in keys {
            self.local.invalidate(key.hash);
        }
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

    /// Sends what is pending, for as long as `deadline`; tells how much is left.
    pub(crate) async fn shutdown(&self, deadline: Duration) -> usize {
        self.end_background();
        // Out of time is an answer, too: the rest is counted.
        let _ = tokio::time::timeout(deadline, self.drain()).await;
        let left = self.pending.len();
        if left > 0 {
            tracing::error!(left, "invalidations could not be sent before the end");
        }
        left
    }

    async fn drain(&self) {
        let mut backoff = Backoff::default();
        while let Some(batch) = self.pending.batch(BATCH, |_| true) {
            let (keys, tags) = tokio::join!(biased; self.store.invalidate(&batch.keys),
                self.store.invalidate_tags(&batch.tags)
            );
            match keys.and(tags) {
                Ok(()) => {
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
