//! What the tests share: real Redis servers, a proxy that breaks connections, gates, and worker processes.
#![allow(clippy::missing_panics_doc, reason = "a panic is how test support reports a failed test")]

pub mod certificates;
pub mod gate;
mod process;
pub mod proxy;
pub mod redis_cluster;
pub mod redis_process;
pub mod sentinels;
pub mod through;
pub mod wait;
pub mod worker;

/// The README, whose examples are tested with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
