//! One key, while nobody else can touch it.

use super::KIND_LEASE;
use super::hold::Hold;
use crate::store::{Lifetime, Token};
use crate::time::Instant;
use bytes::Bytes;
use std::sync::MutexGuard;
use std::time::Duration;

pub(super) type Shard = quick_cache::unsync::Cache<Bytes, Slot, Weight>;

#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) bytes: Bytes,
    pub(super) expires: Option<Instant>,
}

impl Slot {
    pub(super) fn lifetime(&self) -> Lifetime {
        let left = |expires: Instant| Lifetime::Left(expires.saturating_duration_since(Instant::now()));
        self.expires.map_or(Lifetime::Unbounded, left)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Weight;

impl quick_cache::Weighter<Bytes, Slot> for Weight {
    fn weight(&self, name: &Bytes, slot: &Slot) -> u64 {
        (name.len() + slot.bytes.len() + 96) as u64
    }
}

/// One key while its shard is locked.
pub(super) struct Place<'a> {
    pub(super) shard: MutexGuard<'a, Shard>,
    pub(super) name: Bytes,
}

impl Place<'_> {
    pub(super) fn slot(&mut self) -> Option<Slot> {
        let slot = self.shard.get(&self.name).cloned()?;
        if slot.expires.is_some_and(|expires| expires <= Instant::now()) {
            self.shard.remove(&self.name);
            return None;
        }
        Some(slot)
    }

    pub(super) fn bytes(&mut self) -> Option<Bytes> {
        self.slot().map(|slot| slot.bytes)
    }

    pub(super) fn set(&mut self, bytes: impl Into<Bytes>, expires: Option<Instant>) {
        self.shard.insert(self.name.clone(), Slot { bytes: bytes.into(), expires });
    }

    pub(super) fn remove(&mut self) {
        self.shard.remove(&self.name);
    }

    pub(super) fn holds_lease(&mut self, token: Token) -> bool {
        self.bytes().is_some_and(|bytes| has_token(&bytes, KIND_LEASE, token))
    }

    /// The hold that stands here, if one does.
    pub(super) fn hold(&mut self) -> Option<Hold> {
        Hold::parse(&self.bytes()?)
    }

    /// Lets the hold stand here until the last of its holders has ended.
    pub(super) fn set_hold(&mut self, hold: &Hold, now: u64) {
        let left = Duration::from_millis(hold.ends().saturating_sub(now));
        self.set(hold.to_bytes(), Some(Instant::now() + left));
    }
}

/// Takes `holder` out of the hold; what is no hold (mine had lapsed) is removed, a hold without me is marked shared.
pub(super) fn end_hold(place: &mut Place<'_>, holder: Token, now: u64) {
    match place.hold().and_then(|hold| hold.left_by(holder, now)) {
        Some(rest) => place.set_hold(&rest, now),
        None => place.remove(),
    }
}

pub(super) fn has_token(bytes: &[u8], kind: u8, token: Token) -> bool {
    bytes.first() == Some(&kind) && bytes.get(1..17) == Some(&token.0)
}
