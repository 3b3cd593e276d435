//! L1: typed values of this process, valid as long as nothing was invalidated since they were asked for.

use crate::flight::Shared;
use crate::frame::Token;
use crate::time::Instant;
use bytes::Bytes;
use quick_cache::sync;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Stamps; a collision costs one needless read of the store.
const STRIPES: usize = 1 << 16;

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

/// L1 and the stamps that both it and the flights are checked by.
pub(crate) struct Local {
    stripes: Box<[AtomicU64]>,
    entries: sync::Cache<Bytes, Arc<Held>, Weight>,
}

/// One value in L1.
pub(crate) struct Held {
    pub(crate) value: Shared,
    /// The stripe's stamp before the store was asked for this value.
    pub(crate) stamp: u64,
    pub(crate) token: Token,
    pub(crate) created_ms: u64,
    pub(crate) expires: Option<Instant>,
    /// Bytes of the frame it came from.
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
        Self { stripes, entries: sync::Cache::with_weighter(1_024, capacity.bytes(), Weight) }
    }

    /// The stamp of a key's stripe; to be read before the store is asked.
    pub(crate) fn stamp(&self, hash: u64) -> u64 {
        self.stripe(hash).load(Ordering::Acquire)
    }

    /// Makes everything invalid that was asked for before now.
    pub(crate) fn invalidate(&self, hash: u64) {
        self.stripe(hash).fetch_add(1, Ordering::AcqRel);
    }

    /// The entry of `name`, if it is as new as its stripe and has not expired.
    pub(crate) fn get(&self, name: &[u8], hash: u64) -> Option<Arc<Held>> {
        let held = self.entries.get(name)?;
        let valid =
            held.stamp == self.stamp(hash) && held.expires.is_none_or(|expires| Instant::now() < expires);
        valid.then_some(held)
    }

    pub(crate) fn store(&self, name: Bytes, held: Held) {
        self.entries.insert(name, Arc::new(held));
    }

    /// Entries, and bytes as they are counted against the capacity.
    pub(crate) fn size(&self) -> (usize, u64) {
        (self.entries.len(), self.entries.weight())
    }

    fn stripe(&self, hash: u64) -> &AtomicU64 {
        &self.stripes[usize::from(u16::from_le_bytes([hash.to_le_bytes()[0], hash.to_le_bytes()[1]]))]
    }
}
