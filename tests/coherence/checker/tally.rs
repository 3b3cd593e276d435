//! The numbers of one contestant in one part of the run.

use crate::contestants::COHERENT;
use crate::log::{How, Kind, Record, Way};
use crate::measure::{Histogram, MS, Nanos};
use std::collections::BTreeMap;

/// Why two loads of a key ran at once, or what else explains what is no violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// The key was invalidated since the first load began.
    Invalidated,
    /// A caller was refused three times.
    Refused,
    /// A caller met a hold, and loaded beside the cache.
    Held,
    /// One of the loads failed or was cancelled.
    Ended,
    /// A fault, its aftermath, or a store that did not answer one of the two.
    Fault,
    /// Nothing that the guarantee names.
    Unexplained,
}

/// A window in which the guarantees promise less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Window {
    /// The mutator died between the commit and the invalidation.
    W2,
    /// The mutator died with the invalidation in its queue.
    W3,
    /// Redis came back with an old snapshot.
    W6,
}

/// What a call did, whose time is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    HitL1,
    HitL2,
    Miss,
    Mutation(Way),
}

/// Reads in processes whose feed is delayed, and how old they were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Late {
    pub(crate) reads: u64,
    pub(crate) staleness: Histogram,
}

/// What happened to one contestant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) reads: u64,
    /// Reads whose caller went away.
    unanswered: u64,
    pub(crate) answers: [u64; How::ALL.len()],
    pub(crate) loads: u64,
    /// Reads older than the guarantee, and outside of every window.
    pub(crate) stale: u64,
    pub(crate) windows: BTreeMap<Window, u64>,
    /// How long after the acknowledgement reads got what was older, outside of W6.
    pub(crate) staleness: Histogram,
    /// The same where the feed was delayed.
    pub(crate) late: Late,
    /// How long calls took besides the load or the mutation's body.
    pub(crate) times: BTreeMap<Call, Histogram>,
    pub(crate) overlaps: BTreeMap<Why, u64>,
    pub(crate) together: usize,
    pub(crate) read_times: Histogram,
    pub(crate) write_times: Histogram,
    /// Those of calls that began while Redis was stopped.
    pub(crate) stopped_reads: Histogram,
    pub(crate) stopped_writes: Histogram,
}

impl Call {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::HitL1 => "hit L1",
            Self::HitL2 => "hit L2",
            Self::Miss => "miss",
            Self::Mutation(way) => way.name(),
        }
    }

    fn of(record: &Record) -> Option<Self> {
        match record.how {
            How::HitL1 => Some(Self::HitL1),
            How::HitL2 => Some(Self::HitL2),
            How::Loaded => Some(Self::Miss),
            How::Applied => Some(Self::Mutation(record.way)),
            _ => None,
        }
    }
}

impl Tally {
    /// Counts a call; a read without the time of its own load.
    pub(crate) fn add(&mut self, record: &Record, stopped: bool) {
        self.answers[record.how as usize] += 1;
        let whole = record.end - record.start;
        let beside = whole.saturating_sub(record.load_end - record.load_start);
        if record.how == How::Inside {
            return;
        }
        if let Some(call) = Call::of(record) {
            self.times.entry(call).or_default().add(beside);
        }
        if record.kind == Kind::Write {
            self.write_times.add(whole);
            if stopped {
                self.stopped_writes.add(whole);
            }
            return;
        }
        self.reads += 1;
        self.unanswered += u64::from(record.how == How::Cancelled);
        self.loads += u64::from(record.load_start > 0);
        self.read_times.add(beside);
        if stopped {
            self.stopped_reads.add(beside);
        }
    }

    pub(crate) fn of(&self, how: How) -> u64 {
        self.answers[how as usize]
    }

    /// Reads that gave a value.
    pub(crate) fn judged(&self) -> u64 {
        let ended = self.of(How::Failed) + self.unanswered;
        self.reads.saturating_sub(ended)
    }

    pub(crate) fn mutations(&self) -> u64 {
        self.write_times.count()
    }

    /// The most that the share of stale reads can be, by what was seen (95 %).
    pub(crate) fn bound(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "it is an estimate")]
        let (stale, reads) = (self.stale as f64, self.judged().max(1) as f64);
        if self.stale == 0 { 3.0 / reads } else { stale / reads }
    }
}

/// How soon hits came back after one fault.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    pub(crate) fault: &'static str,
    /// Whether it is over when what the feed keeps true is served again.
    pub(crate) of_feed: bool,
    pub(crate) end: Nanos,
    /// When the next fault began.
    pub(crate) until: Nanos,
    /// The first hits of the processes that lived when it ended.
    pub(crate) hits: BTreeMap<u32, Option<Nanos>>,
}

impl Recovery {
    /// Takes note of a hit, if it is of the kind that was missing.
    pub(crate) fn hit(&mut self, process: u32, record: &Record) {
        let (time, contestant) = (record.start, usize::from(record.key.contestant));
        let counts =
            if self.of_feed { contestant == COHERENT && record.how == How::HitL1 } else { contestant == 0 };
        if counts
            && let Some(first @ None) = self.hits.get_mut(&process)
            && (self.end..self.until).contains(&time)
        {
            *first = Some(time);
        }
    }

    /// How long the slowest process waited, in milliseconds; nothing when the next fault was faster.
    pub(crate) fn slowest_ms(&self) -> Option<u64> {
        let hits: Option<Vec<_>> = self.hits.values().copied().collect();
        hits?.into_iter().max().map(|hit| (hit - self.end) / MS)
    }
}
