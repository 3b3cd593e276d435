//! The writer, and what a process knows: L1, its open flight, its feed and the lease that the feed's heartbeat gives.

use super::{Entry, Event, Guard, Pc, State, Stored, Tier};

/// How far the writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Writer {
    /// Between two mutations.
    Idle,
    /// The invalidation is to be sent.
    Committed,
    /// The commit follows the invalidation, which is wrong.
    Ahead,
    /// The invalidation was executed.
    Invalidated,
    /// Its reply has come; leases from before are being waited for.
    Settling,
}

/// A lease of L1: what may be served while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// Nothing.
    Out,
    /// Counted from before the invalidation that is being settled.
    Old,
    /// Counted from a later time.
    New,
}

/// A heartbeat on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ping {
    /// Pushes that come before its answer.
    ahead: u8,
    /// Sent before the reply of the invalidation that is being settled.
    old: bool,
}

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    /// The version in L1, whose stamp is the current one.
    pub(super) l1: Option<u8>,
    /// Who leads the open flight, and whether its stamp is the current one.
    pub(super) flight: Option<(u8, bool)>,
    pub(super) live: bool,
    /// Pushes that are on their way.
    behind: u8,
    /// The newest version it was told of.
    delivered: u8,
    /// The newest version that one of its own writers wrote.
    own: u8,
    pub(super) lease: Line,
    ping: Option<Ping>,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            l1: None,
            flight: None,
            live: true,
            behind: 0,
            delivered: 0,
            own: 0,
            lease: Line::New,
            ping: None,
        }
    }
}

impl State {
    /// Whatever stood at the key is gone, and with it the right of a load that runs to be the only one.
    pub(super) fn kill(&mut self) {
        self.stored = Stored::Nothing;
        for reader in &mut self.readers {
            reader.undisturbed = false;
        }
    }

    /// The stamp changes: L1, the flight and everything copied before are of yesterday.
    fn stamp(&mut self, model: &Entry, process: u8) {
        let own = &mut self.processes[usize::from(process)];
        own.l1 = None;
        own.flight = own.flight.map(|(leader, _)| (leader, false));
        for (reader, (home, _)) in self.readers.iter_mut().zip(model.readers) {
            if home == process {
                reader.stamped = false;
            }
        }
    }

    /// The oldest version that a read of `process` may return if it starts now.
    pub(super) fn floor(&self, model: &Entry, process: u8) -> u8 {
        let own = &self.processes[usize::from(process)];
        match model.tier {
            Tier::Coherent if own.live => self.acknowledged.min(own.delivered.max(own.own)),
            _ => self.acknowledged,
        }
    }

    fn invalidate(&mut self, version: u8) {
        self.kill();
        self.invalidated = version;
        for process in self.processes.iter_mut().filter(|process| process.live) {
            process.behind += 1;
        }
    }

    pub(super) fn push(&mut self, model: &Entry, process: u8) -> Option<()> {
        let own = &mut self.processes[usize::from(process)];
        if own.behind == 0 {
            return None;
        }
        own.behind -= 1;
        own.delivered = own.delivered.max(self.invalidated - own.behind);
        if let Some(ping) = &mut own.ping {
            ping.ahead = ping.ahead.saturating_sub(1);
        }
        self.stamp(model, process);
        Some(())
    }

    pub(super) fn regain(&mut self, process: u8) -> Option<()> {
        let own = &mut self.processes[usize::from(process)];
        if own.live {
            return None;
        }
        *own = Process {
            live: true,
            delivered: self.invalidated,
            lease: Line::Out,
            ping: None,
            behind: 0,
            ..*own
        };
        Some(())
    }

    pub(super) fn ping(&mut self, process: u8) -> Option<()> {
        let own = &mut self.processes[usize::from(process)];
        if !own.live || own.ping.is_some() || self.left.pings == 0 {
            return None;
        }
        self.left.pings -= 1;
        own.ping = Some(Ping { ahead: own.behind, old: false });
        Some(())
    }

    /// A lease may run out at any time; it matters only while something is on its way or being settled.
    pub(super) fn run_out(&mut self, process: u8) -> Option<()> {
        let settling = self.writer == Writer::Settling;
        let own = &mut self.processes[usize::from(process)];
        if own.lease == Line::Out || (own.behind == 0 && !settling) {
            return None;
        }
        own.lease = Line::Out;
        Some(())
    }
}

impl Entry {
    pub(super) fn write(&self, state: &mut State) -> Option<()> {
        state.writer = match state.writer {
            Writer::Idle if state.left.writes == 0 => return None,
            Writer::Idle if self.without.has(&Guard::CommitFirst) => {
                state.left.writes -= 1;
                state.committed += 1;
                Writer::Committed
            }
            Writer::Idle => {
                state.left.writes -= 1;
                state.invalidate(state.committed + 1);
                Writer::Ahead
            }
            Writer::Ahead => {
                state.committed += 1;
                Writer::Invalidated
            }
            Writer::Committed => {
                state.invalidate(state.committed);
                Writer::Invalidated
            }
            Writer::Invalidated => {
                if self.without.has(&Guard::LocalInvalidation) {
                    state.stamp(self, self.writer);
                }
                self.begin_to_settle(state)
            }
            Writer::Settling => {
                self.settled(state)?;
                self.acknowledge(state)
            }
        };
        Some(())
    }

    fn begin_to_settle(&self, state: &mut State) -> Writer {
        if self.tier != Tier::Settled || !self.without.has(&Guard::Settle) {
            return self.acknowledge(state);
        }
        for process in &mut state.processes {
            if process.lease == Line::New {
                process.lease = Line::Old;
            }
            if let Some(ping) = &mut process.ping {
                ping.old = true;
            }
        }
        Writer::Settling
    }

    /// The time is over when every lease from before has run out; one that a heartbeat from before would still give, too.
    fn settled(&self, state: &mut State) -> Option<()> {
        if state.processes.iter().any(|process| process.lease == Line::Old) {
            return None;
        }
        if self.without.has(&Guard::LeaseFromSend) {
            for process in &mut state.processes {
                process.ping = process.ping.filter(|ping| !ping.old);
            }
        }
        Some(())
    }

    fn acknowledge(&self, state: &mut State) -> Writer {
        state.acknowledged = state.committed;
        state.processes[usize::from(self.writer)].own = state.committed;
        Writer::Idle
    }

    pub(super) fn pong(&self, state: &mut State, process: u8) -> Option<()> {
        let settling = state.writer == Writer::Settling;
        let own = &mut state.processes[usize::from(process)];
        let ping = own.ping?;
        if ping.ahead > 0 && self.without.has(&Guard::PongInOrder) {
            return None;
        }
        let late = ping.old && settling && self.without.has(&Guard::LeaseFromSend);
        own.ping = None;
        own.lease = if late { Line::Old } else { Line::New };
        Some(())
    }

    pub(super) fn lose(&self, state: &mut State, process: u8) -> Option<()> {
        let own = &mut state.processes[usize::from(process)];
        if !own.live || state.left.losses == 0 {
            return None;
        }
        state.left.losses -= 1;
        own.live = false;
        own.behind = 0;
        own.lease = Line::Out;
        own.ping = None;
        if self.without.has(&Guard::FlushOnLoss) {
            if own.l1.take().is_some() {
                self.seen.note(Event::Flushed);
            }
            for (reader, (home, _)) in state.readers.iter_mut().zip(self.readers) {
                if home == process && reader.pc == Pc::Peek {
                    reader.stamped = false;
                }
            }
        }
        for (reader, (home, _)) in state.readers.iter_mut().zip(self.readers) {
            if home == process {
                reader.linked = false;
            }
        }
        Some(())
    }
}
