//! From a url to a store.

use super::address::Address;
#[cfg(feature = "cluster")]
use super::address::Kind;
use super::place::Place;
use super::{Redis, Tls, Upkeep};
use crate::error::ConfigError;
use crate::store::Store;
use std::sync::Arc;

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
    match Place::of(address) {
        Some(place) => Ok(Arc::new(Redis::at(place, upkeep))),
        None => Err(ConfigError::new(setting, "is of several servers, for which this program was not built")),
    }
}
