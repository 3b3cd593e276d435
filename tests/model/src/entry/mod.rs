//! One key: the lease protocol of the store, flights, and L1 with its stamps, epochs, feed and lease.
//!
//! Tokens and stamps are only ever compared with what they were copied from, so a state keeps the result of the comparison
//! instead: a lease names the reader whose it is, and a copied stamp is a flag that every change of the original clears.

mod flight;
mod process;
mod reader;
mod scenarios;

pub use self::flight::Verdict;
pub use self::process::{Line, Ping, Process, Writer};
pub use self::reader::{Pc, Reader};
pub use self::scenarios::cases;

use crate::check::{Protocol, Without, Witness, events};
use stateright::{Model, Property};

/// Readers in a state; those without reads never start.
const READERS: usize = 3;
/// Processes in a state.
const PROCESSES: usize = 2;

/// What the protocol does against races, each of which can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// A load needs the lease.
    Lease,
    /// The store takes a fill only if its lease is still there.
    FillComparesToken,
    /// Joiners take a value only if its fill was taken.
    JoinersAwaitVerdict,
    /// A flight closes before its fill is sent.
    FlightClosesBeforeFill,
    /// A flight of an older stamp takes no joiners.
    JoinComparesStamp,
    /// Every caller sends its own read.
    OwnGet,
    /// The invalidation follows the commit.
    CommitFirst,
    /// A failed load hands the lead to one waiter (without: all of them load alone).
    FailureHandsOver,
    /// A caller from whom a load was taken too often loads for itself.
    Patience,
    /// The stamp is read before the store is asked.
    StampBeforeAsking,
    /// A lost feed empties L1.
    FlushOnLoss,
    /// A value goes to L1 only under the epoch in which it was asked for.
    EpochAtStore,
    /// The writer's own process is invalidated before the mutation returns.
    LocalInvalidation,
    /// A hit needs the lease of its process.
    LeaseAtHit,
    /// A hit reads the lease first and the stamp second.
    LeaseThenStamp,
    /// A heartbeat's answer counts after the pushes before it.
    PongInOrder,
    /// The lease counts from the sending of the heartbeat.
    LeaseFromSend,
    /// The writer waits until every lease from before its invalidation has run out.
    Settle,
}

/// How L1 answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Not at all.
    Off,
    /// While the feed is up; the floor is what the process was told.
    Coherent,
    /// Under the lease, with writers that settle; the floor is what was acknowledged.
    Settled,
}

/// The model and its budgets.
#[derive(Debug)]
pub struct Entry {
    without: Without<Guard>,
    /// Of each reader: its process and how often it reads.
    readers: [(u8, u8); READERS],
    tier: Tier,
    writer: u8,
    budget: Budget,
    patience: u8,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// How often what need not happen may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    writes: u8,
    evictions: u8,
    drops: u8,
    failures: u8,
    refreshes: u8,
    losses: u8,
    pings: u8,
}

/// What stands at the key; readers are named by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// The lease of a reader that loads.
    Lease(u8),
    /// The lease of a load that is gone.
    Orphan,
    /// A version, and who holds its refresh lease.
    Value(u8, Option<u8>),
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    /// The newest version whose invalidation was executed.
    invalidated: u8,
    acknowledged: u8,
    stored: Stored,
    writer: Writer,
    readers: [Reader; READERS],
    processes: [Process; PROCESSES],
    left: Budget,
    stale: bool,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A reader goes on.
    Read(u8),
    /// A reader polls a lease and copies the stamp anew.
    Poll(u8),
    /// A reader refreshes a value.
    Refresh(u8),
    /// A load fails.
    Fail(u8),
    /// A loading call is dropped.
    Drop(u8),
    /// The writer goes on.
    Write,
    /// The store loses what stands at the key (evicted, expired, flushed).
    Evict,
    /// The lease of a load that is gone is released or lapses.
    Lapse,
    /// A process takes the next push.
    Push(u8),
    /// A process loses its feed.
    Lose(u8),
    /// It has a new one.
    Regain(u8),
    /// A process sends a heartbeat.
    Ping(u8),
    /// It takes the answer.
    Pong(u8),
    /// Its L1 lease runs out.
    RunOut(u8),
}

events! { Entry:
    Hit "a value of the store is hit", L1Hit "L1 is hit", Refused "a fill is refused", Adopted "a joiner adopts",
    Released "a second load leads after an abandoned one", Alone "an impatient caller loads alone",
    Refreshed "a value is refreshed", Outlived "a load's result is kept from L1 by its stamp",
    Flushed "a lost feed empties L1", NoLease "L1 is passed by without a lease",
}

pub(crate) const STALE: &str = "no read is stale";
pub(crate) const ONE_LOAD: &str = "one load at a time";
pub(crate) const PATIENT: &str = "no caller is refused for ever";

impl Model for Entry {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            committed: 0,
            invalidated: 0,
            acknowledged: 0,
            stored: Stored::Nothing,
            writer: Writer::Idle,
            readers: [Reader::default(); READERS],
            processes: [Process::default(); PROCESSES],
            left: self.budget,
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.stale {
            return;
        }
        for (reader, (_, reads)) in (0..).zip(self.readers) {
            if reads > 0 {
                actions.extend([Action::Read(reader), Action::Poll(reader)]);
                let optional = [
                    (state.left.refreshes, Action::Refresh(reader)),
                    (state.left.failures, Action::Fail(reader)),
                    (state.left.drops, Action::Drop(reader)),
                ];
                actions.extend(optional.iter().filter(|(left, _)| *left > 0).map(|(_, action)| *action));
            }
        }
        actions.push(Action::Write);
        match state.stored {
            Stored::Orphan => actions.push(Action::Lapse),
            Stored::Lease(_) | Stored::Value(..) if state.left.evictions > 0 => actions.push(Action::Evict),
            _ => {}
        }
        for process in (0..2).filter(|_| self.tier != Tier::Off) {
            actions.extend([Action::Push(process), Action::Lose(process), Action::Regain(process)]);
            if self.tier == Tier::Settled {
                actions.extend([Action::Ping(process), Action::Pong(process), Action::RunOut(process)]);
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Read(reader) => self.read(&mut next, reader),
            Action::Poll(reader) => self.poll(&mut next, reader),
            Action::Refresh(reader) => self.refresh(&mut next, reader),
            Action::Fail(reader) => self.end_without_value(&mut next, reader, true),
            Action::Drop(reader) => self.end_without_value(&mut next, reader, false),
            Action::Write => self.write(&mut next),
            Action::Evict => {
                next.left.evictions -= 1;
                next.kill();
                Some(())
            }
            Action::Lapse => {
                next.stored = Stored::Nothing;
                Some(())
            }
            Action::Push(process) => next.push(self, process),
            Action::Lose(process) => self.lose(&mut next, process),
            Action::Regain(process) => next.regain(process),
            Action::Ping(process) => next.ping(process),
            Action::Pong(process) => self.pong(&mut next, process),
            Action::RunOut(process) => next.run_out(process),
        }?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STALE, |_, state: &State| !state.stale),
            Property::always(ONE_LOAD, |_, state: &State| {
                state.readers.iter().filter(|it| it.loads_unasked()).count() <= 1
            }),
            Property::always(PATIENT, |model: &Self, state: &State| {
                state.readers.iter().all(|it| it.refusals <= model.patience)
            }),
            // Finishing is for good, so this holds at every end of a run that has it at all.
            Property::eventually("all reads finish", |model: &Self, state: &State| {
                model.readers.iter().zip(&state.readers).all(|(&(_, reads), it)| it.reads == reads)
            }),
        ];
        properties.extend(self.sometimes());
        properties
    }
}

impl Protocol for Entry {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Read(reader) => {
                let (from, to) = (&before.readers[usize::from(reader)], &after.readers[usize::from(reader)]);
                format!("reader {reader} {:?} -> {:?} (v{}, floor {})", from.pc, to.pc, to.value, to.floor)
            }
            Action::Write => format!("writer {:?} -> {:?}", before.writer, after.writer),
            action => format!("{action:?}"),
        };
        format!("{what}; {:?}", after.stored)
    }
}
