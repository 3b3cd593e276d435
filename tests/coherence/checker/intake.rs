//! What a record adds to what is known, before anything is judged.

use super::loads::Load;
use super::{Checker, KeyLog, Mutation, RECENT, Window};
use crate::log::{How, Kind, Record};
use crate::measure::{MS, Nanos};

impl Checker {
    pub(super) fn take_in(&mut self, process: u32, record: Record) {
        let Record { key, how, version, .. } = record;
        let of = self.processes.entry(process).or_default();
        match record.kind {
            Kind::Gap => return of.gaps.push_back((record.start, record.end)),
            Kind::Trouble => {
                self.errors += version;
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
                of.queued.retain(|queued| *queued != (key, version));
                let waiting = log.mutations.iter_mut().filter(|mutation| mutation.version == version);
                waiting.for_each(|mutation| mutation.to = mutation.to.min(record.end));
                return;
            }
            Kind::Write => {
                of.open.remove(&(key, version));
                let from = if record.load_start > 0 { record.load_start } else { record.start };
                let to = match how {
                    How::Applied => record.end,
                    How::Queued if ours => Nanos::MAX,
                    _ => record.end + 1_000 * MS,
                };
                log.mutations.push_back(Mutation { version, from, to });
                if how == How::Applied {
                    log.applied.raise(record.end, version);
                }
                if ours && how != How::Cancelled {
                    of.own.entry(key).or_default().raise(record.end, version);
                }
                if ours && how == How::Queued {
                    of.queued.push((key, version));
                }
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
        if !of.condemned && !self.over {
            self.violate("death", &format!("process {process} ended by itself"));
        }
        for ((key, version), from) in open {
            let log = self.keys.entry(key).or_default();
            log.mutations.push_back(Mutation { version, from, to: at + 1_000 * MS });
            log.lose(Window::W2, at, version);
        }
        for (key, version) in queued {
            let log = self.keys.entry(key).or_default();
            let waiting = log.mutations.iter_mut().filter(|mutation| mutation.version == version);
            waiting.for_each(|mutation| mutation.to = mutation.to.min(at + 1_000 * MS));
            log.lose(Window::W3, at, version);
        }
    }
}

impl KeyLog {
    pub(super) fn lose(&mut self, window: Window, at: Nanos, version: u64) {
        self.lost.push((window, at, version));
    }
}
