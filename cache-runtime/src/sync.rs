//! Atomics and locks: loom's where it tries how threads interleave (`tests/loom`), the standard library's everywhere else.

#[cfg(cache_loom)]
pub(crate) use loom::{
    sync::{Mutex, MutexGuard, atomic},
    thread_local,
};
#[cfg(not(cache_loom))]
pub(crate) use std::{
    sync::{Mutex, MutexGuard, atomic},
    thread_local,
};

/// Runs `model` in every way that its threads can interleave.
#[cfg(cache_loom)]
pub(crate) fn explore(model: impl Fn() + Send + Sync + 'static) {
    loom::model::Builder::new().check(model);
}
