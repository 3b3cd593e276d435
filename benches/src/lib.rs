//! This library beside its peers: what a cached call costs, measured side by side.

pub mod build;
pub mod callgrind;
pub mod case;
pub mod child;
pub mod cli;
pub mod codec;
pub mod guard;
pub mod hit;
pub mod limits;
pub mod limits_remote;
pub mod memory;
pub mod ours;
pub mod ours_remote;
pub mod remote;
pub mod rounds;
pub mod stampede;
pub mod table;
pub mod trips;
pub mod work;

/// The limits and this library.
#[must_use]
pub fn own_cases() -> Vec<case::Case> {
    [limits::cases(), limits_remote::cases(), codec::cases(), ours::cases(), ours_remote::cases()]
        .into_iter()
        .flatten()
        .collect()
}
