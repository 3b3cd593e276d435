//! Loads of one key that ran at once, and why.

use super::intake::HOLD;
use super::{Checker, KeyLog, LEASE};
use crate::checker::tally::Why;
use crate::log::{How, Key, Kind, Record};
use crate::measure::{MS, Nanos};

/// One load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    process: u32,
    /// When its caller came.
    called: Nanos,
    start: Nanos,
    end: Nanos,
    how: How,
}

/// Two that ran at once; the first began first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) key: Key,
    first: Load,
    second: Load,
}

impl Load {
    pub(crate) fn of(process: u32, record: &Record) -> Option<Self> {
        let &Record { kind, how, start: called, load_start: start, load_end: end, .. } = record;
        (kind == Kind::Read && start > 0).then_some(Self { process, called, start, end, how })
    }
}

impl Load {
    pub(crate) fn ends_after(&self, time: Nanos) -> bool {
        self.end > time
    }
}

impl Pair {
    /// The two, by times as `ms` tells them.
    pub(crate) fn text(&self, ms: impl Fn(Nanos) -> f64) -> String {
        let one = |load: &Load| {
            let Load { process, called, start, end, how } = *load;
            let [called, start, end] = [called, start, end].map(&ms);
            format!("process {process} {how:?} called {called:.3}, load {start:.3}..{end:.3}")
        };
        format!("{:?}: {}; {}", self.key, one(&self.first), one(&self.second))
    }

    pub(crate) fn start(&self) -> Nanos {
        self.second.start
    }

    /// When everything is known that may explain it.
    pub(crate) fn ripe(&self) -> Nanos {
        self.first.end.max(self.second.end) + 1_500 * MS
    }
}

impl KeyLog {
    /// Adds a load; gives the pairs that it makes.
    pub(crate) fn add_load(&mut self, key: Key, load: Load) -> Vec<Pair> {
        let together = self.loads.iter().filter(|other| other.start < load.end && load.start < other.end);
        let pairs = together.map(|other| {
            let (first, second) = if other.start <= load.start { (*other, load) } else { (load, *other) };
            Pair { key, first, second }
        });
        let pairs = pairs.collect();
        self.loads.push_back(load);
        pairs
    }

    /// How many mutations may have invalidated the key in that time.
    fn invalidations(&self, from: Nanos, to: Nanos) -> usize {
        self.mutations.iter().filter(|mutation| mutation.from <= to && from <= mutation.to).count()
    }
}

impl KeyLog {
    /// Whether the key may have been held in that time.
    fn holds(&self, from: Nanos, to: Nanos) -> bool {
        let mut holds = self.mutations.iter().filter(|mutation| mutation.holds);
        holds.any(|mutation| mutation.from <= to && from <= mutation.to)
    }
}

impl Checker {
    /// Why the two ran at once.
    pub(crate) fn explain(&self, pair: &Pair) -> Why {
        let Pair { key, first, second } = pair;
        let Some(log) = self.keys.get(key) else { return Why::Unexplained };
        // The lease is taken shortly before the load begins.
        let leased = first.called.max(first.start.saturating_sub(400 * MS));
        if log.invalidations(leased, second.start) > 0 {
            return Why::Invalidated;
        }
        let ended = |load: &Load| matches!(load.how, How::Cancelled | How::Failed);
        if ended(first) || ended(second) {
            return Why::Ended;
        }
        let beside = [first, second].into_iter().filter(|load| load.how == How::Bypassed);
        for load in beside {
            if log.invalidations(load.called.saturating_sub(MS), load.start) >= 3 {
                return Why::Refused;
            }
            // It may come behind another such load, and begin when the hold has ended.
            if log.holds(load.called, load.start) {
                return Why::Held;
            }
        }
        if self.held_again(log, first.start, second.start)
            || self.disturbed(&[first.process, second.process], leased, second.start)
        {
            return Why::Fault;
        }
        Why::Unexplained
    }

    /// Whether a snapshot may have brought back a hold that had ended.
    fn held_again(&self, log: &KeyLog, from: Nanos, to: Nanos) -> bool {
        self.restores.iter().any(|&(saved, up)| {
            up <= to && from <= saved + HOLD + 500 * MS && log.holds(saved, saved + 500 * MS)
        })
    }

    /// Whether a lease may have been lost for one of these processes.
    fn disturbed(&self, processes: &[u32], from: Nanos, to: Nanos) -> bool {
        // A lease that nobody ends lives on for its term; connections come back with a pause of up to 2.5 s.
        let from = from.saturating_sub(LEASE + 1_500 * MS);
        let places: Vec<_> =
            processes.iter().filter_map(|process| Some(self.processes.get(process)?.place)).collect();
        let fault = self.faults.iter().any(|window| {
            window.from <= to
                && from <= window.to
                && (!window.fault.is_local() || places.contains(&window.place))
        });
        let trouble = processes.iter().filter_map(|process| self.processes.get(process)).any(|process| {
            process.troubles.iter().any(|trouble| trouble.0 <= to && from <= trouble.1)
                || process.gaps.iter().any(|gap| gap.0 <= to && from <= gap.1 && gap.1 - gap.0 > 80 * MS)
        });
        fault
            || trouble
            || self.gaps.iter().any(|gap| gap.0 <= to && from <= gap.1 && gap.1 - gap.0 > 80 * MS)
    }
}
