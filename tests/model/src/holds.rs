//! Holds around a commit: from the commit on no older version is read, even if the writer dies before it can invalidate.

use crate::check::{Case, Protocol, Without, Witness, events};
use crate::held::{Reader, Shown, Stored};
use stateright::{Model, Property};

const READERS: usize = 2;
const WRITERS: usize = 3;

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The hold is armed before the commit (without: a removal after it).
    Hold,
    /// Holders of one key add up.
    HoldersAddUp,
    /// A hold outlives the commit it is around.
    TermOutlivesCommit,
    /// Who joins a hold cannot shorten it.
    LongestTerm,
    /// The hold ends after the commit.
    CommitFirst,
}

/// How far a writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// The hold is to be executed.
    Idle,
    /// The commit is next.
    Armed,
    /// The hold is to be ended.
    Committed,
    /// The commit follows the end of the hold, which is wrong.
    Ahead,
    /// It is done, or dead.
    Ended,
}

/// The model and its budgets.
#[derive(Debug)]
pub struct Holds {
    without: Without<Guard>,
    writers: usize,
    reads: u8,
    crashes: u8,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    stored: Stored,
    /// Who armed the hold last.
    last: u8,
    readers: [Reader; READERS],
    writers: [Writer; WRITERS],
    crashes: u8,
    stale: bool,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A reader goes on.
    Read(u8),
    /// A writer goes on.
    Write(u8),
    /// A writer dies.
    Die(u8),
    /// What stands at the key lapses or is evicted.
    Lapse,
    /// The hold of one writer lapses, while others hold.
    LapseOf(u8),
}

events! { Holds:
    Hit "a value is hit", Beside "a read goes beside a hold", Refused "a fill is refused", Shared "two writers hold at once",
    Bereft "a writer dies between its commit and the end of its hold", Outlasted "a hold lapses while another holds on",
}

const STALE: &str = "no read is older than the commits before it";

impl Holds {
    fn write(&self, state: &mut State, writer: u8) -> Option<()> {
        let at = usize::from(writer);
        state.writers[at] = match (state.writers[at], state.stored) {
            (Writer::Idle, _) if !self.without.has(&Guard::Hold) => Writer::Armed,
            (Writer::Idle, Stored::Hold(holders, _)) if self.without.has(&Guard::HoldersAddUp) => {
                self.seen.note(Event::Shared);
                state.stored = Stored::Hold(holders | 1 << writer, true);
                state.last = writer;
                Writer::Armed
            }
            (Writer::Idle, _) => {
                state.stored = Stored::Hold(1 << writer, false);
                state.last = writer;
                Writer::Armed
            }
            (Writer::Armed, _) if self.without.has(&Guard::CommitFirst) => {
                state.committed += 1;
                Writer::Committed
            }
            (Writer::Armed | Writer::Committed, stored) => {
                state.stored = match stored {
                    Stored::Hold(holders, shared) if self.without.has(&Guard::HoldersAddUp) => {
                        match holders & !(1 << writer) {
                            0 => Stored::Nothing,
                            rest => Stored::Hold(rest, shared),
                        }
                    }
                    _ => Stored::Nothing,
                };
                if state.writers[at] == Writer::Armed { Writer::Ahead } else { Writer::Ended }
            }
            (Writer::Ahead, _) => {
                state.committed += 1;
                Writer::Ended
            }
            (Writer::Ended, _) => return None,
        };
        Some(())
    }

    /// Whether the hold's term may be over, by its holders that live and have not committed.
    fn may_lapse(&self, state: &State, holders: u8) -> bool {
        let commits = |writer: u8| state.writers[usize::from(writer)] == Writer::Armed;
        if !self.without.has(&Guard::TermOutlivesCommit) {
            return true;
        }
        if !self.without.has(&Guard::LongestTerm) {
            return !commits(state.last);
        }
        (0..3).all(|writer| holders & 1 << writer == 0 || !commits(writer))
    }
}

impl Model for Holds {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut writers = [Writer::Ended; WRITERS];
        writers[..self.writers].fill(Writer::Idle);
        vec![State {
            committed: 0,
            stored: Stored::Nothing,
            last: 0,
            readers: [Reader::NEW; READERS],
            writers,
            crashes: self.crashes,
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.stale {
            actions.extend(
                (0..2)
                    .map(Action::Read)
                    .chain((0..3).flat_map(|it| [Action::Write(it), Action::Die(it), Action::LapseOf(it)])),
            );
            actions.push(Action::Lapse);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Read(reader) => {
                let me = &mut next.readers[usize::from(reader)];
                if me.reads == self.reads {
                    return None;
                }
                match me.step(reader, &mut next.stored, state.committed, state.committed)? {
                    Shown::Hit => self.seen.note(Event::Hit),
                    Shown::Beside => self.seen.note(Event::Beside),
                    Shown::Refused => self.seen.note(Event::Refused),
                    Shown::Stale => next.stale = true,
                    Shown::Nothing => {}
                }
            }
            Action::Write(writer) => self.write(&mut next, writer)?,
            Action::Die(writer) => {
                let me = &mut next.writers[usize::from(writer)];
                next.crashes = next.crashes.checked_sub(1)?;
                match me {
                    Writer::Armed => {}
                    Writer::Committed => self.seen.note(Event::Bereft),
                    _ => return None,
                }
                *me = Writer::Ended;
            }
            Action::Lapse => match next.stored {
                Stored::Nothing => return None,
                Stored::Hold(holders, _) if !self.may_lapse(state, holders) => return None,
                _ => next.stored = Stored::Nothing,
            },
            Action::LapseOf(writer) => {
                next.stored = state.stored.without(writer)?;
                if !self.may_lapse(state, 1 << writer) {
                    return None;
                }
                self.seen.note(Event::Outlasted);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STALE, |_, state: &State| !state.stale),
            Property::eventually("all finish", |model: &Self, state: &State| {
                state.readers.iter().all(|it| it.reads == model.reads)
                    && state.writers.iter().all(|it| *it == Writer::Ended)
            }),
        ];
        properties.extend(self.sometimes());
        properties
    }
}

impl Protocol for Holds {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Read(reader) => {
                let (from, to) = (&before.readers[usize::from(reader)], &after.readers[usize::from(reader)]);
                format!("reader {reader} {:?} -> {:?}", from.pc, to.pc)
            }
            Action::Write(writer) => format!("writer {writer} -> {:?}", after.writers[usize::from(writer)]),
            action => format!("{action:?}"),
        };
        format!("{what}; v{} committed, {:?}", after.committed, after.stored)
    }
}

fn holds(without: &'static [Guard]) -> Holds {
    let expects =
        &[Event::Hit, Event::Beside, Event::Refused, Event::Shared, Event::Bereft, Event::Outlasted];
    Holds { without: Without(without), writers: 2, reads: 2, crashes: 1, expects, seen: Witness::default() }
}

fn holds_full(without: &'static [Guard]) -> Holds {
    Holds { writers: 3, crashes: 2, ..holds(without) }
}

/// All runs of this model.
#[must_use]
pub fn cases(full: bool) -> Vec<Case> {
    let mut cases = Case::each(
        "holds",
        holds,
        &[
            (Guard::Hold, STALE),
            (Guard::HoldersAddUp, STALE),
            (Guard::TermOutlivesCommit, STALE),
            (Guard::LongestTerm, STALE),
            (Guard::CommitFirst, STALE),
        ],
    );
    if full {
        cases.extend(Case::each("holds, 3 writers, 2 crashes", holds_full, &[]));
    }
    cases
}
