//! A process: its connection, and a reader over it.

use super::{Event, Guard, Restarts, State, Stored};

/// A connection to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// There is none.
    Down,
    /// The generation of this namespace is to be removed.
    Removing(u8),
    /// The server is to count as known.
    Telling,
    /// It serves.
    Up,
}

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pc {
    /// Between two reads.
    Idle,
    /// The entry is to be asked for.
    Get,
    /// There is a value of this version and generation, whose generation is to be asked for.
    Check(u8, u8),
    /// The lease is to be executed, in place of a value of this generation.
    Lease(u8),
    /// The generation is to be captured.
    Capture,
    /// The body runs.
    Load,
    /// The fill is to be executed.
    Fill,
}

/// A process with one caller, which reads one time after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) link: Link,
    pub(super) pc: Pc,
    pub(super) reads: u8,
    pub(super) floor: u8,
    pub(super) value: u8,
    generation: u8,
    /// The run in which its load began.
    run: u8,
}

impl Default for Process {
    fn default() -> Self {
        Self { link: Link::Up, pc: Pc::Idle, reads: 0, floor: 0, value: 0, generation: 0, run: 0 }
    }
}

impl State {
    fn end(&mut self, process: u8) {
        for data in std::iter::once(&mut self.data).chain(self.snapshot.as_mut()) {
            if data.stored == Stored::Lease(process) {
                data.stored = Stored::Orphan;
            }
        }
        let me = &mut self.processes[usize::from(process)];
        *me = Process { link: me.link, reads: me.reads + 1, ..Process::default() };
    }
}

impl Restarts {
    /// The connection is gone; a body that runs goes on.
    pub(super) fn cut(&self, state: &mut State, process: u8) {
        let me = &mut state.processes[usize::from(process)];
        if me.link == Link::Up || self.without.has(&Guard::OneConnection) {
            me.link = Link::Down;
        }
        // The same for an invalidation: its answer does not come any more, and it is sent again.
        if process == 0 && state.writer == super::Writer::Removed {
            state.writer = super::Writer::Committed;
        }
        if !matches!(me.pc, Pc::Idle | Pc::Load | Pc::Fill) {
            state.end(process);
        }
    }

    pub(super) fn connect(&self, state: &mut State, process: u8) -> Option<()> {
        let run = if self.without.has(&Guard::RunIsKept) { state.run } else { 1 };
        let asks = process == 0 || self.without.has(&Guard::EveryProcessAsks);
        let both = state.processes.iter().all(|it| matches!(it.link, Link::Removing(_)));
        let me = &mut state.processes[usize::from(process)];
        me.link = match me.link {
            Link::Down if state.data.known == run || !asks => {
                self.seen.note(Event::Known);
                Link::Up
            }
            Link::Down => {
                if !self.without.has(&Guard::KnownLast) {
                    state.data.known = run;
                }
                Link::Removing(0)
            }
            Link::Removing(0) => {
                if both {
                    self.seen.note(Event::Both);
                }
                if self.without.has(&Guard::AllNamespaces) { Link::Removing(1) } else { Link::Telling }
            }
            Link::Removing(_) => {
                if matches!(state.data.stored, Stored::Value(_, generation) if generation == state.data.generation)
                {
                    self.seen.note(Event::Flushed);
                }
                state.data.generation = 0;
                Link::Telling
            }
            Link::Telling => {
                state.data.known = run;
                Link::Up
            }
            Link::Up => return None,
        };
        Some(())
    }

    pub(super) fn read(&self, state: &mut State, process: u8) -> Option<()> {
        let at = usize::from(process);
        let (data, committed, run) = (state.data, state.committed, state.run);
        let me = &mut state.processes[at];
        let serves = match me.link {
            Link::Up => true,
            Link::Down => false,
            Link::Removing(_) | Link::Telling => !self.without.has(&Guard::BeforeReads),
        };
        match me.pc {
            Pc::Idle if me.reads == self.reads[at] => return None,
            Pc::Idle if !serves => state.end(process),
            Pc::Idle => (me.pc, me.floor) = (Pc::Get, state.acknowledged),
            Pc::Get => match data.stored {
                Stored::Nothing => me.pc = Pc::Lease(0),
                Stored::Value(version, generation) => me.pc = Pc::Check(version, generation),
                _ => return None,
            },
            Pc::Check(version, generation) => {
                let missing = data.generation == 0 && !self.without.has(&Guard::MissingIsInvalid);
                if generation == data.generation || missing {
                    self.seen.note(Event::Hit);
                    state.stale |= version < me.floor;
                    state.end(process);
                } else {
                    self.seen.note(Event::Old);
                    me.pc = Pc::Lease(generation);
                }
            }
            Pc::Lease(seen) => match data.stored {
                Stored::Value(_, generation) if generation != seen => me.pc = Pc::Get,
                Stored::Lease(_) | Stored::Orphan => me.pc = Pc::Get,
                _ => {
                    (me.pc, me.run) = (Pc::Capture, run);
                    state.data.stored = Stored::Lease(process);
                }
            },
            Pc::Capture => {
                let generation = state.capture();
                let me = &mut state.processes[at];
                (me.pc, me.generation) = (Pc::Load, generation);
            }
            Pc::Load => (me.pc, me.value) = (Pc::Fill, committed),
            Pc::Fill if serves && data.stored == Stored::Lease(process) => {
                if me.run != run {
                    self.seen.note(Event::Survived);
                }
                let (value, captured) = (me.value, me.generation);
                let late = !self.without.has(&Guard::CaptureBeforeLoad);
                let generation = if late { state.capture() } else { captured };
                state.data.stored = Stored::Value(value, generation);
                state.end(process);
            }
            Pc::Fill => state.end(process),
        }
        Some(())
    }
}
