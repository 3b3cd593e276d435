//! This library beside its peers: what a cached call costs, measured side by side.

pub mod callgrind;
pub mod case;
pub mod child;
pub mod cli;
pub mod guard;
pub mod hit;
pub mod limits;
pub mod ours;
pub mod rounds;
pub mod table;
pub mod work;
