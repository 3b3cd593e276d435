//! What stands at a key that writers hold, and a reader of it; shared by the models of holds.

/// What stands at the key; readers are named by their index, holders are a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stored {
    /// Nothing.
    Nothing,
    /// The lease of a reader that loads.
    Lease(u8),
    /// A version.
    Value(u8),
    /// No fills for now: who holds, and whether anyone else ever had a part in it.
    Hold(u8, bool),
}

impl Stored {
    /// The hold of `writer` has lapsed, and others hold on: what two held stays shared.
    pub(crate) fn without(self, writer: u8) -> Option<Self> {
        match self {
            Self::Hold(holders, shared) if holders & 1 << writer != 0 && holders != 1 << writer => {
                Some(Self::Hold(holders & !(1 << writer), shared))
            }
            _ => None,
        }
    }
}

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Pc {
    /// Between two reads.
    Idle,
    /// Its read of the store is to be executed, or waits for the end of a lease.
    Get,
    /// The body runs under the lease.
    Load,
    /// The fill is to be executed.
    Fill,
}

/// One caller that reads one time after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    pub(crate) pc: Pc,
    pub(crate) reads: u8,
    floor: u8,
    value: u8,
}

/// What a step of a reader showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shown {
    Hit,
    Beside,
    Refused,
    Stale,
    Nothing,
}

impl Reader {
    pub(crate) const NEW: Self = Self { pc: Pc::Idle, reads: 0, floor: 0, value: 0 };

    fn finish(&mut self) {
        *self = Self { reads: self.reads + 1, ..Self::NEW };
    }

    /// Goes on: `me` is the reader's name, `floor` what it must see if it starts now.
    pub(crate) fn step(&mut self, me: u8, stored: &mut Stored, committed: u8, floor: u8) -> Option<Shown> {
        let mut shown = Shown::Nothing;
        match (self.pc, *stored) {
            (Pc::Idle, _) => (self.pc, self.floor) = (Pc::Get, floor),
            (Pc::Get, Stored::Nothing) => {
                *stored = Stored::Lease(me);
                self.pc = Pc::Load;
            }
            (Pc::Get, Stored::Lease(_)) => return None,
            (Pc::Get, Stored::Value(version)) => {
                shown = if version < self.floor { Shown::Stale } else { Shown::Hit };
                self.finish();
            }
            (Pc::Get, Stored::Hold(..)) => {
                shown = Shown::Beside;
                self.finish();
            }
            (Pc::Load, _) => (self.pc, self.value) = (Pc::Fill, committed),
            (Pc::Fill, Stored::Lease(owner)) if owner == me => {
                *stored = Stored::Value(self.value);
                self.finish();
            }
            (Pc::Fill, _) => {
                shown = Shown::Refused;
                self.finish();
            }
        }
        Some(shown)
    }
}
