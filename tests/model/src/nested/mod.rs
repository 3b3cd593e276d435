//! Two keys: the body of f calls the cached g, and both depend on the row that is written.

mod scenarios;

pub use self::scenarios::cases;

use crate::check::{Protocol, Without, Witness, events};
use stateright::{Model, Property};

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// What a load calls uses no cache.
    LoadsBypass,
    /// What a load calls uses no cache, and the tag that both share is captured after the load.
    LoadsBypassAndCaptureFirst,
}

/// How the writer invalidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// f, then g.
    OuterFirst,
    /// g, then f.
    InnerFirst,
    /// One tag of both.
    Tag,
}

/// The model.
#[derive(Debug)]
pub struct Nested {
    without: Without<Guard>,
    by: By,
    /// g has a coherent L1 in the process of f's readers.
    l1: bool,
    reads: [u8; READERS],
    writes: u8,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// Readers 0 and 1 call f, reader 2 calls g.
const READERS: usize = 3;
const F: usize = 0;
const G: usize = 1;

/// What stands at a key; generation 0 is a missing tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// The lease of a reader that loads.
    Lease(u8),
    /// A version and the generation of its tag.
    Value(u8, u8),
}

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pc {
    /// Between two reads.
    Idle,
    /// The key is to be asked for.
    Get,
    /// The lease was granted; the tag is to be captured.
    Capture,
    /// The body runs.
    Load,
    /// The fill is to be executed.
    Fill,
}

/// One caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader {
    pc: Pc,
    reads: u8,
    floor: u8,
    value: u8,
    generation: u8,
    /// Nothing of g was pushed since it asked.
    stamped: bool,
}

const IDLE: Reader = Reader { pc: Pc::Idle, reads: 0, floor: 0, value: 0, generation: 0, stamped: false };

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    acknowledged: u8,
    keys: [Stored; 2],
    tag: u8,
    /// The version of g in L1.
    l1: Option<u8>,
    /// Pushes of g on their way.
    behind: u8,
    /// Steps of the mutation that are done.
    step: u8,
    readers: [Reader; READERS],
    writes: u8,
    stale: bool,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A reader goes on.
    Read(u8),
    /// The writer goes on.
    Write,
    /// The next push of g arrives.
    Push,
}

events! { Nested:
    Hit "a value is hit", Refused "a fill is refused", Called "a load asks the source for g", Reused "a load uses g's entry",
}

const STALE: &str = "no read of f is stale";

impl Nested {
    fn bypasses(&self) -> bool {
        self.without.has(&Guard::LoadsBypass) && self.without.has(&Guard::LoadsBypassAndCaptureFirst)
    }

    fn captures_first(&self) -> bool {
        self.without.has(&Guard::LoadsBypassAndCaptureFirst)
    }

    fn write(&self, state: &mut State) -> Option<()> {
        let remove_g = |state: &mut State| {
            state.keys[G] = Stored::Nothing;
            state.behind += u8::from(self.l1);
        };
        match (state.step, self.by) {
            (0, _) => {
                state.writes = state.writes.checked_sub(1)?;
                state.committed += 1;
            }
            (1, By::Tag) => state.tag = 0,
            (1, By::OuterFirst) | (2, By::InnerFirst) => state.keys[F] = Stored::Nothing,
            (1, By::InnerFirst) | (2, By::OuterFirst) => remove_g(state),
            (2, By::Tag) => {}
            _ => state.acknowledged = state.committed,
        }
        state.step = (state.step + 1) % 4;
        Some(())
    }

    fn valid(&self, state: &State, generation: u8) -> bool {
        self.by != By::Tag || (state.tag != 0 && generation == state.tag)
    }

    fn capture(&self, state: &mut State) -> u8 {
        if state.tag == 0 && self.by == By::Tag {
            let kept =
                state.keys.map(|it| if let Stored::Value(_, generation) = it { generation } else { 0 });
            let held = state.readers.map(|it| it.generation);
            state.tag = (1..=u8::MAX).find(|it| !kept.contains(it) && !held.contains(it)).unwrap_or(u8::MAX);
        }
        state.tag
    }

    /// What the body of f gets from g.
    fn inner(&self, state: &State) -> u8 {
        let reused = match (state.l1, state.keys[G]) {
            _ if self.bypasses() => None,
            (Some(version), _) => Some(version),
            (None, Stored::Value(version, generation)) if self.valid(state, generation) => Some(version),
            _ => None,
        };
        self.seen.note(if reused.is_some() { Event::Reused } else { Event::Called });
        reused.unwrap_or(state.committed)
    }

    fn read(&self, state: &mut State, reader: u8) -> Option<()> {
        let at = usize::from(reader);
        let key = if at == READERS - 1 { G } else { F };
        let Reader { pc, reads, floor, value, generation, stamped } = state.readers[at];
        let done = Reader { reads: reads + 1, ..IDLE };
        state.readers[at] = match (pc, state.keys[key]) {
            (Pc::Idle, _) if reads == self.reads[at] => return None,
            (Pc::Idle, _) => {
                Reader { pc: Pc::Get, floor: state.acknowledged, stamped: true, ..state.readers[at] }
            }
            (Pc::Get, Stored::Lease(_)) => return None,
            (Pc::Get, Stored::Value(version, generation)) if self.valid(state, generation) => {
                self.seen.note(Event::Hit);
                state.stale |= key == F && version < floor;
                if key == G && self.l1 && stamped {
                    state.l1 = Some(version);
                }
                done
            }
            (Pc::Get, _) => {
                state.keys[key] = Stored::Lease(reader);
                let pc = if self.captures_first() { Pc::Capture } else { Pc::Load };
                Reader { pc, ..state.readers[at] }
            }
            (Pc::Capture, _) => {
                let generation = self.capture(state);
                Reader { pc: Pc::Load, generation, ..state.readers[at] }
            }
            (Pc::Load, _) => {
                let value = if key == F { self.inner(state) } else { state.committed };
                Reader { pc: Pc::Fill, value, ..state.readers[at] }
            }
            (Pc::Fill, stored) => {
                let generation = if self.captures_first() { generation } else { self.capture(state) };
                if stored == Stored::Lease(reader) {
                    state.keys[key] = Stored::Value(value, generation);
                    if key == G && self.l1 && stamped {
                        state.l1 = Some(value);
                    }
                } else {
                    self.seen.note(Event::Refused);
                }
                // A stale own load is the relaxation itself; what counts is what others get.
                done
            }
        };
        Some(())
    }
}

impl Model for Nested {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            committed: 0,
            acknowledged: 0,
            keys: [Stored::Nothing; 2],
            tag: 0,
            l1: None,
            behind: 0,
            step: 0,
            readers: [IDLE; READERS],
            writes: self.writes,
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.stale {
            actions.extend([Action::Read(0), Action::Read(1), Action::Read(2), Action::Write, Action::Push]);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Read(reader) => self.read(&mut next, reader)?,
            Action::Write => self.write(&mut next)?,
            Action::Push => {
                next.behind = next.behind.checked_sub(1)?;
                next.l1 = None;
                next.readers[READERS - 1].stamped = false;
            }
        }
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

impl Protocol for Nested {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Read(reader) => {
                let (from, to) = (&before.readers[usize::from(reader)], &after.readers[usize::from(reader)]);
                let name = if reader == 2 { "g" } else { "f" };
                format!(
                    "reader {reader} of {name} {:?} -> {:?} (v{}, floor {})",
                    from.pc, to.pc, to.value, to.floor
                )
            }
            Action::Write => format!("writer, step {}", before.step),
            Action::Push => "Push".to_owned(),
        };
        format!("{what}; f {:?}, g {:?}, L1 {:?}", after.keys[F], after.keys[G], after.l1)
    }
}
