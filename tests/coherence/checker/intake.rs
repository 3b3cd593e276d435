//! What a record adds to what is known, before anything is judged.

use super::loads::Load;
use super::{Checker, Commit, FaultTime, Holding, KeyLog, Mutation, Process, RECENT, Window};
use crate::log::{How, Key, Kind, Record, Way};
use crate::measure::{MS, Nanos};
use crate::registers::{HOLD_MS, reached};

/// How long a hold lasts that nobody ends.
pub(super) const HOLD: Nanos = HOLD_MS * MS;
/// How long a fault keeps a command back at most.
const LONGEST_FAULT: Nanos = 5_000 * MS;

impl Checker {
    pub(super) fn take_in(&mut self, process: u32, record: Record) {
        let Record { key, how, version, .. } = record;
        let of = self.processes.entry(process).or_default();
        match record.kind {
            Kind::Gap => return of.gaps.push_back((record.start, record.end)),
            Kind::Trouble => {
                self.errors += version;
                if record.how == How::Late {
                    of.timeouts.push_back((record.start, record.end));
                }
                return of.troubles.push_back((record.start, record.end));
            }
            Kind::Panic => return self.violate("panic", &format!("a task of process {process} panicked")),
            Kind::Watermark => return,
            Kind::Read | Kind::Write | Kind::Drained => {}
        }
        let ours = self.rows[usize::from(key.contestant)].ours;
        let log = self.keys.entry(key).or_default();
        log.recent.push_back((process, record));
        if log.recent.len() > RECENT {
            log.recent.pop_front();
        }
        match record.kind {
            Kind::Drained => {
                log.applied.raise(record.end, version);
                of.queued.retain(|queued| (queued.0, queued.2) != (key, version));
                self.end_mutation(key, record.way, version, record.end);
                return;
            }
            Kind::Write => {
                // Who went away before the commit may have ended the hold before it.
                if let Some(Commit { at, due: Some(due), .. }) = of.open.remove(&(key, version))
                    && how != How::Cancelled
                {
                    log.due.raise(due, version);
                    of.own_due.entry(key).or_default().raise(at, version);
                }
                if record.way.holds() {
                    of.leave_hold(&record);
                }
                if how == How::Applied {
                    log.applied.raise(record.end, version);
                }
                if ours && how != How::Cancelled {
                    of.own.entry(key).or_default().raise(record.end, version);
                }
                if ours && how == How::Queued {
                    of.queued.push((key, record.way, version));
                }
                self.add_mutation(&record, ours);
            }
            _ => {
                if ours && how == How::HitL2 {
                    self.repeat(process, &record);
                }
                let log = self.keys.entry(key).or_default();
                if let Some(load) = Load::of(process, &record) {
                    let pairs = log.add_load(key, load);
                    let tally = self.tally(&record);
                    tally.together = tally.together.max(pairs.len() + 1);
                    self.pairs.extend(pairs);
                }
            }
        }
        self.waiting.push((process, record));
    }

    /// A process that reads Redis again has repeated its invalidations of the last minute there.
    fn repeat(&mut self, process: u32, record: &Record) {
        let (Some(&(_, up)), Some(of)) = (self.restores.back(), self.processes.get_mut(&process)) else {
            return;
        };
        if of.repeated < up && up < record.start {
            of.repeated = up;
            for (key, own) in &of.own {
                self.keys.entry(*key).or_default().repeated.raise(record.end, own.at(record.end));
            }
        }
    }

    /// A process is gone: what it had not invalidated is lost.
    pub(super) fn bury(&mut self, process: u32, at: Nanos) {
        let of = self.processes.entry(process).or_default();
        of.died = Some(at);
        let (open, queued) = (std::mem::take(&mut of.open), std::mem::take(&mut of.queued));
        let holding = std::mem::take(&mut of.holding);
        if !of.condemned && !self.over {
            self.violate("death", &format!("process {process} ended by itself"));
        }
        // In the background, it may not have come to that.
        let abandoned = |holding: &Holding| holding.left.is_none_or(|left| left + 1_000 * MS > at);
        for Holding { key, from, .. } in holding.into_iter().filter(abandoned) {
            self.keys.entry(key).or_default().abandon(key, from, at);
        }
        for ((key, version), Commit { way, at: from, due }) in open {
            let mutation = Mutation { of: key, holds: way.holds(), version, from, to: at + 1_000 * MS };
            self.reach(way, mutation);
            self.keys.entry(key).or_default().lose(Window::W2, at, version, due);
        }
        for (key, way, version) in queued {
            self.end_mutation(key, way, version, at + 1_000 * MS);
            self.keys.entry(key).or_default().lose(Window::W3, at, version, None);
        }
    }

    /// When a commit that nobody announced has to be seen, if the key was held from `held` on until then.
    pub(super) fn due(&self, key: Key, held: Nanos, at: Nanos) -> Option<Nanos> {
        let forgotten = |fault: &FaultTime| {
            fault.fault.forgets() && fault.from <= at && held < fault.to.saturating_add(1_000 * MS)
        };
        let sure = held > 0 && at < held + HOLD / 2 && !self.faults.iter().any(forgotten);
        let bound = self.rows[usize::from(key.contestant)].bound;
        sure.then(|| held.max(at.saturating_sub(bound)))
    }

    /// Takes note of when a mutation may have ended loads.
    fn add_mutation(&mut self, record: &Record, ours: bool) {
        let Record { key, how, way, version, start, end, load_start, .. } = *record;
        let from = if load_start > 0 && !way.holds() { load_start } else { start };
        let troubled = || self.faults.iter().any(|fault| fault.from <= end && start <= fault.to);
        let to = match how {
            How::RolledBack => return,
            How::Applied => end,
            How::Queued if ours => Nanos::MAX,
            // What was sent and not answered may take hold later.
            _ if way.holds() && troubled() => end + LONGEST_FAULT + HOLD,
            _ => end + 1_000 * MS,
        };
        self.reach(way, Mutation { of: key, holds: way.holds(), version, from, to });
    }

    /// Adds a mutation to all keys that it may concern.
    fn reach(&mut self, way: Way, mutation: Mutation) {
        for key in reached(mutation.of, way) {
            self.keys.entry(key).or_default().mutations.push_back(mutation);
        }
    }

    /// A mutation whose invalidation waited has none any more.
    fn end_mutation(&mut self, of: Key, way: Way, version: u64, end: Nanos) {
        let end = if way.holds() { end + HOLD } else { end };
        for key in reached(of, way) {
            let mutations = self.keys.entry(key).or_default().mutations.iter_mut();
            mutations
                .filter(|mutation| (mutation.of, mutation.version) == (of, version))
                .for_each(|mutation| mutation.to = mutation.to.min(end));
        }
    }
}

impl Process {
    /// A mutation has ended, and its hold with it, or soon.
    fn leave_hold(&mut self, record: &Record) {
        let mut all = self.holding.iter();
        let its = all.position(|holding| holding.key == record.key && holding.left.is_none());
        let Some(at) = its else { return };
        if record.how == How::Cancelled {
            self.holding[at].left = Some(record.end);
        } else {
            self.holding.swap_remove(at);
        }
    }
}

impl KeyLog {
    /// The holder of the key died: the hold lapses by itself.
    pub(super) fn abandon(&mut self, of: Key, from: Nanos, died: Nanos) {
        let to = died + LONGEST_FAULT + HOLD;
        self.mutations.push_back(Mutation { of, holds: true, version: 0, from, to });
    }

    /// A commit is not announced any more; under a hold, it is seen all the same.
    pub(super) fn lose(&mut self, window: Window, at: Nanos, version: u64, due: Option<Nanos>) {
        match due {
            Some(due) => self.due.raise(due, version),
            None => self.lost.push((window, at, version)),
        }
    }
}
