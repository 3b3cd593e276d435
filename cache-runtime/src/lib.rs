//! Coherent caching for async Rust.

#[allow(unused_extern_crates, reason = "the macros name the crate by its name")]
extern crate self as cache_runtime;

#[doc(hidden)]
pub mod __private;

mod breaker;
mod cache;
pub mod catalog;
pub mod codec;
mod context;
mod engine;
mod entry;
mod error;
mod flight;
mod frame;
mod key;
mod local;
pub mod manual;
mod memory;
mod mutation;
mod observe;
mod pending;
mod policy;
#[cfg(feature = "redis")]
mod redis;
mod scope;
mod site;
pub mod store;
mod sync;
mod tag;
mod time;
mod typed;

pub use cache_macros::{KeyPart, cached, invalidates, updates};

pub use self::cache::{Cache, CacheBuilder, OnRestart};
pub use self::catalog::catalog;
pub use self::codec::Value;
pub use self::context::observed;
pub use self::engine::Put;
pub use self::entry::{EntryRef, Hold};
pub use self::error::{AlreadyInstalled, ConfigError, NotReady, StoreError, Undone};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::frame::fuzzing;
pub use self::key::{Key, KeyPart, KeyWriter};
pub use self::local::Capacity;
pub use self::observe::{Answer, FunctionStats, Invalidation, LatencyStats, Outcome, Report, Stats, Tier};
pub use self::policy::{Absent, Level, Policy};
#[cfg(feature = "tls")]
pub use self::redis::Tls;
pub use self::scope::{Commit, Deferred, Scope};
