//! The entries of L1: one set for the process, evicted by use, and before it a small one for each thread.

use super::held::Held;
#[cfg(cache_loom)]
use super::interleavings::set as sync;
use crate::sync::thread_local;
#[cfg(not(cache_loom))]
use quick_cache::sync;
use quick_cache::{Lifecycle, Weighter};
use std::cell::RefCell;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Places for what a thread keeps for itself, by a part of the hash: in each of so many sets ...
const SETS: usize = 1 << 11;
/// ... so many, one of which gives way.
const WAYS: usize = 4;
/// Of so many hits in a thread's own set, the process's is told of one.
const TOLD: u64 = 32;
/// What each thread may keep for itself at least (bytes).
const NEAR: u64 = 2 << 20;

/// Entries by the hash of their call, up to a weight. Two calls with one hash displace each other.
pub(super) struct Entries {
    all: sync::Cache<u64, Arc<Held>, Weight, BuildHasherDefault<Hashed>, Leaving>,
    /// What a thread may keep for itself (bytes): then it starts over.
    near: u64,
    /// Another one for each process's set: threads keep entries of all of them in one place.
    salt: u64,
}

thread_local! {
    /// Read without a lock and without writing what other threads read. An entry here counts only while it is in its process's set.
    static OWN: RefCell<Own> = RefCell::default();
}

/// A set-associative table, as a processor's cache is one.
#[derive(Default)]
struct Own {
    /// None of them before the first entry.
    sets: Vec<Set>,
    weight: u64,
    random: u32,
}

/// The hashes apart, so that one line of memory tells whether an entry is here.
#[derive(Default)]
#[repr(align(64))]
struct Set {
    hashes: [u64; WAYS],
    held: [Option<Arc<Held>>; WAYS],
}

impl Own {
    #[inline]
    fn get(&self, hash: u64) -> Option<&Held> {
        let Set { hashes, held } = self.sets.get(Self::set(hash))?;
        let way = hashes.iter().position(|near| *near == hash)?;
        held[way].as_deref()
    }

    /// Puts an entry in, and gives back what has to go.
    fn insert(&mut self, hash: u64, held: Arc<Held>) -> Option<Arc<Held>> {
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Set::default);
        }
        // A linear congruential generator; its upper bits are the better ones.
        self.random = self.random.wrapping_mul(0x915f_77f5).wrapping_add(1);
        let random = (self.random >> 16) as usize % WAYS;
        let set = &mut self.sets[Self::set(hash)];
        let is_free = |held: &Option<Arc<Held>>| held.as_ref().is_none_or(|held| held.has_left());
        let same = set.hashes.iter().position(|near| *near == hash);
        let way = same.or_else(|| set.held.iter().position(is_free)).unwrap_or(random);
        self.weight += held.weight();
        set.hashes[way] = hash;
        let left = set.held[way].replace(held);
        self.weight -= left.as_ref().map_or(0, |left| left.weight());
        left
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits alone are asked for")]
    fn set(hash: u64) -> usize {
        // Those that tell where the set begins without being moved.
        hash as usize / size_of::<Set>() % SETS
    }
}

impl Entries {
    pub(super) fn new(capacity: u64) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
        Self {
            all: sync::Cache::with(1_024, capacity, Weight, BuildHasherDefault::default(), Leaving),
            near: (capacity / 2 / threads).max(NEAR),
            salt: NUMBER.fetch_add(1, Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        }
    }

    /// The entry with this hash.
    pub(super) fn get(&self, hash: u64) -> Option<Arc<Held>> {
        self.all.get(&(hash ^ self.salt))
    }

    /// Whether this thread has the entry with this hash, or may have it for itself, and `serves` it; what has left serves nobody.
    #[inline]
    pub(super) fn find_near(&self, hash: u64, now: u64, mut serves: impl FnMut(&Held) -> bool) -> bool {
        let hash = hash ^ self.salt;
        let look_near = |own: &RefCell<Own>| {
            let mut is_brought = false;
            // Looked at in one place, for that to be inlined.
            loop {
                // Taken already: a value that is cloned or dropped here looks up another.
                let Ok(near) = own.try_borrow() else { return false };
                if let Some(held) = near.get(hash) {
                    let is_served = serves(held);
                    if is_served || !held.has_left() {
                        // Some of the hits, of each entry alike, whatever the order in which they are asked for.
                        if now.is_multiple_of(TOLD) {
                            self.tell(hash);
                        }
                        return is_served;
                    }
                }
                drop(near);
                if is_brought || !self.bring_near(hash, own) {
                    return false;
                }
                is_brought = true;
            }
        };
        OWN.try_with(look_near).unwrap_or(false)
    }

    /// Tells the process's set of a hit.
    #[cold]
    fn tell(&self, hash: u64) {
        self.all.get(&hash);
    }

    /// Takes the entry with this hash for this thread, if it is not too heavy.
    #[cold]
    fn bring_near(&self, hash: u64, own: &RefCell<Own>) -> bool {
        let Some(held) = self.all.get(&hash).filter(|held| held.weight() <= self.near) else { return false };
        let Ok(mut own) = own.try_borrow_mut() else { return false };
        let all =
            if own.weight + held.weight() > self.near { std::mem::take(&mut *own) } else { Own::default() };
        let left = own.insert(hash, held);
        // What a value does when it is dropped may be to look up another.
        drop(own);
        drop((all, left));
        true
    }

    pub(super) fn insert(&self, hash: u64, held: Held) {
        self.all.insert(hash ^ self.salt, Arc::new(held));
    }

    /// How many there are, and what they weigh (bytes).
    pub(super) fn size(&self) -> (usize, u64) {
        (self.all.len(), self.all.weight())
    }
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
    use crate::local::held::Held;
    use std::cell::Cell;

    fn find(entries: &Entries, hash: u64) -> Option<u64> {
        thread_local!(static NOW: Cell<u64> = const { Cell::new(0) });
        let mut found = None;
        let now = NOW.replace(NOW.get() + 1);
        let is_found = entries.find_near(hash, now, |held| {
            found = Some(held.created_ms).filter(|_| !held.has_left());
            found.is_some()
        });
        assert_eq!(is_found, found.is_some());
        found
    }

    /// A hash like those of calls: another set each.
    fn spread(number: u64) -> u64 {
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
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
        assert_eq!((entries.all.get(&(1 ^ entries.salt)).is_some(), find(&entries, 1)), (false, None));
    }

    #[test]
    fn what_is_asked_for_near_again_and_again_survives_a_scan() {
        let entries = Entries::new(100_000);
        entries.insert(spread(1), Held::weighing(1_000));
        for other in 2..10_000 {
            (0..40).for_each(|_| assert_eq!(find(&entries, spread(1)), Some(0), "after {other} others"));
            entries.insert(spread(other), Held::weighing(1_000));
            find(&entries, spread(other));
        }
    }

    #[test]
    fn a_thread_does_not_mix_up_two_caches() {
        let [one, other] = [1, 2].map(|created| {
            let entries = Entries::new(1 << 20);
            entries.insert(7, Held::weighing(1_000).created(created));
            entries
        });
        let empty = Entries::new(1 << 20);
        for _ in 0..3 {
            assert_eq!([&one, &other, &empty].map(|entries| find(entries, 7)), [Some(1), Some(2), None]);
        }
    }

    #[test]
    fn entries_of_one_set_give_way_to_each_other() {
        let entries = Entries::new(1 << 20);
        for hash in 0..20 {
            entries.insert(hash, Held::weighing(1_000).created(hash));
        }
        // All of them begin alike, so that they are in one set of what this thread keeps.
        for hash in (0..20).chain(0..20) {
            assert_eq!(find(&entries, hash), Some(hash));
        }
    }

    #[test]
    fn a_thread_keeps_a_bounded_part_for_itself() {
        let entries = Entries::new(NEAR * 8);
        for hash in (0..10_000).map(spread) {
            entries.insert(hash, Held::weighing(1_000));
            find(&entries, hash);
            super::OWN.with(|own| {
                let own = own.borrow();
                assert!(own.weight <= entries.near);
                let held = own.sets.iter().flat_map(|set| &set.held).flatten();
                assert_eq!(own.weight, held.map(|held| held.weight()).sum::<u64>());
            });
        }
    }
}
