//! The port of journals: writes that their source does not have yet.

use super::{StoreFuture, Token};
use crate::key::Key;
use bytes::{BufMut, Bytes, BytesMut};
use std::time::Duration;

/// Where writes stand until their source has them: the newest of each entry, in the order in which the entries came.
///
/// Every entry that has a write has one place in the order, and a place has at most one worker at a time. Each operation happens at once.
pub trait Journal: Send + Sync + 'static {
    /// Makes `write` the newest of `entry`, with a number greater than that of any write of the book before; `None` where `most` entries
    /// have writes already. Writes that one process appends are numbered in the order in which they were sent.
    fn append<'a>(
        &'a self,
        book: &'a Book,
        entry: &'a Key,
        write: Bytes,
        most: usize,
    ) -> StoreFuture<'a, Option<u64>>;

    /// The newest write of `entry`, for as long as its source may not have it.
    fn written<'a>(&'a self, book: &'a Book, entry: &'a Key) -> StoreFuture<'a, Option<Bytes>>;

    /// Gives up to `most` places to `worker`: those that another has kept for longer than `idle` without a sign of life, then new ones.
    fn take<'a>(
        &'a self,
        book: &'a Book,
        worker: Token,
        most: usize,
        idle: Duration,
    ) -> StoreFuture<'a, Vec<Taken>>;

    /// A sign of life: tells of each of `taken` whether it is still the worker's.
    fn keep<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, Vec<bool>>;

    /// Ends those of `taken` that are still the worker's: their source has these writes. One that has a newer write by now gets a new place.
    fn done<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, ()>;

    /// How many entries have writes.
    fn left<'a>(&'a self, book: &'a Book) -> StoreFuture<'a, usize>;
}

/// The writes of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    name: String,
}

impl Book {
    pub(crate) fn new(app: &str, name: &[u8]) -> Self {
        let separator = if app.is_empty() { "" } else { ":" };
        Self::named(format!("cache:behind:{{{app}{separator}{}}}", String::from_utf8_lossy(name)))
    }

    /// A book whose keys begin with `name`.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The beginning of its keys in the store.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A place that a worker has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub place: Bytes,
    /// The name of the entry.
    pub entry: Bytes,
    /// The number of its newest write.
    pub number: u64,
    /// That write.
    pub write: Bytes,
}

/// A write: what its source is to get, and the frame that stands for the entry until then.
pub(crate) struct Write {
    pub(crate) source: Bytes,
    pub(crate) frame: Bytes,
}

impl Write {
    /// `source_len u32, source, frame`, little endian; `None` where that is too long.
    pub(crate) fn to_bytes(&self) -> Option<Bytes> {
        let mut bytes = BytesMut::with_capacity(4 + self.source.len() + self.frame.len());
        bytes.put_u32_le(u32::try_from(self.source.len()).ok()?);
        bytes.put_slice(&self.source);
        bytes.put_slice(&self.frame);
        Some(bytes.freeze())
    }

    pub(crate) fn parse(bytes: &Bytes) -> Option<Self> {
        let (len, _) = bytes.split_first_chunk()?;
        let end = usize::try_from(u32::from_le_bytes(*len)).ok()?.checked_add(4)?;
        (end <= bytes.len()).then(|| Self { source: bytes.slice(4..end), frame: bytes.slice(end..) })
    }
}
