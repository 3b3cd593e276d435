//! A hold as it stands in the store.

use crate::store::Token;

const KIND_HOLD: u8 = b'H';

/// No fills for now: who asked for it, and whether two ever did together.
pub(super) struct Hold {
    pub(super) shared: bool,
    pub(super) holders: Vec<Token>,
}

impl Hold {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[kind, shared], holders) = bytes.split_first_chunk()?;
        let (holders, rest) = holders.as_chunks();
        (kind == KIND_HOLD && rest.is_empty() && !holders.is_empty())
            .then(|| Self { shared: shared != 0, holders: holders.iter().copied().map(Token).collect() })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![KIND_HOLD, u8::from(self.shared)];
        bytes.extend(self.holders.iter().flat_map(|holder| holder.0));
        bytes
    }

    pub(super) fn shared(self) -> Self {
        Self { shared: true, ..self }
    }

    pub(super) fn joined_by(mut self, holder: Token) -> Self {
        if self.holders.contains(&holder) {
            return self;
        }
        self.holders.push(holder);
        self.shared()
    }

    pub(super) fn left_by(mut self, holder: Token) -> Option<Self> {
        let before = self.holders.len();
        self.holders.retain(|other| *other != holder);
        if self.holders.len() == before {
            return Some(self.shared());
        }
        (!self.holders.is_empty()).then_some(self)
    }
}
