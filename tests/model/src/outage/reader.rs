//! A caller under an unreliable store.

use super::{Event, Guard, Link, Outage, State, Stored};

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pc {
    /// Between two reads.
    Idle,
    /// Has half of what makes a hit in L1.
    Peek,
    /// Its read of the store is to be executed, or waits for the end of a lease.
    Get,
    /// The store gave it a value.
    Found,
    /// Its lease is to be executed.
    Lease,
    /// The body runs.
    Load,
    /// The fill is to be sent.
    Send,
    /// The fill is to be executed, on whatever connection it was sent.
    Fill,
    /// The store took the value, and its reply is on its way.
    Land,
}

/// One caller that reads one time after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader {
    pub(super) pc: Pc,
    pub(super) reads: u8,
    pub(super) floor: u8,
    pub(super) value: u8,
    /// The stamp that it read is still the current one.
    pub(super) stamped: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self { pc: Pc::Idle, reads: 0, floor: 0, value: 0, stamped: false }
    }
}

impl State {
    pub(super) fn finish(&mut self, reader: u8) {
        for place in std::iter::once(&mut self.stored).chain(self.snapshot.as_mut()) {
            if *place == Stored::Lease(reader) {
                *place = Stored::Orphan;
            }
        }
        let me = &mut self.readers[usize::from(reader)];
        *me = Reader { reads: me.reads + 1, ..Reader::default() };
    }

    pub(super) fn poll(&mut self, reader: u8) -> Option<()> {
        let me = &mut self.readers[usize::from(reader)];
        let waits = me.pc == Pc::Get && matches!(self.stored, Stored::Lease(_) | Stored::Orphan);
        if !waits || me.stamped {
            return None;
        }
        me.stamped = true;
        Some(())
    }

    fn answer(&mut self, reader: u8) {
        let me = &self.readers[usize::from(reader)];
        self.stale |= me.value < me.floor;
        self.finish(reader);
    }
}

impl Outage {
    pub(super) fn read(&self, state: &mut State, reader: u8) -> Option<()> {
        let home = self.readers[usize::from(reader)].0;
        let up = state.links[usize::from(home)] == Link::Up;
        let (stored, committed) = (state.stored, state.committed);
        let me = &mut state.readers[usize::from(reader)];
        match (me.pc, stored) {
            (Pc::Idle, _) => self.start(state, reader),
            (Pc::Peek, _) => self.peek(state, reader),
            (Pc::Get | Pc::Lease, _) if !up => self.beside(state, reader),
            (Pc::Get, Stored::Value(version)) => (me.value, me.pc) = (version, Pc::Found),
            (Pc::Get, Stored::Nothing) => me.pc = Pc::Lease,
            (Pc::Get, _) => return None,
            (Pc::Found, _) => {
                self.seen.note(Event::Hit);
                self.keep(state, reader);
                state.answer(reader);
            }
            (Pc::Lease, Stored::Nothing) => {
                me.pc = Pc::Load;
                state.stored = Stored::Lease(reader);
            }
            (Pc::Lease, _) => me.pc = Pc::Get,
            (Pc::Load, _) => (me.value, me.pc) = (committed, Pc::Send),
            (Pc::Send, _) => {
                state.stale |= me.value < me.floor;
                me.pc = Pc::Fill;
                if !up {
                    state.finish(reader);
                }
            }
            (Pc::Fill, Stored::Lease(owner)) if owner == reader => {
                me.pc = Pc::Land;
                state.stored = Stored::Value(me.value);
            }
            (Pc::Fill, _) => {
                self.seen.note(Event::Refused);
                state.finish(reader);
            }
            (Pc::Land, _) => {
                self.keep(state, reader);
                state.finish(reader);
            }
        }
        Some(())
    }

    fn start(&self, state: &mut State, reader: u8) {
        let home = self.readers[usize::from(reader)].0;
        let writes = home == 0;
        let queued = writes && !state.queue.is_empty();
        let l1 = state.l1.filter(|_| writes);
        let me = &mut state.readers[usize::from(reader)];
        me.floor = if writes { state.returned } else { state.applied };
        let stamp_first = !self.without.has(&Guard::QueueThenStamp);
        match l1 {
            Some(value) if !self.without.has(&Guard::QueueBeforeL1) => {
                me.value = value;
                self.hit(state, reader);
            }
            Some(value) if stamp_first => (me.pc, me.value) = (Pc::Peek, value),
            _ if writes && self.l1 && !stamp_first && !queued => me.pc = Pc::Peek,
            _ => self.ask(state, reader),
        }
    }

    /// The second half of what makes a hit in L1: the stamp, or (too late) the queue.
    fn peek(&self, state: &mut State, reader: u8) {
        let me = &mut state.readers[usize::from(reader)];
        if self.without.has(&Guard::QueueThenStamp) {
            match state.l1 {
                Some(value) => {
                    me.value = value;
                    self.hit(state, reader);
                }
                None => self.ask(state, reader),
            }
        } else if state.queue.is_empty() {
            self.hit(state, reader);
        } else {
            self.beside(state, reader);
        }
    }

    fn hit(&self, state: &mut State, reader: u8) {
        self.seen.note(Event::L1Hit);
        state.answer(reader);
    }

    fn ask(&self, state: &mut State, reader: u8) {
        let home = self.readers[usize::from(reader)].0;
        let bypasses = home == 0 && !state.queue.is_empty() && self.without.has(&Guard::OwnReadsBypass);
        let me = &mut state.readers[usize::from(reader)];
        if bypasses || state.links[usize::from(home)] != Link::Up {
            self.beside(state, reader);
        } else {
            (me.pc, me.stamped, me.value) = (Pc::Get, true, 0);
        }
    }

    fn beside(&self, state: &mut State, reader: u8) {
        self.seen.note(Event::Beside);
        state.finish(reader);
    }

    fn keep(&self, state: &mut State, reader: u8) {
        let me = &state.readers[usize::from(reader)];
        let own = self.l1 && self.readers[usize::from(reader)].0 == 0;
        if own && (me.stamped || !self.without.has(&Guard::StampBeforeAsking)) {
            state.l1 = Some(me.value);
        }
    }
}
