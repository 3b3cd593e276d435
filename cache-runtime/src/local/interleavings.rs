//! L1 among threads: what is read while something is invalidated, and while the feed is lost and comes back.
//!
//! Every atomic is loom's: the stamps, the feed, what has left L1; so are the sets that threads keep for themselves. Left out are
//! `quick_cache`, for which [`set`] stands in (nothing is evicted by weight, only replaced; where generations are kept it is used as
//! it is, and counts as a single step), the queue of unsent invalidations, and time: `now` is what a test says. The source of values
//! is relaxed, so that nothing but L1 orders what is read from it.

use super::entries::Entries;
use super::{CallRef, Capacity, Held, Kept, Local};
use crate::frame::Token;
use crate::key::Args;
use crate::site::Site;
use crate::store::Listener;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::explore;
use crate::tag::{Generation, Tag};
use crate::time::Instant;
use loom::thread;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// What stands in for `quick_cache`.
pub(super) mod set {
    use crate::sync::Mutex;
    use quick_cache::{Lifecycle, Weighter};
    use std::collections::HashMap;
    use std::hash::{BuildHasher, Hash};

    /// A map under one lock, without a bound; what is replaced leaves while the lock is held, as it does there.
    pub(in super::super) struct Cache<K, V, W, B, L> {
        entries: Mutex<HashMap<K, V, B>>,
        weighter: W,
        lifecycle: L,
    }

    impl<K, V, W, B, L> Cache<K, V, W, B, L>
    where
        K: Eq + Hash + Clone,
        V: Clone,
        W: Weighter<K, V>,
        B: BuildHasher,
        L: Lifecycle<K, V>,
    {
        pub(in super::super) fn with(_: usize, _: u64, weighter: W, hasher: B, lifecycle: L) -> Self {
            Self { entries: Mutex::new(HashMap::with_hasher(hasher)), weighter, lifecycle }
        }

        pub(in super::super) fn get(&self, key: &K) -> Option<V> {
            self.entries.lock().expect("no panic").get(key).cloned()
        }

        pub(in super::super) fn insert(&self, key: K, value: V) {
            let mut left = L::RequestState::default();
            let mut entries = self.entries.lock().expect("no panic");
            if let Some(replaced) = entries.insert(key.clone(), value) {
                self.lifecycle.on_evict(&mut left, key, replaced);
            }
            drop(entries);
            drop(left);
        }

        pub(in super::super) fn len(&self) -> usize {
            self.entries.lock().expect("no panic").len()
        }

        pub(in super::super) fn weight(&self) -> u64 {
            let entries = self.entries.lock().expect("no panic");
            entries.iter().map(|(key, value)| self.weighter.weight(key, value)).sum()
        }
    }
}

const KEY: u64 = 0;
const MINUTE: Duration = Duration::from_secs(60);
static SITE: Site = Site::new("tasks", "get", "tasks:v1:get");

/// A process and the source of its values: 0 first, 1 later.
struct World {
    local: Local,
    source: AtomicU64,
    /// The tag that values bring, and their namespace's.
    brought: Tag,
    namespace: Tag,
    started: Instant,
}

impl World {
    /// A process whose feed has not begun.
    fn new() -> Arc<Self> {
        let namespace = Tag::namespace("shop", "tasks");
        let brought = namespace.sibling(b"owner:7");
        let mut stripes = [KEY, namespace.hash(), brought.hash(), brought.clock_hash()].map(|hash| hash % 16);
        stripes.sort_unstable();
        assert!(stripes.windows(2).all(|pair| pair[0] != pair[1]), "one stamp each: {stripes:?}");
        let local = Local::new(Capacity::mib(1));
        Arc::new(Self { local, source: AtomicU64::new(0), brought, namespace, started: Instant::now() })
    }

    /// One whose feed tells of every invalidation until further notice.
    fn fed() -> Arc<Self> {
        let world = Self::new();
        world.local.alive(None);
        world
    }

    fn call() -> CallRef<'static> {
        static ARGS: LazyLock<Args> = LazyLock::new(|| Args { hash: 1, bytes: Vec::new() });
        CallRef { site: &SITE, args: &ARGS }
    }

    /// Reads the source as a lookup does, and keeps what it found.
    fn look_up(&self) {
        let asked = [KEY, self.namespace.hash(), self.brought.clock_hash()];
        let ticket = self.local.ticket(&asked);
        let read = self.source.load(Relaxed);
        let tags = [&self.namespace, &self.brought].map(|tag| (tag.clone(), Generation::default()));
        let kept = Kept {
            value: Arc::new(read),
            token: Token([0; 16]),
            created_ms: read,
            fresh: None,
            delta: Duration::ZERO,
            left: None,
            sure: None,
            tags: tags.into(),
            size: 100,
        };
        self.local.store(&SITE, Self::call().args.clone(), &asked, ticket, kept);
    }

    fn hit(&self) -> Option<u64> {
        self.hit_at(self.local.now())
    }

    fn hit_at(&self, now: u64) -> Option<u64> {
        let valid = |held: &Held| self.local.is_valid(held, now).then_some(held.created_ms);
        self.local.find(Self::call(), valid)
    }

    /// When so many minutes have passed.
    fn minute(&self, minutes: u32) -> u64 {
        self.local.clock.at(self.started + minutes * MINUTE)
    }
}

/// A lookup beside `change`, after which nobody may be served what stood in the source before.
fn nothing_old_is_served_after(world: fn() -> Arc<World>, change: fn(&World)) {
    explore(move || {
        let world = world();
        let (reader, changer) = (world.clone(), world.clone());
        let reader = thread::spawn(move || reader.look_up());
        let changer = thread::spawn(move || {
            changer.source.store(1, Relaxed);
            change(&changer);
        });
        changer.join().expect("no panic");
        assert_ne!(world.hit(), Some(0), "the change has returned");
        reader.join().expect("no panic");
        assert_ne!(world.hit(), Some(0), "the change has returned before");
        world.look_up();
        assert_eq!(world.hit(), Some(1), "and L1 serves again");
    });
}

#[test]
fn nothing_is_served_after_an_invalidation_of_its_key() {
    nothing_old_is_served_after(World::fed, |world| world.local.invalidate(KEY));
}

#[test]
fn nothing_is_served_after_an_invalidation_of_its_namespace() {
    nothing_old_is_served_after(World::fed, |world| {
        world.local.invalidate_tag([world.namespace.clock_hash(), world.namespace.hash()]);
    });
}

/// Its stamp is not in the ticket: the clock's is.
#[test]
fn nothing_is_served_after_an_invalidation_of_a_tag_that_it_brought() {
    nothing_old_is_served_after(World::fed, |world| {
        world.local.invalidate_tag([world.brought.clock_hash(), world.brought.hash()]);
    });
}

#[test]
fn nothing_is_served_after_a_flush() {
    nothing_old_is_served_after(World::fed, |world| world.local.flushed());
}

/// Nothing tells what is invalidated between a loss and the next life.
#[test]
fn nothing_from_before_a_loss_is_served_after_it() {
    explore(|| {
        let world = World::fed();
        let (reader, feed) = (world.clone(), world.clone());
        let reader = thread::spawn(move || reader.look_up());
        let feed = thread::spawn(move || {
            feed.local.lost();
            feed.source.store(1, Relaxed);
            feed.local.alive(None);
        });
        feed.join().expect("no panic");
        assert_ne!(world.hit(), Some(0), "lost since it was asked for");
        reader.join().expect("no panic");
        assert_ne!(world.hit(), Some(0), "lost since it was asked for");
        world.look_up();
        assert_eq!(world.hit(), Some(1), "and L1 serves again");
    });
}

/// The same for the generation of a tag: 0 first, 1 later.
fn no_old_generation_is_known_after(change: fn(&World)) {
    explore(move || {
        let world = World::fed();
        let learn = |world: &World| {
            let ticket = world.local.ticket(&[world.brought.hash()]);
            let read = world.source.load(Relaxed);
            world.local.learn(&world.brought, ticket, read.to_le_bytes());
        };
        let known = |world: &World| world.local.generation(&world.brought).map(u64::from_le_bytes);
        let (reader, changer) = (world.clone(), world.clone());
        let reader = thread::spawn(move || learn(&reader));
        let changer = thread::spawn(move || change(&changer));
        changer.join().expect("no panic");
        assert_ne!(known(&world), Some(0));
        reader.join().expect("no panic");
        assert_ne!(known(&world), Some(0));
        learn(&world);
        assert_eq!(known(&world), Some(1), "and the next one is known");
    });
}

#[test]
fn no_generation_from_before_an_invalidation_is_known_after_it() {
    no_old_generation_is_known_after(|world| {
        world.source.store(1, Relaxed);
        world.local.invalidate_tag([world.brought.clock_hash(), world.brought.hash()]);
    });
}

#[test]
fn no_generation_from_before_a_loss_is_known_after_it() {
    no_old_generation_is_known_after(|world| {
        world.local.lost();
        world.source.store(1, Relaxed);
        world.local.alive(None);
    });
}

/// Who invalidates elsewhere waits for the acknowledgement, or for the end of the lease: what is served beyond that is new.
fn nothing_old_is_served_beyond_its_lease(change: fn(&World)) {
    explore(move || {
        let world = World::new();
        world.local.alive(Some(world.started + MINUTE));
        world.look_up();
        assert_eq!(world.hit(), Some(0));
        let feed = world.clone();
        let feed = thread::spawn(move || {
            change(&feed);
            feed.local.alive(Some(feed.started + 3 * MINUTE));
        });
        assert_eq!(world.hit_at(world.minute(2)), None);
        feed.join().expect("no panic");
        assert_eq!(world.hit_at(world.minute(2)), None);
    });
}

#[test]
fn nothing_is_served_by_a_lease_that_was_extended_after_its_invalidation() {
    nothing_old_is_served_beyond_its_lease(|world| world.local.invalidate(KEY));
}

#[test]
fn nothing_is_served_by_a_lease_that_began_after_a_loss() {
    nothing_old_is_served_beyond_its_lease(|world| world.local.lost());
}

#[test]
fn without_a_feed_nothing_is_served_beyond_the_bound() {
    explore(|| {
        let world = World::new();
        let reader = world.clone();
        let reader = thread::spawn(move || reader.look_up());
        world.local.unavailable();
        reader.join().expect("no panic");
        assert_eq!(world.hit_at(world.minute(1)), None);
    });
}

#[test]
fn nothing_from_before_the_first_feed_is_served_after_its_begin() {
    let unfed = || {
        let world = World::new();
        world.local.unavailable();
        world
    };
    explore(move || {
        let world = unfed();
        let (reader, feed) = (world.clone(), world.clone());
        let reader = thread::spawn(move || reader.look_up());
        let feed = thread::spawn(move || {
            feed.source.store(1, Relaxed);
            feed.local.alive(None);
        });
        feed.join().expect("no panic");
        reader.join().expect("no panic");
        assert_ne!(world.hit_at(world.minute(1)), Some(0), "nothing told of the change");
        world.look_up();
        assert_eq!(world.hit_at(world.minute(1)), Some(1), "and the feed tells from now on");
    });
}

#[test]
fn what_was_replaced_is_not_served_from_what_a_thread_keeps_for_itself() {
    explore(|| {
        let entries = Arc::new(Entries::new(1 << 20));
        // What has left while it was brought near is asked for where all are, as a lookup does.
        let find = |entries: &Entries| {
            let mut near = None;
            let is_served = entries.find_near(1, 1, |held| {
                near = Some(held.created_ms);
                !held.has_left()
            });
            near.filter(|_| is_served).or_else(|| entries.get(1).map(|held| held.created_ms))
        };
        entries.insert(1, Held::weighing(100).created(1));
        let other = entries.clone();
        let other = thread::spawn(move || other.insert(1, Held::weighing(100).created(2)));
        let seen = [find(&entries), find(&entries)];
        assert!(seen.is_sorted() && seen[0].is_some(), "{seen:?}");
        other.join().expect("no panic");
        assert_eq!([find(&entries), find(&entries)], [Some(2); 2]);
    });
}
