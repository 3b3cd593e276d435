//! Who is compared: this library at each of its levels, and three ways that people cache by hand.

mod link;
mod lock;
mod naive;
mod ours;
mod single_flight;

use self::link::Link;
use crate::broken::Broken;
use crate::log::{How, Key, Way};
use crate::measure::{Nanos, now};
use crate::registers::group;
use crate::source::Client;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

pub(crate) use self::ours::{COHERENT, cache, watch};

/// How long entries live.
const TTL_MS: u64 = 10_000;
/// How long the leases and locks of those beside us live.
const LEASE_MS: u64 = 3_000;

/// A future of a contestant.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a read ended, and what it gave.
pub(crate) type Answer = (How, Option<Versioned>);

/// One way to cache.
pub(crate) trait Contestant: Send + Sync {
    /// Reads a register.
    fn read<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, Answer>;
    /// Writes the next version of a register.
    fn write<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, How>;
}

/// What the checker knows of a contestant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// How much longer other processes than the mutator's may read the old value.
    pub(crate) bound: Nanos,
    /// Whether stale reads of it are violations.
    pub(crate) ours: bool,
}

/// All contestants; their numbers are their places.
pub(crate) fn table() -> Vec<Row> {
    let beside = |name| Row { name, bound: 0, ours: false };
    let ours = ours::LEVELS.iter().map(|level| Row { name: level.name, bound: level.bound, ours: true });
    ours.chain(["naive", "lock", "single-flight"].map(beside)).collect()
}

/// The contestant with this number, in this process.
pub(crate) fn contestant(number: usize, redis: &Arc<Link>) -> Arc<dyn Contestant> {
    let link = Arc::clone(redis);
    match number.checked_sub(ours::LEVELS.len()) {
        None => Arc::new(&ours::LEVELS[number]),
        Some(0) => Arc::new(naive::Naive(link)),
        Some(1) => Arc::new(lock::Lock(link)),
        Some(_) => Arc::new(single_flight::SingleFlight::new(link)),
    }
}

/// The connection that those beside us share; over a cluster, where they are not built, it is never made.
pub(crate) fn link(redis: &str) -> Arc<Link> {
    let first = redis.replacen("redis+cluster", "redis", 1);
    Arc::new(Link::to(first.split(',').next().unwrap_or_default()))
}

/// A register's value, as it is cached.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Versioned {
    pub(crate) id: u16,
    pub(crate) version: u64,
    group: u16,
}

impl Versioned {
    fn new(id: u16, version: u64) -> Self {
        Self { id, version, group: group(id) }
    }
}

/// Marks the versions of rows that only their own transaction may see.
pub(crate) const UNCOMMITTED: u64 = 1 << 63;

/// The error of a loader that was told to fail.
#[derive(Clone, Debug)]
pub(crate) struct Injected;

/// One call's way to the source, and what it did there.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) source: Arc<Client>,
    pub(crate) contestant: u8,
    pub(crate) broken: Option<Broken>,
    /// How it mutates.
    pub(crate) way: Way,
    /// How long a load takes before and after it sees the source; also a commit under holds.
    pub(crate) delays: [Duration; 2],
    pub(crate) fails: bool,
    /// Whether the read asks under the key's second name, where there is one.
    pub(crate) alias: bool,
    pub(crate) load_start: AtomicU64,
    pub(crate) load_end: AtomicU64,
    pub(crate) version: AtomicU64,
    /// What a transaction sees of its own row.
    pub(crate) uncommitted: Option<u64>,
    /// What it read there.
    pub(crate) seen_inside: AtomicU64,
}

impl Probe {
    /// One that does not go wrong.
    pub(crate) fn new(source: Arc<Client>, contestant: u8, broken: Option<Broken>) -> Self {
        Self {
            source,
            contestant,
            broken,
            way: Way::After,
            delays: [Duration::ZERO; 2],
            fails: false,
            alias: false,
            load_start: AtomicU64::new(0),
            load_end: AtomicU64::new(0),
            version: AtomicU64::new(0),
            uncommitted: None,
            seen_inside: AtomicU64::new(0),
        }
    }

    /// One for a read within this one's transaction.
    fn inside(&self) -> Self {
        let probe = Self::new(Arc::clone(&self.source), self.contestant, self.broken);
        Self { uncommitted: Some(UNCOMMITTED | now()), delays: self.delays, ..probe }
    }

    /// Reads the source.
    async fn load(&self, id: u16) -> Result<Versioned, Injected> {
        self.load_end.store(0, Relaxed);
        self.load_start.store(now(), Relaxed);
        tokio::time::sleep(self.delays[0]).await;
        let version = match self.uncommitted {
            Some(version) => version,
            None => self.source.load(self.key(id)).await,
        };
        tokio::time::sleep(self.delays[1]).await;
        self.load_end.store(now(), Relaxed);
        if self.fails { Err(Injected) } else { Ok(Versioned::new(id, version)) }
    }

    /// Writes the source.
    async fn commit(&self, id: u16) -> Versioned {
        let begun = now();
        self.load_start.store(begun, Relaxed);
        let delays = if self.way.holds() { self.delays } else { [Duration::ZERO; 2] };
        tokio::time::sleep(delays[0]).await;
        let held = if self.way.insists() { begun } else { 0 };
        let version = self.source.commit(self.key(id), self.way, held).await;
        self.version.store(version, Relaxed);
        tokio::time::sleep(delays[1]).await;
        self.load_end.store(now(), Relaxed);
        Versioned::new(id, version)
    }

    /// Reads the source past a contestant's cache.
    async fn load_as(&self, id: u16, how: How) -> Answer {
        match self.load(id).await {
            Ok(value) => (how, Some(value)),
            Err(Injected) => (How::Failed, None),
        }
    }

    pub(crate) fn key(&self, id: u16) -> Key {
        Key { contestant: self.contestant, id }
    }
}
