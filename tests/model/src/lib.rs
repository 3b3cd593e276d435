//! The protocol of the cache as models that are checked exhaustively, and the proof that each guard in them is needed.

mod check;
pub mod entry;
mod held;
pub mod holds;
pub mod joins;
pub mod nested;
pub mod outage;
pub mod reloads;
pub mod restarts;
pub mod tags;
pub mod write_through;

pub use self::check::{Case, Counterexample, Outcome, Protocol, SPARE, Spread, Without, Witness};

/// Every run: those small enough for each build, or the large ones too.
#[must_use]
pub fn cases(full: bool) -> Vec<Case> {
    let models = [
        entry::cases,
        tags::cases,
        holds::cases,
        write_through::cases,
        outage::cases,
        nested::cases,
        joins::cases,
        reloads::cases,
        restarts::cases,
    ];
    models.into_iter().flat_map(|cases| cases(full)).collect()
}
