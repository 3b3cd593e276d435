//! The store of one process, or of several caches in it: the same protocol over a map.

mod channels;
mod direct;
mod glob;
mod health;
mod hold;
mod journal;
mod place;

use self::channels::InProcess;
use self::hold::Hold;
use self::journal::Books;
use self::place::{Place, Shard, Weight, end_hold, has_token};
use crate::error::{NotReady, StoreError};
use crate::key::{Key, without_app};
use crate::store::{
    Channels, Journal, KeyCounts, Lease, Leased, Lifetime, Listener, Store, StoreFuture, StoreHealth, Token,
};
use crate::tag::{Generation, Tag};
use crate::time::{Instant, wall_ms};
use bytes::{Bytes, BytesMut};
use quick_cache::unsync;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::{future::Future, pin::Pin, time::Duration};

const SHARDS: usize = 16;
const KIND_VALUE: u8 = b'V';
const KIND_LEASE: u8 = b'L';
/// Where a value's refresh lease (token and deadline) stands.
const REFRESH: std::ops::Range<usize> = 17..33;
const DEADLINE: std::ops::Range<usize> = 33..41;
/// The largest capacity that is given out unasked (bytes).
const DEFAULT_CAPACITY: u64 = 256 << 20;

/// An in-process [`Store`]: bounded in bytes, expiring, evicting what is used least.
///
/// Several caches over one `Memory` behave like several processes over one Redis.
pub struct Memory {
    shards: Box<[Mutex<Shard>]>,
    listeners: RwLock<Vec<(String, Weak<dyn Listener>)>>,
    started: Instant,
    started_ms: u64,
    channels: InProcess,
    books: Books,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }
}

impl Memory {
    /// A store that holds up to `bytes` of keys and entries.
    #[must_use]
    pub fn with_capacity(bytes: u64) -> Self {
        let shard = || Mutex::new(unsync::Cache::with_weighter(1_024, bytes / SHARDS as u64, Weight));
        let shards = std::iter::repeat_with(shard).take(SHARDS).collect();
        let (started, started_ms) = (Instant::now(), wall_ms());
        let (listeners, channels, books) = Default::default();
        Self { shards, listeners, started, started_ms, channels, books }
    }

    /// Tells every listener that `key` is not true any more.
    fn announce(&self, key: &Key) {
        for (app, listener) in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if let (Some(name), Some(listener)) = (key.without_app(app), listener.upgrade()) {
                listener.invalidated(name);
            }
        }
    }

    fn announce_tag(&self, tag: &Tag) {
        for (app, listener) in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let name = tag.name().strip_prefix(b"cache:tag:{").and_then(|name| without_app(app, name));
            if let (Some(name), Some(listener)) = (name, listener.upgrade()) {
                listener.tag_invalidated(name);
            }
        }
    }

    fn at(&self, key: &Key) -> Place<'_> {
        self.place(key.name.clone())
    }

    fn place(&self, name: Bytes) -> Place<'_> {
        let shard = self.shards[Self::shard(&name)].lock().unwrap_or_else(PoisonError::into_inner);
        Place { shard, name }
    }

    fn shard(name: &[u8]) -> usize {
        usize::from(xxhash_rust::xxh3::xxh3_64(name).to_le_bytes()[7]) % SHARDS
    }
}

impl Store for Memory {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        at_once(move || self.at(key).bytes())
    }

    fn head<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Bytes> {
        at_once(move || {
            self.at(key).bytes().map_or_else(Bytes::new, |bytes| bytes.slice(..bytes.len().min(17)))
        })
    }

    fn lifetime<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Lifetime>> {
        at_once(move || {
            let slot = self.at(key).slot().filter(|slot| slot.bytes.first() == Some(&KIND_VALUE))?;
            Some(slot.lifetime())
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        lease: Lease,
        term: Duration,
        instead_of: Option<Token>,
    ) -> StoreFuture<'a, Leased> {
        at_once(move || {
            let mut place = self.at(key);
            match place.bytes() {
                Some(bytes) if !instead_of.is_some_and(|seen| has_token(&bytes, KIND_VALUE, seen)) => {
                    Leased::Denied(bytes)
                }
                _ => {
                    place.set(lease.to_bytes().to_vec(), Some(Instant::now() + term));
                    Leased::Granted
                }
            }
        })
    }

    fn fill<'a>(
        &'a self,
        key: &'a Key,
        token: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        at_once(move || {
            let mut place = self.at(key);
            let mine = place.bytes().is_some_and(|bytes| {
                has_token(&bytes, KIND_LEASE, token)
                    || (bytes.first() == Some(&KIND_VALUE) && bytes.get(REFRESH) == Some(&token.0))
            });
            if mine {
                place.set(entry.clone(), ttl.map(|ttl| Instant::now() + ttl));
            }
            mine
        })
    }

    fn renew<'a>(&'a self, key: &'a Key, token: Token, term: Duration) -> StoreFuture<'a, bool> {
        at_once(move || {
            let mut place = self.at(key);
            let mine = place.bytes().filter(|bytes| has_token(bytes, KIND_LEASE, token));
            let found = mine.is_some();
            if let Some(bytes) = mine {
                place.set(bytes, Some(Instant::now() + term));
            }
            found
        })
    }

    fn release<'a>(&'a self, key: &'a Key, token: Token) -> StoreFuture<'a, bool> {
        at_once(move || {
            let mut place = self.at(key);
            let mine = place.holds_lease(token);
            if mine {
                place.remove();
            }
            mine
        })
    }

    fn refresh<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        mine: Token,
        term: Duration,
    ) -> StoreFuture<'a, bool> {
        at_once(move || {
            let mut place = self.at(key);
            let Some(slot) = place.slot().filter(|slot| has_token(&slot.bytes, KIND_VALUE, seen)) else {
                return false;
            };
            let Some(deadline) = slot.bytes.get(DEADLINE).and_then(|bytes| bytes.try_into().ok()) else {
                return false;
            };
            if u64::from_le_bytes(deadline) > self.now_ms() {
                return false;
            }
            let mut bytes = BytesMut::from(slot.bytes);
            bytes[REFRESH].copy_from_slice(&mine.0);
            let until = self.now_ms().saturating_add(crate::time::millis(term));
            bytes[DEADLINE].copy_from_slice(&until.to_le_bytes());
            place.set(bytes, slot.expires);
            true
        })
    }

    fn invalidate<'a>(&'a self, keys: &'a [Key]) -> StoreFuture<'a, ()> {
        at_once(move || {
            for key in keys {
                let mut place = self.at(key);
                match place.hold() {
                    Some(hold) => place.set_hold(&hold.shared(), self.now_ms()),
                    None => place.remove(),
                }
                drop(place);
                self.announce(key);
            }
        })
    }

    fn generations<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, Vec<Option<Generation>>> {
        let one = |tag: &Tag| self.place(tag.bytes().clone()).bytes()?[..].try_into().ok();
        at_once(move || tags.iter().map(one).collect())
    }

    fn capture<'a>(&'a self, tags: &'a [Tag], ttl: Option<Duration>) -> StoreFuture<'a, Vec<Generation>> {
        let one = move |tag: &Tag| {
            let mut place = self.place(tag.bytes().clone());
            let slot = place.slot();
            let known = slot.as_ref().and_then(|slot| Generation::try_from(&slot.bytes[..]).ok());
            let generation = known.unwrap_or_else(crate::tag::fresh);
            let needed = ttl.map(|ttl| Instant::now() + ttl);
            let enough = slot.is_some_and(|slot| match (slot.expires, needed) {
                (None, _) => true,
                (Some(expires), Some(needed)) => expires >= needed,
                (Some(_), None) => false,
            });
            if known.is_none() || !enough {
                place.set(generation.to_vec(), ttl.map(|ttl| Instant::now() + 2 * ttl));
            }
            generation
        };
        // The first one last: a clock goes before its tags, here and where it falls, and so tells of a tag that fell in between.
        at_once(move || {
            let mut generations: Vec<_> = tags.iter().rev().map(one).collect();
            generations.reverse();
            generations
        })
    }

    fn invalidate_tags<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        at_once(move || {
            for tag in tags {
                self.place(tag.bytes().clone()).remove();
                self.announce_tag(tag);
            }
        })
    }

    fn hold<'a>(&'a self, keys: &'a [Key], holder: Token, term: Duration) -> StoreFuture<'a, ()> {
        at_once(move || {
            for key in keys {
                let mut place = self.at(key);
                let now = self.now_ms();
                let ends = now.saturating_add(crate::time::millis(term));
                let hold = match place.hold() {
                    Some(hold) => hold.joined_by(holder, now, ends),
                    None => Hold::by(holder, ends),
                };
                place.set_hold(&hold, now);
                drop(place);
                self.announce(key);
            }
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        holder: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        at_once(move || {
            let mut place = self.at(key);
            let alone = place.hold().is_some_and(|hold| hold.is_of_one_alone(holder));
            if alone {
                place.set(entry.clone(), ttl.map(|ttl| Instant::now() + ttl));
            } else {
                end_hold(&mut place, holder, self.now_ms());
            }
            drop(place);
            self.announce(key);
            alone
        })
    }

    fn unhold<'a>(&'a self, keys: &'a [Key], holder: Token) -> StoreFuture<'a, ()> {
        at_once(move || {
            for key in keys {
                end_hold(&mut self.at(key), holder, self.now_ms());
                self.announce(key);
            }
        })
    }

    fn listen(&self, app: &str, listener: Arc<dyn Listener>) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|(_, listener)| listener.strong_count() > 0);
        listeners.push((app.to_owned(), Arc::downgrade(&listener)));
        listener.alive(None);
    }

    fn channels(&self) -> Option<&dyn Channels> {
        Some(&self.channels)
    }

    fn journal(&self) -> Option<&dyn Journal> {
        Some(&self.books)
    }

    fn now_ms(&self) -> u64 {
        self.started_ms + crate::time::millis(self.started.elapsed())
    }

    fn health<'a>(&'a self, _: &'a str) -> Pin<Box<dyn Future<Output = StoreHealth> + Send + 'a>> {
        Box::pin(std::future::ready(StoreHealth::reachable("in-process")))
    }

    fn key_counts<'a>(&'a self, app: &'a str, most: usize) -> StoreFuture<'a, KeyCounts> {
        at_once(move || health::key_counts(self, app, most))
    }

    fn ready(&self, _: Duration) -> Pin<Box<dyn Future<Output = Result<(), NotReady>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// An operation that happens when it is first polled, as the port asks.
fn at_once<'a, T>(operation: impl FnOnce() -> T + Send + 'a) -> StoreFuture<'a, T> {
    Box::pin(async move { Ok::<T, StoreError>(operation()) })
}

#[cfg(test)]
mod tests;
