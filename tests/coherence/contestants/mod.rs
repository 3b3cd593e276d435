//! Who is compared: this library at each of its levels, and three ways that people cache by hand.

mod link;
mod lock;
mod naive;
mod ours;
mod single_flight;

use self::link::Link;
use crate::broken::Broken;
use crate::log::{How, Key};
use crate::measure::{Nanos, now};
use crate::source::Client;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

pub(crate) use self::ours::{cache, watch};

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

/// The connection that those beside us share.
pub(crate) fn link(redis: &str) -> Arc<Link> {
    Arc::new(Link::to(redis))
}

/// A register's value, as it is cached.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Versioned {
    pub(crate) id: u16,
    pub(crate) version: u64,
}

/// The error of a loader that was told to fail.
#[derive(Clone, Debug)]
pub(crate) struct Injected;

/// One call's way to the source, and what it did there.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) source: Arc<Client>,
    pub(crate) contestant: u8,
    pub(crate) broken: Option<Broken>,
    /// How long a load takes before and after it sees the source.
    pub(crate) delays: [Duration; 2],
    pub(crate) fails: bool,
    /// Whether the read asks under the key's second name, where there is one.
    pub(crate) alias: bool,
    pub(crate) load_start: AtomicU64,
    pub(crate) load_end: AtomicU64,
    pub(crate) version: AtomicU64,
}

impl Probe {
    /// Reads the source.
    async fn load(&self, id: u16) -> Result<Versioned, Injected> {
        self.load_end.store(0, Relaxed);
        self.load_start.store(now(), Relaxed);
        tokio::time::sleep(self.delays[0]).await;
        let version = self.source.load(self.key(id)).await;
        tokio::time::sleep(self.delays[1]).await;
        self.load_end.store(now(), Relaxed);
        if self.fails { Err(Injected) } else { Ok(Versioned { id, version }) }
    }

    /// Writes the source.
    async fn commit(&self, id: u16) {
        self.load_start.store(now(), Relaxed);
        self.version.store(self.source.commit(self.key(id)).await, Relaxed);
        self.load_end.store(now(), Relaxed);
    }

    /// Reads the source past a contestant's cache.
    async fn load_as(&self, id: u16, how: How) -> Answer {
        match self.load(id).await {
            Ok(value) => (how, Some(value)),
            Err(Injected) => (How::Failed, None),
        }
    }

    fn key(&self, id: u16) -> Key {
        Key { contestant: self.contestant, id }
    }
}
