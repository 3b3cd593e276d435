//! One call: how old its value was, and how long it took.

use super::loads::Pair;
use super::{Checker, LEASE, Process, Window};
use crate::checker::tally::Why;
use crate::contestants::UNCOMMITTED;
use crate::log::{How, Key, Kind, Record};
use crate::measure::{MS, Nanos};
use crate::registers::{LONGEST_MS, SLOW, SLOW_MS};
use std::collections::VecDeque;
use std::fmt::Write;

/// Stories that are kept.
const STORIES: usize = 10;
/// What scheduling may cost a call besides the gaps that were measured.
const NOISE: Nanos = 750 * MS;
/// How long after a restart an acknowledgement from before it may come.
const SLACK: Nanos = 300 * MS;
/// How long an entry of an old snapshot can live on.
const ENTRY: Nanos = 12_000 * MS;

impl Checker {
    pub(super) fn judge_call(&mut self, process: u32, record: &Record) {
        let stopped = self
            .faults
            .iter()
            .any(|fault| fault.fault.stops_redis() && fault.from <= record.start && record.start <= fault.to);
        self.tally(record).add(record, stopped);
        if self.hears_late(process, record.start) {
            self.tally(record).late.reads += u64::from(record.kind == Kind::Read);
        }
        let row = self.rows[usize::from(record.key.contestant)];
        if row.ours {
            self.judge_length(process, record);
        }
        if record.kind == Kind::Write {
            return;
        }
        match record.how {
            // A transaction reads its own row, which nobody else may see.
            How::Inside if record.version & UNCOMMITTED == 0 => {
                return self.violate_call("past its transaction", process, record, "it is from a cache");
            }
            How::Cancelled | How::Failed | How::Inside => return,
            How::Foreign => {
                return self.violate_call("foreign value", process, record, "it is the value of another key");
            }
            _ => {}
        }
        self.judge_age(process, record);
        if matches!(record.how, How::HitL1 | How::HitL2) {
            self.recoveries.iter_mut().rev().take(3).for_each(|recovery| recovery.hit(process, record));
        }
    }

    fn judge_age(&mut self, process: u32, record: &Record) {
        let &Record { key, version, start, .. } = record;
        let row = self.rows[usize::from(key.contestant)];
        let Some(log) = self.keys.get(&key) else { return };
        if version > log.committed {
            return self.violate_call("invented value", process, record, "nobody has written it");
        }
        let of = self.processes.get(&process);
        let own_at = of.and_then(|of| of.own.get(&key)).map_or(0, |own| own.at(start));
        let own_due = of.and_then(|of| of.own_due.get(&key)).map_or(0, |own| own.at(start));
        let bounded = start.saturating_sub(row.bound);
        let needed = log.applied.at(bounded).max(log.due.at(bounded)).max(own_at).max(own_due);
        let since = log.applied.above(version).filter(|since| *since < start);
        let old = version < needed;
        // Its own mutations a process repeats before it reads.
        let restored = old
            && version >= own_at
            && self
                .restores
                .iter()
                .any(|restore| start < restore.1 + ENTRY && self.restored(record, start, *restore));
        let late = self.hears_late(process, start);
        let lost = log.lost.iter().find(|lost| version < lost.2 && lost.1 < start).map(|lost| lost.0);
        if let Some(since) = since.filter(|_| !restored) {
            self.tally(record).staleness.add(start - since);
            if late {
                self.tally(record).late.staleness.add(start - since);
            }
        }
        if !old {
            if let Some(window) = lost {
                *self.tally(record).windows.entry(window).or_default() += 1;
            }
        } else if restored {
            *self.tally(record).windows.entry(Window::W6).or_default() += 1;
        } else {
            self.tally(record).stale += 1;
            if row.ours {
                let what = if own_at > version { "older than its own" } else { "stale" };
                let age = since.map_or(0, |since| (start - since) / MS);
                self.violate_call(what, process, record, &format!("{needed} was due, for {age} ms"));
            }
        }
    }

    /// Whether the feed of the process is delayed, or was a moment ago.
    fn hears_late(&self, process: u32, time: Nanos) -> bool {
        let place = self.processes.get(&process).map(|process| process.place);
        self.faults.iter().any(|fault| {
            fault.fault.is_of_feed() && Some(fault.place) == place && fault.from <= time && time <= fault.to
        })
    }

    /// Whether a value as old as this may have stood in Redis at `time` because of this restore.
    fn restored(&self, record: &Record, time: Nanos, (saved, up): (Nanos, Nanos)) -> bool {
        let bound = self.rows[usize::from(record.key.contestant)].bound;
        let Some(log) = self.keys.get(&record.key) else { return false };
        let kept = || record.version >= log.applied.at(saved.saturating_sub(bound));
        // What was saved may have come from an older snapshot.
        let kept_before = || {
            let mut earlier = self.restores.iter().filter(|restore| restore.1 < saved);
            earlier.any(|restore| self.restored(record, saved, *restore))
        };
        let bounded = time.saturating_sub(bound);
        record.end > saved
            && record.version >= log.applied.since(up + SLACK, bounded)
            && record.version >= log.repeated.since(up, bounded)
            && (kept() || kept_before())
    }

    /// Nothing waits longer because of Redis than its deadlines, and the lease of a holder that is gone.
    fn judge_length(&mut self, process: u32, record: &Record) {
        let &Record { start, end, load_start, load_end, .. } = record;
        let Some(of) = self.processes.get(&process) else { return };
        let excused = overlap(&of.gaps, start, end) + overlap(&self.gaps, start, end);
        let own = (load_end - load_start) + excused + NOISE;
        let allowed = if record.kind == Kind::Write {
            let trips = if record.way.holds() { 2 } else { 1 };
            own + trips * 250 * MS
        } else {
            let longest = if record.key.id == SLOW { SLOW_MS } else { LONGEST_MS };
            let since = start.saturating_sub(LEASE);
            let faults = self.faults.iter().map(|fault| (fault.from, fault.to));
            // A lease whose grant was answered too late has no holder either.
            let timeouts = self.processes.values().flat_map(|process| process.timeouts.iter().copied());
            let orphaned = faults.chain(timeouts).any(|(from, to)| from <= end && since <= to);
            let orphan = if orphaned { LEASE + 300 * MS } else { 0 };
            own + 3 * longest * MS + 300 * MS + orphan
        };
        if end - start > allowed {
            let text = format!("it took {} ms, allowed are {}", (end - start) / MS, allowed / MS);
            self.violate_call("too long", process, record, &text);
        }
    }

    pub(super) fn judge_pair(&mut self, pair: &Pair) {
        let why = self.explain(pair);
        let part = usize::from(pair.start() >= self.faults_from);
        let contestant = usize::from(pair.key.contestant);
        *self.tallies[contestant][part].overlaps.entry(why).or_default() += 1;
        if why == Why::Unexplained && self.rows[contestant].ours {
            let story = self.story(pair.key, pair.start(), &pair.text(|time| self.ms(time)));
            self.violate("two loads", &story);
        }
    }

    fn violate_call(&mut self, what: &'static str, process: u32, record: &Record, text: &str) {
        let line = self.line(process, record);
        let story = self.story(record.key, record.start, &format!("{line}\n  {text}"));
        self.violate(what, &story);
    }

    pub(super) fn violate(&mut self, what: &'static str, story: &str) {
        let count = self.violations.entry(what).or_default();
        *count += 1;
        if *count <= 2 && self.stories.len() < STORIES {
            self.stories.push(format!("{what}: {story}"));
        }
    }

    /// What happened to the key within 50 ms.
    fn story(&self, key: Key, at: Nanos, about: &str) -> String {
        let mut story = about.to_owned();
        let near = |time: Nanos| time + 50 * MS > at && time < at + 50 * MS;
        let Some(log) = self.keys.get(&key) else { return story };
        for (process, record) in &log.recent {
            let mutated = record.kind != Kind::Read && record.end < at + 50 * MS;
            // A hold that was not ended stays.
            let held = mutated && record.way.holds() && record.how != How::Applied;
            if near(record.start)
                || near(record.end)
                || mutated && record.end + 2_000 * MS > at
                || held && record.end + 15_000 * MS > at
            {
                let _ = write!(story, "\n    {}", self.line(*process, record));
            }
        }
        for fault in self.faults.iter().filter(|fault| fault.from < at + 50 * MS) {
            let (name, from, to) = (fault.fault.name(), self.ms(fault.from), self.ms(fault.to));
            let _ = write!(story, "\n    fault {name} at place {} {from:.3}..{to:.3}", fault.place);
        }
        story
    }

    fn line(&self, process: u32, record: &Record) -> String {
        let Record { kind, how, way, key, version, start, end, load_start, load_end } = record;
        let level = self.rows[usize::from(key.contestant)].name;
        let place = self.processes.get(&process).map_or(0, |process: &Process| process.place);
        let way = if *kind == Kind::Read { String::new() } else { format!(" {way:?}") };
        let load = match load_start {
            0 => String::new(),
            _ => format!(" load {:.3}..{:.3}", self.ms(*load_start), self.ms(*load_end)),
        };
        format!(
            "{level}/{} {kind:?}{way} {how:?} version {version} {:.3}..{:.3} ms process {process} at place {place}{load}",
            key.id,
            self.ms(*start),
            self.ms(*end),
        )
    }

    /// Milliseconds since the run began.
    fn ms(&self, time: Nanos) -> f64 {
        std::time::Duration::from_nanos(time.saturating_sub(self.started)).as_secs_f64() * 1e3
    }
}

/// How much of the time is in one of `gaps`.
fn overlap(gaps: &VecDeque<(Nanos, Nanos)>, from: Nanos, to: Nanos) -> Nanos {
    gaps.iter().map(|gap| gap.1.min(to).saturating_sub(gap.0.max(from))).sum()
}
