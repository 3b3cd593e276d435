//! What the numbers say together.

use super::{FunctionStats, Outcome, Stats, Tier};

impl FunctionStats {
    /// All calls that were answered.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.hits() + self.misses()
    }

    /// Calls answered by a tier: `hits_l1`, `hits_l2` and `stale`.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits_l1 + self.hits_l2 + self.stale
    }

    /// Calls that a body was run for: `loaded`, `bypassed`, and those that `joined` another's.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.loaded + self.bypassed + self.joined
    }

    /// Failed operations of the store, of all kinds.
    #[must_use]
    pub fn all_errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// The part of the calls that are [`hits`](Self::hits), from 0 to 1; `None` before the first call.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        part(self.hits(), self.calls())
    }

    /// The part of the calls that are [`misses`](Self::misses), from 0 to 1; `None` before the first call.
    #[must_use]
    pub fn miss_rate(&self) -> Option<f64> {
        part(self.misses(), self.calls())
    }

    /// Failed operations of the store for each call, at most 1: one call may ask the store several times. `None` before the first call.
    #[must_use]
    pub fn error_rate(&self) -> Option<f64> {
        part(self.all_errors(), self.calls()).map(|rate| rate.min(1.0))
    }

    /// Calls with this outcome.
    pub(crate) fn answered(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Hit(Tier::L1) => self.hits_l1,
            Outcome::Hit(Tier::L2) => self.hits_l2,
            Outcome::Joined => self.joined,
            Outcome::Loaded => self.loaded,
            Outcome::Stale => self.stale,
            Outcome::Bypassed => self.bypassed,
        }
    }

    fn add(&mut self, other: &Self) {
        self.hits_l1 += other.hits_l1;
        self.hits_l2 += other.hits_l2;
        self.joined += other.joined;
        self.loaded += other.loaded;
        self.stale += other.stale;
        self.bypassed += other.bypassed;
        self.fills_refused += other.fills_refused;
        self.undecodable += other.undecodable;
        self.not_storable += other.not_storable;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.load = self.load.with(&other.load);
        self.lookup = self.lookup.with(&other.lookup);
    }
}

impl Stats {
    /// The functions of all namespaces together.
    #[must_use]
    pub fn total(&self) -> FunctionStats {
        sum(self.namespaces.values().flat_map(|functions| functions.values()))
    }

    /// The functions of `namespace` together; nothing but zeros for one without calls.
    #[must_use]
    pub fn namespace(&self, namespace: &str) -> FunctionStats {
        sum(self.namespaces.get(namespace).into_iter().flat_map(|functions| functions.values()))
    }

    /// That of [`total`](Self::total).
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        self.total().hit_rate()
    }

    /// That of [`total`](Self::total).
    #[must_use]
    pub fn miss_rate(&self) -> Option<f64> {
        self.total().miss_rate()
    }

    /// That of [`total`](Self::total).
    #[must_use]
    pub fn error_rate(&self) -> Option<f64> {
        self.total().error_rate()
    }
}

fn sum<'a>(all: impl Iterator<Item = &'a FunctionStats>) -> FunctionStats {
    let mut total = FunctionStats::default();
    all.for_each(|one| total.add(one));
    total
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2⁵³ calls a rate is as good")]
fn part(some: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}
