//! The entries of L1: one set for the process, evicted by use, and before it a small one for each thread.

use super::held::{CallRef, Held};
#[cfg(cache_loom)]
use super::interleavings::set as sync;
use crate::sync::thread_local;
#[cfg(not(cache_loom))]
use quick_cache::sync;
use quick_cache::{Lifecycle, Weighter};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// What a thread keeps for itself (bytes): then it starts over.
const NEAR: u64 = 2 << 20;
/// Every so many hits in a thread's own set, the process's is told.
const TOLD: u8 = 32;

/// Entries by the hash of their call, up to a weight. Two calls with one hash displace each other.
pub(super) struct Entries(sync::Cache<u64, Arc<Held>, Weight, BuildHasherDefault<Hashed>, Leaving>);

thread_local! {
    /// Read without a lock and without writing what other threads read. An entry here counts only while it is in its process's set.
    static OWN: RefCell<Own> = RefCell::default();
}

#[derive(Default)]
struct Own {
    entries: HashMap<u64, Near, BuildHasherDefault<Hashed>>,
    weight: u64,
}

struct Near {
    held: Arc<Held>,
    hits: Cell<u8>,
}

impl Entries {
    pub(super) fn new(capacity: u64) -> Self {
        Self(sync::Cache::with(1_024, capacity, Weight, BuildHasherDefault::default(), Leaving))
    }

    /// What `look` makes of the entry of `call`.
    #[inline]
    pub(super) fn find<R>(
        &self,
        call: CallRef<'_>,
        hash: u64,
        look: impl FnOnce(&Held) -> Option<R>,
    ) -> Option<R> {
        let mut far = None;
        let found = OWN.try_with(|own| {
            // Taken already: a value that is cloned or dropped here looks up another.
            let own = own.try_borrow().ok();
            let near = own.as_ref().and_then(|own| own.entries.get(&hash));
            let held = match near.filter(|near| !near.held.has_left() && near.held.is_of(call)) {
                Some(near) => {
                    near.hits.set(near.hits.get().wrapping_add(1));
                    if near.hits.get() % TOLD == 0 {
                        self.0.get(&hash);
                    }
                    &near.held
                }
                None => far.insert(self.0.get(&hash).filter(|held| held.is_of(call))?),
            };
            look(held)
        });
        if let Some(held) = far {
            come_near(hash, held);
        }
        found.ok().flatten()
    }

    pub(super) fn insert(&self, hash: u64, held: Held) {
        self.0.insert(hash, Arc::new(held));
    }

    /// How many there are, and what they weigh (bytes).
    pub(super) fn size(&self) -> (usize, u64) {
        (self.0.len(), self.0.weight())
    }
}

/// Keeps an entry for this thread.
#[cold]
fn come_near(hash: u64, held: Arc<Held>) {
    let weight = held.weight();
    if weight > NEAR / 16 {
        return;
    }
    // If this cannot be done now, nothing is lost.
    let _ = OWN.try_with(|own| {
        let Ok(mut own) = own.try_borrow_mut() else { return };
        let left = if own.weight + weight > NEAR { std::mem::take(&mut *own) } else { Own::default() };
        own.weight += weight;
        let replaced = own.entries.insert(hash, Near { held, hits: Cell::new(0) });
        if let Some(replaced) = &replaced {
            own.weight -= replaced.held.weight();
        }
        // What a value does when it is dropped may be to look up another.
        drop(own);
        drop((left, replaced));
    });
}

#[derive(Clone)]
struct Weight;

impl Weighter<u64, Arc<Held>> for Weight {
    fn weight(&self, _: &u64, held: &Arc<Held>) -> u64 {
        held.weight()
    }
}

/// Marks what leaves, and drops it where no lock is held.
#[derive(Clone)]
struct Leaving;

impl Lifecycle<u64, Arc<Held>> for Leaving {
    type RequestState = Vec<Arc<Held>>;

    fn on_evict(&self, left: &mut Vec<Arc<Held>>, _: u64, held: Arc<Held>) {
        held.leave();
        left.push(held);
    }
}

/// What is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are keys here");
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, NEAR};
    use crate::local::held::{CallRef, Held};
    use crate::site::Site;

    fn find(entries: &Entries, hash: u64) -> Option<u64> {
        entries.find(CallRef::of_test(), hash, |held| Some(held.created_ms))
    }

    #[test]
    fn an_entry_that_was_replaced_is_not_found_near() {
        let entries = Entries::new(1 << 20);
        entries.insert(1, Held::weighing(1_000).created(1));
        assert_eq!((find(&entries, 1), find(&entries, 1)), (Some(1), Some(1)));
        entries.insert(1, Held::weighing(1_000).created(2));
        assert_eq!((find(&entries, 1), find(&entries, 1)), (Some(2), Some(2)));
    }

    #[test]
    fn an_entry_that_was_evicted_is_not_found_near() {
        let entries = Entries::new(100_000);
        entries.insert(1, Held::weighing(1_000));
        assert_eq!(find(&entries, 1), Some(0));
        (2..10_000).for_each(|hash| entries.insert(hash, Held::weighing(1_000)));
        assert_eq!((entries.0.get(&1).is_some(), find(&entries, 1)), (false, None));
    }

    #[test]
    fn what_is_asked_for_near_again_and_again_survives_a_scan() {
        let entries = Entries::new(100_000);
        entries.insert(1, Held::weighing(1_000));
        for hash in 2..10_000 {
            (0..40).for_each(|_| assert_eq!(find(&entries, 1), Some(0), "after {hash} others"));
            entries.insert(hash, Held::weighing(1_000));
            find(&entries, hash);
        }
    }

    #[test]
    fn another_call_with_the_same_hash_is_not_answered() {
        static OTHER: Site = Site::new("test", "other", "test:v1:other");
        let entries = Entries::new(1 << 20);
        entries.insert(1, Held::weighing(1_000));
        assert!(find(&entries, 1).is_some());
        for other in
            [CallRef { args: b"other", ..CallRef::of_test() }, CallRef { site: &OTHER, ..CallRef::of_test() }]
        {
            assert!(entries.find(other, 1, |held| Some(held.created_ms)).is_none());
        }
    }

    #[test]
    fn a_thread_keeps_a_bounded_part_for_itself() {
        let entries = Entries::new(NEAR * 8);
        for hash in 0..10_000 {
            entries.insert(hash, Held::weighing(1_000));
            find(&entries, hash);
            super::OWN.with(|own| {
                let own = own.borrow();
                assert!(own.weight <= NEAR);
                assert_eq!(own.weight, own.entries.values().map(|near| near.held.weight()).sum::<u64>());
            });
        }
    }
}
