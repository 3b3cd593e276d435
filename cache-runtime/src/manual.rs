//! The manual: a page for each subject, the short version first.

#[doc = include_str!("../docs/declaring.md")]
pub mod declaring {}

#[doc = include_str!("../docs/ttls.md")]
pub mod ttls {}

#[doc = include_str!("../docs/compression.md")]
pub mod compression {}

#[doc = include_str!("../docs/layout.md")]
pub mod layout {}

#[doc = include_str!("../docs/keys.md")]
pub mod keys {}

#[doc = include_str!("../docs/guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("../docs/levels.md")]
pub mod levels {}

#[doc = include_str!("../docs/tags.md")]
pub mod tags {}

#[doc = include_str!("../docs/writing.md")]
pub mod writing {}

#[doc = include_str!("../docs/operations.md")]
pub mod operations {}

#[doc = include_str!("../docs/transactions.md")]
pub mod transactions {}

#[doc = include_str!("../docs/refreshing.md")]
pub mod refreshing {}

#[cfg(feature = "http")]
#[doc = include_str!("../docs/http.md")]
pub mod http {}

#[doc = include_str!("../docs/progress.md")]
pub mod progress {}

#[doc = include_str!("../docs/write-behind.md")]
pub mod write_behind {}

#[doc = include_str!("../docs/batches.md")]
pub mod batches {}

#[doc = include_str!("../docs/redis.md")]
pub mod redis {}

#[doc = include_str!("../docs/topologies.md")]
pub mod topologies {}

#[doc = include_str!("../docs/outages.md")]
pub mod outages {}

#[doc = include_str!("../docs/observing.md")]
pub mod observing {}

#[doc = include_str!("../docs/catalog.md")]
pub mod catalog {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/internals.md")]
pub mod internals {}
