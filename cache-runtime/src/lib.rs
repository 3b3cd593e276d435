//! Coherent caching for async Rust.

#[allow(unused_extern_crates, reason = "the macros name the crate by its name")]
extern crate self as cache_runtime;

#[doc(hidden)]
pub mod __private;

mod batch;
mod behind;
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
pub mod health;
#[cfg(feature = "http")]
pub mod http;
mod key;
mod local;
pub mod manual;
mod memory;
mod metrics;
mod mutation;
mod observe;
mod pending;
mod plain;
mod policy;
mod progress;
#[cfg(feature = "redis")]
mod redis;
mod scope;
mod settings;
mod site;
pub mod store;
mod sync;
mod tag;
mod time;
mod typed;
mod warm;

pub use cache_macros::{KeyPart, cached, cached_many, invalidates, updates};

pub use self::batch::{Holds, Many};
pub use self::behind::{WriteBehind, WriteBehindOptions, Written};
pub use self::cache::{Cache, CacheBuilder, OnRestart};
pub use self::catalog::catalog;
pub use self::codec::{Compression, Value};
pub use self::context::observed;
pub use self::engine::{Put, Swept};
pub use self::entry::{EntryRef, Hold};
pub use self::error::{
    AlreadyInstalled, ConfigError, NotReady, ProgressError, StoreError, Undone, WriteError,
};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::frame::fuzzing;
pub use self::health::{Health, KeyCounts};
pub use self::key::{Key, KeyPart, KeyWriter};
pub use self::local::Capacity;
pub use self::observe::{Answer, FunctionStats, Invalidation, LatencyStats, Outcome, Report, Stats, Tier};
pub use self::plain::{PlainKey, Sweep, Values, escape_pattern};
pub use self::policy::{Absent, Level, Policy};
pub use self::progress::{Progress, Subscription};
#[cfg(feature = "tls")]
pub use self::redis::Tls;
pub use self::scope::{Commit, Deferred, Scope};
pub use self::warm::{Warmed, Warming};
