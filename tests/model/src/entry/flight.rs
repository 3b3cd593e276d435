//! Flights: how one ends, and what those who joined it do then.

use super::reader::Pc;
use super::{Entry, Event, Guard, State, Stored};

/// How a flight ends for those who joined it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The store took the value.
    Certified,
    /// It did not.
    Refused,
    /// There is no value.
    Abandoned,
}

impl Entry {
    pub(super) fn verdict(&self, state: &mut State, reader: u8, verdict: Verdict) {
        let me = &mut state.readers[usize::from(reader)];
        match verdict {
            Verdict::Certified => self.answer(state, reader, Event::Adopted),
            Verdict::Refused if !self.without.has(&Guard::JoinersAwaitVerdict) => {
                self.answer(state, reader, Event::Adopted);
            }
            Verdict::Refused => {
                me.refusals += 1;
                if me.refusals == self.patience && self.without.has(&Guard::Patience) {
                    self.seen.note(Event::Alone);
                    me.pc = Pc::Alone;
                } else {
                    self.arrive(state, reader);
                }
            }
            Verdict::Abandoned => {
                self.seen.note(Event::Released);
                self.arrive(state, reader);
            }
        }
    }

    pub(super) fn close(&self, state: &mut State, reader: u8) {
        let process = &mut state.processes[usize::from(self.readers[usize::from(reader)].0)];
        process.flight = process.flight.filter(|(leader, _)| *leader != reader);
    }

    /// Ends the flight of `reader`, if it leads one.
    pub(super) fn land(&self, state: &mut State, reader: u8, verdict: Verdict) {
        self.close(state, reader);
        let value = state.readers[usize::from(reader)].value;
        for joiner in state.readers.iter_mut().filter(|it| it.pc == Pc::Join(reader)) {
            (joiner.pc, joiner.value) = (Pc::Got(verdict), value);
        }
    }

    /// A load fails, or its caller goes away.
    pub(super) fn end_without_value(&self, state: &mut State, reader: u8, fails: bool) -> Option<()> {
        let pc = state.readers[usize::from(reader)].pc;
        if !matches!((pc, fails), (Pc::Load, _) | (Pc::Lease | Pc::Send, false)) {
            return None;
        }
        let left = if fails { &mut state.left.failures } else { &mut state.left.drops };
        *left -= 1;
        match state.stored {
            Stored::Lease(owner) if owner == reader => state.stored = Stored::Orphan,
            Stored::Value(version, Some(owner)) if owner == reader => {
                state.stored = Stored::Value(version, None);
            }
            _ => {}
        }
        self.land(state, reader, Verdict::Abandoned);
        if fails && !self.without.has(&Guard::FailureHandsOver) {
            for joiner in state.readers.iter_mut().filter(|it| it.pc == Pc::Got(Verdict::Abandoned)) {
                (joiner.pc, joiner.undisturbed) = (Pc::Alone, true);
            }
        }
        state.readers[usize::from(reader)].finish();
        Some(())
    }
}
