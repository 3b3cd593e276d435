//! Reloads of a value that goes on answering (in the background when it is due, by a caller when it has expired), while it is
//! invalidated by its key or by its tag.
//!
//! Process 0 writes and has an L1; process 1 has none and hears of nothing. Each has a caller, and reloads in the background.

mod scenarios;
mod worker;

pub use self::scenarios::cases;
pub use self::worker::{Pc, Worker};

use crate::check::{Protocol, Without, Witness, events};
use stateright::{Model, Property};

/// Two callers, two places for reloads of process 0 (the second for want of a guard), one of process 1.
const WORKERS: usize = 5;
/// Has the right to reload, and is gone.
const NOBODY: u8 = 9;

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The right to reload is given for the value that was seen.
    RefreshCompares,
    /// It is given to one at a time.
    OneAtATime,
    /// A process reloads in the background once at a time.
    OnePlace,
    /// What L1 served is reloaded only if the store has the same.
    ServedCompared,
    /// A fill needs the right to reload, or a lease.
    FillCompares,
    /// The tag's generation is captured before the load.
    CaptureFirst,
    /// L1 takes a reloaded value under the stamps from before its load.
    TicketBeforeLoad,
    /// L1 gives the old value up before the new one is stored (for a refresh of what is not due; for others, `ServedCompared` does).
    OldLeavesL1,
    /// The store's values are answered only under the tag's present generation.
    TagCompared,
}

/// The model and its budgets.
#[derive(Debug)]
pub struct Reloads {
    without: Without<Guard>,
    by_tag: bool,
    reads: [u8; 2],
    budget: Budget,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// How often what need not happen may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    writes: u8,
    ages: u8,
    lapses: u8,
    failures: u8,
}

/// How old a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Age {
    /// It answers.
    Fresh,
    /// It answers, and is to be reloaded.
    Due,
    /// It answers where its load fails.
    Expired,
}

/// What stands at the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// The lease of a caller.
    Lease(u8),
    /// A value.
    Value {
        /// What it is a copy of.
        version: u8,
        /// Of its tag.
        generation: u8,
        /// How old it is.
        age: Age,
        /// Who has the right to reload it.
        reload: Option<u8>,
    },
}

/// A value in L1, as long as nothing speaks against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Held {
    version: u8,
    age: Age,
    /// It is the one that the store has.
    same: bool,
}

/// How far the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Between two mutations.
    Idle,
    /// The key or the tag is to be removed.
    Committed,
    /// It was.
    Removed,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    acknowledged: u8,
    stored: Stored,
    /// The tag's generation; 0 where it is missing.
    tag: u8,
    /// Generations so far.
    generations: u8,
    l1: Option<Held>,
    writer: Writer,
    workers: [Worker; WORKERS],
    left: Budget,
    broken: Option<&'static str>,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A caller or a reload goes on.
    Work(u8),
    /// The load of an expired value fails.
    Fail(u8),
    /// The writer goes on.
    Write,
    /// Time passes for the value.
    Age,
    /// The right to reload lapses.
    Lapse,
}

events! { Reloads:
    Hit "a value of the store is hit", L1Hit "L1 is hit", Reloaded "a value is reloaded in the background",
    Denied "a reload is denied", Refused "the fill of a reload is refused", Kept "a reloaded value goes to L1",
    Outrun "a reloaded value is kept from L1", Old "a value has an old tag", Forgiven "an expired value answers for a failed load",
    Taken "L1 gives up what another process has reloaded",
}

const STALE: &str = "no read is stale";
const NEEDLESS: &str = "what is fresh is not reloaded";
const CROWDED: &str = "one at a time has the right to reload";
const TWICE: &str = "a process reloads once at a time";

impl State {
    /// Puts `stored` in the place of whatever stood there.
    fn replace(&mut self, stored: Stored) {
        self.stored = stored;
        for worker in &mut self.workers {
            worker.seen = false;
        }
        if let Some(held) = &mut self.l1 {
            held.same = false;
        }
    }

    /// Process 0 invalidates locally.
    fn stamp(&mut self) {
        self.l1 = None;
        for worker in [0, 2, 3] {
            self.workers[worker].stamped = false;
        }
    }

    fn capture(&mut self) -> u8 {
        if self.tag == 0 {
            self.generations += 1;
            self.tag = self.generations;
        }
        self.tag
    }

    fn age(&mut self) -> Option<()> {
        self.left.ages = self.left.ages.checked_sub(1)?;
        let Stored::Value { age, .. } = &mut self.stored else { return None };
        for age in std::iter::once(age).chain(self.l1.as_mut().map(|held| &mut held.age)) {
            *age = if *age == Age::Fresh { Age::Due } else { Age::Expired };
        }
        Some(())
    }

    fn lapse(&mut self) -> Option<()> {
        self.left.lapses = self.left.lapses.checked_sub(1)?;
        let Stored::Value { reload, .. } = &mut self.stored else { return None };
        reload.take().map(drop)
    }
}

impl Reloads {
    fn write(&self, state: &mut State) -> Option<()> {
        state.writer = match state.writer {
            Writer::Idle => {
                state.left.writes = state.left.writes.checked_sub(1)?;
                state.committed += 1;
                Writer::Committed
            }
            Writer::Committed => {
                if self.by_tag {
                    state.tag = 0;
                } else {
                    state.replace(Stored::Nothing);
                }
                Writer::Removed
            }
            Writer::Removed => {
                state.stamp();
                state.acknowledged = state.committed;
                Writer::Idle
            }
        };
        Some(())
    }
}

impl Model for Reloads {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            committed: 0,
            acknowledged: 0,
            stored: Stored::Value { version: 0, generation: 1, age: Age::Fresh, reload: None },
            tag: 1,
            generations: 1,
            l1: Some(Held { version: 0, age: Age::Fresh, same: true }),
            writer: Writer::Idle,
            workers: [Worker::default(); WORKERS],
            left: self.budget,
            broken: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_none() {
            actions.extend((0..5).map(Action::Work).chain((0..2).map(Action::Fail)));
            actions.extend([Action::Write, Action::Age, Action::Lapse]);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Work(worker) => self.work(&mut next, worker),
            Action::Fail(caller) => self.fail(&mut next, caller),
            Action::Write => self.write(&mut next),
            Action::Age => next.age(),
            Action::Lapse => next.lapse(),
        }?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STALE, |_, state: &State| state.broken != Some(STALE)),
            Property::always(NEEDLESS, |_, state: &State| state.broken != Some(NEEDLESS)),
            Property::always(CROWDED, |_, state: &State| state.broken != Some(CROWDED)),
            Property::always(TWICE, |_, state: &State| state.broken != Some(TWICE)),
            Property::eventually("all calls end", |model: &Self, state: &State| {
                state.workers.iter().zip(model.reads).all(|(it, reads)| it.reads == reads)
            }),
        ];
        properties.extend(self.sometimes());
        properties
    }
}

impl Protocol for Reloads {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Work(worker) | Action::Fail(worker) => {
                let (from, to) = (&before.workers[usize::from(worker)], &after.workers[usize::from(worker)]);
                let name = ["caller of 0", "caller of 1", "reload of 0", "second reload of 0", "reload of 1"];
                let name = name[usize::from(worker)];
                format!("{name} {:?} -> {:?} (v{}, floor {})", from.pc, to.pc, to.value, to.floor)
            }
            Action::Write => format!("writer {:?} -> {:?}", before.writer, after.writer),
            action => format!("{action:?}"),
        };
        format!("{what}; {:?}, tag {}, L1 {:?}", after.stored, after.tag, after.l1)
    }
}
