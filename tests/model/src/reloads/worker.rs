//! A caller, or a reload in the background.

use super::{Age, CROWDED, Event, Guard, Held, NEEDLESS, NOBODY, Reloads, STALE, State, Stored, TWICE};

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pc {
    /// Between two calls; for a reload, there is none.
    Idle,
    /// The entry is to be asked for.
    Get,
    /// The store gave a version of this age.
    Found(u8, Age),
    /// The right to reload is to be executed.
    Refresh,
    /// The body runs.
    Load,
    /// L1 is to give the old value up.
    Bump,
    /// The fill is to be executed.
    Fill,
    /// The store took the value, and its reply is on its way.
    Land,
}

/// A caller that calls one time after another, or a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a comparison that the worker can make")]
pub struct Worker {
    pub(super) pc: Pc,
    pub(super) reads: u8,
    pub(super) floor: u8,
    pub(super) value: u8,
    /// The generation that it captured.
    pub(super) tag: u8,
    /// The expired version that it has.
    pub(super) old: Option<u8>,
    /// What it saw of the store stands there still.
    pub(super) seen: bool,
    /// What it saw, or what L1 served, was not fresh.
    pub(super) due: bool,
    /// L1 served the value that it is to reload.
    pub(super) served: bool,
    /// Nothing was invalidated locally since it asked the store first.
    pub(super) stamped: bool,
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            pc: Pc::Idle,
            reads: 0,
            floor: 0,
            value: 0,
            tag: 0,
            old: None,
            seen: false,
            due: false,
            served: false,
            stamped: false,
        }
    }
}

impl State {
    fn end(&mut self, worker: u8) {
        if let Stored::Value { reload, .. } = &mut self.stored {
            *reload = reload.map(|owner| if owner == worker { NOBODY } else { owner });
        }
        let me = &mut self.workers[usize::from(worker)];
        *me = Worker { reads: me.reads + u8::from(worker < 2), ..Worker::default() };
    }

    fn answer(&mut self, caller: u8, version: u8) {
        if version < self.workers[usize::from(caller)].floor {
            self.broken = Some(STALE);
        }
        self.end(caller);
    }

    fn keep(&mut self, version: u8, age: Age, same: bool) {
        self.l1 = Some(Held { version, age, same });
    }
}

impl Reloads {
    pub(super) fn work(&self, state: &mut State, worker: u8) -> Option<()> {
        let at = usize::from(worker);
        let (home, background) = (u8::from(matches!(worker, 1 | 4)), worker > 1);
        let (stored, committed) = (state.stored, state.committed);
        let me = &mut state.workers[at];
        match (me.pc, stored) {
            (Pc::Idle, _) if background || me.reads == self.reads[at] => return None,
            (Pc::Idle, _) => self.start(state, worker, home),
            (Pc::Get, _) if background => self.look(state, worker),
            (Pc::Get, Stored::Lease(_)) => return None,
            (Pc::Get, Stored::Value { version, generation, age, .. })
                if generation == state.tag || !self.without.has(&Guard::TagCompared) =>
            {
                me.seen = true;
                me.pc = if age == Age::Expired { Pc::Refresh } else { Pc::Found(version, age) };
                (me.old, me.due) = (Some(version), age != Age::Fresh);
            }
            (Pc::Get, _) => {
                if stored != Stored::Nothing {
                    self.seen.note(Event::Old);
                }
                me.pc = Pc::Load;
                let tag = state.capture();
                state.workers[at].tag = tag;
                state.replace(Stored::Lease(worker));
            }
            (Pc::Found(version, age), _) => {
                self.seen.note(Event::Hit);
                if home == 0 && me.stamped {
                    let same = me.seen;
                    state.keep(version, age, same);
                }
                state.answer(worker, version);
                if age == Age::Due {
                    self.spawn(state, home, None);
                }
            }
            (Pc::Refresh, _) => self.refresh(state, worker),
            (Pc::Load, _) => {
                me.value = committed;
                me.pc = if background { Pc::Bump } else { Pc::Fill };
            }
            (Pc::Bump, _) => {
                let stamped = me.stamped || !self.without.has(&Guard::TicketBeforeLoad);
                if home == 0 && self.without.has(&Guard::OldLeavesL1) {
                    state.stamp();
                }
                (state.workers[at].stamped, state.workers[at].pc) = (stamped, Pc::Fill);
            }
            (Pc::Fill, _) => self.fill(state, worker),
            (Pc::Land, _) => self.land(state, worker, home),
        }
        Some(())
    }

    fn start(&self, state: &mut State, caller: u8, home: u8) {
        let held = state.l1.filter(|held| home == 0 && held.age != Age::Expired);
        let me = &mut state.workers[usize::from(caller)];
        me.floor = state.acknowledged;
        let Some(held) = held else {
            (me.pc, me.stamped) = (Pc::Get, true);
            return;
        };
        self.seen.note(Event::L1Hit);
        state.answer(caller, held.version);
        if held.age == Age::Due {
            self.spawn(state, home, Some(held));
        }
    }

    /// A reload in the background begins, if none of this process is under way.
    fn spawn(&self, state: &mut State, home: u8, served: Option<Held>) {
        let places: &[usize] = match home {
            1 => &[4],
            _ if self.without.has(&Guard::OnePlace) => &[2],
            _ => &[2, 3],
        };
        let Some(&place) = places.iter().find(|it| state.workers[**it].pc == Pc::Idle) else { return };
        let (due, served, seen) = (served.is_some(), served.is_some(), served.is_some_and(|held| held.same));
        state.workers[place] = Worker { pc: Pc::Get, stamped: true, due, served, seen, ..Worker::default() };
    }

    /// A reload finds out what stands there.
    fn look(&self, state: &mut State, worker: u8) {
        let me = &mut state.workers[usize::from(worker)];
        match state.stored {
            Stored::Value { .. } if me.served && !me.seen && self.without.has(&Guard::ServedCompared) => {
                self.seen.note(Event::Taken);
                state.stamp();
                state.end(worker);
            }
            Stored::Value { age, .. } => {
                me.due |= age != Age::Fresh;
                (me.pc, me.seen) = (Pc::Refresh, true);
            }
            _ => state.end(worker),
        }
    }

    fn refresh(&self, state: &mut State, worker: u8) {
        let tag = state.tag;
        let me = state.workers[usize::from(worker)];
        let granted = match &mut state.stored {
            Stored::Value { reload, age, .. }
                if (me.seen || !self.without.has(&Guard::RefreshCompares))
                    && (reload.is_none() || !self.without.has(&Guard::OneAtATime)) =>
            {
                let crowded = reload.is_some_and(|owner| owner != NOBODY);
                let other = if worker == 2 { 3 } else { 2 };
                let twice = matches!(worker, 2 | 3) && state.workers[other].reloads();
                let broken = [(me.due && *age == Age::Fresh, NEEDLESS), (crowded, CROWDED), (twice, TWICE)];
                state.broken = broken.iter().find(|(it, _)| *it).map(|(_, property)| *property);
                *reload = Some(worker);
                true
            }
            _ => false,
        };
        if !granted {
            self.seen.note(Event::Denied);
            // A caller loads for itself then; that fails, and the value that it has is the answer.
            match me.old {
                Some(version) => state.answer(worker, version),
                None => state.end(worker),
            }
            return;
        }
        let tag = if tag == 0 { state.capture() } else { tag };
        let me = &mut state.workers[usize::from(worker)];
        (me.pc, me.tag) = (Pc::Load, tag);
    }

    pub(super) fn fail(&self, state: &mut State, caller: u8) -> Option<()> {
        let me = state.workers[usize::from(caller)];
        if me.pc != Pc::Load {
            return None;
        }
        state.left.failures = state.left.failures.checked_sub(1)?;
        self.seen.note(Event::Forgiven);
        state.answer(caller, me.old?);
        Some(())
    }

    fn fill(&self, state: &mut State, worker: u8) {
        if !self.without.has(&Guard::CaptureFirst) {
            state.workers[usize::from(worker)].tag = state.capture();
        }
        let me = state.workers[usize::from(worker)];
        let mine = match state.stored {
            Stored::Lease(owner) => owner == worker,
            Stored::Value { reload, .. } => reload == Some(worker),
            Stored::Nothing => false,
        };
        if mine || !self.without.has(&Guard::FillCompares) {
            state.replace(Stored::Value {
                version: me.value,
                generation: me.tag,
                age: Age::Fresh,
                reload: None,
            });
            (state.workers[usize::from(worker)].pc, state.workers[usize::from(worker)].seen) =
                (Pc::Land, true);
        } else {
            self.seen.note(Event::Refused);
            state.end(worker);
        }
    }

    fn land(&self, state: &mut State, worker: u8, home: u8) {
        let me = state.workers[usize::from(worker)];
        if worker > 1 {
            self.seen.note(Event::Reloaded);
        }
        if home == 0 && me.stamped {
            self.seen.note(Event::Kept);
            state.keep(me.value, Age::Fresh, me.seen);
        } else if home == 0 {
            self.seen.note(Event::Outrun);
        }
        state.end(worker);
    }
}

impl Worker {
    fn reloads(&self) -> bool {
        matches!(self.pc, Pc::Load | Pc::Bump | Pc::Fill)
    }
}
