//! The typed side of a call: the one place that is generic over the value.

mod errors;
mod member;
mod slot;

pub use self::errors::{ShareError, Transient};
pub(crate) use self::member::{Board, Given, Member};
pub(crate) use self::slot::Slot;

use crate::codec::{Codec, CodecError, Compression, Value, fingerprint};
use crate::context::Loading;
use crate::engine::{Answer, Call, Framed, Loaded, Stamped, Unreadable};
use crate::flight::Shared;
use crate::frame;
use crate::key::Key;
use crate::policy::{Absent, Policy, Term};
use crate::site::Site;
use crate::tag::TagWriter;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Longer than anything that is cached.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What a function says of its values.
pub struct Rules<V> {
    codec: u8,
    encode: fn(&V, &mut Vec<u8>) -> Result<(), CodecError>,
    decode: fn(&[u8]) -> Result<V, CodecError>,
    absent: fn(&V) -> bool,
    unless: Option<fn(&V) -> bool>,
    ttl_with: Option<fn(&V) -> Duration>,
    tags_with: Option<TagsWith<V>>,
    never_stale: Option<fn(&V) -> bool>,
    stale_with: Option<fn(&V) -> Duration>,
}

/// Writes the tags that a value brings.
type TagsWith<V> = fn(&V, &mut TagWriter<'_>);

impl<V> Clone for Rules<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Rules<V> {}

impl<V> Rules<V> {
    /// Values written by `C`; `absent` tells which are a `None`.
    #[must_use]
    pub const fn new<C: Codec>(absent: fn(&V) -> bool) -> Self
    where
        V: Value,
    {
        Self {
            codec: C::ID,
            encode: C::encode::<V>,
            decode: C::decode::<V>,
            absent,
            unless: None,
            ttl_with: None,
            tags_with: None,
            never_stale: None,
            stale_with: None,
        }
    }

    /// Values that are not stored.
    #[must_use]
    pub const fn unless(mut self, unless: fn(&V) -> bool) -> Self {
        self.unless = Some(unless);
        self
    }

    /// A ttl by the value.
    #[must_use]
    pub const fn ttl_with(mut self, ttl_with: fn(&V) -> Duration) -> Self {
        self.ttl_with = Some(ttl_with);
        self
    }

    /// Tags by the value.
    #[must_use]
    pub const fn tags_with(mut self, tags_with: fn(&V, &mut TagWriter<'_>)) -> Self {
        self.tags_with = Some(tags_with);
        self
    }

    /// Values that are not served stale.
    #[must_use]
    pub const fn never_stale(mut self, never_stale: fn(&V) -> bool) -> Self {
        self.never_stale = Some(never_stale);
        self
    }

    /// How long a value is served stale at most, by the value.
    #[cfg(feature = "http")]
    #[must_use]
    pub(crate) const fn stale_with(mut self, stale_with: fn(&V) -> Duration) -> Self {
        self.stale_with = Some(stale_with);
        self
    }

    pub(crate) const fn has_tags(&self) -> bool {
        self.tags_with.is_some()
    }

    /// How long the generations of an entry's tags have to live.
    pub(crate) fn tag_ttl(&self, site: &Site, policy: Policy) -> Option<Duration> {
        let absent = match site.absent {
            Absent::For(ttl) => ttl,
            Absent::Skip | Absent::Cache => Duration::ZERO,
        };
        let usual = policy.fresh().map(|fresh| {
            let beyond = policy.stale().saturating_add(site.stale_if_error);
            let hot = policy.hot().map_or(Duration::ZERO, |hot| hot.fresh);
            fresh.max(hot).max(absent).saturating_add(beyond).min(CENTURY)
        });
        match (usual, self.ttl_with) {
            // Who says how long it is says so after the load; tags that end earlier make the entry end earlier.
            (Some(ttl), Some(_)) => Some(ttl.max(Duration::from_secs(86_400))),
            (ttl, _) => ttl,
        }
    }
}

impl<V: Value> Rules<V> {
    /// How long `value` is stored; `None` when it is not.
    pub(crate) fn storage(&self, site: &Site, policy: Policy, value: &V) -> Option<Term> {
        if self.unless.is_some_and(|unless| unless(value)) {
            return None;
        }
        let usual = match self.ttl_with {
            Some(ttl_with) => Some(ttl_with(value)),
            None => policy.fresh(),
        };
        let fresh = match site.absent {
            Absent::Skip if (self.absent)(value) => return None,
            Absent::For(ttl) if (self.absent)(value) => Some(ttl),
            _ => usual,
        };
        let beyond = match self.never_stale {
            Some(never_stale) if never_stale(value) => Duration::ZERO,
            _ => policy.stale().saturating_add(site.stale_if_error),
        };
        let beyond = self.stale_with.map_or(beyond, |stale_with| stale_with(value).min(beyond));
        // What outlives its readers lives for ever; no clock counts that far.
        let fresh = fresh.filter(|fresh| *fresh < CENTURY);
        let beyond = beyond.min(CENTURY);
        // A ttl from a value may come out as nothing.
        fresh.is_none_or(|fresh| fresh >= Duration::from_millis(1)).then_some(Term { fresh, beyond })
    }

    fn schema(site: &Site) -> u32 {
        u32::from(site.schema) << 24 | fingerprint::<V>()
    }
}

/// The body of a call. Erased here, once for all functions: the code of a miss is there once for each type of value and error.
pub(crate) type Body<'a, V, E> = Pin<Box<dyn Future<Output = Result<V, E>> + Send + 'a>>;

/// A call with its body, which is run at most once.
pub(crate) struct Typed<'a, V, E> {
    slot: Slot<V>,
    policy: Policy,
    share: ShareError<E>,
    transient: Transient<E>,
    error: Option<E>,
    body: Body<'a, V, E>,
    loading: Loading,
}

impl<'a, V: Value, E> Typed<'a, V, E> {
    pub(crate) fn new(slot: Slot<V>, policy: Policy, share: ShareError<E>, body: Body<'a, V, E>) -> Self {
        let loading = Loading::here();
        Self { slot, policy, share, transient: Transient::none(), error: None, body, loading }
    }

    /// The same as part of another task's load.
    pub(crate) fn within(self, loading: Loading) -> Self {
        Self { loading, ..self }
    }

    /// The same, with errors that a stale value may answer for.
    pub(crate) fn forgiving(self, transient: Transient<E>) -> Self {
        Self { transient, ..self }
    }

    /// The answer, once the engine has answered.
    ///
    /// # Panics
    /// If it has not.
    pub(crate) fn answer(self) -> Result<V, E> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.slot.value.expect("the engine answers every call")),
        }
    }
}

impl<V: Value, E: Send> Answer for Typed<'_, V, E> {
    fn decode(&mut self, value: &frame::Value<'_>) -> Result<(), Unreadable> {
        self.slot.decode(value)
    }

    fn adopt(&mut self, value: &Shared) -> bool {
        self.slot.adopt(value)
    }

    fn share(&self) -> Option<Shared> {
        self.slot.share()
    }

    fn tags(&self) -> Vec<Bytes> {
        self.slot.tags()
    }

    fn frame(&self, key: &Key, stored: Stamped<'_>, compression: Compression) -> Option<Framed> {
        self.slot.frame(key, stored, compression)
    }
}

impl<V: Value, E: Send> Call for Typed<'_, V, E> {
    fn has_answer(&self) -> Loaded {
        let Slot { site, rules, value } = &self.slot;
        let stored = value.as_ref().and_then(|value| rules.storage(site, self.policy, value));
        stored.map_or(Loaded::Keep, Loaded::Store)
    }

    fn poll_load(&mut self, context: &mut Context<'_>) -> Poll<Loaded> {
        let mut polled = Poll::Pending;
        self.loading.step(&mut || polled = self.body.as_mut().poll(context));
        Poll::Ready(match ready!(polled) {
            Ok(value) => {
                let stored = self.slot.rules.storage(self.slot.site, self.policy, &value);
                self.slot.value = Some(value);
                stored.map_or(Loaded::Keep, Loaded::Store)
            }
            Err(error) => {
                let shared = self.share.give(&error);
                self.error = Some(error);
                Loaded::Failed(shared)
            }
        })
    }

    fn forgives(&self) -> bool {
        match (self.transient.0, &self.error) {
            (Some(transient), Some(error)) => transient(error),
            _ => false,
        }
    }

    fn forget_error(&mut self) {
        self.error = None;
    }

    fn adopt_error(&mut self, error: &Shared) -> bool {
        self.error = self.share.take(error);
        self.error.is_some()
    }
}
