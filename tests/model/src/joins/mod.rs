//! Joiners of a load whose value brings a tag, and of one that an expired value answers for, while that tag falls.
//!
//! One process that hears of nothing, and a writer elsewhere. The clock and the tag are two steps for who captures and for who removes
//! them, as they are in the in-process store; over Redis both are one.

mod caller;
mod scenarios;

pub use self::caller::{Caller, Pc};
pub use self::scenarios::cases;

use crate::check::{Protocol, Without, Witness, events};
use stateright::{Model, Property};

const CALLERS: usize = 3;

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// After the load, the clock is captured after the tag.
    ClockCapturedLast,
    /// A clock falls before its tag.
    ClockFallsFirst,
    /// A value is stored only if the clock stood still from before its load until its tag was captured.
    ClockCompared,
    /// The fill finds its lease.
    FillCompares,
    /// Nobody joins from before the store is asked to certify the value.
    CloseFirst,
    /// Joiners get a stored value if the store says that its tag stands.
    CertifyTag,
    /// Joiners get a value that is not stored if the store says that the clock stands.
    CertifyClock,
    /// Joiners get an expired value if the store says that it is there.
    CertifyExpired,
    /// Joiners get an expired value if the store says that its tag stands.
    CertifyExpiredTag,
}

/// What the loads are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Their values are stored.
    Stored,
    /// They are not.
    Unstored,
    /// All fail; the entry that is there has expired.
    Failing,
}

/// The model and its budgets.
#[derive(Debug)]
pub struct Joins {
    without: Without<Guard>,
    kind: Kind,
    /// The writer removes the key (without: the tag).
    by_key: bool,
    reads: [u8; CALLERS],
    writes: u8,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// What stands at the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// The lease of a caller that loads.
    Lease(u8),
    /// A version, the generation of its tag, and whether someone reloads it.
    Value(u8, u8, bool),
}

/// How far the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Between two mutations.
    Idle,
    /// The key, or the first of clock and tag, is to be removed.
    Committed,
    /// The other one is to be removed.
    Between,
    /// Everything is removed.
    Removed,
}

/// Everything; generation 0 is a missing key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    acknowledged: u8,
    stored: Stored,
    clock: u8,
    tag: u8,
    writer: Writer,
    writes: u8,
    /// Whose load can be joined.
    flight: Option<u8>,
    callers: [Caller; CALLERS],
    stale: bool,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A caller goes on.
    Call(u8),
    /// The writer goes on.
    Write,
}

events! { Joins:
    Hit "a value of the store is hit", Joined "a joiner takes a load", Refused "a joiner is refused", Old "an entry has an old tag",
    Moved "the clock moved during a load", Torn "clock and tag are captured between their falls", Lost "a fill is refused",
    Answered "an expired value answers", Withheld "joiners do not get an expired value",
}

const STALE: &str = "no read is stale";

impl State {
    /// A generation that nobody has.
    fn fresh(&self) -> u8 {
        let callers = self.callers.iter().flat_map(|it| [it.clock, it.tag]);
        let entry = if let Stored::Value(_, tag, _) = self.stored { tag } else { 0 };
        let used: Vec<_> = callers.chain([self.clock, self.tag, entry]).collect();
        (1..=u8::MAX).find(|it| !used.contains(it)).unwrap_or(u8::MAX)
    }
}

impl Joins {
    fn write(&self, state: &mut State) -> Option<()> {
        let clock_first = self.without.has(&Guard::ClockFallsFirst);
        state.writer = match state.writer {
            Writer::Idle => {
                state.writes = state.writes.checked_sub(1)?;
                state.committed += 1;
                Writer::Committed
            }
            Writer::Committed if self.by_key => {
                state.stored = Stored::Nothing;
                Writer::Removed
            }
            Writer::Committed => {
                *(if clock_first { &mut state.clock } else { &mut state.tag }) = 0;
                Writer::Between
            }
            Writer::Between => {
                *(if clock_first { &mut state.tag } else { &mut state.clock }) = 0;
                Writer::Removed
            }
            Writer::Removed => {
                state.acknowledged = state.committed;
                Writer::Idle
            }
        };
        Some(())
    }
}

impl Model for Joins {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let failing = self.kind == Kind::Failing;
        vec![State {
            committed: 0,
            acknowledged: 0,
            stored: if failing { Stored::Value(0, 1, false) } else { Stored::Nothing },
            clock: 0,
            tag: u8::from(failing),
            writer: Writer::Idle,
            writes: self.writes,
            flight: None,
            callers: [Caller::default(); CALLERS],
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.stale {
            actions.extend((0..3).map(Action::Call));
            actions.push(Action::Write);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Call(caller) => self.call(&mut next, caller),
            Action::Write => self.write(&mut next),
        }?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STALE, |_, state: &State| !state.stale),
            Property::eventually("all calls end", |model: &Self, state: &State| {
                state.callers.iter().zip(model.reads).all(|(it, reads)| it.reads == reads)
            }),
        ];
        properties.extend(self.sometimes());
        properties
    }
}

impl Protocol for Joins {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Call(caller) => {
                let (from, to) = (&before.callers[usize::from(caller)], &after.callers[usize::from(caller)]);
                format!("caller {caller} {:?} -> {:?} (v{}, floor {})", from.pc, to.pc, to.value, to.floor)
            }
            Action::Write => format!("writer {:?} -> {:?}", before.writer, after.writer),
        };
        format!("{what}; {:?}, clock {}, tag {}", after.stored, after.clock, after.tag)
    }
}
