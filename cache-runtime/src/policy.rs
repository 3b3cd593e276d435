//! How long entries live, and which tiers hold them.

use std::time::Duration;

/// How long an entry may answer for its function.
///
/// It is *fresh* for [`fresh_for`](Self::fresh_for), then *stale* for [`stale_for`](Self::stale_for) (it still answers while one caller
/// reloads it), and then gone.
///
/// # Examples
/// ```
/// # use cache_runtime::Policy; use std::time::Duration;
/// const PROFILE: Policy = Policy::fresh_for(Duration::from_secs(300)).stale_for(Duration::from_secs(30));
/// assert_eq!(PROFILE.lifetime(), Some(Duration::from_secs(330)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    fresh: Option<Duration>,
    stale: Duration,
}

impl Policy {
    /// 60 s.
    pub const SHORT: Self = Self::fresh_for(Duration::from_secs(60));
    /// 300 s.
    pub const MEDIUM: Self = Self::fresh_for(Duration::from_secs(300));
    /// 900 s.
    pub const LONG: Self = Self::fresh_for(Duration::from_secs(900));
    /// One hour.
    pub const VERY_LONG: Self = Self::fresh_for(Duration::from_secs(3_600));
    /// 24 hours.
    pub const DAY: Self = Self::fresh_for(Duration::from_secs(86_400));
    /// 7 days.
    pub const WEEK: Self = Self::fresh_for(Duration::from_secs(7 * 86_400));
    /// 30 days.
    pub const MONTH: Self = Self::fresh_for(Duration::from_secs(30 * 86_400));
    /// Until it is invalidated or evicted.
    pub const NEVER: Self = Self { fresh: None, stale: Duration::ZERO };

    /// Fresh for `duration`, then gone.
    ///
    /// # Panics
    /// If `duration` is below one millisecond; in a `const` that is a compile error.
    #[must_use]
    pub const fn fresh_for(duration: Duration) -> Self {
        assert!(duration.as_millis() > 0, "a ttl is at least one millisecond");
        Self { fresh: Some(duration), stale: Duration::ZERO }
    }

    /// The same, and stale for `duration` after that.
    ///
    /// Only a function with `swr` or `refresh` can reload in the background; without, `duration` counts for nothing.
    #[must_use]
    pub const fn stale_for(mut self, duration: Duration) -> Self {
        self.stale = duration;
        self
    }

    /// How long an entry answers; `None` is forever.
    #[must_use]
    pub const fn lifetime(self) -> Option<Duration> {
        match self.fresh {
            Some(fresh) => Some(fresh.saturating_add(self.stale)),
            None => None,
        }
    }

    pub(crate) const fn without_stale(self) -> Self {
        Self { stale: Duration::ZERO, ..self }
    }

    pub(crate) const fn fresh(self) -> Option<Duration> {
        self.fresh
    }

    pub(crate) const fn stale(self) -> Duration {
        self.stale
    }
}

/// What a function's `None` is worth (`none = ..`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Absent {
    /// It is not stored.
    #[default]
    Skip,
    /// It is stored like any value.
    Cache,
    /// It is stored for this long.
    For(Duration),
}

/// How the in-process tier answers for a function (`l1 = ..`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Level {
    /// Not at all: every hit is one read of the store.
    Off,
    /// After asking the store whether its copy is still the one there: one small trip, no decoding.
    Validate,
    /// As long as the store's feed of invalidations is alive. What another process invalidates is served at most 1.01 s longer, typically
    /// well below a millisecond; what this process invalidates, not at all. Where there is no feed, [`Ttl`](Self::Ttl) of one second.
    #[default]
    Coherent,
    /// For at most this long without asking; what another process invalidates may be served that long.
    Ttl(Duration),
}

/// Makes a [`Policy`] of what `ttl = PATH` names.
#[doc(hidden)]
pub struct Ttl<T>(pub T);

impl Ttl<Duration> {
    #[must_use]
    pub const fn policy(self) -> Policy {
        Policy::fresh_for(self.0)
    }
}

impl Ttl<Policy> {
    #[must_use]
    pub const fn policy(self) -> Policy {
        self.0
    }
}

/// How long one value is kept: while it is fresh, and beyond that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    /// `None` for ever.
    pub(crate) fresh: Option<Duration>,
    pub(crate) beyond: Duration,
}

impl Term {
    /// How long the store keeps it.
    pub(crate) fn hard(self) -> Option<Duration> {
        self.fresh.map(|fresh| fresh.saturating_add(self.beyond))
    }
}

/// What the age of a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    Fresh,
    /// Fresh, and chosen to be reloaded before it is not.
    Due,
    /// Still an answer, to be reloaded.
    Stale,
    /// No answer any more, except where a load fails.
    Expired,
}
