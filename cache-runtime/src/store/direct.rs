//! What plain operations need of a store, besides the protocol.

use super::{Lifetime, StoreFuture, Token};
use crate::key::Key;
use crate::tag::Tag;
use bytes::Bytes;
use std::time::Duration;

/// Operations on one key that no function owns, and that is never [bare](Key::is_bare); each happens at once, like those of a
/// [`Store`](super::Store).
pub trait Direct: Send + Sync {
    /// Whether there is something that an operation could be sent to; without, it is surely not executed.
    fn is_up(&self) -> bool;

    /// Makes `entry` the value at `key` for `ttl` (`None`: for ever), instead of whatever stands there, and announces it; tells whether
    /// it did.
    ///
    /// A hold stays, and is marked as shared.
    fn set<'a>(&'a self, key: &'a Key, entry: Bytes, ttl: Option<Duration>) -> StoreFuture<'a, bool>;

    /// Makes `entry` the value at `key` for `ttl` (`None`: for ever), instead of the value with the token `seen`, and announces it; tells
    /// whether that one stood there.
    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool>;

    /// Adds `by` to the counter at `key`, and tells what it counts then. One that is not there begins at zero, and lives for `ttl` from
    /// then on (`None`: for ever).
    ///
    /// What is no integer, or would not be one, stays: [`NotAnInteger`](crate::StoreError::NotAnInteger).
    fn increment<'a>(&'a self, key: &'a Key, by: i64, ttl: Option<Duration>) -> StoreFuture<'a, i64>;

    /// What the counter at `key` counts, and how much longer it lives; `None` where nothing stands.
    fn count<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<(i64, Lifetime)>>;

    /// Some of the names that `pattern` (as Redis matches) is of, and where to go on; `None` at the end. From the start to the end, each
    /// name that stands there all the time is told, perhaps more than once.
    fn scan<'a>(&'a self, pattern: &'a [u8], from: Cursor) -> StoreFuture<'a, Scanned>;

    /// Announces `tags` as if their generations had ended, and leaves them as they are: what was read before is read again.
    fn touch<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()>;
}

/// Names, and where to go on.
pub type Scanned = (Vec<Bytes>, Option<Cursor>);

/// Where a scan is; the default is its start. What the numbers mean is the store's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Which part of the store: a shard, a server.
    pub part: usize,
    /// Where in it.
    pub at: u64,
}

/// The integer that `digits` are, written as Redis writes them.
pub(crate) fn integer(digits: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.parse().ok().filter(|number: &i64| number.to_string() == digits)
}
