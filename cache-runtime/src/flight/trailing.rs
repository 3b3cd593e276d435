//! Loads beside the store: at most one running and one pending for a key.
//!
//! A newcomer never takes the result of the load that runs (it began before they came), but may share the next one.

use super::{Joiner, Landing, Sharded, Verdict};
use crate::key::Key;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

#[derive(Clone, Default)]
pub(crate) struct Trailing(Arc<Sharded<Running>>);

/// One load runs; perhaps another waits for its end.
struct Running {
    pending: Option<Pending>,
}

struct Pending {
    verdict: Arc<watch::Sender<Option<Verdict>>>,
    start: oneshot::Sender<()>,
}

/// What a newcomer does.
pub(crate) enum Turn {
    /// Loads, once [`Load::turn`] says so.
    Load(Load),
    /// Waits for the pending load.
    Join(Joiner),
}

impl Trailing {
    pub(crate) fn arrive(&self, key: &Key) -> Turn {
        let mut loads = self.0.lock(key.name());
        let load =
            |mine, start| Load { loads: self.clone(), name: key.name.clone(), mine, start, queued: true };
        let Some(running) = loads.get_mut(key.name()) else {
            loads.insert(key.name.clone(), Running { pending: None });
            return Turn::Load(load(Arc::new(watch::Sender::new(None)), None));
        };
        if let Some(pending) = &running.pending {
            return Turn::Join(Joiner(pending.verdict.subscribe()));
        }
        let (start, started) = oneshot::channel();
        let verdict = Arc::new(watch::Sender::new(None));
        running.pending = Some(Pending { verdict: verdict.clone(), start });
        Turn::Load(load(verdict, Some(started)))
    }
}

/// One load of a key, running or pending; dropped, it makes way for the next.
pub(crate) struct Load {
    loads: Trailing,
    name: Bytes,
    mine: Arc<watch::Sender<Option<Verdict>>>,
    start: Option<oneshot::Receiver<()>>,
    queued: bool,
}

impl Load {
    /// Waits for the load before this one, though not longer than `patience`; afterwards nobody can join.
    pub(crate) async fn turn(&mut self, patience: Duration) {
        let Some(start) = self.start.as_mut() else { return };
        if tokio::time::timeout(patience, start).await.is_err() {
            self.queued = !self.withdraw();
        }
        self.start = None;
    }

    /// Whether anyone waits for the result.
    pub(crate) fn has_joiners(&self) -> bool {
        self.mine.receiver_count() > 0
    }

    pub(crate) fn end(self, verdict: Verdict) {
        Landing(Some(self.mine.clone())).end(verdict);
    }

    /// Takes this load out of the queue if it is still pending; tells whether it was.
    fn withdraw(&self) -> bool {
        let mut loads = self.loads.0.lock(&self.name);
        let Some(running) = loads.get_mut(&self.name) else { return false };
        running.pending.take_if(|pending| Arc::ptr_eq(&pending.verdict, &self.mine)).is_some()
    }

    /// Starts the pending load, or forgets the key.
    fn make_way(&self) {
        let mut loads = self.loads.0.lock(&self.name);
        let Some(running) = loads.get_mut(&self.name) else { return };
        match running.pending.take() {
            // A pending load whose caller is gone withdrew, or finds itself started and makes way in turn.
            Some(next) => drop(next.start.send(())),
            None => drop(loads.remove(&self.name)),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.mine.send_if_modified(|verdict| {
            let open = verdict.is_none();
            if open {
                *verdict = Some(Verdict::Abandoned);
            }
            open
        });
        if self.queued && !self.withdraw() {
            self.make_way();
        }
    }
}
