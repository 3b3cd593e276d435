//! Values that other programs write and read: bare at their key, and what this library has to know of them beside it.
//!
//! `cache:meta:{KEY}` is where the lease, the hold, or the header of a value stands: its frame, with a mark of the bytes at the key in
//! place of the payload. Bytes that no header marks were written by somebody else.

use super::script::{FILL_BARE, LEASE_BARE, Script, UNHOLD};
use super::{READ, Redis, WRITE, reply, ttl_argument};
use crate::error::StoreError;
use crate::frame::{Entry, FOREIGN, Tags, Token, Value};
use crate::key::{BESIDE, Key};
use crate::store::{Lease, Leased, Store};
use crate::time::millis;
use ::redis::Value as Reply;
use bytes::Bytes;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_128;

/// Where the scripts find a key that touch its fence.
pub(super) struct Fenced<'a> {
    name: &'a [u8],
    beside: Option<Bytes>,
    pub(super) fence: Vec<u8>,
}

impl<'a> Fenced<'a> {
    pub(super) fn of(key: &'a Key) -> Self {
        Self { name: key.name(), beside: key.beside(), fence: key.fence() }
    }

    /// Where the frame, the lease or the hold stands.
    pub(super) fn place(&self) -> &[u8] {
        self.beside.as_deref().unwrap_or(self.name)
    }

    /// Where the value does, if that is not there.
    pub(super) fn bare(&self) -> Option<&[u8]> {
        self.beside.is_some().then_some(self.name)
    }

    /// The same as the keys of a script.
    pub(super) fn with<T>(&self, call: impl FnOnce(&[&[u8]]) -> T) -> T {
        match self.bare() {
            None => call(&[self.place(), &self.fence]),
            Some(bare) => call(&[self.place(), &self.fence, bare]),
        }
    }
}

/// Whether what stands at `place` is of the value at `name`.
pub(super) fn is_beside(place: &[u8], name: &[u8]) -> bool {
    place.strip_prefix(BESIDE).and_then(|inside| inside.strip_suffix(b"}")) == Some(name)
}

/// What stands at `key`, of the values beside it, where it is bare, and at it.
pub(super) fn entry(
    key: &Key,
    values: &mut impl Iterator<Item = Option<Bytes>>,
    now_ms: u64,
) -> Option<Bytes> {
    let place = values.next().flatten();
    if key.is_bare() { composed(key, place, values.next().flatten(), now_ms) } else { place }
}

/// Whether a value stands at `key`, by the kind of what stands at its [`Key::place`].
pub(super) fn is_value(key: &Key, kind: Option<&[u8]>) -> bool {
    if key.is_bare() { kind != Some(b"H") } else { kind == Some(b"V") }
}

/// The frame of the value `data`, which is ours if `place` is its header; else the lease or the hold.
fn composed(key: &Key, place: Option<Bytes>, data: Option<Bytes>, now_ms: u64) -> Option<Bytes> {
    let Some(data) = data else {
        // A header alone is left of a value that somebody else has removed.
        return place.filter(|bytes| matches!(bytes.first(), Some(b'L' | b'H')));
    };
    let mark = xxh3_128(&data).to_le_bytes();
    let value = match place.as_deref().map(|bytes| Entry::parse(key, bytes)) {
        // What was written meanwhile may be from before the change that is under way.
        Some(Ok(Entry::Hold)) => return place,
        Some(Ok(Entry::Value(header))) if header.payload.starts_with(&mark) => {
            Value { payload: &data, ..header }
        }
        _ => foreign(&data, Token(mark), now_ms),
    };
    // What is too large to be read is no entry.
    Some(value.to_bytes(key).map(Bytes::from).unwrap_or_default())
}

/// A value of which nothing is known.
fn foreign(data: &[u8], token: Token, now_ms: u64) -> Value<'_> {
    Value {
        token,
        created_ms: now_ms,
        soft_ms: u32::MAX,
        delta_ms: 0,
        absent: false,
        codec: FOREIGN,
        schema: 0,
        tags: Tags::NONE,
        packed: None,
        payload: data,
    }
}

/// The header and the bare value of a frame.
fn split<'a>(key: &Key, frame: &'a [u8]) -> Result<(Vec<u8>, &'a [u8]), StoreError> {
    let Ok(Entry::Value(value @ Value { packed: None, payload, .. })) = Entry::parse(key, frame) else {
        return Err(StoreError::Other);
    };
    let sha1 = sha1_smol::Sha1::from(payload).digest().to_string();
    // The first for readers, who look at every value, the second for scripts, which know no other hash.
    let marks = [&xxh3_128(payload).to_le_bytes()[..], sha1.as_bytes()].concat();
    let header = Value { payload: &marks, ..value }.to_bytes(key).ok_or(StoreError::Other)?;
    Ok((header, payload))
}

impl Redis {
    /// Runs a script where most find `key`: at the frame, or at the header and the value.
    pub(super) async fn script_at(
        &self,
        deadline: Duration,
        script: &Script,
        key: &Key,
        args: &[&[u8]],
    ) -> Result<Reply, StoreError> {
        match key.beside() {
            None => self.script(deadline, script, &[key.name()], args).await,
            Some(beside) => self.script(deadline, script, &[&beside, key.name()], args).await,
        }
    }

    pub(super) async fn bare_head(&self, key: &Key) -> Result<Bytes, StoreError> {
        let entry = self.get(key).await?.unwrap_or_default();
        Ok(entry.slice(..entry.len().min(17)))
    }

    pub(super) async fn bare_lease(
        &self,
        key: &Key,
        lease: Lease,
        term: Duration,
        instead_of: Option<Token>,
    ) -> Result<Leased, StoreError> {
        let (blob, term) = (lease.to_bytes(), millis(term).to_string());
        let seen = instead_of.as_ref().map_or(&[][..], |token| token.as_bytes());
        match self.script_at(READ, &LEASE_BARE, key, &[&blob, term.as_bytes(), seen]).await? {
            Reply::Nil => Ok(Leased::Granted),
            Reply::Array(found) => {
                let found = found.into_iter().map(reply::bytes).collect::<Result<Vec<_>, _>>()?;
                let denied = entry(key, &mut found.into_iter(), self.now_ms());
                denied.map(Leased::Denied).ok_or(StoreError::Other)
            }
            other => reply::bytes(other).and(Err(StoreError::Other)),
        }
    }

    pub(super) async fn bare_fill(
        &self,
        key: &Key,
        token: Token,
        frame: &[u8],
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let ((header, data), ttl) = (split(key, frame)?, ttl_argument(ttl));
        let args = [&token.as_bytes()[..], &header, ttl.as_bytes(), data];
        reply::yes(&self.script_at(WRITE, &FILL_BARE, key, &args).await?)
    }

    pub(super) async fn bare_put(
        &self,
        key: &Key,
        holder: Token,
        frame: &[u8],
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let ((header, data), ttl) = (split(key, frame)?, ttl_argument(ttl));
        let args = [&holder.as_bytes()[..], &header, ttl.as_bytes(), data];
        let (place, fence) = (key.place(), key.fence());
        reply::yes(&self.script(WRITE, &UNHOLD, &[&place, &fence, key.name()], &args).await?)
    }
}
