//! Flights among threads: who joins, what the store certifies, and when nobody joins any more.
//!
//! The locks of the flights are loom's, and so are the stamp, the store and the source of these models. Tokio's channels are not:
//! what a thread does with one of them counts as a single step, and they wake several joiners in an order by chance, which loom could
//! not repeat; so one joins. The engine is left out: [`World::lead`] does what it does in its order.

use super::{Flights, Joiner, Leader, Verdict};
use crate::key::Key;
use crate::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use crate::sync::{Mutex, explore};
use loom::future::block_on;
use loom::thread;
use std::sync::Arc;

/// One key in a store, and its tag.
#[derive(Default)]
struct Store {
    lease: Option<u64>,
    value: Option<u64>,
    generation: u64,
}

/// A process, its store, and the source of its values: 0 first, 1 later.
struct World {
    flights: Flights,
    stamp: AtomicU64,
    store: Mutex<Store>,
    source: AtomicU64,
    key: Key,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            flights: Flights::default(),
            stamp: AtomicU64::new(0),
            store: Mutex::default(),
            source: AtomicU64::new(0),
            key: Key::new("shop:tasks:v1:get:1"),
        })
    }

    fn store<T>(&self, command: impl FnOnce(&mut Store) -> T) -> T {
        command(&mut self.store.lock().expect("no panic"))
    }

    fn open(&self) -> Option<Leader> {
        self.flights.open(&self.key, self.stamp.load(Acquire))
    }

    fn join(&self) -> Option<Joiner> {
        self.flights.join(&self.key, self.stamp.load(Acquire))
    }

    /// What a newcomer is given by another's load.
    fn joined(&self) -> Option<u64> {
        match block_on(self.join()?.verdict()) {
            Verdict::Certified(value) => value.downcast_ref().copied(),
            _ => None,
        }
    }

    /// Loads in a flight, as the engine does: lease and generations, source, close, fill.
    fn lead(&self) {
        let Some(leader) = self.open() else { return };
        let token = 7;
        let Some(then) = self.store(|store| {
            let free = store.lease.is_none() && store.value.is_none();
            free.then(|| store.lease = Some(token)).map(|()| store.generation)
        }) else {
            return;
        };
        let value = self.source.load(Relaxed);
        let landing = leader.close();
        let asked = landing.has_joiners();
        let filled = self.store(|store| {
            let filled = store.lease.take() == Some(token);
            store.value = filled.then_some(value).or(store.value);
            filled
        });
        let current = !asked || self.store(|store| store.generation) == then;
        if filled && current {
            landing.end(Verdict::Certified(Arc::new(value)));
        }
    }
}

/// A load beside `invalidate`; who comes after that does not get what stood in the source before.
fn no_newcomer_is_given_what_is_old_after(invalidate: fn(&World)) {
    explore(move || {
        let world = World::new();
        let leader = world.clone();
        let leader = thread::spawn(move || leader.lead());
        world.source.store(1, Relaxed);
        invalidate(&world);
        assert_ne!(world.joined(), Some(0), "the invalidation has returned");
        leader.join().expect("no panic");
        assert_eq!(world.joined(), None, "the flight has ended");
    });
}

/// Another process's: only the store hears of it.
#[test]
fn nobody_joins_what_an_invalidation_of_another_process_overtook() {
    no_newcomer_is_given_what_is_old_after(|world| {
        world.store(|store| (store.lease, store.value) = (None, None));
    });
}

/// An invalidation that is queued: the store has not heard of it.
#[test]
fn nobody_joins_what_an_unsent_invalidation_of_its_process_overtook() {
    no_newcomer_is_given_what_is_old_after(|world| {
        world.stamp.fetch_add(1, AcqRel);
    });
}

/// Another process's: the lease knows nothing of tags.
#[test]
fn nobody_joins_what_an_invalidation_of_its_tag_overtook() {
    no_newcomer_is_given_what_is_old_after(|world| world.store(|store| store.generation += 1));
}

/// How a flight may end without a value.
fn a_joiner_hears_of_the_end(end: fn(Leader), verdict: fn(&Verdict) -> bool) {
    explore(move || {
        let world = World::new();
        let leader = world.open().expect("nobody else leads");
        let other = world.clone();
        let other = thread::spawn(move || other.join().map(|joiner| block_on(joiner.verdict())));
        end(leader);
        assert!(other.join().expect("no panic").is_none_or(|ended| verdict(&ended)));
        assert!(world.open().is_some(), "the next one may lead");
    });
}

#[test]
fn a_dropped_leader_abandons_whoever_joins() {
    a_joiner_hears_of_the_end(drop, |verdict| matches!(verdict, Verdict::Abandoned));
}

#[test]
fn a_dropped_landing_refuses_whoever_joined() {
    a_joiner_hears_of_the_end(|leader| drop(leader.close()), |verdict| matches!(verdict, Verdict::Refused));
}

#[test]
fn the_end_of_an_older_flight_leaves_the_newer_one_open() {
    explore(|| {
        let world = World::new();
        let older = world.open().expect("nobody else leads");
        let older = thread::spawn(move || drop(older.close()));
        world.stamp.fetch_add(1, AcqRel);
        let newer = world.open().expect("the older one began before the stamp changed");
        older.join().expect("no panic");
        assert!(world.join().is_some(), "the newer one is open");
        drop(newer);
        assert!(world.join().is_none());
    });
}
