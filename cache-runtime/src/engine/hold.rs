//! Entries that are being written: held, and then replaced or left empty.

use super::tags::Captured;
use super::{Answer, Engine, HOLD, Request, Stamped};
use crate::frame::{Tags, Token};
use crate::key::Key;
use crate::observe::Invalidation;
use crate::policy::Term;
use crate::store::Store;
use bytes::Bytes;
use std::slice;
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

/// A hold that this process has, and the generations from before it; dropped, it is given up in the background.
pub(crate) struct HeldEntry {
    holding: Holding,
    captured: Captured,
}

/// A hold that was asked for and has not been ended.
struct Holding {
    store: Arc<dyn Store>,
    key: Key,
    holder: Token,
    ended: bool,
}

impl Drop for Holding {
    fn drop(&mut self) {
        if !self.ended {
            let (store, key, holder) = (self.store.clone(), self.key.clone(), self.holder);
            super::detach_later(async move {
                // If this fails, the hold lapses.
                let _ = store.unhold(slice::from_ref(&key), holder).await;
            });
        }
    }
}

impl Engine {
    /// Lets nothing be stored at the entry until [`put`](Self::put); `None` where the store cannot be asked.
    ///
    /// # Cancel safety
    /// Dropped before its end, the hold is given up in the background.
    pub(crate) async fn hold(&self, request: &Request<'_>, term: Option<Duration>) -> Option<HeldEntry> {
        if !self.enabled {
            return None;
        }
        let (marks, holder) = (self.marks(request), Token::random());
        let holding = Holding { store: self.store.clone(), key: marks.key.clone(), holder, ended: false };
        let keys = slice::from_ref(&marks.key);
        // What stood there is removed, like by an invalidation.
        self.pending.sending(keys, &[]);
        let (held, captured) = tokio::join!(
            biased;
            self.store.hold(keys, holder, term.unwrap_or(HOLD)),
            self.store_capture(request, &marks)
        );
        self.invalidate_local(keys, &[]);
        match held.and(captured) {
            Ok(captured) => Some(HeldEntry { holding, captured }),
            Err(error) => {
                self.fault(request.site, error);
                None
            }
        }
    }

    /// Ends the hold by making `answer` the entry, unless someone else changed the entry under the hold.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened; the hold is given up in the background.
    pub(crate) async fn put(
        self: &Arc<Self>,
        request: &Request<'_>,
        held: HeldEntry,
        term: Term,
        answer: &mut dyn Answer,
    ) -> Put {
        let HeldEntry { mut holding, captured } = held;
        let (key, token) = (holding.key.clone(), holding.holder);
        let created_ms = self.store.now_ms();
        let stamped =
            Stamped { token, tags: Tags::NONE, created_ms, soft: term.fresh, delta: Duration::ZERO };
        let (frame, _) = self.framed(request, &key, captured, stamped, answer).await;
        let Some(frame) = frame else { return self.unhold(holding).await };
        self.invalidate_local(slice::from_ref(&key), &[]);
        self.pending.sending(slice::from_ref(&key), &[]);
        let stored = self.store.put(&key, token, Bytes::from(frame.bytes), term.hard()).await;
        self.invalidate_local(slice::from_ref(&key), &[]);
        let Ok(stored) = stored else { return self.unhold(holding).await };
        holding.ended = true;
        if stored { Put::Stored } else { Put::Removed }
    }

    /// Ends the hold and leaves nothing behind.
    ///
    /// # Cancel safety
    /// Dropped before its end, the hold is given up in the background.
    pub(crate) async fn end_hold(self: &Arc<Self>, request: &Request<'_>, held: Option<HeldEntry>) -> Put {
        if let Some(held) = held {
            return self.unhold(held.holding).await;
        }
        let key = self.key_of(request);
        Self::put_outcome(self.invalidate(slice::from_ref(&key), &[]).await)
    }

    async fn unhold(self: &Arc<Self>, mut holding: Holding) -> Put {
        let keys = slice::from_ref(&holding.key);
        self.invalidate_local(keys, &[]);
        self.pending.sending(keys, &[]);
        let ended = self.store.unhold(keys, holding.holder).await;
        holding.ended = true;
        self.invalidate_local(keys, &[]);
        match ended {
            Ok(()) => Put::Removed,
            Err(_) => Self::put_outcome(self.invalidate(keys, &[]).await),
        }
    }

    pub(super) const fn put_outcome(invalidation: Invalidation) -> Put {
        match invalidation {
            Invalidation::Queued => Put::Queued,
            _ => Put::Removed,
        }
    }
}
