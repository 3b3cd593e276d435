//! The budgets under which the model is checked, and the guards that each of them needs.

use super::{Event, Guard, STALE, Tags};
use crate::check::{Case, Without, Witness};

fn fixed(without: &'static [Guard]) -> Tags {
    Tags {
        without: Without(without),
        dynamic: false,
        cells: false,
        reads: [1, 2],
        writes: 2,
        evictions: 1,
        expects: &[Event::Hit, Event::Old, Event::Missing],
        seen: Witness::default(),
    }
}

fn dynamic(without: &'static [Guard]) -> Tags {
    Tags { dynamic: true, writes: 1, expects: &[Event::Hit, Event::Old, Event::Moved], ..fixed(without) }
}

fn cells(without: &'static [Guard]) -> Tags {
    let expects = &[Event::Hit, Event::Old, Event::L1Hit, Event::Known, Event::Outrun];
    Tags { cells: true, writes: 1, reads: [2, 2], expects, ..fixed(without) }
}

fn fixed_full(without: &'static [Guard]) -> Tags {
    Tags { reads: [2, 2], evictions: 2, ..fixed(without) }
}

fn dynamic_full(without: &'static [Guard]) -> Tags {
    Tags { reads: [2, 2], writes: 2, evictions: 2, ..dynamic(without) }
}

fn cells_full(without: &'static [Guard]) -> Tags {
    Tags { reads: [2, 2], writes: 2, ..cells(without) }
}

/// All runs of this model.
#[must_use]
pub fn cases(full: bool) -> Vec<Case> {
    let mut cases = Case::each(
        "tags: static",
        fixed,
        &[
            (Guard::CaptureBeforeLoad, STALE),
            (Guard::MissingIsInvalid, STALE),
            (Guard::RandomGenerations, STALE),
        ],
    );
    cases.extend(Case::each(
        "tags: dynamic",
        dynamic,
        &[(Guard::ClockCompared, STALE), (Guard::ClockRemoved, STALE), (Guard::MissingIsInvalid, STALE)],
    ));
    cases.extend(Case::each(
        "tags: cells",
        cells,
        &[
            (Guard::StampBeforeAsking, STALE),
            (Guard::LocalInvalidation, STALE),
            (Guard::EvictionPushes, STALE),
            (Guard::CaptureBeforeLoad, STALE),
        ],
    ));
    if full {
        cases.extend(Case::each("tags: static, 2 evictions", fixed_full, &[]));
        cases.extend(Case::each("tags: dynamic, 2 writes", dynamic_full, &[]));
        cases.extend(Case::each("tags: cells, 2 writes", cells_full, &[]));
    }
    cases
}
