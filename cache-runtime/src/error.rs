//! What can go wrong, and where it is allowed to show.

use std::fmt;

/// A configuration that cannot work.
///
/// Names the setting and its value; a password never appears in it.
#[derive(Clone, thiserror::Error)]
#[error("{setting} {problem}")]
pub struct ConfigError {
    setting: String,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(setting: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self { setting: setting.to_string(), problem: problem.to_string() }
    }
}

/// As it displays: this is what `fn main() -> Result<..>` prints.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The store did not become ready in time.
#[derive(Clone, thiserror::Error)]
#[error("the cache is not ready after {waited:?}: {reason}")]
pub struct NotReady {
    pub(crate) waited: std::time::Duration,
    pub(crate) reason: String,
}

/// As it displays: this is what `fn main() -> Result<..>` prints.
impl fmt::Debug for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Another cache is already installed for this process.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a cache is already installed for this process; use `scope_for` to override it for one task")]
pub struct AlreadyInstalled;

/// A mutation that asked not to be done without the store (`on_unreachable = "error"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Undone {
    /// The store could not be asked before the mutation: nothing was changed.
    #[error("the cache cannot be reached, so nothing was changed")]
    NotBegun,
    /// The mutation was done; its invalidation is not as durable as it asked for: queued, or on fewer copies.
    #[error("the change was made, and other processes may not see it yet: the cache cannot be reached")]
    NotAnnounced,
}

/// Why progress could not be published or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgressError {
    /// The store could not be asked, or has no channels.
    #[error("the store has no part in it: {0}")]
    Store(StoreError),
    /// The state cannot be written as JSON.
    #[error("the state cannot be written")]
    Unwritable,
    /// What stands there is not a state of this type.
    #[error("the state is of another type")]
    Unreadable,
}

/// Why a write was not taken behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The journal could not be asked, or the store has none; the write may be in it all the same.
    #[error("the write is not known to be in the journal: {0}")]
    Store(StoreError),
    /// Too many entries have writes that their source does not have yet.
    #[error("the journal has no room")]
    Full,
    /// The write cannot be written as JSON, or its value by the function's codec.
    #[error("the write cannot be written down")]
    Unwritable,
}

/// Why an operation of a [`Store`](crate::store::Store) did not happen, as far as the engine cares.
///
/// Never reaches the caller of a cached function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreError {
    /// No connection, or it broke.
    #[error("the store is unreachable")]
    Unreachable,
    /// No answer within the operation's deadline; it may still have been executed.
    #[error("the store did not answer in time")]
    Timeout,
    /// The server is there and cannot serve now (loading, read-only replica, busy, cluster down).
    #[error("the store is not able to serve")]
    Unavailable,
    /// The server has no memory left for the write.
    #[error("the store is out of memory")]
    OutOfMemory,
    /// The user of the connection lacks the right.
    #[error("the store refuses the operation")]
    Denied,
    /// Something that this library did not write stands at the key.
    #[error("a foreign type stands at the key")]
    ForeignType,
    /// What stands at the key is no integer, or would not be one any more.
    #[error("no integer stands at the key, or it would overflow")]
    NotAnInteger,
    /// The value cannot be written: its codec refuses it, or it is larger than 64 MiB.
    #[error("the value cannot be written")]
    NotStorable,
    /// The key does not begin with a namespace.
    #[error("the key does not begin with a namespace of a-z, 0-9, `_`, `-` and `.` other than `cache`")]
    IllegalKey,
    /// The cache has no application's name, by which its keys could be told from those of others.
    #[error("without an application's name, its keys cannot be told from those of others")]
    NoApplication,
    /// Anything else the server said.
    #[error("the store answered with an error")]
    Other,
}

impl StoreError {
    /// Every kind, in the order of [`index`](Self::index).
    pub const ALL: [Self; 11] = [
        Self::Unreachable,
        Self::Timeout,
        Self::Unavailable,
        Self::OutOfMemory,
        Self::Denied,
        Self::ForeignType,
        Self::NotAnInteger,
        Self::NotStorable,
        Self::IllegalKey,
        Self::NoApplication,
        Self::Other,
    ];

    /// The kind's position in [`ALL`](Self::ALL), for counters.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The kind's name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::OutOfMemory => "out_of_memory",
            Self::Denied => "denied",
            Self::ForeignType => "foreign_type",
            Self::NotAnInteger => "not_an_integer",
            Self::NotStorable => "not_storable",
            Self::IllegalKey => "illegal_key",
            Self::NoApplication => "no_application",
            Self::Other => "other",
        }
    }
}
