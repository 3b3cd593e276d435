//! The writer, its queue, and the connections.

use super::{Event, Guard, OnRestart, Outage, Pc, State, Stored};

/// How far the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Between two mutations.
    Idle,
    /// The invalidation is to be executed, if it can be sent.
    Committed,
    /// It was executed.
    Invalidated,
    /// It was executed on a connection that is lost; its reply may have come before that.
    Cut,
}

/// A connection to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// There is none.
    Down,
    /// It is being set up, and serves no reads yet.
    Joining,
    /// It serves.
    Up,
}

/// What the writer's process owes the store; invalidations are named by their versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Queue {
    queued: Option<u8>,
    /// What a batch on its way covers.
    sent: Option<u8>,
    /// An invalidation that timed out may still be executed.
    late: bool,
    /// The newest acknowledged one, to be replayed.
    ring: u8,
    /// The store restarted since.
    owed: bool,
}

impl Queue {
    pub(super) fn is_empty(self) -> bool {
        self.queued.is_none()
    }
}

impl State {
    /// The writer's process invalidates its L1 and all that was asked for before.
    fn stamp(&mut self, model: &Outage) {
        self.l1 = None;
        for (reader, (home, _)) in self.readers.iter_mut().zip(model.readers) {
            reader.stamped &= home != 0;
        }
    }

    pub(super) fn save(&mut self) -> Option<()> {
        self.left.snapshots = self.left.snapshots.checked_sub(1)?;
        self.snapshot = Some(self.stored);
        Some(())
    }

    pub(super) fn evict(&mut self) -> Option<()> {
        if matches!(self.stored, Stored::Nothing | Stored::Orphan) {
            return None;
        }
        self.left.evictions = self.left.evictions.checked_sub(1)?;
        self.stored = Stored::Nothing;
        Some(())
    }
}

impl State {
    pub(super) fn drain(&mut self) -> Option<()> {
        if self.links[0] == Link::Down || self.queue.sent.is_some() {
            return None;
        }
        self.queue.sent = Some(self.queue.queued?);
        self.stored = Stored::Nothing;
        Some(())
    }
}

impl Outage {
    pub(super) fn write(&self, state: &mut State) -> Option<()> {
        state.writer = match state.writer {
            Writer::Idle => {
                state.left.writes = state.left.writes.checked_sub(1)?;
                state.committed += 1;
                Writer::Committed
            }
            Writer::Committed if state.links[0] == Link::Up => {
                state.stored = Stored::Nothing;
                Writer::Invalidated
            }
            Writer::Committed | Writer::Cut => self.queue(state),
            Writer::Invalidated => {
                state.applied = state.committed;
                state.queue.ring = state.committed;
                self.return_ok(state)
            }
        };
        Some(())
    }

    fn return_ok(&self, state: &mut State) -> Writer {
        state.stamp(self);
        state.returned = state.committed;
        Writer::Idle
    }

    fn queue(&self, state: &mut State) -> Writer {
        self.seen.note(Event::Queued);
        if self.without.has(&Guard::Queue) {
            if state.queue.sent.is_some() {
                self.seen.note(Event::Requeued);
            }
            state.queue.queued = Some(state.committed);
        }
        self.return_ok(state)
    }

    pub(super) fn time_out(&self, state: &mut State) -> Option<()> {
        if state.writer != Writer::Committed || state.links[0] != Link::Up {
            return None;
        }
        state.left.timeouts = state.left.timeouts.checked_sub(1)?;
        state.queue.late = true;
        state.writer = self.queue(state);
        Some(())
    }

    pub(super) fn late(&self, state: &mut State) -> Option<()> {
        if !state.queue.late {
            return None;
        }
        self.seen.note(Event::Late);
        state.queue.late = false;
        state.stored = Stored::Nothing;
        Some(())
    }

    pub(super) fn drained(&self, state: &mut State) -> Option<()> {
        let sent = state.queue.sent?;
        let guard = if state.links[0] == Link::Up { Guard::LocalAtDrain } else { Guard::LocalAtConnect };
        if self.without.has(&guard) {
            state.stamp(self);
        }
        self.seen.note(Event::Drained);
        state.queue.sent = None;
        state.applied = state.applied.max(sent);
        if self.without.has(&Guard::DrainedEntersRing) {
            state.queue.ring = state.queue.ring.max(sent);
        }
        if state.queue.queued == Some(sent) || !self.without.has(&Guard::RequeuedStays) {
            state.queue.queued = None;
        }
        Some(())
    }

    pub(super) fn lose(&self, state: &mut State, process: u8) -> Option<()> {
        let link = &mut state.links[usize::from(process)];
        if *link == Link::Down {
            return None;
        }
        state.left.losses = state.left.losses.checked_sub(1)?;
        *link = Link::Down;
        if process == 0 {
            self.cut(state);
        }
        Some(())
    }

    /// Whatever the writer's process was waiting for counts as unanswered.
    fn cut(&self, state: &mut State) {
        state.queue.sent = None;
        if state.writer == Writer::Invalidated && self.without.has(&Guard::ReplyOfSameLink) {
            state.writer = Writer::Cut;
        }
    }

    pub(super) fn connect(&self, state: &mut State, process: u8) -> Option<()> {
        let link = &mut state.links[usize::from(process)];
        if *link != Link::Down {
            return None;
        }
        *link = Link::Joining;
        if self.on_restart == OnRestart::Flush && !state.guarded && self.without.has(&Guard::FlushOnRestart) {
            self.seen.note(Event::Flushed);
            state.stored = Stored::Nothing;
        }
        state.guarded = true;
        Some(())
    }

    pub(super) fn publish(&self, state: &mut State, process: u8) -> Option<()> {
        let owes = process == 0
            && ((!state.queue.is_empty() && self.without.has(&Guard::DrainBeforeReads))
                || (state.queue.owed && self.without.has(&Guard::ReplayBeforeReads)));
        let link = &mut state.links[usize::from(process)];
        // A drain under way belongs to the connection being set up, and ends before that does.
        if *link != Link::Joining || owes || (process == 0 && state.queue.sent.is_some()) {
            return None;
        }
        *link = Link::Up;
        Some(())
    }

    pub(super) fn replay(&self, state: &mut State) -> Option<()> {
        if !state.queue.owed || state.links[0] == Link::Down {
            return None;
        }
        self.seen.note(Event::Replayed);
        state.queue.owed = false;
        state.stored = Stored::Nothing;
        state.applied = state.applied.max(state.queue.ring);
        if !self.without.has(&Guard::ReplayedStaysInRing) {
            state.queue.ring = 0;
        }
        Some(())
    }

    pub(super) fn restart(&self, state: &mut State) -> Option<()> {
        state.left.restarts = state.left.restarts.checked_sub(1)?;
        state.stored = state.snapshot.unwrap_or(Stored::Nothing);
        if matches!(state.stored, Stored::Value(version) if version < state.applied) {
            self.seen.note(Event::Risen);
        }
        state.links = [Link::Down; 2];
        state.guarded = false;
        self.cut(state);
        state.queue.late = false;
        if self.on_restart == OnRestart::Replay {
            state.queue.owed = state.queue.ring > 0;
            state.applied = 0;
            for (reader, (home, _)) in state.readers.iter_mut().zip(self.readers) {
                reader.floor = if home == 0 { reader.floor } else { 0 };
            }
        }
        // What was on its way is gone.
        for reader in 0..3 {
            if matches!(state.readers[usize::from(reader)].pc, Pc::Fill) {
                state.finish(reader);
            }
        }
        Some(())
    }
}
