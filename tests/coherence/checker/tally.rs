//! The numbers of one contestant in one part of the run.

use crate::log::{How, Kind, Record};
use crate::measure::{Histogram, MS, Nanos};
use std::collections::BTreeMap;

/// Why two loads of a key ran at once, or what else explains what is no violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// The key was invalidated since the first load began.
    Invalidated,
    /// A caller was refused three times.
    Refused,
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
    pub(crate) overlaps: BTreeMap<Why, u64>,
    pub(crate) together: usize,
    pub(crate) read_times: Histogram,
    pub(crate) write_times: Histogram,
    /// Those of calls that began while Redis was stopped.
    pub(crate) stopped_reads: Histogram,
    pub(crate) stopped_writes: Histogram,
}

impl Tally {
    /// Counts a call; a read without the time of its own load.
    pub(crate) fn add(&mut self, record: &Record, stopped: bool) {
        self.answers[record.how as usize] += 1;
        let whole = record.end - record.start;
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
        let beside = whole.saturating_sub(record.load_end - record.load_start);
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
    pub(crate) end: Nanos,
    /// When the next fault began.
    pub(crate) until: Nanos,
    /// The first hits of the processes that lived when it ended.
    pub(crate) hits: BTreeMap<u32, Option<Nanos>>,
}

impl Recovery {
    /// Takes note of a hit.
    pub(crate) fn hit(&mut self, process: u32, time: Nanos) {
        if let Some(first @ None) = self.hits.get_mut(&process)
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
