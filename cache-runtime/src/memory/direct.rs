//! Plain operations on one key.

use super::glob::is_match;
use super::place::Slot;
use super::place::has_token;
use super::{KIND_VALUE, Memory, at_once};
use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Cursor, Direct, Lifetime, Scanned, Store, StoreFuture, Token, integer};
use crate::tag::Tag;
use crate::time::Instant;
use bytes::Bytes;
use std::sync::PoisonError;
use std::time::Duration;

impl Direct for Memory {
    fn is_up(&self) -> bool {
        true
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Bytes, ttl: Option<Duration>) -> StoreFuture<'a, bool> {
        at_once(move || {
            let mut place = self.at(key);
            let stands = place.hold();
            let stored = stands.is_none();
            match stands {
                Some(hold) => place.set_hold(&hold.shared(), self.now_ms()),
                None => place.set(entry, ttl.map(|ttl| Instant::now() + ttl)),
            }
            drop(place);
            self.announce(key);
            stored
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        at_once(move || {
            let mut place = self.at(key);
            let same = place.bytes().is_some_and(|bytes| has_token(&bytes, KIND_VALUE, seen));
            if same {
                place.set(entry, ttl.map(|ttl| Instant::now() + ttl));
                drop(place);
                self.announce(key);
            }
            same
        })
    }

    fn increment<'a>(&'a self, key: &'a Key, by: i64, ttl: Option<Duration>) -> StoreFuture<'a, i64> {
        Box::pin(async move {
            let mut place = self.at(key);
            let slot = place.slot();
            let now = slot.as_ref().map_or(Some(0), |slot| integer(&slot.bytes));
            let sum = now.and_then(|now| now.checked_add(by)).ok_or(StoreError::NotAnInteger)?;
            let expires = slot.map_or_else(|| ttl.map(|ttl| Instant::now() + ttl), |slot| slot.expires);
            place.set(sum.to_string(), expires);
            Ok(sum)
        })
    }

    fn count<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<(i64, Lifetime)>> {
        Box::pin(async move {
            let Some(slot) = self.at(key).slot() else { return Ok(None) };
            let count = integer(&slot.bytes).ok_or(StoreError::NotAnInteger)?;
            Ok(Some((count, slot.lifetime())))
        })
    }

    /// One shard after the other.
    fn scan<'a>(&'a self, pattern: &'a [u8], from: Cursor) -> StoreFuture<'a, Scanned> {
        at_once(move || {
            let Some(shard) = self.shards.get(from.part) else { return (Vec::new(), None) };
            let (shard, now) = (shard.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
            let stands = |slot: &Slot| slot.expires.is_none_or(|expires| expires > now);
            let matching = shard.iter().filter(|(name, slot)| stands(slot) && is_match(pattern, name));
            let names = matching.map(|(name, _)| name.clone()).collect();
            let next = Cursor { part: from.part + 1, at: 0 };
            (names, (next.part < self.shards.len()).then_some(next))
        })
    }

    fn touch<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        at_once(move || tags.iter().for_each(|tag| self.announce_tag(tag)))
    }
}
