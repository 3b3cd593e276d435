//! L1: typed values of this process, valid as long as nothing was invalidated since they were asked for.

mod feed;

use self::feed::Feed;
use crate::flight::Shared;
use crate::frame::Token;
use crate::policy::Level;
use crate::store::Listener;
use crate::tag::{Generation, Tag};
use crate::time::Instant;
use bytes::Bytes;
use quick_cache::sync;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Stamps; a collision costs one needless read of the store.
const STRIPES: usize = 1 << 16;
/// Generations of tags that are remembered.
const GENERATIONS: usize = 16_384;
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
    generations: sync::Cache<Bytes, Known>,
}

/// What was known before the store was asked; what it answers is as true as this is unchanged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    /// The sum of the stamps: they only grow, so that equal sums are equal stamps.
    pub(crate) stamp: u64,
    epoch: u64,
    live: bool,
    /// What is bounded in time is bounded from here.
    current_at: Instant,
}

impl Ticket {
    /// The same, for a value that the store is about to certify.
    pub(crate) fn certified_from_now(self) -> Self {
        Self { current_at: Instant::now(), ..self }
    }
}

/// The hashes of what a value depends on: its key, its tags.
pub(crate) type Hashes = Box<[u64]>;

/// One value in L1.
pub(crate) struct Held {
    pub(crate) value: Shared,
    pub(crate) token: Token,
    pub(crate) created_ms: u64,
    /// How long it is fresh from its creation on; `None` for ever.
    pub(crate) fresh: Option<Duration>,
    /// What its load cost.
    pub(crate) delta: Duration,
    pub(crate) tags: Box<[(Tag, Generation)]>,
    hashes: Hashes,
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
    /// How long it is fresh from its creation on; `None` for ever.
    pub(crate) fresh: Option<Duration>,
    /// How much longer it answers; `None` for ever.
    pub(crate) left: Option<Duration>,
    /// What its load cost.
    pub(crate) delta: Duration,
    pub(crate) tags: Box<[(Tag, Generation)]>,
    pub(crate) size: usize,
}

/// A tag's generation, as the store told it.
#[derive(Clone, Copy)]
struct Known {
    generation: Generation,
    ticket: Ticket,
}

#[derive(Clone)]
struct Weight;

impl quick_cache::Weighter<Bytes, Arc<Held>> for Weight {
    fn weight(&self, name: &Bytes, held: &Arc<Held>) -> u64 {
        (name.len() + held.size + 128) as u64
    }
}

impl Held {
    /// What an invalidation of would make this invalid, besides its key.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.tags.iter().map(|(tag, _)| tag)
    }
}

impl Local {
    pub(crate) fn new(capacity: Capacity) -> Self {
        let stripes = std::iter::repeat_with(AtomicU64::default).take(STRIPES).collect();
        let entries = sync::Cache::with_weighter(1_024, capacity.bytes(), Weight);
        let generations = sync::Cache::new(GENERATIONS);
        Self { stripes, feed: Feed::default(), entries, generations }
    }

    /// To be taken before the store is asked for what depends on `hashes`.
    pub(crate) fn ticket(&self, hashes: &[u64]) -> Ticket {
        // The epoch before the lease: an epoch that began with a loss is not read together with the lease that was lost.
        let epoch = self.feed.epoch();
        // The lease before the stamps: whoever sees a lease sees every invalidation that was told before it.
        let live = self.feed.is_live();
        Ticket { epoch, live, stamp: self.stamp(hashes), current_at: Instant::now() }
    }

    /// Makes everything invalid that depends on `hash` and was asked for before now.
    pub(crate) fn invalidate(&self, hash: u64) {
        self.stripe(hash).fetch_add(1, Ordering::AcqRel);
    }

    /// The entry of `name`, valid or not.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Arc<Held>> {
        self.entries.get(name)
    }

    /// Whether nothing speaks against serving `held` at `level`.
    pub(crate) fn is_valid(&self, held: &Held, level: Level) -> bool {
        // The order matters: see `ticket`.
        let live = level != Level::Coherent || self.feed.is_live();
        live && held.ticket.stamp == self.stamp(&held.hashes)
            && (level != Level::Coherent || held.ticket.epoch == self.feed.epoch())
            && held.expires.is_none_or(|expires| Instant::now() < expires)
    }

    /// Keeps a value that was asked for after `ticket` was taken of `asked`: its key and the tags known before.
    pub(crate) fn store(&self, name: Bytes, asked: &[u64], ticket: Ticket, level: Level, kept: Kept) {
        let most = match level {
            Level::Off => return,
            Level::Coherent if !ticket.live => return,
            Level::Coherent if self.feed.is_missing() => Some(WITHOUT_FEED),
            Level::Coherent | Level::Validate => None,
            Level::Ttl(most) => Some(most),
        };
        let later = kept.tags.iter().map(|(tag, _)| tag.hash()).filter(|hash| !asked.contains(hash));
        let clock = kept.tags.first().map(|(tag, _)| tag.clock_hash());
        let lasting = asked.iter().copied().filter(|hash| Some(*hash) != clock);
        let hashes: Hashes = lasting.chain(later).collect();
        // Tags that came with the value have no stamp in the ticket. Their invalidation changes their namespace's clock first, and
        // that is in the ticket: if it stands still after their stamps were read, nothing was missed.
        let stamp = self.stamp(&hashes);
        if self.stamp(asked) != ticket.stamp {
            return;
        }
        let ticket = Ticket { stamp, ..ticket };
        let Kept { value, token, created_ms, fresh, left, delta, tags, size } = kept;
        let bound = most.map(|most| ticket.current_at + most);
        let expires = bound.into_iter().chain(left.map(|left| Instant::now() + left)).min();
        let held = Held { value, token, created_ms, fresh, delta, tags, hashes, ticket, expires, size };
        self.entries.insert(name, Arc::new(held));
    }

    /// The generation of `tag`, as long as the feed would have told of its end.
    pub(crate) fn generation(&self, tag: &Tag) -> Option<Generation> {
        if !self.feed.is_live() || self.feed.is_missing() {
            return None;
        }
        let known = self.generations.get(tag.name())?;
        let valid =
            known.ticket.stamp == self.stamp(&[tag.hash()]) && known.ticket.epoch == self.feed.epoch();
        valid.then_some(known.generation)
    }

    /// Remembers a generation that was asked for after `ticket` was taken of the tag's hash.
    pub(crate) fn learn(&self, tag: &Tag, ticket: Ticket, generation: Generation) {
        if ticket.live {
            self.generations.insert(tag.bytes(), Known { generation, ticket });
        }
    }

    /// Makes a tag's entries invalid: the namespace's clock first, see `store`.
    pub(crate) fn invalidate_tag(&self, [clock, tag]: [u64; 2]) {
        self.invalidate(clock);
        self.invalidate(tag);
    }

    /// Entries, and bytes as they are counted against the capacity.
    pub(crate) fn size(&self) -> (usize, u64) {
        (self.entries.len(), self.entries.weight())
    }

    fn stamp(&self, hashes: &[u64]) -> u64 {
        hashes.iter().fold(0, |sum, &hash| sum.wrapping_add(self.stripe(hash).load(Ordering::Acquire)))
    }

    fn stripe(&self, hash: u64) -> &AtomicU64 {
        &self.stripes[usize::from(u16::from_le_bytes([hash.to_le_bytes()[0], hash.to_le_bytes()[1]]))]
    }
}

impl Listener for Local {
    fn invalidated(&self, name: &[u8]) {
        self.invalidate(xxhash_rust::xxh3::xxh3_64(name));
    }

    fn tag_invalidated(&self, name: &[u8]) {
        if let Some(hashes) = crate::tag::hashes_of(name) {
            self.invalidate_tag(hashes);
        }
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
