//! The attributes on functions of every kind: the expansion compiles, says nothing to the strictest lints, and caches.
#![deny(
    warnings,
    clippy::pedantic,
    missing_docs,
    rust_2018_idioms,
    single_use_lifetimes,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications
)]
#![forbid(unsafe_code)]

mod async_traits;
mod blocks;
mod compression;
mod deferred;
mod functions;
mod generics;
mod hostile;
mod instrumented;
mod key_parts;
mod mutations;
mod options;
mod refreshing;
mod tags;
mod ttls;
mod updates;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cache_runtime::store::Lifetime;

/// Counts how often a body ran.
#[derive(Debug, Default)]
struct Runs(AtomicU32);

impl Runs {
    const fn none() -> Runs {
        Runs(AtomicU32::new(0))
    }

    /// Counts one more run and gives its number.
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Whether an entry lives for about so many seconds more.
fn is_about(left: Option<Lifetime>, seconds: u64) -> bool {
    let Some(Lifetime::Left(left)) = left else { return false };
    left <= Duration::from_secs(seconds) * 11 / 10 && left >= Duration::from_secs(seconds) * 8 / 10
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}
