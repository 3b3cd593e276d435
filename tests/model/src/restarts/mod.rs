//! A server that comes back from a snapshot, and the guard by which each process finds that out before it reads: the generations of
//! all namespaces are removed one by one, and only then the server counts as known.
//!
//! The writer's memory is gone, so that nothing is replayed. There are two namespaces: the one whose generation is removed last has the
//! entry. Without an L1, as a process that loses its connection has none.

mod process;
mod scenarios;

pub use self::process::{Link, Pc, Process};
pub use self::scenarios::cases;

use crate::check::{Protocol, Without, Witness, events};
use stateright::{Model, Property};

const PROCESSES: usize = 2;

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Every process asks whether the server is known (without: only the first).
    EveryProcessAsks,
    /// What is kept is the run, which a snapshot cannot bring back (without: that the server is known).
    RunIsKept,
    /// The server counts as known only after all generations are removed.
    KnownLast,
    /// All of them are.
    AllNamespaces,
    /// Nobody reads on a connection before that.
    BeforeReads,
    /// What was removed and that the server is known go over one connection.
    OneConnection,
    /// An entry whose generation is missing is invalid.
    MissingIsInvalid,
    /// The generation is captured before the load.
    CaptureBeforeLoad,
}

/// The model and its budgets.
#[derive(Debug)]
pub struct Restarts {
    without: Without<Guard>,
    reads: [u8; PROCESSES],
    budget: Budget,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// How often what need not happen may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    writes: u8,
    snapshots: u8,
    restarts: u8,
    losses: u8,
}

/// What stands at the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// The lease of a process that loads.
    Lease(u8),
    /// The lease of a load that is gone.
    Orphan,
    /// A version, and the generation of its namespace.
    Value(u8, u8),
}

/// What the server has, and a snapshot brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Data {
    stored: Stored,
    /// The generation; 0 where it is missing.
    generation: u8,
    /// The run that is known; 0 if none is.
    known: u8,
}

/// How far the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Between two mutations.
    Idle,
    /// The key is to be removed, over the connection of process 0.
    Committed,
    /// It was.
    Removed,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    acknowledged: u8,
    data: Data,
    snapshot: Option<Data>,
    run: u8,
    generations: u8,
    writer: Writer,
    processes: [Process; PROCESSES],
    left: Budget,
    stale: bool,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A process's reader goes on.
    Read(u8),
    /// A process goes on connecting.
    Connect(u8),
    /// A process loses its connection.
    Lose(u8),
    /// The writer goes on.
    Write,
    /// The server saves what it has.
    Snapshot,
    /// The server restarts with what it saved.
    Restart,
    /// The lease of a load that is gone lapses.
    Lapse,
}

events! { Restarts:
    Hit "a value is hit", Risen "a restart raises a stale value", Flushed "the generation of a value is removed",
    Known "a process finds the server known", Both "two processes remove generations at once", Old "an entry has an old generation",
    Survived "a load from before a restart fills after it", Cut "a server restarts while generations are removed",
}

const STALE: &str = "no read is stale";

impl State {
    fn capture(&mut self) -> u8 {
        if self.data.generation == 0 {
            self.generations += 1;
            self.data.generation = self.generations;
        }
        self.data.generation
    }
}

impl Restarts {
    fn write(state: &mut State) -> Option<()> {
        state.writer = match state.writer {
            Writer::Idle => {
                state.left.writes = state.left.writes.checked_sub(1)?;
                state.committed += 1;
                Writer::Committed
            }
            Writer::Committed if state.processes[0].link == Link::Up => {
                state.data.stored = Stored::Nothing;
                Writer::Removed
            }
            Writer::Committed => return None,
            Writer::Removed => {
                state.acknowledged = state.committed;
                Writer::Idle
            }
        };
        Some(())
    }

    fn save(state: &mut State) -> Option<()> {
        state.left.snapshots = state.left.snapshots.checked_sub(1)?;
        state.snapshot = Some(state.data);
        Some(())
    }

    fn restart(&self, state: &mut State) -> Option<()> {
        state.left.restarts = state.left.restarts.checked_sub(1)?;
        state.data = state.snapshot?;
        state.run += 1;
        if matches!(state.data.stored, Stored::Value(version, _) if version < state.acknowledged) {
            self.seen.note(Event::Risen);
        }
        if state.processes.iter().any(|it| matches!(it.link, Link::Removing(_) | Link::Telling)) {
            self.seen.note(Event::Cut);
        }
        for process in 0..2 {
            self.cut(state, process);
        }
        Some(())
    }

    fn lose(&self, state: &mut State, process: u8) -> Option<()> {
        if state.processes[usize::from(process)].link == Link::Down {
            return None;
        }
        state.left.losses = state.left.losses.checked_sub(1)?;
        self.cut(state, process);
        Some(())
    }
}

impl Model for Restarts {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            committed: 0,
            acknowledged: 0,
            data: Data { stored: Stored::Nothing, generation: 0, known: 1 },
            snapshot: None,
            run: 1,
            generations: 0,
            writer: Writer::Idle,
            processes: [Process::default(); PROCESSES],
            left: self.budget,
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.stale {
            return;
        }
        for process in 0..2 {
            actions.extend([Action::Read(process), Action::Connect(process), Action::Lose(process)]);
        }
        actions.extend([Action::Write, Action::Snapshot, Action::Restart, Action::Lapse]);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Read(process) => self.read(&mut next, process),
            Action::Connect(process) => self.connect(&mut next, process),
            Action::Lose(process) => self.lose(&mut next, process),
            Action::Write => Self::write(&mut next),
            Action::Snapshot => Self::save(&mut next),
            Action::Restart => self.restart(&mut next),
            Action::Lapse => {
                next.data.stored =
                    if state.data.stored == Stored::Orphan { Stored::Nothing } else { return None };
                Some(())
            }
        }?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STALE, |_, state: &State| !state.stale),
            Property::eventually("all reads finish", |model: &Self, state: &State| {
                state.processes.iter().zip(model.reads).all(|(it, reads)| it.reads == reads)
            }),
        ];
        properties.extend(self.sometimes());
        properties
    }
}

impl Protocol for Restarts {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Read(process) | Action::Connect(process) => {
                let (from, to) =
                    (before.processes[usize::from(process)], after.processes[usize::from(process)]);
                let (floor, value) = (to.floor, to.value);
                format!(
                    "process {process} {:?} {:?} -> {:?} {:?} (v{value}, floor {floor})",
                    from.link, from.pc, to.link, to.pc
                )
            }
            Action::Write => format!("writer {:?} -> {:?}", before.writer, after.writer),
            action => format!("{action:?}"),
        };
        let Data { stored, generation, known } = after.data;
        format!("{what}; run {}, known {known}, {stored:?}, generation {generation}", after.run)
    }
}
