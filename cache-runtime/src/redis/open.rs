//! From a url to a store.

use super::address::Address;
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
    Ok(Arc::new(Redis::at(Place::of(address).expect("TODO"), upkeep)))
}
