//! Invalidations that the store has not acknowledged yet.

use crate::frame::Tags;
use crate::key::Key;
use crate::local::{Local, Stripe, stripe};
use crate::tag::Tag;
use crate::time::Instant;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Queued invalidations beyond which whole namespaces are queued instead.
const MOST_QUEUED: usize = 100_000;

/// How long an acknowledged invalidation is remembered: longer than a failover takes.
const RECENT: Duration = Duration::from_secs(60);
/// How many are.
const MOST_RECENT: usize = 100_000;

/// The unsent invalidations of this process; its own reads of what they concern use no cache.
#[derive(Default)]
pub(crate) struct Pending {
    app: String,
    local: Option<Arc<Local>>,
    queue: Mutex<Queue>,
    len: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    items: HashMap<Item, u64>,
    /// How many items have their stamp there.
    stripes: HashMap<Stripe, usize>,
    /// What was sent of late, the oldest first.
    recent: VecDeque<(Instant, Item)>,
}

/// What is to be invalidated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Item {
    Key(Key),
    Tag(Tag),
}

impl Item {
    fn name(&self) -> &[u8] {
        match self {
            Self::Key(key) => key.name(),
            Self::Tag(tag) => tag.name(),
        }
    }

    fn stripe(&self) -> Stripe {
        match self {
            Self::Key(key) => stripe(key.hash),
            Self::Tag(tag) => stripe(tag.hash()),
        }
    }

    fn namespace(&self, app: &str) -> Option<String> {
        let bytes = match self {
            Self::Key(key) => key.without_app(app)?.split(|&byte| byte == b':').next()?,
            Self::Tag(tag) => tag.namespace_text(),
        };
        String::from_utf8(bytes.to_vec()).ok()
    }
}

impl Queue {
    fn insert(&mut self, item: Item) {
        self.last += 1;
        let stripe = item.stripe();
        if self.items.insert(item, self.last).is_none() {
            *self.stripes.entry(stripe).or_default() += 1;
        }
    }

    /// Takes `item` out, unless it came in once more after `number`.
    fn remove(&mut self, item: &Item, number: u64) {
        if self.items.get(item) != Some(&number) {
            return;
        }
        self.items.remove(item);
        if let Some(count) = self.stripes.get_mut(&item.stripe()) {
            *count -= 1;
            if *count == 0 {
                self.stripes.remove(&item.stripe());
            }
        }
    }
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
    pub(crate) fn of(app: String, local: Arc<Local>) -> Self {
        Self { app, local: Some(local), ..Self::default() }
    }

    pub(crate) fn add(&self, keys: &[Key], tags: &[Tag]) {
        let keys = keys.iter().cloned().map(Item::Key);
        let tags = tags.iter().cloned().map(Item::Tag);
        self.change(|queue| {
            keys.chain(tags).for_each(|item| queue.insert(item));
            if queue.items.len() > MOST_QUEUED {
                self.collapse(queue);
            }
        });
    }

    /// Queues the namespaces of all that is queued in its place: fewer items that concern more.
    fn collapse(&self, queue: &mut Queue) {
        let namespaces: HashSet<_> =
            queue.items.keys().filter_map(|item| item.namespace(&self.app)).collect();
        tracing::warn!(
            queued = queue.items.len(),
            "too many unsent invalidations: their namespaces are cleared"
        );
        let tags = namespaces
            .iter()
            .flat_map(|namespace| [Tag::clock(&self.app, namespace), Tag::namespace(&self.app, namespace)]);
        queue.items.clear();
        queue.stripes.clear();
        tags.for_each(|tag| queue.insert(Item::Tag(tag)));
    }

    /// Remembers what is about to be sent, for [`replay`](Self::replay): before it is, since the answer may come from a server
    /// that is gone by the time it is read.
    pub(crate) fn sending(&self, keys: &[Key], tags: &[Tag]) {
        let now = Instant::now();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.recent.extend(keys.iter().map(|key| (now, Item::Key(key.clone()))));
        queue.recent.extend(tags.iter().map(|tag| (now, Item::Tag(tag.clone()))));
        while queue.recent.len() > MOST_RECENT
            || queue.recent.front().is_some_and(|(sent, _)| now.duration_since(*sent) > RECENT)
        {
            queue.recent.pop_front();
        }
    }

    /// Queues once more what was sent of late, of the names that are `concerned`.
    #[cfg(feature = "redis")]
    pub(crate) fn replay(&self, concerned: impl Fn(&[u8]) -> bool) {
        self.change(|queue| {
            // They stay in the ring: the same snapshot may come back once more.
            let recent = queue.recent.iter().filter(|(sent, _)| sent.elapsed() <= RECENT);
            let recent = recent.filter(|(_, item)| concerned(item.name()));
            let items: Vec<_> = recent.map(|(_, item)| item.clone()).collect();
            for item in items {
                queue.insert(item);
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

    /// Whether something waits to be invalidated whose stamp stands at one of `stripes`: what L1 knows of its entries.
    pub(crate) fn may_contain(&self, mut stripes: impl Iterator<Item = Stripe>) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        stripes.any(|stripe| queue.stripes.contains_key(&stripe))
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

    /// Up to `most` of the queue, of the names that are `concerned`; `None` when nothing is left to send.
    pub(crate) fn batch(&self, most: usize, concerned: impl Fn(&[u8]) -> bool) -> Option<Batch> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let concerned = queue.items.iter().filter(|(item, _)| concerned(item.name()));
        let numbers: Vec<_> = concerned.take(most).map(|(item, &number)| (item.clone(), number)).collect();
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
        // What waited long has only now reached the store, and is new to it.
        self.sending(&batch.keys, &batch.tags);
        if let Some(local) = &self.local {
            batch.tags.iter().for_each(|tag| local.invalidate_tag([tag.clock_hash(), tag.hash()]));
            batch.keys.iter().for_each(|key| local.invalidate(key.hash));
        }
        self.change(|queue| {
            for (item, number) in &batch.numbers {
                queue.remove(item, *number);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut queue);
        self.len.store(queue.items.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_QUEUED, Pending};
    use crate::key::Key;
    use crate::local::{Capacity, Local};
    use crate::tag::Tag;
    use std::sync::Arc;

    fn pending() -> Pending {
        Pending::of("shop".to_owned(), Arc::new(Local::new(Capacity::mib(1))))
    }

    #[test]
    fn what_is_queued_again_while_it_is_sent_stays() {
        let pending = pending();
        let key = Key::new("shop:tasks:v1:get:1");
        pending.add(std::slice::from_ref(&key), &[]);
        let batch = pending.batch(10, |_| true).expect("one key");
        pending.add(std::slice::from_ref(&key), &[]);
        pending.sent(&batch);
        assert_eq!(pending.len(), 1);
        pending.sent(&pending.batch(10, |_| true).expect("one key"));
        assert!(pending.is_empty());
    }

    /// A server may come back from the same snapshot more than once, and what waited for it is new to it when it is sent.
    #[cfg(feature = "redis")]
    #[test]
    fn what_was_sent_is_replayed_at_every_restart() {
        let pending = pending();
        let (sent, queued) = ([Key::new("shop:tasks:v1:get:1")], [Key::new("shop:tasks:v1:get:2")]);
        pending.sending(&sent, &[]);
        pending.add(&queued, &[]);
        pending.sent(&pending.batch(10, |_| true).expect("one key"));
        for _ in 0..2 {
            pending.replay(|_| true);
            assert!(pending.contains_any(&sent[0], &[]) && pending.contains_any(&queued[0], &[]));
            // Another restart before this batch was acknowledged, and then one after.
            pending.replay(|_| true);
            pending.sent(&pending.batch(10, |_| true).expect("both keys"));
            assert!(pending.is_empty());
        }
    }

    #[test]
    fn too_many_keys_become_their_namespaces() {
        let pending = pending();
        let key = |n: usize| Key::new(format!("shop:{}:v1:get:{n}", ["tasks", "users"][n % 2]));
        for n in 0..=MOST_QUEUED {
            pending.add(&[key(n)], &[]);
        }
        assert_eq!(pending.len(), 4);
        let namespace = |name| [Tag::namespace("shop", name)];
        assert!(pending.contains_any(&key(7), &namespace("tasks")));
        assert!(pending.contains_any(&key(7), &namespace("users")));
        assert!(!pending.contains_any(&key(7), &namespace("other")));
    }
}
