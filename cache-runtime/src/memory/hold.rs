//! A hold as it stands in the store.

use crate::store::Token;

const KIND_HOLD: u8 = b'H';
/// Bytes of a holder and of its end.
const HOLDER: usize = 24;

/// No fills for now: who asked for it, and whether two ever did together.
pub(super) struct Hold {
    shared: bool,
    /// Each with its own end (ms, the store's clock): who is gone does not stay for as long as others come.
    holders: Vec<(Token, u64)>,
}

impl Hold {
    pub(super) fn by(holder: Token, ends: u64) -> Self {
        Self { shared: false, holders: vec![(holder, ends)] }
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[kind, shared], holders) = bytes.split_first_chunk()?;
        let (holders, rest) = holders.as_chunks::<HOLDER>();
        let holder = |bytes: &[u8; HOLDER]| {
            let (token, ends) = bytes.split_first_chunk()?;
            Some((Token(*token), u64::from_le_bytes(ends.try_into().ok()?)))
        };
        let holders = holders.iter().map(holder).collect::<Option<Vec<_>>>()?;
        (kind == KIND_HOLD && rest.is_empty() && !holders.is_empty())
            .then_some(Self { shared: shared != 0, holders })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![KIND_HOLD, u8::from(self.shared)];
        for (holder, ends) in &self.holders {
            bytes.extend(holder.0);
            bytes.extend(ends.to_le_bytes());
        }
        bytes
    }

    /// When the last holder's hold lapses.
    pub(super) fn ends(&self) -> u64 {
        self.holders.iter().map(|(_, ends)| *ends).max().unwrap_or(0)
    }

    pub(super) fn is_of_one_alone(&self, holder: Token) -> bool {
        !self.shared && matches!(self.holders[..], [(one, _)] if one == holder)
    }

    pub(super) fn shared(self) -> Self {
        Self { shared: true, ..self }
    }

    pub(super) fn joined_by(mut self, holder: Token, now: u64, ends: u64) -> Self {
        let mine = self.end_of(holder);
        self.shared |= mine.is_none();
        self.keep_others(holder, now);
        self.holders.push((holder, mine.map_or(ends, |mine| mine.max(ends))));
        self
    }

    pub(super) fn left_by(mut self, holder: Token, now: u64) -> Option<Self> {
        if self.end_of(holder).is_none() {
            return Some(self.shared());
        }
        self.keep_others(holder, now);
        (!self.holders.is_empty()).then_some(self)
    }

    fn end_of(&self, holder: Token) -> Option<u64> {
        self.holders.iter().find(|(other, _)| *other == holder).map(|(_, ends)| *ends)
    }

    fn keep_others(&mut self, holder: Token, now: u64) {
        self.holders.retain(|(other, ends)| *other != holder && *ends > now);
    }
}
