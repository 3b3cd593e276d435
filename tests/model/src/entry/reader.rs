//! A caller: L1, a flight to join, the read of the store, the lease, the load, the fill.

use super::flight::Verdict;
use super::{Entry, Event, Guard, Line, State, Stored, Tier};

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pc {
    /// Between two reads.
    Idle,
    /// Has half of what makes a hit in L1 (lease or stamp), looks for the other half.
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
    /// The fill is to be executed.
    Fill,
    /// The reply of the fill is on its way.
    Land(bool),
    /// Waits for the flight of a leader.
    Join(u8),
    /// Has the verdict of a flight.
    Got(Verdict),
    /// Runs the body for itself only.
    Alone,
}

/// One caller that reads one time after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader {
    pub(super) pc: Pc,
    /// Reads that are finished.
    pub(super) reads: u8,
    pub(super) floor: u8,
    pub(super) value: u8,
    /// How often a load was taken from it.
    pub(super) refusals: u8,
    /// The stamp that it read is still the current one.
    pub(super) stamped: bool,
    /// The feed has been up since it read the stamp.
    pub(super) linked: bool,
    /// It runs a load, and nothing has given anyone else the right to.
    pub(super) undisturbed: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            pc: Pc::Idle,
            reads: 0,
            floor: 0,
            value: 0,
            refusals: 0,
            stamped: false,
            linked: false,
            undisturbed: false,
        }
    }
}

impl Reader {
    pub(super) fn loads_unasked(&self) -> bool {
        self.undisturbed && matches!(self.pc, Pc::Load | Pc::Send | Pc::Fill | Pc::Alone)
    }

    pub(super) fn finish(&mut self) {
        *self = Self { reads: self.reads + 1, ..Self::default() };
    }
}

impl Entry {
    pub(super) fn read(&self, state: &mut State, reader: u8) -> Option<()> {
        let at = usize::from(reader);
        let process = usize::from(self.readers[at].0);
        match state.readers[at].pc {
            Pc::Idle => self.start(state, reader)?,
            Pc::Peek => {
                let lease =
                    state.processes[process].lease != Line::Out || !self.without.has(&Guard::LeaseAtHit);
                let stamped = state.readers[at].stamped;
                let valid = if self.without.has(&Guard::LeaseThenStamp) { stamped } else { lease };
                if valid {
                    self.answer(state, reader, Event::L1Hit);
                } else {
                    self.arrive(state, reader);
                }
            }
            Pc::Get => self.get(state, reader)?,
            Pc::Found => {
                self.keep(state, reader);
                self.land(state, reader, Verdict::Certified);
                self.answer(state, reader, Event::Hit);
            }
            Pc::Lease => self.lease(state, reader),
            Pc::Load => {
                state.readers[at].value = state.committed;
                state.readers[at].pc = Pc::Send;
            }
            Pc::Send => {
                // The leader returns here, whatever becomes of the fill.
                state.stale |= state.readers[at].value < state.readers[at].floor;
                if self.without.has(&Guard::FlightClosesBeforeFill) {
                    self.close(state, reader);
                }
                state.readers[at].pc = Pc::Fill;
            }
            Pc::Fill => self.fill(state, reader),
            Pc::Land(taken) => {
                if taken {
                    self.keep(state, reader);
                }
                self.land(state, reader, if taken { Verdict::Certified } else { Verdict::Refused });
                state.readers[at].finish();
            }
            Pc::Join(_) => return None,
            Pc::Got(verdict) => self.verdict(state, reader, verdict),
            Pc::Alone => {
                state.readers[at].value = state.committed;
                state.readers[at].finish();
            }
        }
        Some(())
    }

    fn start(&self, state: &mut State, reader: u8) -> Option<()> {
        let (home, reads) = self.readers[usize::from(reader)];
        let floor = state.floor(self, home);
        let process = state.processes[usize::from(home)];
        let me = &mut state.readers[usize::from(reader)];
        if me.reads >= reads {
            return None;
        }
        me.floor = floor;
        let leased = process.lease != Line::Out || !self.without.has(&Guard::LeaseAtHit);
        match process.l1.filter(|_| process.live) {
            Some(value) if self.tier == Tier::Coherent => {
                me.value = value;
                self.answer(state, reader, Event::L1Hit);
            }
            Some(value) if leased || !self.without.has(&Guard::LeaseThenStamp) => {
                (me.value, me.stamped, me.pc) = (value, true, Pc::Peek);
            }
            kept => {
                if kept.is_some() {
                    self.seen.note(Event::NoLease);
                }
                self.arrive(state, reader);
            }
        }
        Some(())
    }

    /// Joins the open flight, or copies the stamp and asks the store.
    pub(super) fn arrive(&self, state: &mut State, reader: u8) {
        let process = &mut state.processes[usize::from(self.readers[usize::from(reader)].0)];
        let me = &mut state.readers[usize::from(reader)];
        me.value = 0;
        match process.flight {
            Some((leader, current)) if current || !self.without.has(&Guard::JoinComparesStamp) => {
                me.pc = Pc::Join(leader);
                me.stamped = false;
            }
            _ => {
                (me.pc, me.stamped, me.linked) = (Pc::Get, true, process.live);
                if !self.without.has(&Guard::OwnGet) {
                    process.flight = Some((reader, true));
                }
            }
        }
    }

    pub(super) fn poll(&self, state: &mut State, reader: u8) -> Option<()> {
        let before = state.readers[usize::from(reader)];
        if before.pc != Pc::Get || !matches!(state.stored, Stored::Lease(_) | Stored::Orphan) {
            return None;
        }
        if !self.without.has(&Guard::OwnGet) {
            return None;
        }
        self.arrive(state, reader);
        (state.readers[usize::from(reader)] != before).then_some(())
    }

    fn get(&self, state: &mut State, reader: u8) -> Option<()> {
        let process = &mut state.processes[usize::from(self.readers[usize::from(reader)].0)];
        let me = &mut state.readers[usize::from(reader)];
        match (state.stored, process.flight) {
            (Stored::Lease(_) | Stored::Orphan, _) => return None,
            (Stored::Value(version, _), _) => (me.value, me.pc) = (version, Pc::Found),
            (Stored::Nothing, Some((leader, true))) if leader != reader && me.stamped => {
                me.pc = Pc::Join(leader);
                me.stamped = false;
            }
            (Stored::Nothing, _) => {
                process.flight = Some((reader, me.stamped));
                me.pc = Pc::Lease;
            }
        }
        Some(())
    }

    fn lease(&self, state: &mut State, reader: u8) {
        let me = &mut state.readers[usize::from(reader)];
        match state.stored {
            _ if !self.without.has(&Guard::Lease) => (me.pc, me.undisturbed) = (Pc::Load, true),
            Stored::Nothing => {
                state.stored = Stored::Lease(reader);
                (me.pc, me.undisturbed) = (Pc::Load, true);
            }
            Stored::Value(version, _) => {
                (me.value, me.pc) = (version, Pc::Found);
                self.land(state, reader, Verdict::Abandoned);
            }
            Stored::Lease(_) | Stored::Orphan => {
                me.pc = Pc::Get;
                self.land(state, reader, Verdict::Abandoned);
            }
        }
    }

    fn fill(&self, state: &mut State, reader: u8) {
        let me = &mut state.readers[usize::from(reader)];
        let first = state.stored == Stored::Lease(reader);
        let refresh = matches!(state.stored, Stored::Value(_, Some(owner)) if owner == reader);
        let taken = first || refresh || !self.without.has(&Guard::FillComparesToken);
        if taken {
            state.stored = Stored::Value(me.value, None);
        }
        self.seen.note(match (taken, refresh) {
            (true, true) => Event::Refreshed,
            (true, false) => Event::Hit,
            (false, _) => Event::Refused,
        });
        me.pc = Pc::Land(taken);
    }

    /// Puts the reader's value into L1, if nothing was invalidated since it asked for it.
    fn keep(&self, state: &mut State, reader: u8) {
        let process = &mut state.processes[usize::from(self.readers[usize::from(reader)].0)];
        let me = &state.readers[usize::from(reader)];
        if self.tier == Tier::Off {
            return;
        }
        let linked = (me.linked && process.live) || !self.without.has(&Guard::EpochAtStore);
        if me.stamped || !self.without.has(&Guard::StampBeforeAsking) {
            process.l1 = if linked { Some(me.value) } else { process.l1 };
        } else {
            self.seen.note(Event::Outlived);
        }
    }

    pub(super) fn answer(&self, state: &mut State, reader: u8, event: Event) {
        let me = &mut state.readers[usize::from(reader)];
        state.stale |= me.value < me.floor;
        self.seen.note(event);
        me.finish();
    }

    pub(super) fn refresh(&self, state: &mut State, reader: u8) -> Option<()> {
        let (home, reads) = self.readers[usize::from(reader)];
        let Stored::Value(version, None) = state.stored else { return None };
        let floor = state.floor(self, home);
        let me = &mut state.readers[usize::from(reader)];
        if me.pc != Pc::Idle || me.reads >= reads {
            return None;
        }
        state.left.refreshes -= 1;
        state.stored = Stored::Value(version, Some(reader));
        (me.floor, me.pc, me.undisturbed) = (floor, Pc::Load, true);
        Some(())
    }
}
