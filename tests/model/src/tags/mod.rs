//! Tags as random generations: static ones captured before the load, dynamic ones under the namespace's clock, and the cells in
//! which a process remembers them.

mod reader;
mod scenarios;

pub use self::reader::{Pc, Reader};
pub use self::scenarios::cases;

use crate::check::{Protocol, Without, Witness, events};
use stateright::{Model, Property};

const READERS: usize = 2;

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The generation is captured before the load.
    CaptureBeforeLoad,
    /// An entry whose tag is missing is invalid.
    MissingIsInvalid,
    /// Generations are random (without: a counter, which starts again when it was evicted).
    RandomGenerations,
    /// A dynamically tagged value is stored only if the clock did not move during its load.
    ClockCompared,
    /// Who removes a tag removes the clock, too.
    ClockRemoved,
    /// A cell takes a generation only if nothing was pushed since before it was asked for.
    StampBeforeAsking,
    /// The writer's process forgets its cell before the mutation returns.
    LocalInvalidation,
    /// The store announces evictions, too.
    EvictionPushes,
}

/// The model and its budgets; reader and process have the same number, process 1 writes.
#[derive(Debug)]
pub struct Tags {
    without: Without<Guard>,
    dynamic: bool,
    cells: bool,
    reads: [u8; READERS],
    writes: u8,
    evictions: u8,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// What stands at the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// The lease of a reader that loads.
    Lease(u8),
    /// A version and the generation of its tag.
    Value(u8, u8),
}

/// What a process remembers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Process {
    /// The tag's generation; 0 is unknown.
    cell: u8,
    /// A version and its generation.
    l1: Option<(u8, u8)>,
    /// Pushes on their way, by the newest version each of them stands for.
    pushes: Vec<u8>,
    delivered: u8,
    own: u8,
}

/// How far the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Between two mutations.
    Idle,
    /// The tag is to be removed.
    Committed,
    /// It was.
    Removed,
}

/// Everything; generation 0 is a missing key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    invalidated: u8,
    acknowledged: u8,
    stored: Stored,
    tag: u8,
    clock: u8,
    writer: Writer,
    readers: [Reader; READERS],
    processes: [Process; READERS],
    writes: u8,
    evictions: u8,
    stale: bool,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A reader goes on.
    Read(u8),
    /// A reader asks for the tag before it asks for the entry.
    TagFirst(u8),
    /// The writer goes on.
    Write,
    /// A process takes the next push.
    Push(u8),
    /// The entry is evicted.
    EvictEntry,
    /// The tag is evicted.
    EvictTag,
    /// The clock is evicted.
    EvictClock,
}

events! { Tags:
    Hit "a value of the store is hit", L1Hit "L1 is hit", Old "an entry has an old tag", Missing "an entry's tag is missing",
    Moved "the clock moved during a load", Known "a cell answers", Outrun "a cell is kept from an old generation",
}

const STALE: &str = "no read is stale";

impl State {
    /// A generation that nobody has.
    fn fresh(&self, counts: bool) -> u8 {
        if counts {
            return 1;
        }
        let entry = if let Stored::Value(_, generation) = self.stored { generation } else { 0 };
        let readers = self.readers.iter().flat_map(|it| [it.generation, it.clock]);
        let processes =
            self.processes.iter().flat_map(|it| [it.cell, it.l1.map_or(0, |(_, generation)| generation)]);
        let used: Vec<_> = readers.chain(processes).chain([entry, self.tag, self.clock]).collect();
        (1..=u8::MAX).find(|it| !used.contains(it)).unwrap_or(u8::MAX)
    }

    /// The tag was removed (or found missing), which stands for `version` from now on.
    fn announce(&mut self, existed: bool) {
        for process in &mut self.processes {
            match process.pushes.last_mut() {
                _ if existed => process.pushes.push(self.invalidated),
                // Nothing is pushed; who has had all pushes until now knows as much as if there had been one.
                Some(last) => *last = self.invalidated,
                None => process.delivered = self.invalidated,
            }
        }
    }

    fn forget(&mut self, process: u8) {
        self.processes[usize::from(process)].cell = 0;
        self.readers[usize::from(process)].stamped = false;
    }
}

impl Tags {
    fn write(&self, state: &mut State) -> Option<()> {
        state.writer = match state.writer {
            Writer::Idle => {
                state.writes = state.writes.checked_sub(1)?;
                state.committed += 1;
                Writer::Committed
            }
            Writer::Committed => {
                let existed = state.tag != 0;
                let random = self.without.has(&Guard::RandomGenerations);
                state.tag = if random { 0 } else { state.tag + 1 };
                if self.without.has(&Guard::ClockRemoved) {
                    state.clock = 0;
                }
                state.invalidated = state.committed;
                if self.cells {
                    state.announce(existed);
                }
                Writer::Removed
            }
            Writer::Removed => {
                if self.without.has(&Guard::LocalInvalidation) {
                    state.forget(1);
                }
                state.processes[1].own = state.committed;
                state.acknowledged = state.committed;
                Writer::Idle
            }
        };
        Some(())
    }

    fn evict(&self, state: &mut State, action: Action) -> Option<()> {
        state.evictions = state.evictions.checked_sub(1)?;
        match action {
            Action::EvictEntry if state.stored != Stored::Nothing => state.stored = Stored::Nothing,
            Action::EvictTag if state.tag != 0 => {
                state.tag = 0;
                if self.cells && self.without.has(&Guard::EvictionPushes) {
                    state.announce(true);
                }
            }
            Action::EvictClock if state.clock != 0 => state.clock = 0,
            _ => return None,
        }
        Some(())
    }
}

impl Model for Tags {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            committed: 0,
            invalidated: 0,
            acknowledged: 0,
            stored: Stored::Nothing,
            tag: 0,
            clock: 0,
            writer: Writer::Idle,
            readers: [Reader::default(); READERS],
            processes: Default::default(),
            writes: self.writes,
            evictions: self.evictions,
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.stale {
            return;
        }
        for reader in 0..2 {
            actions.extend([Action::Read(reader), Action::TagFirst(reader), Action::Push(reader)]);
        }
        actions.extend([Action::Write, Action::EvictEntry, Action::EvictTag, Action::EvictClock]);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Read(reader) => self.read(&mut next, reader),
            Action::TagFirst(reader) => self.tag_first(&mut next, reader),
            Action::Write => self.write(&mut next),
            Action::Push(process) => {
                let own = &mut next.processes[usize::from(process)];
                if own.pushes.is_empty() {
                    return None;
                }
                own.delivered = own.delivered.max(own.pushes.remove(0));
                next.forget(process);
                Some(())
            }
            Action::EvictEntry | Action::EvictTag | Action::EvictClock => self.evict(&mut next, action),
        }?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STALE, |_, state: &State| !state.stale),
            Property::eventually("all reads finish", |model: &Self, state: &State| {
                state.readers.iter().zip(model.reads).all(|(it, reads)| it.reads == reads)
            }),
        ];
        properties.extend(self.sometimes());
        properties
    }
}

impl Protocol for Tags {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Read(reader) => {
                let (from, to) = (&before.readers[usize::from(reader)], &after.readers[usize::from(reader)]);
                format!("reader {reader} {:?} -> {:?} (v{}, floor {})", from.pc, to.pc, to.value, to.floor)
            }
            Action::Write => format!("writer {:?} -> {:?}", before.writer, after.writer),
            action => format!("{action:?}"),
        };
        format!("{what}; {:?}, tag {}", after.stored, after.tag)
    }
}
