//! Write-behind over the in-process store and over a real Redis: what readers see, and what the source gets.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

use cache_runtime::store::{Memory, Redis, Store};
use cache_runtime::{Cache, StoreError, WriteBehind, WriteBehindOptions, WriteError, Written, cached};
use cache_tests::gate::{Counter, Gate};
use cache_tests::redis_process::RedisServer;
use cache_tests::through::Through;
use cache_tests::wait::{until, within};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

mod crashes;
mod journals;
mod timing;

/// Where processes meet.
enum World {
    Memory(Arc<Memory>),
    Redis(RedisServer),
}

impl World {
    async fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(memory) => memory.clone(),
            Self::Redis(server) => {
                let store = Redis::connect(&server.url()).expect("a good url");
                store.ready(Duration::from_secs(10)).await.expect("the server is up");
                Arc::new(store)
            }
        }
    }

    async fn process(&self, source: &Source) -> Process {
        Process::with(self.store().await, source, options())
    }
}

async fn everywhere(scenario: impl AsyncFn(&World)) {
    scenario(&World::Memory(Arc::default())).await;
    scenario(&World::Redis(RedisServer::start())).await;
}

fn options() -> WriteBehindOptions<u64, u64> {
    WriteBehindOptions::default()
        .namespace("behind")
        .delay(Duration::from_millis(1))
        .claim_after(Duration::from_millis(200))
}

/// What the cache stands before.
#[derive(Clone, Default)]
struct Source(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rows: Mutex<HashMap<u64, u64>>,
    /// Every batch that was saved.
    batches: Mutex<Vec<Vec<Written<u64, u64>>>>,
    loads: Counter,
    saves: Counter,
    /// Where saves stop before they change anything, while it is closed.
    gate: Gate,
    /// Keys that cannot be saved, and how often that is still so.
    bad: Mutex<HashMap<u64, usize>>,
}

impl Source {
    fn open() -> Self {
        let source = Self::default();
        source.0.gate.open();
        source
    }

    async fn save(self, batch: Vec<Written<u64, u64>>) -> Result<(), String> {
        self.0.saves.add();
        self.0.gate.wait().await;
        for write in &batch {
            if let Some(times) = lock(&self.0.bad).get_mut(&write.key).filter(|times| **times > 0) {
                *times -= 1;
                return Err(format!("{} is bad", write.key));
            }
        }
        lock(&self.0.rows).extend(batch.iter().map(|write| (write.key, write.value)));
        lock(&self.0.batches).push(batch);
        Ok(())
    }

    fn row(&self, id: u64) -> u64 {
        lock(&self.0.rows).get(&id).copied().unwrap_or(0)
    }

    /// The values that were saved for `id`, and their numbers.
    fn saved(&self, id: u64) -> Vec<(u64, u64)> {
        let batches = lock(&self.0.batches);
        let writes = batches.iter().flatten().filter(|write| write.key == id);
        writes.map(|write| (write.value, write.number)).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cached(ns = "behind", ttl = "medium", l1 = "off", skip(source))]
async fn views(id: u64, source: &Source) -> u64 {
    source.0.loads.add();
    source.row(id)
}

/// Asks a cached function within its body.
#[cached(ns = "around", ttl = "medium", l1 = "off", skip(source))]
async fn doubled(id: u64, source: &Source) -> u64 {
    views(id, source).await * 2
}

/// One process: a cache, and what it writes behind.
struct Process {
    cache: Cache,
    behind: WriteBehind<u64, u64>,
    source: Source,
}

impl Process {
    fn with(store: Arc<dyn Store>, source: &Source, options: WriteBehindOptions<u64, u64>) -> Self {
        let cache = Cache::builder().store(store).app("shop").build().expect("a good configuration");
        let saved = source.clone();
        let behind = cache.write_behind("views", options, move |batch| saved.clone().save(batch));
        Self { cache, behind, source: source.clone() }
    }

    /// Writes; once more where the machine is too busy for the deadlines of the store.
    async fn write(&self, id: u64, value: u64) -> Result<u64, WriteError> {
        for _ in 0..10 {
            match self.try_write(id, value).await {
                Err(WriteError::Store(StoreError::Timeout)) => {}
                written => return written,
            }
        }
        self.try_write(id, value).await
    }

    async fn try_write(&self, id: u64, value: u64) -> Result<u64, WriteError> {
        self.cache.scope_for(async { self.behind.write(&views_entry(id), id, value).await }).await
    }

    async fn read(&self, id: u64) -> u64 {
        within("a read", self.cache.scope_for(views(id, &self.source))).await
    }

    async fn invalidate(&self, id: u64) {
        self.cache.scope_for(async { views_entry(id).invalidate().await }).await;
    }

    async fn stored(&self, id: u64) -> Option<u64> {
        self.cache.scope_for(async { views_entry(id).peek().await }).await
    }

    async fn flush(&self) -> usize {
        self.behind.flush(Duration::from_secs(10)).await.expect("the store answers")
    }

    async fn left(&self) -> usize {
        self.behind.flush(Duration::ZERO).await.expect("the store answers")
    }
}

/// The child processes of [`crashes`].
#[test]
fn worker_process() {
    crashes::child();
}

#[tokio::test]
async fn a_write_is_read_at_once_and_saved_later() {
    everywhere(async |world| {
        let source = Source::default();
        let (one, other) = (world.process(&source).await, world.process(&source).await);
        assert_eq!((one.read(1).await, other.read(1).await), (0, 0));
        let first = one.write(1, 10).await.expect("written");
        assert_eq!((one.read(1).await, other.read(1).await), (10, 10));
        assert_eq!(one.stored(1).await, Some(10), "the entry is the value");
        assert_eq!(source.row(1), 0, "the source does not have it yet");
        source.0.gate.arrived().await;
        let second = other.write(1, 20).await.expect("written");
        assert!(second > first);
        assert_eq!((one.read(1).await, other.read(1).await), (20, 20));
        source.0.gate.open();
        assert_eq!(one.flush().await, 0);
        assert_eq!(source.row(1), 20);
        assert_eq!(source.0.loads.get(), 1, "nothing was loaded since");
        assert_eq!(source.saved(1), [(10, first), (20, second)]);
    })
    .await;
}

#[tokio::test]
async fn a_write_is_read_until_it_is_saved_whatever_becomes_of_the_entry() {
    everywhere(async |world| {
        let source = Source::default();
        let (one, other) = (world.process(&source).await, world.process(&source).await);
        one.write(1, 10).await.expect("written");
        source.0.gate.arrived().await;
        // Made only now, as after a deployment.
        let third = world.process(&source).await;
        for reader in [&one, &other, &third] {
            other.invalidate(1).await;
            assert_eq!(reader.stored(1).await, None);
            assert_eq!(reader.read(1).await, 10, "a load sees the write");
            assert_eq!(reader.stored(1).await, Some(10), "and stores it");
            one.invalidate(1).await;
            let nested = reader.cache.scope_for(doubled(1, &source)).await;
            assert_eq!(nested, 20, "so does a call in another's body");
            reader.cache.scope_for(async { doubled_entry(1).invalidate().await }).await;
        }
        assert_eq!(source.0.loads.get(), 0, "the source was not asked");
        source.0.gate.open();
        assert_eq!(one.flush().await, 0);
        other.invalidate(1).await;
        assert_eq!(third.read(1).await, 10);
        assert_eq!(source.0.loads.get(), 1, "from here on the source has it");
    })
    .await;
}

/// A transaction is about the rows of its source.
#[tokio::test]
async fn a_transaction_sees_its_source_alone() {
    everywhere(async |world| {
        let source = Source::default();
        let process = world.process(&source).await;
        process.write(1, 10).await.expect("written");
        let seen = process.cache.scope(async |_| Ok::<_, ()>(views(1, &source).await)).await;
        assert_eq!(seen, Ok(0));
        source.0.gate.open();
    })
    .await;
}

/// The load asked its source before the write, and would be stored after it.
#[tokio::test]
async fn a_load_that_began_before_a_write_is_not_stored_after_it() {
    everywhere(async |world| {
        let source = Source::default();
        let process = world.process(&source).await;
        let gate = Gate::default();
        let cached = {
            let (cache, source, gate) = (process.cache.clone(), source.clone(), gate.clone());
            async move { cache.scope_for(slow(1, &source, &gate)).await }
        };
        let loading = tokio::spawn(cached);
        gate.arrived().await;
        let write = async { process.behind.write(&slow_entry(1), 1, 10).await };
        process.cache.scope_for(write).await.expect("written");
        gate.open();
        assert_eq!(loading.await.expect("no panic"), 0, "it came before");
        let peek = || process.cache.scope_for(async { slow_entry(1).peek().await });
        assert_eq!(peek().await, Some(10));
        source.0.gate.open();
        assert_eq!(process.flush().await, 0);
        assert_eq!(peek().await, Some(10));
    })
    .await;
}

#[cached(ns = "behind", ttl = "medium", l1 = "off", skip(source, gate))]
async fn slow(id: u64, source: &Source, gate: &Gate) -> u64 {
    let row = source.row(id);
    gate.wait().await;
    row
}

#[tokio::test]
async fn writes_of_one_key_are_one_write() {
    everywhere(async |world| {
        let source = Source::default();
        let process = world.process(&source).await;
        process.write(1, 0).await.expect("written");
        source.0.gate.arrived().await;
        let mut last = 0;
        for value in 1..=100 {
            let number = process.write(1, value).await.expect("written");
            assert!(number > last);
            last = number;
        }
        assert_eq!(process.left().await, 1);
        source.0.gate.open();
        assert_eq!(process.flush().await, 0);
        let saved = source.saved(1);
        assert_eq!(saved.len(), 2, "{saved:?}");
        assert_eq!(saved[1], (100, last));
    })
    .await;
}

#[tokio::test]
async fn processes_share_the_work_and_keep_the_order_of_each_key() {
    everywhere(async |world| {
        let source = Source::open();
        let mut processes = Vec::new();
        for _ in 0..3 {
            let store = world.store().await;
            processes.push(Arc::new(Process::with(store, &source, options().batch(4))));
        }
        let writers = processes.iter().enumerate().map(|(at, process)| {
            let process = process.clone();
            tokio::spawn(async move {
                for round in 0..40 {
                    let value = round * 10 + at as u64;
                    process.write(round % 7, value).await.expect("written");
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("no panic");
        }
        assert_eq!(processes[0].flush().await, 0);
        for id in 0..7 {
            let saved = source.saved(id);
            assert!(saved.windows(2).all(|pair| pair[0].1 < pair[1].1), "{id}: {saved:?}");
            for process in &processes {
                process.invalidate(id).await;
                assert_eq!(process.read(id).await, saved.last().expect("saved").0);
            }
        }
        assert!(lock(&source.0.batches).iter().all(|batch| batch.len() <= 4));
    })
    .await;
}

#[tokio::test]
async fn what_fails_is_tried_again_alone() {
    everywhere(async |world| {
        let source = Source::default();
        let process = world.process(&source).await;
        lock(&source.0.bad).insert(1, 3);
        process.write(9, 0).await.expect("written");
        source.0.gate.arrived().await;
        for id in 1..=3 {
            process.write(id, id * 10).await.expect("written");
        }
        source.0.gate.open();
        assert_eq!(process.flush().await, 0);
        assert_eq!([1, 2, 3].map(|id| source.row(id)), [10, 20, 30]);
    })
    .await;
}

#[tokio::test]
async fn what_fails_too_often_is_told_and_forgotten() {
    everywhere(async |world| {
        let source = Source::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let letters = told.clone();
        let options = options()
            .tries(2)
            .dead_letters(move |write, error| lock(&letters).push((write, error.to_owned())));
        let process = Process::with(world.store().await, &source, options);
        let other = world.process(&source).await;
        lock(&source.0.bad).insert(1, usize::MAX);
        process.write(9, 0).await.expect("written");
        source.0.gate.arrived().await;
        drop(other.behind);
        let number = process.write(1, 10).await.expect("written");
        process.write(2, 20).await.expect("written");
        source.0.gate.open();
        assert_eq!(process.flush().await, 0);
        let told = std::mem::take(&mut *lock(&told));
        let [(write, error)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((write.key, write.value, write.number, &error[..]), (1, 10, number, "1 is bad"));
        assert_eq!(source.row(2), 20, "its neighbour is saved");
        let removed = async || process.stored(1).await.is_none();
        until("the entry is what the source has", removed).await;
        assert_eq!(process.read(1).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_save_that_panics_has_failed() {
    everywhere(async |world| {
        let cache = Cache::builder().store(world.store().await).app("shop").build().expect("good");
        let calls = Counter::default();
        let counted = calls.clone();
        let behind = cache.write_behind("views", options(), move |batch: Vec<Written<u64, u64>>| {
            let calls = counted.clone();
            async move {
                calls.add();
                assert!(calls.get() > 2, "the first two");
                assert_eq!((batch[0].key, batch[0].value), (1, 10));
                Ok::<(), String>(())
            }
        });
        cache.scope_for(async { behind.write(&views_entry(1), 1, 10).await }).await.expect("written");
        assert_eq!(behind.flush(Duration::from_secs(10)).await, Ok(0));
        assert_eq!(calls.get(), 3);
    })
    .await;
}

#[tokio::test]
async fn where_the_journal_cannot_be_asked_what_the_source_says_is_not_stored() {
    everywhere(async |world| {
        let source = Source::default();
        let writer = world.process(&source).await;
        writer.write(1, 10).await.expect("written");
        source.0.gate.arrived().await;
        writer.invalidate(1).await;
        let journal = Some(Box::new(journals::Broken) as _);
        let broken = Arc::new(Through { store: world.store().await, channels: true, journal });
        let reader = Process::with(broken, &source, options());
        assert_eq!(reader.read(1).await, 0, "a fault of the cache is no error");
        assert_eq!(writer.stored(1).await, None, "and is not kept");
        assert_eq!(writer.read(1).await, 10);
        assert_eq!(reader.try_write(1, 11).await, Err(WriteError::Store(StoreError::Timeout)));
        assert_eq!(writer.read(1).await, 10);
        source.0.gate.open();
    })
    .await;
}

/// Its process stood still for so long that another took the place, and saved what came later.
#[tokio::test]
async fn who_lost_a_place_does_not_save_again() {
    everywhere(async |world| {
        let (source, late) = (Source::open(), Source::default());
        let takes = Counter::default();
        let journal = journals::Silent { store: world.store().await, takes: takes.clone() };
        let journal = Some(Box::new(journal) as _);
        let silent = Arc::new(Through { store: world.store().await, channels: true, journal });
        let one = Process::with(silent, &late, options());
        lock(&late.0.bad).insert(1, 1);
        one.write(1, 10).await.expect("written");
        late.0.gate.arrived().await;
        let other = world.process(&source).await;
        until("it is taken over", async || source.row(1) == 10).await;
        other.write(1, 20).await.expect("written");
        assert_eq!(other.flush().await, 0);
        let asked = takes.get();
        late.0.gate.open();
        until("it asks for what comes next", async || takes.get() > asked).await;
        one.write(2, 1).await.expect("written");
        until("it goes on", async || late.row(2) + source.row(2) == 1).await;
        assert_eq!((source.row(1), late.saved(1).len()), (20, 0));
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_is_down_takes_no_writes_and_keeps_those_it_has() {
    let data = ["--appendonly", "yes", "--appendfsync", "always"];
    let world = World::Redis(RedisServer::with(&data));
    let World::Redis(server) = &world else { unreachable!() };
    let source = Source::default();
    let process = world.process(&source).await;
    process.write(1, 10).await.expect("written");
    source.0.gate.arrived().await;
    server.kill();
    until("the loss is noticed", async || {
        process.write(2, 20).await == Err(WriteError::Store(StoreError::Unreachable))
    })
    .await;
    assert_eq!(process.read(1).await, 0, "the source, while nothing else can be asked");
    server.restart();
    until("it is back", async || process.write(2, 21).await.is_ok()).await;
    assert_eq!(process.read(1).await, 10);
    source.0.gate.open();
    assert_eq!(process.flush().await, 0);
    assert_eq!((source.row(1), source.row(2)), (10, 21));
}

#[tokio::test]
async fn a_server_that_may_evict_takes_no_writes() {
    for (policy, taken) in [("allkeys-lru", false), ("volatile-lru", true), ("noeviction", true)] {
        let options = ["--maxmemory", "50mb", "--maxmemory-policy", policy];
        let world = World::Redis(RedisServer::with(&options));
        let source = Source::open();
        let process = world.process(&source).await;
        let written = process.write(1, 10).await;
        if taken {
            written.expect("written");
        } else {
            assert_eq!(written, Err(WriteError::Store(StoreError::Unavailable)));
            assert_eq!(process.read(1).await, 0);
        }
    }
}
