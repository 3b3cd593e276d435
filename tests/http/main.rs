//! The HTTP layer over services of these tests: what it serves, what it stores, what it leaves alone.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

mod bodies;
mod coherent;
mod oracle;
mod refreshing;
mod responses;
mod routed;
mod routers;
mod rules;
mod world;
