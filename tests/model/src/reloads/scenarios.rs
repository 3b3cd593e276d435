//! The budgets under which the model is checked, and the guards that each of them needs.

use super::{Budget, CROWDED, Event, Guard, NEEDLESS, Reloads, STALE, TWICE};
use crate::check::{Case, SPARE, Without, Witness};

fn by_key(without: &'static [Guard]) -> Reloads {
    Reloads {
        without: Without(without),
        by_tag: false,
        reads: [3, 1],
        budget: Budget { writes: 1, ages: 2, lapses: 1, failures: 1 },
        expects: &[
            Event::Hit,
            Event::L1Hit,
            Event::Reloaded,
            Event::Denied,
            Event::Refused,
            Event::Kept,
            Event::Forgiven,
            Event::Taken,
        ],
        seen: Witness::default(),
    }
}

fn by_tag(without: &'static [Guard]) -> Reloads {
    let expects =
        &[Event::Hit, Event::L1Hit, Event::Reloaded, Event::Kept, Event::Outrun, Event::Old, Event::Forgiven];
    Reloads { by_tag: true, expects, ..by_key(without) }
}

fn by_key_full(without: &'static [Guard]) -> Reloads {
    Reloads {
        reads: [2, 2],
        budget: Budget { writes: 2, ages: 2, lapses: 1, failures: 1 },
        ..by_key(without)
    }
}

fn by_tag_full(without: &'static [Guard]) -> Reloads {
    Reloads {
        reads: [2, 2],
        budget: Budget { writes: 2, ages: 2, lapses: 1, failures: 1 },
        ..by_tag(without)
    }
}

/// All runs of this model.
#[must_use]
pub fn cases(full: bool) -> Vec<Case> {
    let mut cases = Case::each(
        "reloads: a key",
        by_key,
        &[
            (Guard::FillCompares, STALE),
            (Guard::RefreshCompares, NEEDLESS),
            (Guard::ServedCompared, NEEDLESS),
            (Guard::OneAtATime, CROWDED),
            (Guard::OnePlace, TWICE),
        ],
    );
    cases.extend(Case::each(
        "reloads: a tag",
        by_tag,
        &[
            (Guard::CaptureFirst, STALE),
            (Guard::TicketBeforeLoad, STALE),
            (Guard::TagCompared, STALE),
            (Guard::OldLeavesL1, SPARE),
        ],
    ));
    if full {
        cases.extend(Case::each("reloads: a key, 2 writes", by_key_full, &[]));
        cases.extend(Case::each("reloads: a tag, 2 writes", by_tag_full, &[]));
    }
    cases
}
