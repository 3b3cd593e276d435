//! Judges every call by what had been acknowledged when it began.

mod calls;
mod floor;
mod intake;
mod loads;
mod tally;

pub(crate) use self::tally::{Recovery, Tally, Why, Window};

use self::floor::Floor;
use self::loads::{Load, Pair};
use crate::contestants::{Row, table};
use crate::faults::Fault;
use crate::log::{Key, Record, Way};
use crate::measure::{MS, Nanos};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// How long a lease lives.
const LEASE: Nanos = 3_000 * MS;
/// How long everything is remembered; longer than any call and any entry.
const MEMORY: Nanos = 30_000 * MS;
/// How long after a call everything is known that bears on it.
const PATIENCE: Nanos = 250 * MS;
/// Records of a key for the story of a violation.
const RECENT: usize = 600;

/// What the checker hears.
pub(crate) enum Event {
    /// A worker process is being started.
    Born {
        process: u32,
        place: usize,
    },
    /// Calls that ended, and since when no mutation is still to be told.
    Batch {
        process: u32,
        records: Vec<Record>,
        watermark: Nanos,
    },
    Commit {
        process: u32,
        key: Key,
        way: Way,
        version: u64,
        at: Nanos,
        /// Since when the key is held for sure; or 0.
        held: Nanos,
    },
    /// A mutation is about to hold its key.
    Holding {
        process: u32,
        key: Key,
        at: Nanos,
    },
    /// It is about to be killed on purpose.
    Condemned {
        process: u32,
    },
    /// Its connection ended.
    Died {
        process: u32,
        at: Nanos,
    },
    /// The driver got no processor.
    Gaps(Vec<Record>),
    Begun {
        fault: Fault,
        place: usize,
        at: Nanos,
    },
    Ended {
        at: Nanos,
    },
    /// Redis came back with what it had at `saved`.
    Restored {
        saved: Nanos,
        up: Nanos,
    },
    /// The run is over.
    End,
}

/// A fault's time.
#[derive(Clone, Copy, Debug)]
struct FaultTime {
    fault: Fault,
    place: usize,
    from: Nanos,
    to: Nanos,
}

/// What is known of one process.
#[derive(Debug, Default)]
struct Process {
    place: usize,
    watermark: Nanos,
    died: Option<Nanos>,
    condemned: bool,
    /// What it returned to its own callers.
    own: HashMap<Key, Floor>,
    /// What it committed under a hold.
    own_due: HashMap<Key, Floor>,
    /// Commits whose mutations have not ended.
    open: HashMap<(Key, u64), Commit>,
    /// What mutations were about to hold that may not have ended it.
    holding: Vec<Holding>,
    /// Mutations whose invalidations wait.
    queued: Vec<(Key, Way, u64)>,
    /// The last restore after which it has repeated its invalidations.
    repeated: Nanos,
    gaps: VecDeque<(Nanos, Nanos)>,
    troubles: VecDeque<(Nanos, Nanos)>,
    /// Those in which the store answered too late.
    timeouts: VecDeque<(Nanos, Nanos)>,
}

/// A hold that a mutation was about to take.
#[derive(Clone, Copy, Debug)]
struct Holding {
    key: Key,
    from: Nanos,
    /// When its caller went away, and it was to be ended in the background.
    left: Option<Nanos>,
}

/// A commit.
#[derive(Clone, Copy, Debug)]
struct Commit {
    way: Way,
    at: Nanos,
    /// From when on reads in other processes than the mutator's may be late by the bound, and no more; never, if it was not held.
    due: Option<Nanos>,
}

/// When a mutation may have invalidated a key.
#[derive(Clone, Copy, Debug)]
struct Mutation {
    /// The key that was written.
    of: Key,
    holds: bool,
    version: u64,
    from: Nanos,
    to: Nanos,
}

/// What is known of one key.
#[derive(Debug, Default)]
struct KeyLog {
    committed: u64,
    applied: Floor,
    /// What was committed under a hold.
    due: Floor,
    /// What mutators have repeated after Redis came back with an old snapshot.
    repeated: Floor,
    mutations: VecDeque<Mutation>,
    loads: VecDeque<Load>,
    /// Commits whose invalidation is lost.
    lost: Vec<(Window, Nanos, u64)>,
    recent: VecDeque<(u32, Record)>,
}

/// The checker; it forgets what is older than `MEMORY`.
pub(crate) struct Checker {
    pub(crate) rows: Vec<Row>,
    /// By contestant: before and after the faults begin.
    pub(crate) tallies: Vec<[Tally; 2]>,
    pub(crate) violations: BTreeMap<&'static str, u64>,
    /// The first violations, with what happened around them.
    pub(crate) stories: Vec<String>,
    pub(crate) recoveries: Vec<Recovery>,
    pub(crate) faults_seen: BTreeMap<&'static str, u64>,
    pub(crate) errors: u64,
    pub(crate) longest_gap: Nanos,
    keys: HashMap<Key, KeyLog>,
    processes: HashMap<u32, Process>,
    waiting: Vec<(u32, Record)>,
    pairs: Vec<Pair>,
    faults: VecDeque<FaultTime>,
    restores: VecDeque<(Nanos, Nanos)>,
    gaps: VecDeque<(Nanos, Nanos)>,
    started: Nanos,
    faults_from: Nanos,
    settled: Nanos,
    over: bool,
}

impl Checker {
    pub(crate) fn new(started: Nanos, faults_from: Nanos) -> Self {
        let rows = table();
        Self {
            tallies: rows.iter().map(|_| Default::default()).collect(),
            rows,
            violations: BTreeMap::new(),
            stories: Vec::new(),
            recoveries: Vec::new(),
            faults_seen: BTreeMap::new(),
            errors: 0,
            longest_gap: 0,
            keys: HashMap::new(),
            processes: HashMap::new(),
            waiting: Vec::new(),
            pairs: Vec::new(),
            faults: VecDeque::new(),
            restores: VecDeque::new(),
            gaps: VecDeque::new(),
            started,
            faults_from,
            settled: started,
            over: false,
        }
    }

    /// Takes in one event.
    pub(crate) fn hear(&mut self, event: Event) {
        match event {
            Event::Born { process, place } => {
                let watermark = crate::measure::now();
                self.processes.insert(process, Process { place, watermark, ..Process::default() });
            }
            Event::Batch { process, records, watermark } => {
                for record in records {
                    self.take_in(process, record);
                }
                self.processes.entry(process).or_default().watermark = watermark;
                self.settle();
            }
            Event::Commit { process, key, way, version, at, held } => {
                let due = self.due(key, held, at);
                let log = self.keys.entry(key).or_default();
                log.committed = log.committed.max(version);
                let writer = self.processes.entry(process).or_default();
                let commit = Commit { way, at, due };
                match writer.died {
                    None => drop(writer.open.insert((key, version), commit)),
                    Some(died) => log.lose(Window::W2, died.max(at), version, due),
                }
            }
            Event::Holding { process, key, at } => {
                let holder = self.processes.entry(process).or_default();
                match holder.died {
                    None => holder.holding.push(Holding { key, from: at, left: None }),
                    Some(died) => self.keys.entry(key).or_default().abandon(key, at, died),
                }
            }
            Event::Condemned { process } => self.processes.entry(process).or_default().condemned = true,
            Event::Died { process, at } => self.bury(process, at),
            Event::Gaps(gaps) => gaps.iter().for_each(|gap| {
                self.longest_gap = self.longest_gap.max(gap.end - gap.start);
                self.gaps.push_back((gap.start, gap.end));
            }),
            Event::Begun { fault, place, at } => {
                *self.faults_seen.entry(fault.name()).or_default() += 1;
                if let Some(last) = self.recoveries.last_mut() {
                    last.until = at;
                }
                self.faults.push_back(FaultTime { fault, place, from: at, to: Nanos::MAX });
            }
            Event::Ended { at } => {
                let Some(last) = self.faults.back_mut() else { return };
                last.to = at;
                let fault = last.fault.name();
                let living = self.processes.iter().filter(|(_, process)| process.died.is_none());
                let hits = living.map(|(process, _)| (*process, None)).collect();
                let of_feed = last.fault.is_of_feed();
                self.recoveries.push(Recovery { fault, of_feed, end: at, until: Nanos::MAX, hits });
            }
            Event::Restored { saved, up } => self.restores.push_back((saved, up)),
            Event::End => self.over = true,
        }
    }

    /// Judges what is left at the end.
    pub(crate) fn end(&mut self) {
        self.judge(Nanos::MAX);
    }

    /// Judges the calls of which everything is known.
    fn settle(&mut self) {
        let living = self.processes.values().filter(|process| process.died.is_none());
        let Some(known) = living.map(|process| process.watermark).min() else { return };
        if known > self.settled + 20 * MS {
            self.settled = known;
            self.judge(known.saturating_sub(PATIENCE));
            self.forget(known.saturating_sub(MEMORY));
        }
    }

    fn judge(&mut self, until: Nanos) {
        let (ready, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, record)| record.end <= until);
        self.waiting = waiting;
        let ready: Vec<_> = ready;
        for (process, record) in &ready {
            self.judge_call(*process, record);
        }
        let (ripe, pairs) =
            std::mem::take(&mut self.pairs).into_iter().partition(|pair| pair.ripe() <= until);
        self.pairs = pairs;
        let ripe: Vec<_> = ripe;
        for pair in &ripe {
            self.judge_pair(pair);
        }
    }

    fn forget(&mut self, before: Nanos) {
        for log in self.keys.values_mut() {
            log.applied.forget(before);
            log.due.forget(before);
            log.repeated.forget(before);
            log.loads.retain(|load| load.ends_after(before));
            log.mutations.retain(|mutation| mutation.to > before);
            log.lost.retain(|lost| lost.1 > before);
        }
        for process in self.processes.values_mut() {
            process.own.values_mut().for_each(|own| own.forget(before));
            process.own_due.values_mut().for_each(|own| own.forget(before));
            process.holding.retain(|holding| holding.left.is_none_or(|left| left > before));
            process.gaps.retain(|gap| gap.1 > before);
            process.troubles.retain(|trouble| trouble.1 > before);
            process.timeouts.retain(|timeout| timeout.1 > before);
        }
        self.processes.retain(|_, process| process.died.is_none_or(|died| died > before));
        self.gaps.retain(|gap| gap.1 > before);
        self.restores.retain(|restore| restore.1 > before);
        self.faults.retain(|fault| fault.to > before);
    }

    fn tally(&mut self, record: &Record) -> &mut Tally {
        let part = usize::from(record.start >= self.faults_from);
        &mut self.tallies[usize::from(record.key.contestant)][part]
    }
}
