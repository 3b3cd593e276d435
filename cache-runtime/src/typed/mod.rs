//! The typed side of a call: the one place that is generic over the value.

mod call;
mod errors;
mod member;

pub(crate) use self::call::{Body, Typed};
pub use self::errors::{ShareError, Transient};
pub(crate) use self::member::{Board, Given, Member};

use crate::codec::{Codec, CodecError, Compression, Unpacked, Value, fingerprint, unpack};
use crate::engine::{Answer, Framed, Stamped, Unreadable};
use crate::flight::Shared;
use crate::frame;
use crate::key::Key;
use crate::policy::{Absent, Policy, Term};
use crate::site::Site;
use crate::tag::TagWriter;
use crate::time::millis_u32;
use bytes::Bytes;
use std::sync::Arc;
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

/// The place of one answer.
pub(crate) struct Slot<V> {
    site: &'static Site,
    rules: Rules<V>,
    value: Option<V>,
}

impl<V: Value> Slot<V> {
    pub(crate) fn empty(site: &'static Site, rules: Rules<V>) -> Self {
        Self { site, rules, value: None }
    }

    pub(crate) fn full(site: &'static Site, rules: Rules<V>, value: V) -> Self {
        Self { site, rules, value: Some(value) }
    }

    pub(crate) fn take(&mut self) -> Option<V> {
        self.value.take()
    }

    pub(crate) fn into_value(self) -> Option<V> {
        self.value
    }
}

impl<V: Value> Answer for Slot<V> {
    fn decode(&mut self, value: &frame::Value<'_>) -> Result<(), Unreadable> {
        if value.is_foreign() {
            self.value = Some((self.rules.decode)(value.payload).map_err(|_| Unreadable::Newer)?);
            return Ok(());
        }
        let schema = Rules::<V>::schema(self.site);
        if value.schema >> 24 > schema >> 24 {
            return Err(Unreadable::Newer);
        }
        if value.codec != self.rules.codec || value.schema != schema {
            return Err(Unreadable::Broken);
        }
        let payload = unpack(value.payload, value.packed).map_err(|error| match error {
            Unpacked::Unknown => Unreadable::Newer,
            Unpacked::Broken => Unreadable::Broken,
        })?;
        self.value = Some((self.rules.decode)(&payload).map_err(|_| Unreadable::Broken)?);
        Ok(())
    }

    fn adopt(&mut self, value: &Shared) -> bool {
        self.value = value.downcast_ref::<V>().cloned();
        self.value.is_some()
    }

    fn share(&self) -> Option<Shared> {
        self.value.clone().map(|value| Arc::new(value) as Shared)
    }

    fn tags(&self) -> Vec<Bytes> {
        let mut tags = Vec::new();
        if let (Some(tags_with), Some(value)) = (self.rules.tags_with, &self.value) {
            tags_with(value, &mut TagWriter(&mut tags));
        }
        tags
    }

    fn frame(&self, key: &Key, stored: Stamped<'_>, compression: Compression, most: usize) -> Option<Framed> {
        let value = self.value.as_ref()?;
        let mut payload = Vec::with_capacity(128);
        (self.rules.encode)(value, &mut payload).ok()?;
        let raw_len = payload.len();
        if raw_len > most {
            return None;
        }
        // Nobody else could read it.
        let compression = if key.is_bare() { Compression::off() } else { compression };
        let (payload, packed) = compression.pack(payload);
        let frame = frame::Value {
            token: stored.token,
            created_ms: stored.created_ms,
            soft_ms: stored.soft.map_or(u32::MAX, millis_u32),
            delta_ms: millis_u32(stored.delta),
            absent: (self.rules.absent)(value),
            codec: self.rules.codec,
            schema: Rules::<V>::schema(self.site),
            tags: stored.tags,
            packed,
            payload: &payload,
        };
        frame.to_bytes(key).map(|bytes| Framed { bytes, raw_len })
    }
}
