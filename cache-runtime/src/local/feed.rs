//! Whether this process hears of invalidations, and until when it may rely on that.

use crate::health;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Not to be relied on; so it is at first.
const DEAD: u64 = 0;
/// To be relied on until further notice.
const UNBOUNDED: u64 = u64::MAX;

/// The L1 lease: a bound in this process's own monotonic time (Gray and Cheriton, "Leases", 1989).
#[derive(Default)]
pub(super) struct Feed {
    /// Changes whenever something may have been missed.
    epoch: AtomicU64,
    /// Nanoseconds of the clock.
    lease_until: AtomicU64,
    missing: AtomicBool,
}

impl Feed {
    /// `now` in nanoseconds since it started.
    #[inline]
    pub(super) fn is_live(&self, now: u64) -> bool {
        now < self.lease_until.load(Ordering::Acquire)
    }

    /// Whether there is none, so that time has to bound what it would have told.
    pub(super) fn is_missing(&self) -> bool {
        self.missing.load(Ordering::Acquire)
    }

    pub(super) fn state(&self, now: u64) -> health::Feed {
        match (self.is_missing(), self.is_live(now)) {
            (true, _) => health::Feed::Unavailable,
            (false, true) => health::Feed::Live,
            (false, false) => health::Feed::Lost,
        }
    }

    #[inline]
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Makes every entry invalid.
    pub(super) fn flush(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Relies on it until then.
    pub(super) fn extend(&self, until: Option<u64>) {
        if self.missing.swap(false, Ordering::AcqRel) {
            self.flush();
        }
        self.lease_until.store(until.unwrap_or(UNBOUNDED), Ordering::Release);
    }

    pub(super) fn end(&self) {
        self.lease_until.store(DEAD, Ordering::Release);
        self.flush();
    }

    pub(super) fn miss(&self) {
        self.end();
        self.missing.store(true, Ordering::Release);
        self.lease_until.store(UNBOUNDED, Ordering::Release);
    }
}
