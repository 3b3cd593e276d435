//! Clocks: durations come from tokio's clock (so that tests can pause it), wall time only where a store needs it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use tokio::time::Instant;

/// Milliseconds since the Unix epoch, by this machine's clock.
pub(crate) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A duration in whole milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration in whole milliseconds as the frame holds it, saturating.
pub(crate) fn millis_u32(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// A duration in nanoseconds, saturating below what stands for ever.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX - 1)
}

/// Nanoseconds since it started, for what is asked at every hit: the system's clock, or tokio's once that was found paused.
pub(crate) struct Clock {
    started: Instant,
    started_at: u64,
    is_paused: AtomicBool,
}

impl Clock {
    pub(crate) fn new() -> Self {
        // In this order, no time is missing between the two: by this clock, things end rather too early.
        let started_at = system_nanos();
        let clock = Self { started: Instant::now(), started_at, is_paused: AtomicBool::new(false) };
        clock.look_at_tokio();
        clock
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        if self.is_paused.load(Relaxed) {
            return self.at(Instant::now());
        }
        system_nanos().wrapping_sub(self.started_at)
    }

    pub(crate) fn at(&self, instant: Instant) -> u64 {
        nanos(instant.saturating_duration_since(self.started))
    }

    /// Follows tokio's clock from now on if that stands still. To be called at what takes longer than this.
    pub(crate) fn look_at_tokio(&self) {
        if Instant::now() == Instant::now() {
            self.is_paused.store(true, Relaxed);
        }
    }
}

#[cfg(target_os = "linux")]
#[inline]
fn system_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned())
}

#[cfg(not(target_os = "linux"))]
fn system_nanos() -> u64 {
    use std::sync::LazyLock;
    static STARTED: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    nanos(STARTED.elapsed())
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use std::time::Duration;

    #[tokio::test]
    async fn the_clock_follows_tokios_once_it_was_seen_paused() {
        let clock = Clock::new();
        tokio::time::pause();
        clock.look_at_tokio();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(clock.now() - before, 60_000_000_000);
    }
}
