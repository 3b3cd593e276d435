//! The budgets under which the model is checked, and the guards that each of them needs.

use super::{Budget, Event, Guard, Kind, STALE, WriteThrough};
use crate::check::{Case, Without, Witness};

const NOTHING: Budget = Budget { evictions: 0, lapses: 0, crashes: 0, timeouts: 0, full: 0 };
const USUAL: &[Event] = &[Event::Hit, Event::Beside, Event::Refused, Event::Stored, Event::Removed];

fn updates(without: &'static [Guard]) -> WriteThrough {
    WriteThrough {
        without: Without(without),
        writers: [Kind::Update, Kind::Update, Kind::Absent],
        reads: [2, 1],
        budget: Budget { evictions: 1, lapses: 1, crashes: 1, ..NOTHING },
        expects: USUAL,
        seen: Witness::default(),
    }
}

fn mixed(without: &'static [Guard]) -> WriteThrough {
    let budget = Budget { evictions: 1, lapses: 1, crashes: 1, full: 1, ..NOTHING };
    WriteThrough { writers: [Kind::Update, Kind::Invalidate, Kind::Absent], budget, ..updates(without) }
}

fn outlasted(without: &'static [Guard]) -> WriteThrough {
    WriteThrough {
        writers: [Kind::Update, Kind::Update, Kind::Invalidate],
        reads: [1, 0],
        budget: Budget { lapses: 1, ..NOTHING },
        expects: &[Event::Hit, Event::Beside, Event::Removed, Event::Outlasted],
        ..updates(without)
    }
}

fn late(without: &'static [Guard]) -> WriteThrough {
    let budget = Budget { evictions: 1, timeouts: 2, ..NOTHING };
    let expects = &[Event::Hit, Event::Stored, Event::Removed, Event::LatePut, Event::LateHold];
    WriteThrough { reads: [2, 0], budget, expects, ..updates(without) }
}

fn full(without: &'static [Guard]) -> WriteThrough {
    let budget = Budget { evictions: 1, lapses: 1, crashes: 1, full: 1, ..NOTHING };
    WriteThrough {
        writers: [Kind::Update, Kind::Update, Kind::Invalidate],
        reads: [2, 1],
        budget,
        ..updates(without)
    }
}

fn faulty(without: &'static [Guard]) -> WriteThrough {
    let budget = Budget { evictions: 2, lapses: 2, crashes: 0, timeouts: 3, full: 1 };
    WriteThrough { reads: [2, 2], budget, ..updates(without) }
}

/// All runs of this model.
#[must_use]
pub fn cases(large: bool) -> Vec<Case> {
    let mut cases = Case::each(
        "write-through: two updates",
        updates,
        &[
            (Guard::Hold, STALE),
            (Guard::HolderShares, STALE),
            (Guard::StrangerShares, STALE),
            (Guard::RemoveAfterLapse, STALE),
        ],
    );
    cases.extend(Case::each(
        "write-through: an invalidation",
        mixed,
        &[
            (Guard::InvalidationShares, STALE),
            (Guard::RemoveAfterLapse, STALE),
            (Guard::RemoveWhenFull, STALE),
        ],
    ));
    cases.extend(Case::each(
        "write-through: one of two lapses",
        outlasted,
        &[(Guard::SharedOutlivesHolder, STALE)],
    ));
    cases.extend(Case::each("write-through: late commands", late, &[]));
    if large {
        cases.extend(Case::each("write-through: two and one", full, &[]));
        cases.extend(Case::each("write-through: many faults", faulty, &[]));
    }
    cases
}
