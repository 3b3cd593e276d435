//! Batches: many ids of one cached function, looked up together and loaded by one body, over the in-process store and over a real Redis.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

mod absent;
mod entries;
#[deny(
    warnings,
    clippy::pedantic,
    missing_docs,
    rust_2018_idioms,
    single_use_lifetimes,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications
)]
mod forms;
mod limits;
mod races;
mod random;
mod source;
mod warming;
#[allow(dead_code, reason = "these tests need a part of it")]
#[path = "../ordered/world.rs"]
mod world;
