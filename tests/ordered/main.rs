//! Races, each shown by ordering it: over the in-process store and over a real Redis, within one process and across several.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

mod admission;
mod beside;
mod cancellation;
mod coherent;
mod entries;
mod expired;
mod fed;
mod holds;
mod in_process;
mod joiners;
mod local;
mod markers;
mod probing;
mod reloads;
mod scopes;
mod stale_sets;
mod tags;
mod unreadable;
mod world;
