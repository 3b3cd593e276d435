//! Invalidations that the store has not acknowledged yet.

use crate::key::Key;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The unsent invalidations of this process; its own reads of these keys use no cache.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    keys: Mutex<Queue>,
    len: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    keys: HashMap<Key, u64>,
}

/// Some of the queue, as it was at one time.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) keys: Vec<Key>,
    numbers: Vec<u64>,
}

impl Pending {
    pub(crate) fn add(&self, keys: &[Key]) {
        self.change(|queue| {
            for key in keys {
                queue.last += 1;
                queue.keys.insert(key.clone(), queue.last);
            }
        });
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        !self.is_empty() && self.keys.lock().unwrap_or_else(PoisonError::into_inner).keys.contains_key(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Up to `most` of the keys; `None` when nothing is left to send.
    pub(crate) fn batch(&self, most: usize) -> Option<Batch> {
        let queue = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let (keys, numbers) =
            queue.keys.iter().take(most).map(|(key, &number)| (key.clone(), number)).unzip();
        let batch = Batch { keys, numbers };
        (!batch.keys.is_empty()).then_some(batch)
    }

    /// Takes out what was acknowledged, except keys that were queued once more since the batch was made.
    pub(crate) fn sent(&self, batch: &Batch) {
        self.change(|queue| {
            for (key, number) in batch.keys.iter().zip(&batch.numbers) {
                if queue.keys.get(key) == Some(number) {
                    queue.keys.remove(key);
                }
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut queue);
        self.len.store(queue.keys.len(), Ordering::Release);
    }
}
