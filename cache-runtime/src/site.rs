//! Where a macro stands, and what it says that does not change from call to call.

use crate::codec::Compression;
use crate::observe::Counters;
use crate::policy::{Absent, Level, Probe};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use xxhash_rust::const_xxh3;

/// One annotated function.
#[derive(Debug)]
pub struct Site {
    pub(crate) namespace: &'static str,
    pub(crate) function: &'static str,
    /// The literal beginning of every key: `tasks:v1:get`.
    pub(crate) head: &'static str,
    /// The text that every key has after it: before each part of the arguments, and after the last.
    pub(crate) template: &'static [&'static str],
    /// The hash of the head.
    pub(crate) seed: u64,
    pub(crate) schema: u8,
    pub(crate) absent: Absent,
    pub(crate) level: Level,
    pub(crate) probe: Probe,
    pub(crate) load_timeout: Duration,
    pub(crate) early: bool,
    pub(crate) stale_if_error: Duration,
    pub(crate) compression: Option<Compression>,
    pub(crate) is_bare: bool,
    /// The counters in the first cache that this site met (almost always the only one).
    counters: OnceLock<(usize, Arc<Counters>)>,
}

impl Site {
    /// A site with the default of every option.
    #[must_use]
    pub const fn new(namespace: &'static str, function: &'static str, head: &'static str) -> Self {
        Self {
            namespace,
            function,
            head,
            template: &[],
            seed: const_xxh3::xxh3_64(head.as_bytes()),
            schema: 0,
            absent: Absent::Skip,
            level: Level::Coherent,
            probe: Probe::Auto,
            load_timeout: Duration::from_secs(30),
            early: false,
            stale_if_error: Duration::ZERO,
            compression: None,
            is_bare: false,
            counters: OnceLock::new(),
        }
    }

    /// The text that every key has after its beginning: before each part of the arguments, and after the last.
    #[must_use]
    pub const fn template(mut self, template: &'static [&'static str]) -> Self {
        self.template = template;
        self
    }

    /// The number of the value's type: an older binary does not replace what a newer one stored.
    #[must_use]
    pub const fn schema(mut self, schema: u8) -> Self {
        self.schema = schema;
        self
    }

    /// What a `None` is worth.
    #[must_use]
    pub const fn absent(mut self, absent: Absent) -> Self {
        self.absent = absent;
        self
    }

    /// How L1 answers.
    #[must_use]
    pub const fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// A lookup begins with the right to load.
    #[must_use]
    pub const fn probe_by_lease(mut self) -> Self {
        self.probe = Probe::Lease;
        self
    }

    /// A lookup never does.
    #[must_use]
    pub const fn probe_by_get(mut self) -> Self {
        self.probe = Probe::Get;
        self
    }

    /// Values are reloaded a little before they expire.
    #[must_use]
    pub const fn refresh_early(mut self) -> Self {
        self.early = true;
        self
    }

    /// How long a value that has expired still answers when its load fails.
    #[must_use]
    pub const fn stale_if_error(mut self, stale_if_error: Duration) -> Self {
        self.stale_if_error = stale_if_error;
        self
    }

    /// How values are compressed in the store.
    #[must_use]
    pub const fn compress(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Values stand bare in the store, where other programs read and write them; unless said after this, L1 does not answer.
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.is_bare = true;
        self.level = Level::Off;
        self
    }

    /// How long others wait for one load.
    #[must_use]
    pub const fn load_timeout(mut self, load_timeout: Duration) -> Self {
        self.load_timeout = load_timeout;
        self
    }

    /// The counters of this site in the cache number `cache`.
    pub(crate) fn counters(&self, cache: usize, make: impl Fn() -> Arc<Counters>) -> SiteCounters<'_> {
        let (first, counters) = self.counters.get_or_init(|| (cache, make()));
        if *first == cache { SiteCounters::Known(counters) } else { SiteCounters::Looked(make()) }
    }

    /// The same, where they are known.
    #[inline]
    pub(crate) fn known_counters(&self, cache: usize) -> Option<&Counters> {
        self.counters.get().filter(|(first, _)| *first == cache).map(|(_, counters)| &**counters)
    }
}

/// A site's counters, without touching a shared count on the usual way.
pub(crate) enum SiteCounters<'a> {
    Known(&'a Counters),
    Looked(Arc<Counters>),
}

impl std::ops::Deref for SiteCounters<'_> {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        match self {
            Self::Known(counters) => counters,
            Self::Looked(counters) => counters,
        }
    }
}
