//! How long things took.

use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const BUCKETS: usize = 36;

/// A histogram of durations; bucket `n` ends before 2ⁿ microseconds.
#[derive(Debug)]
pub(crate) struct Latency {
    buckets: [AtomicU64; BUCKETS],
    total_us: AtomicU64,
    max_us: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        let buckets = std::array::from_fn(|_| AtomicU64::new(0));
        Self { buckets, total_us: AtomicU64::new(0), max_us: AtomicU64::new(0) }
    }
}

impl Latency {
    pub(crate) fn record(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - us.leading_zeros()) as usize;
        self.buckets[bucket.min(BUCKETS - 1)].fetch_add(1, Relaxed);
        self.total_us.fetch_add(us, Relaxed);
        self.max_us.fetch_max(us, Relaxed);
    }

    /// The mean.
    pub(crate) fn typical(&self) -> Duration {
        let count: u64 = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum();
        Duration::from_micros(self.total_us.load(Relaxed).checked_div(count).unwrap_or(0))
    }

    pub(super) fn read(&self) -> LatencyStats {
        let buckets = std::array::from_fn(|bucket| self.buckets[bucket].load(Relaxed));
        LatencyStats::of(&Buckets(buckets), self.total_us.load(Relaxed), self.max_us.load(Relaxed))
    }
}

/// A distribution of durations, in microseconds; quantiles are upper bounds, exact within a factor of two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LatencyStats {
    /// How many there were.
    pub count: u64,
    /// Their mean.
    pub mean_us: u64,
    /// Half of them were shorter.
    pub p50_us: u64,
    /// 99 of 100 were shorter.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
    /// All of them together.
    #[serde(skip)]
    pub(crate) total_us: u64,
    #[serde(skip)]
    buckets: Buckets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Buckets([u64; BUCKETS]);

impl Default for Buckets {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl LatencyStats {
    fn of(buckets: &Buckets, total_us: u64, max_us: u64) -> Self {
        let count: u64 = buckets.0.iter().sum();
        let quantile = |permille: u64| {
            let mut left = (count * permille).div_ceil(1_000);
            let bucket = buckets.0.iter().position(|&bucket| {
                left = left.saturating_sub(bucket);
                left == 0
            });
            bucket.map_or(0, |bucket| (1u64 << bucket).min(max_us))
        };
        let (p50_us, p99_us) = (quantile(500), quantile(990));
        let mean_us = total_us.checked_div(count).unwrap_or(0);
        Self { count, mean_us, p50_us, p99_us, max_us, total_us, buckets: *buckets }
    }

    /// Both together.
    pub(super) fn with(&self, other: &Self) -> Self {
        let buckets = std::array::from_fn(|bucket| self.buckets.0[bucket] + other.buckets.0[bucket]);
        let total_us = self.total_us.saturating_add(other.total_us);
        Self::of(&Buckets(buckets), total_us, self.max_us.max(other.max_us))
    }

    /// How many were shorter than 2ⁿ microseconds, for n up to 34: the last bucket has no end.
    pub(crate) fn below(&self, power: u32) -> u64 {
        self.buckets.0.iter().take(power as usize + 1).sum()
    }
}
