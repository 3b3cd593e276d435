//! The budgets under which the model is checked, and the guards that each of them needs.

use super::{Budget, Event, Guard, Restarts, STALE};
use crate::check::{Case, Without, Witness};

fn once(without: &'static [Guard]) -> Restarts {
    Restarts {
        without: Without(without),
        reads: [2, 2],
        budget: Budget { writes: 1, snapshots: 1, restarts: 1, losses: 1 },
        expects: &[
            Event::Hit,
            Event::Risen,
            Event::Flushed,
            Event::Known,
            Event::Both,
            Event::Old,
            Event::Survived,
        ],
        seen: Witness::default(),
    }
}

fn twice(without: &'static [Guard]) -> Restarts {
    let budget = Budget { writes: 1, snapshots: 1, restarts: 2, losses: 0 };
    Restarts { budget, expects: &[Event::Hit, Event::Risen, Event::Flushed, Event::Cut], ..once(without) }
}

fn twice_full(without: &'static [Guard]) -> Restarts {
    Restarts { budget: Budget { writes: 2, snapshots: 2, restarts: 2, losses: 1 }, ..twice(without) }
}

/// All runs of this model.
#[must_use]
pub fn cases(full: bool) -> Vec<Case> {
    let mut cases = Case::each(
        "restarts: one",
        once,
        &[
            (Guard::EveryProcessAsks, STALE),
            (Guard::RunIsKept, STALE),
            (Guard::KnownLast, STALE),
            (Guard::AllNamespaces, STALE),
            (Guard::BeforeReads, STALE),
            (Guard::MissingIsInvalid, STALE),
            (Guard::CaptureBeforeLoad, STALE),
        ],
    );
    cases.extend(Case::each("restarts: two", twice, &[(Guard::OneConnection, STALE)]));
    if full {
        cases.extend(Case::each("restarts: two, 2 writes, 2 snapshots", twice_full, &[]));
    }
    cases
}
