//! Invalidations that the store has not acknowledged yet.

use crate::frame::Tags;
use crate::key::Key;
use crate::local::Local;
use crate::tag::Tag;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The unsent invalidations of this process; its own reads of what they concern use no cache.
#[derive(Default)]
pub(crate) struct Pending {
    local: Option<Arc<Local>>,
    queue: Mutex<Queue>,
    len: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    items: HashMap<Item, u64>,
}

/// What is to be invalidated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Item {
    Key(Key),
    Tag(Tag),
}

/// Some of the queue, as it was at one time.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) keys: Vec<Key>,
    pub(crate) tags: Vec<Tag>,
    numbers: Vec<(Item, u64)>,
}

impl Pending {
    /// The queue of the cache whose in-process tier is `local`.
    pub(crate) fn of(local: Arc<Local>) -> Self {
        Self { local: Some(local), ..Self::default() }
    }

    pub(crate) fn add(&self, keys: &[Key], tags: &[Tag]) {
        let keys = keys.iter().cloned().map(Item::Key);
        let tags = tags.iter().cloned().map(Item::Tag);
        self.change(|queue| {
            for item in keys.chain(tags) {
                queue.last += 1;
                queue.items.insert(item, queue.last);
            }
        });
    }

    /// Whether the key or one of the tags waits to be invalidated.
    pub(crate) fn contains_any<'t>(&self, key: &Key, tags: impl IntoIterator<Item = &'t Tag>) -> bool {
        if self.is_empty() {
            return false;
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.items.contains_key(&Item::Key(key.clone()))
            || tags.into_iter().any(|tag| queue.items.contains_key(&Item::Tag(tag.clone())))
    }

    /// Whether one of a frame's tags waits to be invalidated; `sibling` is of their namespace.
    pub(crate) fn contains_texts(&self, sibling: &Tag, tags: Tags<'_>) -> bool {
        if self.is_empty() {
            return false;
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        tags.iter().any(|(text, _)| queue.items.contains_key(&Item::Tag(sibling.sibling(text))))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Up to `most` of the queue; `None` when nothing is left to send.
    pub(crate) fn batch(&self, most: usize) -> Option<Batch> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers: Vec<_> =
            queue.items.iter().take(most).map(|(item, &number)| (item.clone(), number)).collect();
        let (mut keys, mut tags) = (Vec::new(), Vec::new());
        for (item, _) in &numbers {
            match item {
                Item::Key(key) => keys.push(key.clone()),
                Item::Tag(tag) => tags.push(tag.clone()),
            }
        }
        (!numbers.is_empty()).then_some(Batch { keys, tags, numbers })
    }

    /// Takes out what was acknowledged, except what was queued once more since the batch was made.
    ///
    /// What this process asked for while it was queued may be from before it was sent: that is made invalid first.
    pub(crate) fn sent(&self, batch: &Batch) {
        if let Some(local) = &self.local {
            batch.tags.iter().for_each(|tag| local.invalidate_tag([tag.clock_hash(), tag.hash()]));
            batch.keys.iter().for_each(|key| local.invalidate(key.hash));
        }
        self.change(|queue| {
            for (item, number) in &batch.numbers {
                if queue.items.get(item) == Some(number) {
                    queue.items.remove(item);
                }
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut queue);
        self.len.store(queue.items.len(), Ordering::Release);
    }
}
