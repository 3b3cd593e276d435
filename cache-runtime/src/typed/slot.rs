//! An answer, and what it is in the store.

use super::Rules;
use crate::codec::{Compression, Unpacked, Value, unpack};
use crate::engine::{Answer, Framed, Stamped, Unreadable};
use crate::flight::Shared;
use crate::frame;
use crate::key::Key;
use crate::site::Site;
use crate::tag::TagWriter;
use crate::time::millis_u32;
use bytes::Bytes;
use std::sync::Arc;

/// The place of one answer.
pub(crate) struct Slot<V> {
    pub(super) site: &'static Site,
    pub(super) rules: Rules<V>,
    pub(super) value: Option<V>,
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

    fn frame(&self, key: &Key, stored: Stamped<'_>, compression: Compression) -> Option<Framed> {
        let value = self.value.as_ref()?;
        let mut payload = Vec::with_capacity(128);
        (self.rules.encode)(value, &mut payload).ok()?;
        let raw_len = payload.len();
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
