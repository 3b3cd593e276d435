//! A caller: it hits, leads a load, or joins one.

use super::{Event, Guard, Joins, Kind, State, Stored, Writer};

/// How far a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pc {
    /// Between two calls.
    Idle,
    /// It joins the open flight, or asks the store.
    Start,
    /// It has joined this caller's flight.
    Joined(u8),
    /// The entry is to be asked for.
    Get,
    /// There is a value of this version, whose tag is to be asked for.
    Check(u8),
    /// A flight is to be opened, to load in place of nothing or of a value of this tag.
    Open,
    /// The lease is to be executed.
    Lease,
    /// The clock is to be captured.
    Capture,
    /// The body runs.
    Load,
    /// The tag of the value is to be captured, or (too early) the clock.
    CaptureFirst,
    /// The other one is to be captured; the clock, where it was captured already, was this.
    CaptureSecond(u8),
    /// The value is not to be stored, and what joiners get is to be certified by the clock if at all.
    Unstored(bool),
    /// The fill is to be executed.
    Fill,
    /// The right to reload is to be executed.
    Refresh,
    /// The body runs, and fails.
    Fail,
    /// The store is to be asked whether it has the expired value still.
    Head,
    /// The store is to be asked for what the joiners' value depends on; whether all was well so far.
    Certify(Depends, bool),
    /// The verdict is to be given.
    Land(bool),
}

/// What joiners depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depends {
    /// The tag of a stored value.
    Tag,
    /// The clock, which stands for the tag of a value that is not stored.
    Clock,
    /// The tag of an expired value.
    ExpiredTag,
}

/// One caller that calls one time after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    pub(super) pc: Pc,
    pub(super) reads: u8,
    pub(super) floor: u8,
    pub(super) value: u8,
    /// The clock and the tag that it captured or found.
    pub(super) clock: u8,
    pub(super) tag: u8,
}

impl Default for Caller {
    fn default() -> Self {
        Self { pc: Pc::Idle, reads: 0, floor: 0, value: 0, clock: 0, tag: 0 }
    }
}

impl Caller {
    fn again(&mut self) {
        *self = Self { pc: Pc::Start, reads: self.reads, floor: self.floor, ..Self::default() };
    }
}

impl State {
    fn end(&mut self, caller: u8) {
        let me = &mut self.callers[usize::from(caller)];
        *me = Caller { reads: me.reads + 1, ..Caller::default() };
    }

    fn answer(&mut self, caller: u8, value: u8) {
        self.stale |= value < self.callers[usize::from(caller)].floor;
        self.end(caller);
    }

    /// Those who joined this caller's flight.
    fn joiners(&self, leader: u8) -> impl Iterator<Item = u8> + use<> {
        let joined = self.callers.map(|it| it.pc == Pc::Joined(leader));
        (0..3).filter(move |it| joined[usize::from(*it)])
    }

    fn abandon(&mut self, leader: u8) {
        self.flight = self.flight.filter(|it| *it != leader);
        for joiner in self.joiners(leader) {
            self.callers[usize::from(joiner)].again();
        }
    }
}

impl Joins {
    pub(super) fn call(&self, state: &mut State, caller: u8) -> Option<()> {
        let at = usize::from(caller);
        let (stored, committed, clock, tag, fresh) =
            (state.stored, state.committed, state.clock, state.tag, state.fresh());
        let me = &mut state.callers[at];
        match me.pc {
            Pc::Idle => {
                if me.reads == self.reads[at] {
                    return None;
                }
                (me.pc, me.floor) = (Pc::Start, state.acknowledged);
            }
            Pc::Start => me.pc = state.flight.map_or(Pc::Get, Pc::Joined),
            Pc::Joined(_) => return None,
            Pc::Get => match stored {
                Stored::Lease(_) => return None,
                Stored::Nothing => (me.pc, me.tag) = (Pc::Open, 0),
                Stored::Value(version, tag, _) => (me.pc, me.tag) = (Pc::Check(version), tag),
            },
            Pc::Check(version) if tag != me.tag => {
                self.seen.note(Event::Old);
                (me.pc, me.value) = (Pc::Open, version);
            }
            Pc::Check(version) if self.kind == Kind::Failing => (me.pc, me.value) = (Pc::Refresh, version),
            Pc::Check(version) => {
                self.seen.note(Event::Hit);
                state.answer(caller, version);
            }
            Pc::Open if state.flight.is_some() => me.again(),
            Pc::Open => (me.pc, state.flight) = (Pc::Lease, Some(caller)),
            Pc::Lease => {
                let replaces = matches!(stored, Stored::Value(_, tag, _) if tag == me.tag && tag != 0);
                if stored == Stored::Nothing || replaces {
                    (me.pc, state.stored) = (Pc::Capture, Stored::Lease(caller));
                } else {
                    me.again();
                    state.abandon(caller);
                }
            }
            Pc::Capture => {
                state.clock = if clock == 0 { fresh } else { clock };
                (me.clock, me.tag, me.pc) = (state.clock, 0, Pc::Load);
            }
            Pc::Load => {
                me.value = committed;
                me.pc = match self.kind {
                    Kind::Stored => Pc::CaptureFirst,
                    Kind::Unstored => Pc::Unstored(true),
                    Kind::Failing => Pc::Unstored(false),
                };
            }
            Pc::CaptureFirst | Pc::CaptureSecond(_) => self.capture_later(state, caller),
            Pc::Unstored(_) | Pc::Fill | Pc::Head => self.finish(state, caller),
            Pc::Refresh if state.flight.is_some_and(|it| it != caller) => me.again(),
            Pc::Refresh => {
                state.flight = Some(caller);
                if stored == Stored::Value(me.value, me.tag, false) {
                    state.stored = Stored::Value(me.value, me.tag, true);
                    me.pc = Pc::Fail;
                } else {
                    // It loads for itself, and has the expired value to fall back on.
                    let value = me.value;
                    state.answer(caller, value);
                    state.abandon(caller);
                }
            }
            Pc::Fail => me.pc = Pc::Head,
            Pc::Certify(depends, well) => {
                let (guard, stands) = match depends {
                    Depends::Tag => (Guard::CertifyTag, tag == me.tag),
                    Depends::Clock => (Guard::CertifyClock, clock == me.clock),
                    Depends::ExpiredTag => (Guard::CertifyExpiredTag, tag == me.tag),
                };
                me.pc = Pc::Land(well && (stands || !self.without.has(&guard)));
            }
            Pc::Land(well) => self.land(state, caller, well),
        }
        Some(())
    }

    /// One of the two captures after the load, in either order.
    fn capture_later(&self, state: &mut State, caller: u8) {
        if state.writer == Writer::Between {
            self.seen.note(Event::Torn);
        }
        let (clock_last, fresh) = (self.without.has(&Guard::ClockCapturedLast), state.fresh());
        let me = &mut state.callers[usize::from(caller)];
        let first = me.pc == Pc::CaptureFirst;
        let place = if first == clock_last { &mut state.tag } else { &mut state.clock };
        if *place == 0 {
            *place = fresh;
        }
        let captured = *place;
        if first == clock_last {
            me.tag = captured;
        }
        let clock = match (me.pc, clock_last) {
            (Pc::CaptureFirst, _) => {
                me.pc = Pc::CaptureSecond(captured);
                return;
            }
            (Pc::CaptureSecond(clock), false) => clock,
            _ => captured,
        };
        me.pc = if clock == me.clock || !self.without.has(&Guard::ClockCompared) {
            Pc::Fill
        } else {
            self.seen.note(Event::Moved);
            Pc::Unstored(false)
        };
    }

    /// Closes the flight, and sends what decides on the value.
    fn finish(&self, state: &mut State, caller: u8) {
        if state.flight == Some(caller) && self.without.has(&Guard::CloseFirst) {
            state.flight = None;
            return;
        }
        let stored = state.stored;
        let me = &mut state.callers[usize::from(caller)];
        let mine = stored == Stored::Lease(caller);
        me.pc = match me.pc {
            Pc::Unstored(certified) => {
                if mine {
                    state.stored = Stored::Nothing;
                }
                if certified { Pc::Certify(Depends::Clock, mine) } else { Pc::Land(false) }
            }
            Pc::Fill => {
                if mine || !self.without.has(&Guard::FillCompares) {
                    state.stored = Stored::Value(me.value, me.tag, false);
                    Pc::Certify(Depends::Tag, true)
                } else {
                    self.seen.note(Event::Lost);
                    Pc::Land(false)
                }
            }
            _ => {
                let there =
                    matches!(stored, Stored::Value(version, tag, _) if (version, tag) == (me.value, me.tag));
                Pc::Certify(Depends::ExpiredTag, there || !self.without.has(&Guard::CertifyExpired))
            }
        };
    }

    /// The leader and its joiners get their answers.
    fn land(&self, state: &mut State, caller: u8, well: bool) {
        let value = state.callers[usize::from(caller)].value;
        let failing = self.kind == Kind::Failing;
        for joiner in state.joiners(caller).collect::<Vec<_>>() {
            if well {
                self.seen.note(if failing { Event::Answered } else { Event::Joined });
                state.answer(joiner, value);
            } else {
                self.seen.note(if failing { Event::Withheld } else { Event::Refused });
                state.callers[usize::from(joiner)].again();
            }
        }
        if self.kind == Kind::Failing {
            state.end(caller);
        } else {
            state.answer(caller, value);
        }
        state.flight = state.flight.filter(|it| *it != caller);
    }
}
