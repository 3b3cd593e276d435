//! From a url to a store.

use super::address::Address;
#[cfg(feature = "cluster")]
use super::address::Kind;
use super::member::Member;
use super::place::Place;
use super::{Redis, Tls};
use crate::error::ConfigError;
use crate::pending::Pending;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// What a connection owes its cache before anything is read on it.
#[derive(Clone, Default)]
pub(crate) struct Upkeep {
    /// Invalidations to be sent.
    pub(super) pending: Arc<Pending>,
    /// The application whose entries are not to outlive a restart of the server.
    pub(super) guarded: Option<String>,
    /// Operations that wait for an answer at once; `None`: without a limit.
    pub(super) operations: Option<usize>,
    /// After how long without an operation a connection is asked for a sign of life; `None`: 30 s.
    pub(super) idle: Option<Duration>,
    /// The server's place in a cluster.
    pub(super) member: Option<Arc<Member>>,
}

impl Upkeep {
    /// That of the cache that queues in `pending`.
    pub(crate) fn of(pending: Arc<Pending>, guarded: Option<String>) -> Self {
        Self { pending, guarded, ..Self::default() }
    }

    /// The same with limits, where they are said.
    pub(crate) fn limited(self, operations: Option<usize>, idle: Option<Duration>) -> Self {
        Self { operations, idle, ..self }
    }
}

/// The store that `url` names; `setting` is what an error calls it.
pub(crate) fn open(
    url: &str,
    setting: &str,
    tls: Option<&Tls>,
    upkeep: Upkeep,
) -> Result<Arc<dyn Store>, ConfigError> {
    let address = Address::parse(url, setting, tls)?;
    #[cfg(feature = "cluster")]
    if matches!(address.kind, Kind::Cluster) {
        return Ok(Arc::new(super::RedisCluster::of(address, setting, upkeep)?));
    }
    match Place::of(&address) {
        Some(place) => Ok(Arc::new(Redis::at(place, upkeep))),
        None => Err(ConfigError::new(setting, "is of several servers, for which this program was not built")),
    }
}
