//! L1: typed values of this process, valid as long as nothing was invalidated since they were asked for.

mod entries;
mod feed;
mod held;
#[cfg(cache_loom)]
mod interleavings;
mod stripes;

pub(crate) use self::held::{CallRef, Held, Kept};
pub(crate) use self::stripes::{Stripe, stripe};

use self::entries::Entries;
use self::feed::Feed;
use self::held::{Checked, Depends, Valid};
use self::stripes::Stripes;
use crate::health;
use crate::key::Args;
use crate::policy::Level;
use crate::site::Site;
use crate::store::Listener;
use crate::tag::{Generation, Tag};
use crate::time::{Clock, Instant, nanos};
use bytes::Bytes;
use quick_cache::sync;
use std::time::Duration;

/// Generations of tags that are remembered.
const GENERATIONS: usize = 16_384;
/// How long a coherent entry lives where there is no feed.
const WITHOUT_FEED: Duration = Duration::from_secs(1);

/// How much an in-process tier holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity(u64);

impl Capacity {
    /// `mib` × 2²⁰ bytes of entries, by the size of their frames. Threads may keep what has left it a while longer: half as much again
    /// together, or 2 MiB each.
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
    stripes: Stripes,
    feed: Feed,
    entries: Entries,
    generations: sync::Cache<Bytes, Known>,
    clock: Clock,
}

/// What was known before the store was asked; what it answers is as true as this is unchanged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
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

/// A tag's generation, as the store told it.
#[derive(Clone, Copy)]
struct Known {
    generation: Generation,
    ticket: Ticket,
}

impl Local {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self {
            stripes: Stripes::new(),
            feed: Feed::default(),
            entries: Entries::new(capacity.bytes()),
            generations: sync::Cache::new(GENERATIONS),
            clock: Clock::new(),
        }
    }

    /// To be taken before the store is asked for what depends on `hashes`.
    pub(crate) fn ticket(&self, hashes: &[u64]) -> Ticket {
        // The epoch before the lease: an epoch that began with a loss is not read together with the lease that was lost.
        let epoch = self.feed.epoch();
        // The lease before the stamps: whoever sees a lease sees every invalidation that was told before it.
        let live = self.feed.is_live(self.now());
        Ticket { epoch, live, stamp: self.stamp(hashes), current_at: Instant::now() }
    }

    /// Makes everything invalid that depends on `hash` and was asked for before now.
    pub(crate) fn invalidate(&self, hash: u64) {
        self.stripes.change(stripe(hash));
    }

    /// Makes everything invalid that was asked for before now.
    pub(crate) fn invalidate_all(&self) {
        self.stripes.change_all();
    }

    /// Nanoseconds, for the questions below.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// What `look` makes of the entry of `call`, valid or not.
    pub(crate) fn find<R>(&self, call: CallRef<'_>, look: impl FnOnce(&Held) -> Option<R>) -> Option<R> {
        let held = self.entries.get(call.args.hash).filter(|held| held.is_of(call))?;
        look(&held)
    }

    /// Whether this thread has the entry whose arguments have this hash at hand, and `serves` it; asked twice if that had left L1.
    #[inline]
    pub(crate) fn find_near(&self, hash: u64, now: u64, serves: impl FnMut(&Held) -> bool) -> bool {
        self.entries.find_near(hash, now, serves)
    }

    /// Whether nothing speaks against serving `held`, at the level of the function that stored it.
    #[inline]
    pub(crate) fn is_valid(&self, held: &Held, now: u64) -> bool {
        self.is_current(held, now) && now < held.expires
    }

    /// The same, and it is fresh whatever chance says. A value that the store is asked about at every hit never is.
    #[inline]
    pub(crate) fn is_surely_fresh(&self, held: &Held, now: u64) -> bool {
        now < held.sure_until() && self.is_current(held, now)
    }

    /// Whether nothing that `held` depends on was invalidated.
    #[inline]
    fn is_current(&self, held: &Held, now: u64) -> bool {
        if held.is_usual {
            self.is_lease_current(held, now, || held.usual_stamp_now(&self.stripes))
        } else {
            self.is_unusual_current(held, now)
        }
    }

    /// Apart, so that hits of most entries are short.
    #[inline(never)]
    fn is_unusual_current(&self, held: &Held, now: u64) -> bool {
        let stamp = || held.stamp_now(&self.stripes);
        if held.is_leased { self.is_lease_current(held, now, stamp) } else { held.stamp == stamp() }
    }

    /// The same of what is leased; `stamp` is what its stamps are summed up to now. The order matters: see [`ticket`](Self::ticket).
    #[inline]
    fn is_lease_current(&self, held: &Held, now: u64, stamp: impl FnOnce() -> u64) -> bool {
        self.feed.is_live(now) && held.stamp == stamp().wrapping_add(self.feed.epoch())
    }

    /// Keeps a value that was asked for after `ticket` was taken of `asked`: its key and the tags known before.
    pub(crate) fn store(&self, site: &'static Site, args: Args, asked: &[u64], ticket: Ticket, kept: Kept) {
        let level = site.level;
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
        let checked = || Checked { token: kept.token, tags: kept.tags.clone() };
        let checked = (level == Level::Validate).then(checked);
        let depends = Depends::on(lasting.chain(later).map(stripe), checked);
        // Tags that came with the value have no stamp in the ticket. Their invalidation changes their namespace's clock first, and
        // that is in the ticket: if it stands still after their stamps were read, nothing was missed.
        let stamp = depends.stamp(&self.stripes);
        if self.stamp(asked) != ticket.stamp {
            return;
        }
        self.clock.look_at_tokio();
        let now = self.now();
        let from_now =
            |limit: Option<Duration>| limit.map_or(u64::MAX, |limit| now.saturating_add(nanos(limit)));
        let bound = most.map(|most| self.clock.at(ticket.current_at + most));
        let expires = from_now(kept.left).min(bound.unwrap_or(u64::MAX));
        let sure_until =
            if level == Level::Validate { held::NEVER } else { from_now(kept.sure).min(expires) };
        // They all only grow: an equal sum is equal stamps and an equal epoch.
        let stamp = if level == Level::Coherent { stamp.wrapping_add(ticket.epoch) } else { stamp };
        let valid = Valid { stamp, depends, sure_until, expires };
        self.entries.insert(args.hash, Held::new(site, args.bytes.into(), kept, valid));
    }

    /// The generation of `tag`, as long as the feed would have told of its end.
    pub(crate) fn generation(&self, tag: &Tag) -> Option<Generation> {
        if !self.feed.is_live(self.now()) || self.feed.is_missing() {
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
            self.generations.insert(tag.bytes().clone(), Known { generation, ticket });
        }
    }

    /// Makes a tag's entries invalid: the namespace's clock first, see `store`.
    pub(crate) fn invalidate_tag(&self, [clock, tag]: [u64; 2]) {
        self.invalidate(clock);
        self.invalidate(tag);
    }

    /// Entries, and bytes as they are counted against the capacity.
    pub(crate) fn size(&self) -> (usize, u64) {
        self.entries.size()
    }

    /// Whether invalidations are heard of.
    pub(crate) fn feed(&self) -> health::Feed {
        self.feed.state(self.now())
    }

    fn stamp(&self, hashes: &[u64]) -> u64 {
        self.stripes.sum(hashes.iter().copied().map(stripe))
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
        self.feed.extend(until.map(|until| self.clock.at(until)));
    }

    fn lost(&self) {
        self.feed.end();
    }

    fn unavailable(&self) {
        self.feed.miss();
    }
}
