//! How long entries live, and which tiers hold them.

use std::str::FromStr;
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
    hot: Option<Hot>,
    slides: bool,
}

/// What is asked for often, and how long that is fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hot {
    pub(crate) fresh: Duration,
    pub(crate) above: u32,
    pub(crate) per: Duration,
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
    pub const NEVER: Self = Self { fresh: None, stale: Duration::ZERO, hot: None, slides: false };

    /// Fresh for `duration`, then gone.
    ///
    /// # Panics
    /// If `duration` is below one millisecond; in a `const` that is a compile error.
    #[must_use]
    pub const fn fresh_for(duration: Duration) -> Self {
        assert!(duration.as_millis() > 0, "a ttl is at least one millisecond");
        Self { fresh: Some(duration), ..Self::NEVER }
    }

    /// The same, and stale for `duration` after that.
    ///
    /// Only a function with `swr` or `refresh` can reload in the background; without, `duration` counts for nothing.
    #[must_use]
    pub const fn stale_for(mut self, duration: Duration) -> Self {
        self.stale = duration;
        self
    }

    /// Fresh for `duration` instead where the entry was asked for more than `above` times within `per`, by the process that loads it.
    ///
    /// Calls are counted in that process alone, those of the period that is under way or of the one before it.
    ///
    /// # Panics
    /// If `duration` is not longer than the usual one, or `per` is no time; in a `const` that is a compile error.
    #[must_use]
    pub const fn hot_for(mut self, duration: Duration, above: u32, per: Duration) -> Self {
        if let Some(fresh) = self.fresh {
            assert!(duration.as_nanos() > fresh.as_nanos(), "what is hot lives longer");
        }
        assert!(per.as_millis() > 0, "a period is at least one millisecond");
        self.hot = Some(Hot { fresh: duration, above, per });
        self
    }

    /// Fresh for that long after it was last asked for: a hit in the second half of the time begins it anew, in the background.
    ///
    /// The value stays the one that was loaded for as long as it is asked for often enough and nothing invalidates it.
    #[must_use]
    pub const fn sliding(mut self) -> Self {
        self.slides = true;
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

    #[inline]
    pub(crate) const fn hot(&self) -> Option<&Hot> {
        self.hot.as_ref()
    }

    pub(crate) const fn slides(self) -> bool {
        self.slides
    }

    /// The same with another time of freshness.
    pub(crate) fn with_fresh(self, fresh: Option<Duration>) -> Self {
        let hot = self.hot.filter(|hot| fresh.is_some_and(|fresh| hot.fresh > fresh));
        Self { fresh, hot, ..self }
    }
}

/// A named policy (`"medium"`) or a length of time (`"90s"`, `"1h30m"`), as `ttl = ".."` takes them.
impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const NAMED: [(&str, Policy); 8] = [
            ("short", Policy::SHORT),
            ("medium", Policy::MEDIUM),
            ("long", Policy::LONG),
            ("very_long", Policy::VERY_LONG),
            ("day", Policy::DAY),
            ("week", Policy::WEEK),
            ("month", Policy::MONTH),
            ("never", Policy::NEVER),
        ];
        if let Some((_, policy)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(*policy);
        }
        let length = length(text).filter(|length| !length.is_zero());
        length.map(Self::fresh_for).ok_or_else(|| {
            "not a length of time such as `90s` or `1h30m`, nor one of: short, medium, long, very_long, day, week, month, never"
                .to_owned()
        })
    }
}

/// `1h30m`: whole numbers with units, the largest first, each once.
fn length(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 6] =
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let (mut rest, mut units, mut millis) = (text, UNITS.iter(), 0_u64);
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        let (_, length) = units.find(|(name, _)| *name == unit)?;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(*length)?)?;
        rest = tail;
    }
    Some(Duration::from_millis(millis))
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

/// What a lookup of the store asks first (`probe = ..`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// What was of use of late.
    Auto,
    /// For the value.
    Get,
    /// For the right to load.
    Lease,
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

#[cfg(test)]
mod tests {
    use super::Policy;
    use std::time::Duration;

    #[test]
    fn a_policy_is_read_from_a_name_or_a_length() {
        for (text, seconds) in [("medium", 300), ("2m", 120), ("1h30m", 5_400), ("1w", 604_800)] {
            assert_eq!(text.parse(), Ok(Policy::fresh_for(Duration::from_secs(seconds))), "{text}");
        }
        assert_eq!("never".parse(), Ok(Policy::NEVER));
        assert_eq!("250ms".parse(), Ok(Policy::fresh_for(Duration::from_millis(250))));
        for text in [
            "",
            "2",
            "s",
            "0s",
            "2x",
            "1m1h",
            "1m1m",
            "-1s",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615w",
        ] {
            let error = text.parse::<Policy>().expect_err(text);
            assert!(error.contains("such as `90s`"), "{error}");
        }
    }
}
