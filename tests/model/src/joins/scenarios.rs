//! The budgets under which the model is checked, and the guards that each of them needs.

use super::{Event, Guard, Joins, Kind, STALE};
use crate::check::{Case, Without, Witness};

fn stored(without: &'static [Guard]) -> Joins {
    Joins {
        without: Without(without),
        kind: Kind::Stored,
        by_key: false,
        reads: [1, 1, 1],
        writes: 1,
        expects: &[Event::Hit, Event::Joined, Event::Refused, Event::Old, Event::Moved, Event::Torn],
        seen: Witness::default(),
    }
}

fn by_key(without: &'static [Guard]) -> Joins {
    let expects = &[Event::Hit, Event::Joined, Event::Refused, Event::Lost];
    Joins { by_key: true, expects, ..stored(without) }
}

fn unstored(without: &'static [Guard]) -> Joins {
    Joins { kind: Kind::Unstored, expects: &[Event::Joined, Event::Refused], ..stored(without) }
}

fn expired(without: &'static [Guard]) -> Joins {
    let expects = &[Event::Answered, Event::Withheld, Event::Old];
    Joins { kind: Kind::Failing, expects, ..stored(without) }
}

fn expired_by_key(without: &'static [Guard]) -> Joins {
    Joins { by_key: true, expects: &[Event::Answered, Event::Withheld], ..expired(without) }
}

fn stored_full(without: &'static [Guard]) -> Joins {
    Joins { reads: [2, 2, 1], writes: 2, ..stored(without) }
}

fn expired_full(without: &'static [Guard]) -> Joins {
    Joins { reads: [2, 2, 1], writes: 2, ..expired(without) }
}

/// All runs of this model.
#[must_use]
pub fn cases(full: bool) -> Vec<Case> {
    let mut cases = Case::each(
        "joins: a value's tag",
        stored,
        &[
            (Guard::ClockCapturedLast, STALE),
            (Guard::ClockFallsFirst, STALE),
            (Guard::ClockCompared, STALE),
            (Guard::CloseFirst, STALE),
            (Guard::CertifyTag, STALE),
        ],
    );
    cases.extend(Case::each(
        "joins: a key",
        by_key,
        &[(Guard::FillCompares, STALE), (Guard::CloseFirst, STALE)],
    ));
    cases.extend(Case::each(
        "joins: unstored values",
        unstored,
        &[(Guard::CertifyClock, STALE), (Guard::CloseFirst, STALE)],
    ));
    cases.extend(Case::each(
        "joins: an expired value's tag",
        expired,
        &[(Guard::CertifyExpiredTag, STALE), (Guard::CloseFirst, STALE)],
    ));
    cases.extend(Case::each(
        "joins: an expired value",
        expired_by_key,
        &[(Guard::CertifyExpired, STALE), (Guard::CloseFirst, STALE)],
    ));
    if full {
        cases.extend(Case::each("joins: a value's tag, 2 writes", stored_full, &[]));
        cases.extend(Case::each("joins: an expired value's tag, 2 writes", expired_full, &[]));
    }
    cases
}
