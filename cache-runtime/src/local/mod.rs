//! L1: typed values of this process, valid as long as nothing was invalidated since they were asked for.

mod feed;

use self::feed::Feed;
use crate::flight::Shared;
use crate::frame::Token;
use crate::policy::Level;
use crate::store::Listener;
use crate::time::Instant;
use bytes::Bytes;
use quick_cache::sync;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Stamps; a collision costs one needless read of the store.
const STRIPES: usize = 1 << 16;
/// How long a coherent entry lives where there is no feed.
const WITHOUT_FEED: Duration = Duration::from_secs(1);

/// How much an in-process tier holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity(u64);

impl Capacity {
    /// `mib` × 2²⁰ bytes of entries, by the size of their frames.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    pub(crate) const fn bytes(self) -> u64 {
        self.0
    }
}

/// L1, and the stamps that both it and the flights are checked by.
pub(crate) struct Local {
    stripes: Box<[AtomicU64]>,
    feed: Feed,
    entries: sync::Cache<Bytes, Arc<Held>, Weight>,
}

/// What was known before the store was asked; what it answers is as true as this is unchanged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) stamp: u64,
    epoch: u64,
    live: bool,
}

/// One value in L1.
pub(crate) struct Held {
    pub(crate) value: Shared,
    pub(crate) token: Token,
    pub(crate) created_ms: u64,
    ticket: Ticket,
    expires: Option<Instant>,
    /// Bytes of the frame it came from.
    size: usize,
}

/// A value for L1.
pub(crate) struct Kept {
    pub(crate) value: Shared,
    pub(crate) token: Token,
    pub(crate) created_ms: u64,
    /// How much longer it is fresh; `None` for ever.
    pub(crate) fresh: Option<Duration>,
    pub(crate) size: usize,
}

#[derive(Clone)]
struct Weight;

impl quick_cache::Weighter<Bytes, Arc<Held>> for Weight {
    fn weight(&self, name: &Bytes, held: &Arc<Held>) -> u64 {
        (name.len() + held.size + 128) as u64
    }
}

impl Local {
    pub(crate) fn new(capacity: Capacity) -> Self {
        let stripes = std::iter::repeat_with(AtomicU64::default).take(STRIPES).collect();
        let entries = sync::Cache::with_weighter(1_024, capacity.bytes(), Weight);
        Self { stripes, feed: Feed::default(), entries }
    }

    /// To be taken before the store is asked.
    pub(crate) fn ticket(&self, hash: u64) -> Ticket {
        // The epoch before the lease: an epoch that began with a loss is not read together with the lease that was lost.
        let epoch = self.feed.epoch();
        // The lease before the stamp: whoever sees a lease sees every invalidation that was told before it.
        let live = self.feed.is_live();
        Ticket { epoch, live, stamp: self.stamp(hash) }
    }

    /// Makes everything invalid that was asked for before now.
    pub(crate) fn invalidate(&self, hash: u64) {
        self.stripe(hash).fetch_add(1, Ordering::AcqRel);
    }

    /// The entry of `name`, if nothing speaks against serving it at `level`.
    pub(crate) fn get(&self, name: &[u8], hash: u64, level: Level) -> Option<Arc<Held>> {
        // The order matters: see `ticket`.
        let live = level != Level::Coherent || self.feed.is_live();
        let held = self.entries.get(name)?;
        let valid = live
            && held.ticket.stamp == self.stamp(hash)
            && (level != Level::Coherent || held.ticket.epoch == self.feed.epoch())
            && held.expires.is_none_or(|expires| Instant::now() < expires);
        valid.then_some(held)
    }

    /// Keeps a value that was asked for after `ticket` was taken.
    pub(crate) fn store(&self, name: Bytes, ticket: Ticket, level: Level, kept: Kept) {
        let most = match level {
            Level::Off => return,
            Level::Coherent if !ticket.live => return,
            Level::Coherent if self.feed.is_missing() => Some(WITHOUT_FEED),
            Level::Coherent | Level::Validate => None,
            Level::Ttl(most) => Some(most),
        };
        let Kept { value, token, created_ms, fresh, size } = kept;
        let expires = [most, fresh].into_iter().flatten().min().map(|left| Instant::now() + left);
        self.entries.insert(name, Arc::new(Held { value, token, created_ms, ticket, expires, size }));
    }

    /// Entries, and bytes as they are counted against the capacity.
    pub(crate) fn size(&self) -> (usize, u64) {
        (self.entries.len(), self.entries.weight())
    }

    fn stamp(&self, hash: u64) -> u64 {
        self.stripe(hash).load(Ordering::Acquire)
    }

    fn stripe(&self, hash: u64) -> &AtomicU64 {
        &self.stripes[usize::from(u16::from_le_bytes([hash.to_le_bytes()[0], hash.to_le_bytes()[1]]))]
    }
}

impl Listener for Local {
    fn invalidated(&self, name: &[u8]) {
        self.invalidate(xxhash_rust::xxh3::xxh3_64(name));
    }

    fn flushed(&self) {
        self.feed.flush();
    }

    fn alive(&self, until: Option<Instant>) {
        self.feed.extend(until);
    }

    fn lost(&self) {
        self.feed.end();
    }

    fn unavailable(&self) {
        self.feed.miss();
    }
}
