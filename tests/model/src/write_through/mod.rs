//! Values that writers put under their holds, next to plain invalidations, evictions, lapses, crashes, late commands and a full
//! store.

mod scenarios;
mod writer;

pub use self::scenarios::cases;
pub use self::writer::{Late, Pc, Writer};

use crate::check::{Protocol, Without, Witness, events};
use crate::held::{Reader, Shown, Stored};
use stateright::{Model, Property};

const READERS: usize = 2;
const WRITERS: usize = 3;

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// A put needs its hold (without: it stores blindly).
    Hold,
    /// A second holder marks the hold as shared.
    HolderShares,
    /// An invalidation marks the hold as shared.
    InvalidationShares,
    /// A put that finds only the hold of others marks it as shared.
    StrangerShares,
    /// A put that finds no hold removes what is there.
    RemoveAfterLapse,
    /// What cannot be marked because the store is full is removed.
    RemoveWhenFull,
    /// A hold stays shared when one of its holders lapses.
    SharedOutlivesHolder,
}

/// What a writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Holds, commits, puts.
    Update,
    /// Commits, invalidates.
    Invalidate,
    /// Nothing.
    Absent,
}

/// How often what need not happen may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    evictions: u8,
    lapses: u8,
    crashes: u8,
    timeouts: u8,
    full: u8,
}

/// The model and its budgets.
#[derive(Debug)]
pub struct WriteThrough {
    without: Without<Guard>,
    writers: [Kind; WRITERS],
    reads: [u8; READERS],
    budget: Budget,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    acknowledged: u8,
    stored: Stored,
    readers: [Reader; READERS],
    writers: [Writer; WRITERS],
    left: Budget,
    stale: bool,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A reader goes on.
    Read(u8),
    /// A writer goes on.
    Write(u8),
    /// The same, while the store is full.
    WriteFull(u8),
    /// A writer's command is not answered in time; it may be executed late.
    TimeOut(u8),
    /// That command is executed.
    Late(u8),
    /// A writer dies.
    Die(u8),
    /// What stands at the key is evicted.
    Evict,
    /// A lease or a hold lapses.
    Lapse,
    /// The hold of one writer lapses, while others hold.
    LapseOf(u8),
}

events! { WriteThrough:
    Hit "a value is hit", Beside "a read goes beside a hold", Refused "a fill is refused", Stored "a put is stored",
    Removed "a put is refused", LatePut "a put is executed late", LateHold "a hold is executed late",
    Outlasted "a hold lapses while another holds on",
}

const STALE: &str = "no read is stale";

impl Model for WriteThrough {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let start = |kind| match kind {
            Kind::Update => Pc::Hold,
            Kind::Invalidate => Pc::CommitUnheld,
            Kind::Absent => Pc::Ended,
        };
        vec![State {
            committed: 0,
            acknowledged: 0,
            stored: Stored::Nothing,
            readers: [Reader::NEW; READERS],
            writers: self.writers.map(|kind| Writer { pc: start(kind), version: 0, late: Late::Nothing }),
            left: self.budget,
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.stale {
            return;
        }
        actions.extend((0..2).map(Action::Read));
        for writer in 0..3 {
            actions.extend([Action::Write(writer), Action::WriteFull(writer), Action::TimeOut(writer)]);
            actions.extend([Action::Late(writer), Action::Die(writer), Action::LapseOf(writer)]);
        }
        actions.extend([Action::Evict, Action::Lapse]);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Read(reader) => {
                let me = &mut next.readers[usize::from(reader)];
                if me.reads == self.reads[usize::from(reader)] {
                    return None;
                }
                match me.step(reader, &mut next.stored, state.committed, state.acknowledged)? {
                    Shown::Hit => self.seen.note(Event::Hit),
                    Shown::Beside => self.seen.note(Event::Beside),
                    Shown::Refused => self.seen.note(Event::Refused),
                    Shown::Stale => next.stale = true,
                    Shown::Nothing => {}
                }
            }
            Action::Write(writer) => self.write(&mut next, writer, false)?,
            Action::WriteFull(writer) => {
                next.left.full = next.left.full.checked_sub(1)?;
                let pc = next.writers[usize::from(writer)].pc;
                if !matches!(pc, Pc::Put | Pc::Unhold | Pc::Invalidate) {
                    return None;
                }
                self.write(&mut next, writer, true)?;
            }
            Action::TimeOut(writer) => Self::time_out(&mut next, writer)?,
            Action::Late(writer) => self.late(&mut next, writer)?,
            Action::Die(writer) => {
                let me = &mut next.writers[usize::from(writer)];
                next.left.crashes = next.left.crashes.checked_sub(1)?;
                if !matches!(me.pc, Pc::Commit | Pc::CommitUnheld | Pc::Put)
                    || self.writers[usize::from(writer)] != Kind::Update
                {
                    return None;
                }
                me.pc = Pc::Ended;
            }
            Action::Evict if state.stored == Stored::Nothing => return None,
            Action::Evict => {
                next.left.evictions = next.left.evictions.checked_sub(1)?;
                next.stored = Stored::Nothing;
            }
            Action::Lapse => {
                next.left.lapses = next.left.lapses.checked_sub(1)?;
                if !matches!(state.stored, Stored::Lease(_) | Stored::Hold(..)) {
                    return None;
                }
                next.stored = Stored::Nothing;
            }
            Action::LapseOf(writer) => {
                next.left.lapses = next.left.lapses.checked_sub(1)?;
                next.stored = match state.stored.without(writer)? {
                    Stored::Hold(rest, _) if !self.without.has(&Guard::SharedOutlivesHolder) => {
                        Stored::Hold(rest, false)
                    }
                    rest => rest,
                };
                self.seen.note(Event::Outlasted);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STALE, |_, state: &State| !state.stale),
            Property::eventually("all finish", |model: &Self, state: &State| {
                state.readers.iter().zip(model.reads).all(|(it, reads)| it.reads == reads)
                    && state.writers.iter().all(|it| it.pc == Pc::Ended)
            }),
        ];
        properties.extend(self.sometimes());
        properties
    }
}

impl Protocol for WriteThrough {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Read(reader) => {
                let (from, to) = (&before.readers[usize::from(reader)], &after.readers[usize::from(reader)]);
                format!("reader {reader} {:?} -> {:?}", from.pc, to.pc)
            }
            Action::Write(writer) => {
                let kind = self.writers[usize::from(writer)];
                let (from, to) = (&before.writers[usize::from(writer)], &after.writers[usize::from(writer)]);
                format!("{kind:?} {writer} {:?} -> {:?} (v{})", from.pc, to.pc, to.version)
            }
            action => format!("{action:?}"),
        };
        format!("{what}; v{} committed, {:?}", after.committed, after.stored)
    }
}
