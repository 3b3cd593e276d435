//! Plain operations on one key.

use super::place::has_token;
use super::{KIND_VALUE, Memory, at_once};
use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Direct, Lifetime, Store, StoreFuture, Token, integer};
use crate::time::Instant;
use bytes::Bytes;
use std::time::Duration;

impl Direct for Memory {
    fn is_up(&self) -> bool {
        true
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Bytes, ttl: Option<Duration>) -> StoreFuture<'a, bool> {
        at_once(move || {
            let mut place = self.at(key);
            let held = place.hold();
            let stored = held.is_none();
            match held {
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
}
