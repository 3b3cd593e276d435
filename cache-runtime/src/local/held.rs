//! One value in L1.

use super::stripes::{Stripe, Stripes};
use crate::flight::Shared;
use crate::frame::Token;
use crate::key::{Args, Parts};
use crate::policy::Level;
use crate::site::Site;
use crate::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use crate::tag::{Generation, Tag};
use crate::time::millis_u32;
use std::time::Duration;

/// Bytes of an entry besides its value and its call.
const OVERHEAD: usize = 200;

/// Of what is not in L1 any more, as the nanoseconds until which it is fresh.
const LEFT: u64 = 0;
/// Of what the store is asked about at every hit.
pub(super) const NEVER: u64 = 1;

/// One value in L1, found by its call.
pub(crate) struct Held {
    pub(super) site: &'static Site,
    args: Box<[u8]>,
    pub(crate) value: Shared,
    pub(crate) created_ms: u64,
    /// Nanoseconds of [`Local`](super::Local)'s clock until which it is fresh whatever chance says, as long as it is in L1.
    sure_until: AtomicU64,
    /// The same until which it may be served at all.
    pub(super) expires: u64,
    /// The stamps of what it depends on, summed (with the feed's epoch, where it is leased), and where they stand.
    pub(super) stamp: u64,
    more: Option<Box<More>>,
    first: [Stripe; 2],
    /// Milliseconds from its creation; `u32::MAX` for ever.
    fresh_ms: u32,
    /// Bytes of the frame it came from.
    size: u32,
    /// What its load cost, in milliseconds, up to a minute.
    delta_ms: u16,
    /// Whether it may be served only as long as the feed's lease lasts.
    pub(super) is_leased: bool,
    /// Whether it is leased, and depends on no more than two things.
    pub(super) is_usual: bool,
}

/// What tells whether the store still has the value.
#[derive(Clone)]
pub(crate) struct Checked {
    pub(crate) token: Token,
    pub(crate) tags: Box<[(Tag, Generation)]>,
}

/// What a value depends on: the stripes of its key and tags, and what the store is asked about. Little of it without another allocation.
pub(super) struct Depends {
    first: [Stripe; 2],
    more: Option<Box<More>>,
}

struct More {
    rest: Box<[Stripe]>,
    /// Only where the store is asked at every hit.
    checked: Option<Checked>,
}

impl Depends {
    /// What depends on one thing twice is as invalid as what depends on it once.
    pub(super) fn on(mut stripes: impl Iterator<Item = Stripe>, checked: Option<Checked>) -> Self {
        let key = stripes.next().unwrap_or_default();
        let first = [key, stripes.next().unwrap_or(key)];
        let rest: Box<[Stripe]> = stripes.collect();
        let more = !rest.is_empty() || checked.is_some();
        Self { first, more: more.then(|| Box::new(More { rest, checked })) }
    }

    /// What the stamps are summed up to now.
    pub(super) fn stamp(&self, stamps: &Stripes) -> u64 {
        stamp(self.first, self.more.as_deref(), stamps)
    }
}

fn stamp(first: [Stripe; 2], more: Option<&More>, stamps: &Stripes) -> u64 {
    stamps.sum(first.into_iter().chain(rest(more).iter().copied()))
}

fn rest(more: Option<&More>) -> &[Stripe] {
    more.map_or(&[], |more| &more.rest)
}

/// What L1 finds an entry by: the function's head, and what its arguments wrote.
#[derive(Clone, Copy)]
pub(crate) struct CallRef<'a> {
    pub(crate) site: &'static Site,
    pub(crate) args: &'a Args,
}

/// A value for L1.
pub(crate) struct Kept {
    pub(crate) value: Shared,
    pub(crate) token: Token,
    pub(crate) created_ms: u64,
    /// How long it is fresh from its creation on; `None` for ever.
    pub(crate) fresh: Option<Duration>,
    /// What its load cost.
    pub(crate) delta: Duration,
    /// How much longer it answers; `None` for ever.
    pub(crate) left: Option<Duration>,
    /// How much longer it is fresh whatever chance says; `None` as long as it answers.
    pub(crate) sure: Option<Duration>,
    pub(crate) tags: Box<[(Tag, Generation)]>,
    /// Bytes of the frame it came from.
    pub(crate) size: usize,
}

/// As long as what an entry is valid.
pub(super) struct Valid {
    pub(super) stamp: u64,
    pub(super) depends: Depends,
    pub(super) sure_until: u64,
    pub(super) expires: u64,
}

impl Held {
    pub(super) fn new(site: &'static Site, args: Box<[u8]>, kept: Kept, valid: Valid) -> Self {
        let Kept { value, created_ms, fresh, delta, size, .. } = kept;
        let Valid { stamp, depends: Depends { first, more }, sure_until, expires } = valid;
        let is_leased = site.level == Level::Coherent;
        Self {
            site,
            args,
            value,
            created_ms,
            sure_until: AtomicU64::new(sure_until),
            expires,
            stamp,
            is_usual: is_leased && more.is_none(),
            more,
            first,
            fresh_ms: fresh.map_or(u32::MAX, millis_u32),
            size: u32::try_from(size).unwrap_or(u32::MAX),
            delta_ms: u16::try_from(delta.as_millis()).unwrap_or(u16::MAX),
            is_leased,
        }
    }

    /// How long it is fresh from its creation on; `None` for ever.
    pub(crate) fn fresh(&self) -> Option<Duration> {
        (self.fresh_ms != u32::MAX).then(|| Duration::from_millis(self.fresh_ms.into()))
    }

    /// What its load cost.
    pub(crate) fn delta(&self) -> Duration {
        Duration::from_millis(self.delta_ms.into())
    }

    /// What the store is asked about, where it is asked at every hit.
    pub(crate) fn checked(&self) -> Option<&Checked> {
        self.more.as_ref()?.checked.as_ref()
    }

    /// Where the stamps of its key and its tags stand.
    pub(crate) fn stripes(&self) -> impl Iterator<Item = Stripe> {
        self.first.into_iter().chain(rest(self.more.as_deref()).iter().copied())
    }

    /// What the stamps of a usual entry are summed up to now.
    #[inline]
    pub(super) fn usual_stamp_now(&self, stamps: &Stripes) -> u64 {
        let [key, tag] = self.first;
        stamps.get(key).wrapping_add(stamps.get(tag))
    }

    /// The same of any.
    pub(super) fn stamp_now(&self, stamps: &Stripes) -> u64 {
        stamp(self.first, self.more.as_deref(), stamps)
    }

    pub(super) fn weight(&self) -> u64 {
        (self.size as usize + self.args.len() + OVERHEAD) as u64
    }

    /// Whether it is the value of a call with these `parts`, of those at its site.
    #[inline]
    pub(crate) fn is_of_parts(&self, parts: &impl Parts) -> bool {
        Args::are(&self.args, parts)
    }

    /// Whether it is the value of `call`.
    pub(crate) fn is_of(&self, call: CallRef<'_>) -> bool {
        self.is_at(call.site) && *self.args == *call.args.bytes
    }

    /// Whether it is the value of a call at `site`.
    #[inline]
    pub(crate) fn is_at(&self, site: &'static Site) -> bool {
        // A companion has a site of its own.
        std::ptr::eq(self.site, site) || (self.site.head == site.head && self.site.template == site.template)
    }

    /// Nanoseconds until which it is fresh whatever chance says; what has left L1 is not.
    #[inline]
    pub(super) fn sure_until(&self) -> u64 {
        self.sure_until.load(Acquire)
    }

    /// Whether it is not in L1 any more.
    pub(super) fn has_left(&self) -> bool {
        self.sure_until() == LEFT
    }

    pub(super) fn leave(&self) {
        self.sure_until.store(LEFT, Release);
    }
}

#[cfg(test)]
impl Held {
    /// Nobody's value, for a frame of `size` bytes.
    pub(super) fn weighing(size: u64) -> Self {
        static SITE: Site = Site::new("test", "get", "test:v1:get");

        let kept = Kept {
            value: std::sync::Arc::new(()),
            token: Token([0; 16]),
            created_ms: 0,
            fresh: None,
            delta: Duration::ZERO,
            left: None,
            sure: None,
            tags: Box::default(),
            size: usize::try_from(size).expect("a small size"),
        };
        let depends = Depends::on(std::iter::empty(), None);
        let valid = Valid { stamp: 0, depends, sure_until: u64::MAX, expires: u64::MAX };
        Self::new(&SITE, Box::default(), kept, valid)
    }

    pub(super) fn created(self, created_ms: u64) -> Self {
        Self { created_ms, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::Held;

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Held>(), 96);
    }
}
