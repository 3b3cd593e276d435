//! What happened: to one caller who asks, and to all of them in numbers.

mod latency;
mod misses;
mod rates;

pub use self::latency::LatencyStats;

pub(crate) use self::latency::Latency;
use self::misses::Misses;

use crate::error::StoreError;
use crate::health::Feed;
use serde::Serialize;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How a call was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// From a tier.
    Hit(Tier),
    /// By a load that another caller made, begun after this one came.
    Joined,
    /// By running the body; the value was offered to the store.
    Loaded,
    /// With a value past its freshness.
    Stale,
    /// By running the body beside the cache (`when`, an entry that is held, the store unreachable).
    Bypassed,
}

/// Where a hit came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The typed values of this process.
    L1,
    /// The store.
    L2,
}

impl Outcome {
    pub(crate) const ALL: [Self; 6] =
        [Self::Hit(Tier::L1), Self::Hit(Tier::L2), Self::Joined, Self::Loaded, Self::Stale, Self::Bypassed];

    const fn index(self) -> usize {
        match self {
            Self::Hit(Tier::L1) => 0,
            Self::Hit(Tier::L2) => 1,
            Self::Joined => 2,
            Self::Loaded => 3,
            Self::Stale => 4,
            Self::Bypassed => 5,
        }
    }

    /// One word: `hit-l1`, `hit-l2`, `joined`, `loaded`, `stale` or `bypassed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit(Tier::L1) => "hit-l1",
            Self::Hit(Tier::L2) => "hit-l2",
            Self::Joined => "joined",
            Self::Loaded => "loaded",
            Self::Stale => "stale",
            Self::Bypassed => "bypassed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Invalidation {
    /// The store acknowledged it: no read that starts now gets the old value from it.
    Applied,
    /// The store could not be asked; it is sent as soon as it can. Until then this process reads past the caches, and other
    /// processes may read the old value.
    Queued,
    /// The store acknowledged it, and fewer copies of it did than was asked for: a failover may bring the old value back.
    Unreplicated,
}

impl Invalidation {
    /// One word: `applied`, `queued` or `unreplicated`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Queued => "queued",
            Self::Unreplicated => "unreplicated",
        }
    }
}

impl fmt::Display for Invalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How one cached call was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The function's namespace.
    pub namespace: &'static str,
    /// The function's name.
    pub function: &'static str,
    /// How.
    pub outcome: Outcome,
    /// How long ago the load of the value began, for hits.
    pub age: Option<Duration>,
}

/// What the caches did within one [`observed`](crate::observed) future.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub(crate) answers: Vec<Answer>,
    pub(crate) invalidations: Vec<Invalidation>,
}

impl Report {
    /// How the last cached call was answered, if there was one.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.answers.last().map(|answer| answer.outcome)
    }

    /// How each cached call was answered, in the order they ended. Calls made by loads are not among them.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// What became of each mutation's invalidations, in the order they ended.
    #[must_use]
    pub fn invalidations(&self) -> &[Invalidation] {
        &self.invalidations
    }
}

thread_local! {
    /// The line that this thread counts on; 0 before it has one.
    static LINE: Cell<usize> = const { Cell::new(0) };
}

#[cold]
fn next_line() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let line = NEXT.fetch_add(1, Relaxed);
    LINE.set(line);
    line
}

/// One number that many threads count at once, each on a cache line that few others write.
#[derive(Debug, Default)]
struct Striped([Line; 16]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

impl Striped {
    #[inline]
    fn increment(&self) {
        let line = match LINE.try_with(Cell::get) {
            Ok(0) | Err(_) => next_line(),
            Ok(line) => line,
        };
        self.0[line % self.0.len()].0.fetch_add(1, Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.iter().map(|line| line.0.load(Relaxed)).sum()
    }
}

/// The numbers of one function.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    hits_l1: Striped,
    outcomes: [AtomicU64; Outcome::ALL.len()],
    pub(crate) fills_refused: AtomicU64,
    pub(crate) undecodable: AtomicU64,
    pub(crate) not_storable: AtomicU64,
    raw_bytes: AtomicU64,
    stored_bytes: AtomicU64,
    errors: [AtomicU64; StoreError::ALL.len()],
    pub(crate) misses: Misses,
    pub(crate) loads: Latency,
    pub(crate) lookups: Latency,
}

impl Counters {
    #[inline]
    pub(crate) fn answered(&self, outcome: Outcome) {
        match outcome {
            Outcome::Hit(Tier::L1) => self.hits_l1.increment(),
            other => drop(self.outcomes[other.index()].fetch_add(1, Relaxed)),
        }
    }

    /// Counts a value on its way to the store: bytes of its payload, and of its frame.
    pub(crate) fn framed(&self, raw: usize, stored: usize) {
        self.raw_bytes.fetch_add(raw as u64, Relaxed);
        self.stored_bytes.fetch_add(stored as u64, Relaxed);
    }

    pub(crate) fn failed(&self, error: StoreError) {
        self.errors[error.index()].fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self) -> FunctionStats {
        let of = |outcome: Outcome| self.outcomes[outcome.index()].load(Relaxed);
        let errors =
            StoreError::ALL.iter().map(|error| (error.name(), self.errors[error.index()].load(Relaxed)));
        FunctionStats {
            hits_l1: self.hits_l1.read(),
            hits_l2: of(Outcome::Hit(Tier::L2)),
            joined: of(Outcome::Joined),
            loaded: of(Outcome::Loaded),
            stale: of(Outcome::Stale),
            bypassed: of(Outcome::Bypassed),
            fills_refused: self.fills_refused.load(Relaxed),
            undecodable: self.undecodable.load(Relaxed),
            not_storable: self.not_storable.load(Relaxed),
            raw_bytes: self.raw_bytes.load(Relaxed),
            stored_bytes: self.stored_bytes.load(Relaxed),
            errors: errors.filter(|&(_, count)| count > 0).collect(),
            load: self.loads.read(),
            lookup: self.lookups.read(),
        }
    }
}

/// The numbers of a cache since it was built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// By namespace, then by function.
    pub namespaces: BTreeMap<&'static str, BTreeMap<&'static str, FunctionStats>>,
    /// Entries in L1.
    pub local_entries: usize,
    /// Bytes in L1, as they are counted against its capacity.
    pub local_bytes: u64,
    /// Invalidations that wait for the store.
    pub pending_invalidations: usize,
    /// Whether the store is connected, as far as is known without asking it.
    pub up: bool,
    /// Whether this process hears of invalidations.
    pub feed: Feed,
}

/// The numbers of one cached function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FunctionStats {
    /// Calls answered by the values of this process.
    pub hits_l1: u64,
    /// Calls answered by the store.
    pub hits_l2: u64,
    /// Calls answered by another caller's load.
    pub joined: u64,
    /// Calls that ran the body for the store.
    pub loaded: u64,
    /// Calls answered with a stale value.
    pub stale: u64,
    /// Calls that ran the body beside the cache.
    pub bypassed: u64,
    /// Loads whose value was not stored because something was invalidated, or written by another program, meanwhile.
    pub fills_refused: u64,
    /// Entries that could not be read: corrupt, foreign, of another layout, codec or type.
    pub undecodable: u64,
    /// Values that could not be written: refused by the codec, larger than the limit, or with too many tags.
    pub not_storable: u64,
    /// Bytes of the values that were sent to the store, as their codec writes them.
    pub raw_bytes: u64,
    /// Bytes of the same as they stand there: compressed, with their headers.
    pub stored_bytes: u64,
    /// Failed operations of the store, by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// How long bodies ran.
    pub load: LatencyStats,
    /// How long the store took to answer lookups.
    pub lookup: LatencyStats,
}
