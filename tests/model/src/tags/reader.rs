//! A caller of a tagged function.

use super::{Event, Guard, State, Stored, Tags};

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pc {
    /// Between two reads.
    Idle,
    /// The entry is to be asked for.
    Get,
    /// The entry is to be asked for; the tag has been.
    GetTagged,
    /// There is a value, whose tag is to be asked for.
    Check,
    /// The answer for the cell is on its way, and says whether the value is valid.
    Learn(bool),
    /// Its lease is to be executed, in place of the value with this version and generation.
    Lease(u8, u8),
    /// The tag (or the clock) is to be captured.
    Capture,
    /// The body runs.
    Load,
    /// The tag is to be captured after the load.
    CaptureLate,
    /// The fill is to be executed.
    Fill,
    /// The lease is to be given back.
    Release,
}

/// One caller that reads one time after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader {
    pub(super) pc: Pc,
    pub(super) reads: u8,
    pub(super) floor: u8,
    pub(super) value: u8,
    /// The generation that it read or captured.
    pub(super) generation: u8,
    /// The clock that it captured.
    pub(super) clock: u8,
    /// Nothing was pushed since it asked for the tag.
    pub(super) stamped: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self { pc: Pc::Idle, reads: 0, floor: 0, value: 0, generation: 0, clock: 0, stamped: false }
    }
}

impl Reader {
    fn finish(&mut self) {
        *self = Self { reads: self.reads + 1, ..Self::default() };
    }
}

impl State {
    fn answer(&mut self, reader: u8) {
        let me = &mut self.readers[usize::from(reader)];
        self.stale |= me.value < me.floor;
        me.finish();
    }

    /// The tag's generation, made if it is missing.
    fn capture(&mut self, counts: bool) -> u8 {
        if self.tag == 0 {
            self.tag = self.fresh(counts);
        }
        self.tag
    }
}

impl Tags {
    fn counts(&self) -> bool {
        !self.without.has(&Guard::RandomGenerations)
    }

    fn valid(&self, generation: u8, tag: u8) -> bool {
        match tag {
            0 => {
                self.seen.note(Event::Missing);
                !self.without.has(&Guard::MissingIsInvalid)
            }
            tag => generation == tag,
        }
    }

    pub(super) fn tag_first(&self, state: &mut State, reader: u8) -> Option<()> {
        let me = &mut state.readers[usize::from(reader)];
        if me.pc != Pc::Get || self.cells {
            return None;
        }
        (me.pc, me.generation) = (Pc::GetTagged, state.tag);
        Some(())
    }

    pub(super) fn read(&self, state: &mut State, reader: u8) -> Option<()> {
        let at = usize::from(reader);
        let process = state.processes[at].clone();
        let tag = state.tag;
        let me = &mut state.readers[at];
        match me.pc {
            Pc::Idle => self.start(state, reader)?,
            Pc::Get | Pc::GetTagged => self.get(state, reader)?,
            Pc::Check => {
                let valid = self.valid(me.generation, tag);
                if self.cells && tag != 0 {
                    me.pc = Pc::Learn(valid);
                    me.clock = tag;
                } else {
                    self.judge(state, reader, valid);
                }
            }
            Pc::Learn(valid) => {
                if me.stamped || !self.without.has(&Guard::StampBeforeAsking) {
                    state.processes[at].cell = me.clock;
                } else {
                    self.seen.note(Event::Outrun);
                }
                me.clock = 0;
                self.judge(state, reader, valid);
            }
            Pc::Lease(version, generation) => match state.stored {
                Stored::Lease(_) => me.pc = Pc::Get,
                stored @ Stored::Value(..) if stored != Stored::Value(version, generation) => me.pc = Pc::Get,
                _ => {
                    state.stored = Stored::Lease(reader);
                    let before = self.dynamic || self.without.has(&Guard::CaptureBeforeLoad);
                    me.pc = if before { Pc::Capture } else { Pc::Load };
                }
            },
            Pc::Capture if self.dynamic => {
                if state.clock == 0 {
                    state.clock = state.fresh(false);
                }
                let me = &mut state.readers[at];
                (me.clock, me.pc) = (state.clock, Pc::Load);
            }
            Pc::Capture if process.cell != 0 => (me.generation, me.pc) = (process.cell, Pc::Load),
            Pc::Capture => {
                let generation = state.capture(self.counts());
                let me = &mut state.readers[at];
                (me.generation, me.pc) = (generation, Pc::Load);
            }
            Pc::Load => {
                me.value = state.committed;
                let late = self.dynamic || !self.without.has(&Guard::CaptureBeforeLoad);
                me.pc = if late { Pc::CaptureLate } else { Pc::Fill };
            }
            Pc::CaptureLate => {
                let generation = state.capture(self.counts());
                let moved = self.dynamic && state.clock != state.readers[at].clock;
                if moved {
                    self.seen.note(Event::Moved);
                }
                let me = &mut state.readers[at];
                let stored = !moved || !self.without.has(&Guard::ClockCompared);
                (me.generation, me.pc) = (generation, if stored { Pc::Fill } else { Pc::Release });
            }
            Pc::Fill => {
                if state.stored == Stored::Lease(reader) {
                    state.stored = Stored::Value(me.value, me.generation);
                    if self.cells {
                        state.processes[at].l1 = Some((me.value, me.generation));
                    }
                }
                state.answer(reader);
            }
            Pc::Release => {
                if state.stored == Stored::Lease(reader) {
                    state.stored = Stored::Nothing;
                }
                state.answer(reader);
            }
        }
        Some(())
    }

    fn start(&self, state: &mut State, reader: u8) -> Option<()> {
        let at = usize::from(reader);
        let process = &state.processes[at];
        let me = &mut state.readers[at];
        if me.reads == self.reads[at] {
            return None;
        }
        let told = if self.cells { process.delivered.max(process.own) } else { u8::MAX };
        me.floor = state.acknowledged.min(told);
        me.pc = Pc::Get;
        if let Some((version, generation)) = process.l1
            && process.cell == generation
        {
            me.value = version;
            self.seen.note(Event::L1Hit);
            state.answer(reader);
        }
        Some(())
    }

    fn get(&self, state: &mut State, reader: u8) -> Option<()> {
        let at = usize::from(reader);
        let cell = state.processes[at].cell;
        let me = &mut state.readers[at];
        match state.stored {
            Stored::Lease(_) => return None,
            Stored::Nothing => me.pc = Pc::Lease(0, 0),
            Stored::Value(version, generation) => {
                me.value = version;
                if me.pc == Pc::GetTagged {
                    let valid = self.valid(generation, me.generation);
                    me.generation = generation;
                    self.judge(state, reader, valid);
                } else if cell == 0 {
                    (me.generation, me.stamped, me.pc) = (generation, true, Pc::Check);
                } else {
                    self.seen.note(Event::Known);
                    me.generation = generation;
                    self.judge(state, reader, generation == cell);
                }
            }
        }
        Some(())
    }

    fn judge(&self, state: &mut State, reader: u8, valid: bool) {
        let at = usize::from(reader);
        let me = &mut state.readers[at];
        if valid {
            self.seen.note(Event::Hit);
            if self.cells {
                state.processes[at].l1 = Some((me.value, me.generation));
            }
            state.answer(reader);
        } else {
            self.seen.note(Event::Old);
            me.pc = Pc::Lease(me.value, me.generation);
            (me.value, me.generation) = (0, 0);
        }
    }
}
