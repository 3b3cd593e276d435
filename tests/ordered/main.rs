//! Races, each shown by ordering it: over the in-process store and over a real Redis, within one process and across several.

mod beside;
mod cancellation;
mod coherent;
mod entries;
mod joiners;
mod local;
mod stale_sets;
mod unreadable;
mod world;
