//! Stamps: what changes when something is invalidated.

use crate::sync::atomic::{AtomicU64, Ordering};

/// A collision costs one needless read of the store. Loom follows every one of them, and gets a few.
const COUNT: usize = if cfg!(cache_loom) { 1 << 4 } else { 1 << 16 };

/// One of [`COUNT`].
pub(crate) type Stripe = u16;

/// The stamps of all keys and tags, by their hashes.
pub(super) struct Stripes(Box<[AtomicU64; COUNT]>);

impl Stripes {
    pub(super) fn new() -> Self {
        let stamps: Box<[_]> = std::iter::repeat_with(AtomicU64::default).take(COUNT).collect();
        Self(stamps.try_into().expect("as many as were made"))
    }

    pub(super) fn change(&self, stripe: Stripe) {
        self.0[usize::from(stripe) % COUNT].fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn change_all(&self) {
        for stamp in &self.0[..] {
            stamp.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The sum of the stamps: they only grow, so that equal sums are equal stamps.
    #[inline]
    pub(super) fn sum(&self, stripes: impl Iterator<Item = Stripe>) -> u64 {
        stripes.fold(0, |sum, stripe| sum.wrapping_add(self.get(stripe)))
    }

    #[inline]
    pub(super) fn get(&self, stripe: Stripe) -> u64 {
        self.0[usize::from(stripe) % COUNT].load(Ordering::Acquire)
    }
}

/// Where the stamp of what has this hash stands.
pub(crate) const fn stripe(hash: u64) -> Stripe {
    let [low, next, ..] = hash.to_le_bytes();
    Stripe::from_le_bytes([low, next])
}
