//! Time that the processes of one host share, random numbers from a seed, and distributions.

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::time::Duration;

/// A time or a length of time: nanoseconds of `CLOCK_MONOTONIC`, which is one clock for all processes of a host.
pub(crate) type Nanos = u64;

/// A millisecond.
pub(crate) const MS: Nanos = 1_000_000;

/// The time.
pub(crate) fn now() -> Nanos {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.cast_unsigned() * 1_000 * MS + time.tv_nsec.cast_unsigned()
}

/// A sequence of numbers that its seed decides (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of `seed` and of what is drawn from it.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut random = Self(seed ^ purpose.wrapping_mul(0xD605_BBB5_8C8A_BC03));
        random.next();
        random
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number in `least..=most`.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    /// True `permille` times in a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        self.next() % 1_000 < permille
    }

    /// A length between two numbers of milliseconds.
    pub(crate) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.between(least * 1_000, most * 1_000))
    }

    /// One of `items`.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.next() % items.len() as u64).unwrap_or_default()]
    }
}

/// A distribution of lengths of time, exact within an eighth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: Nanos,
}

impl Histogram {
    pub(crate) fn add(&mut self, value: Nanos) {
        let bucket = bucket(value);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    pub(crate) fn count(&self) -> u64 {
        self.total
    }

    /// The value that `permille` of a thousand do not exceed.
    pub(crate) fn quantile(&self, permille: u64) -> Nanos {
        let mut left = (self.total * permille).div_ceil(1_000);
        for (bucket, count) in self.counts.iter().enumerate() {
            left = left.saturating_sub(*count);
            if left == 0 {
                return end_of(bucket).min(self.max);
            }
        }
        self.max
    }

    /// The usual figures, in milliseconds.
    pub(crate) fn summary(&self) -> Summary {
        let ms = |nanos: Nanos| Duration::from_nanos(nanos).as_secs_f64() * 1e3;
        Summary {
            count: self.total,
            p50_ms: ms(self.quantile(500)),
            p99_ms: ms(self.quantile(990)),
            max_ms: ms(self.max),
        }
    }
}

/// What is told of a distribution.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

fn bucket(value: Nanos) -> usize {
    if value < 8 {
        return usize::try_from(value).unwrap_or_default();
    }
    let power = value.ilog2();
    (power as usize - 2) * 8 + usize::try_from(value >> (power - 3) & 7).unwrap_or_default()
}

fn end_of(bucket: usize) -> Nanos {
    if bucket < 8 {
        return bucket as u64;
    }
    let (power, part) = (bucket / 8 + 2, bucket as u64 % 8);
    ((9 + part) << (power - 3)) - 1
}
