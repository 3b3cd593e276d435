//! The steps of a mutation, and of the scripts that it sends.

use super::{Event, Guard, State, WriteThrough};
use crate::held::Stored;

/// How far a writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pc {
    /// The hold is to be executed.
    Hold,
    /// The commit is next.
    Commit,
    /// The commit is next, and there is no hold to end.
    CommitUnheld,
    /// The put is to be executed.
    Put,
    /// The put was not answered: the hold is to be ended.
    Unhold,
    /// The invalidation is to be executed.
    Invalidate,
    /// It returns next.
    Return,
    /// It is done, or dead.
    Ended,
}

/// A command that was not answered in time and may still be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Late {
    /// There is none.
    Nothing,
    /// A hold.
    Hold,
    /// A put.
    Put,
}

/// One mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Writer {
    pub(super) pc: Pc,
    pub(super) version: u8,
    pub(super) late: Late,
}

impl WriteThrough {
    /// Ends the hold of `writer`, with a value or without.
    fn end(&self, state: &mut State, writer: u8, value: Option<u8>, full: bool) {
        let me = 1 << writer;
        let kept = |hold| if full { Stored::Nothing } else { hold };
        let unmarked = |hold| if self.without.has(&Guard::RemoveWhenFull) { Stored::Nothing } else { hold };
        state.stored = match (state.stored, value) {
            (_, Some(version)) if !self.without.has(&Guard::Hold) => Stored::Value(version),
            (Stored::Hold(holders, false), Some(version)) if holders == me => kept(Stored::Value(version)),
            (Stored::Hold(holders, _), _) if holders == me => Stored::Nothing,
            (Stored::Hold(holders, shared), _) if holders & me != 0 => {
                kept(Stored::Hold(holders & !me, shared))
            }
            (hold @ Stored::Hold(..), _) if full => unmarked(hold),
            (Stored::Hold(holders, shared), _) => {
                Stored::Hold(holders, shared || self.without.has(&Guard::StrangerShares))
            }
            (_, _) if self.without.has(&Guard::RemoveAfterLapse) => Stored::Nothing,
            (stored, _) => stored,
        };
        if value.is_some() {
            let stored = state.stored == Stored::Value(value.unwrap_or_default());
            self.seen.note(if stored { Event::Stored } else { Event::Removed });
        }
    }

    fn hold(&self, state: &mut State, writer: u8) {
        state.stored = match state.stored {
            Stored::Hold(holders, shared) => {
                let joins = holders & 1 << writer == 0 && self.without.has(&Guard::HolderShares);
                Stored::Hold(holders | 1 << writer, shared || joins)
            }
            _ => Stored::Hold(1 << writer, false),
        };
    }

    pub(super) fn write(&self, state: &mut State, writer: u8, full: bool) -> Option<()> {
        let at = usize::from(writer);
        let Writer { pc, version, .. } = state.writers[at];
        state.writers[at].pc = match pc {
            // A full store refuses the hold, and what follows knows of none.
            Pc::Hold if full => return None,
            Pc::Hold => {
                self.hold(state, writer);
                Pc::Commit
            }
            Pc::Commit | Pc::CommitUnheld => {
                state.committed += 1;
                state.writers[at].version = state.committed;
                if pc == Pc::Commit { Pc::Put } else { Pc::Invalidate }
            }
            Pc::Put => {
                self.end(state, writer, Some(version), full);
                Pc::Return
            }
            Pc::Unhold => {
                self.end(state, writer, None, full);
                Pc::Return
            }
            Pc::Invalidate => {
                state.stored = match state.stored {
                    Stored::Hold(..) if full && self.without.has(&Guard::RemoveWhenFull) => Stored::Nothing,
                    hold @ Stored::Hold(..) if full => hold,
                    Stored::Hold(holders, shared) => {
                        Stored::Hold(holders, shared || self.without.has(&Guard::InvalidationShares))
                    }
                    _ => Stored::Nothing,
                };
                Pc::Return
            }
            Pc::Return => {
                state.acknowledged = state.acknowledged.max(version);
                Pc::Ended
            }
            Pc::Ended => return None,
        };
        Some(())
    }

    pub(super) fn time_out(state: &mut State, writer: u8) -> Option<()> {
        state.left.timeouts = state.left.timeouts.checked_sub(1)?;
        let me = &mut state.writers[usize::from(writer)];
        (me.pc, me.late) = match (me.pc, me.late) {
            (Pc::Hold, Late::Nothing) => (Pc::CommitUnheld, Late::Hold),
            (Pc::Put, Late::Nothing) => (Pc::Unhold, Late::Put),
            // Not answered either: an invalidation is what remains.
            (Pc::Unhold, late) => (Pc::Invalidate, late),
            _ => return None,
        };
        Some(())
    }

    pub(super) fn late(&self, state: &mut State, writer: u8) -> Option<()> {
        let Writer { version, late, .. } = state.writers[usize::from(writer)];
        match late {
            Late::Nothing => return None,
            Late::Hold => {
                self.seen.note(Event::LateHold);
                self.hold(state, writer);
            }
            Late::Put => {
                self.seen.note(Event::LatePut);
                self.end(state, writer, Some(version), false);
            }
        }
        state.writers[usize::from(writer)].late = Late::Nothing;
        Some(())
    }
}
