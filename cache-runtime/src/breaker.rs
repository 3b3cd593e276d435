//! When to give up on a store, and when to try again.

#[cfg(feature = "redis")]
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// Operations that may run into their deadline one after another before the connection counts as dead.
#[cfg(feature = "redis")]
const TOLERATED: u32 = 3;
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// Counts timeouts in a row.
#[cfg(feature = "redis")]
#[derive(Debug, Default)]
pub(crate) struct Breaker(AtomicU32);

#[cfg(feature = "redis")]
impl Breaker {
    pub(crate) fn answered(&self) {
        if self.0.load(Relaxed) != 0 {
            self.0.store(0, Relaxed);
        }
    }

    /// Tells whether this was one too many.
    pub(crate) fn timed_out(&self) -> bool {
        self.0.fetch_add(1, Relaxed) + 1 >= TOLERATED
    }
}

/// Pauses that double from 50 ms to 2 s, a quarter more or less.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(SHORTEST)
    }
}

impl Backoff {
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        jitter(pause)
    }
}

/// `duration`, up to a quarter more or less.
pub(crate) fn jitter(duration: Duration) -> Duration {
    spread(duration, 250)
}

/// `duration`, up to `permille` thousandths more or less.
pub(crate) fn spread(duration: Duration, permille: u32) -> Duration {
    // Without randomness all processes agree, which is the worst that can happen.
    let random = getrandom::u32().unwrap_or_default() % (2 * permille + 1);
    duration / 1_000 * (1_000 - permille + random)
}
