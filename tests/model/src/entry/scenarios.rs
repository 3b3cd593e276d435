//! The budgets under which the model is checked, and the guards that each of them needs.

use super::{Budget, Entry, Event, Guard, ONE_LOAD, PATIENT, READERS, STALE, Tier};
use crate::check::{Case, SPARE, Without, Witness};

const NOTHING: Budget =
    Budget { writes: 0, evictions: 0, drops: 0, failures: 0, refreshes: 0, losses: 0, pings: 0 };

fn entry(without: &'static [Guard], readers: [(u8, u8); READERS], budget: Budget) -> Entry {
    Entry {
        without: Without(without),
        readers,
        tier: Tier::Off,
        writer: 1,
        budget,
        patience: 3,
        expects: &[],
        seen: Witness::default(),
    }
}

fn flights(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 1, evictions: 1, drops: 1, ..NOTHING };
    let expects = &[Event::Hit, Event::Refused, Event::Adopted, Event::Released];
    Entry { expects, ..entry(without, [(0, 1), (0, 1), (1, 1)], budget) }
}

fn flights_at_home(without: &'static [Guard]) -> Entry {
    Entry { writer: 0, ..flights(without) }
}

fn flights_full(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 2, evictions: 1, drops: 1, ..NOTHING };
    let expects = &[Event::Hit, Event::Refused, Event::Adopted, Event::Released];
    Entry { expects, ..entry(without, [(0, 1), (0, 2), (1, 1)], budget) }
}

fn failures(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 1, failures: 1, ..NOTHING };
    Entry { expects: &[Event::Adopted], ..entry(without, [(0, 1), (0, 1), (0, 1)], budget) }
}

fn refreshes(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 1, evictions: 1, refreshes: 2, ..NOTHING };
    Entry { expects: &[Event::Refreshed, Event::Refused], ..entry(without, [(0, 2), (1, 2), (0, 0)], budget) }
}

fn patience(without: &'static [Guard]) -> Entry {
    let budget = Budget { evictions: 2, writes: 1, ..NOTHING };
    Entry { patience: 2, expects: &[Event::Alone], ..entry(without, [(0, 3), (0, 1), (0, 0)], budget) }
}

fn l1(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 1, losses: 1, ..NOTHING };
    let expects = &[Event::Hit, Event::L1Hit, Event::Refused, Event::Outlived, Event::Flushed];
    Entry { tier: Tier::Coherent, expects, ..entry(without, [(0, 2), (1, 2), (0, 0)], budget) }
}

fn l1_full(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 2, evictions: 1, losses: 1, ..NOTHING };
    Entry { budget, ..l1(without) }
}

fn l1_shared_full(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 2, losses: 1, evictions: 1, ..NOTHING };
    Entry { budget, ..l1_shared(without) }
}

fn l1_lease_full(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 2, losses: 1, pings: 3, ..NOTHING };
    Entry { budget, readers: [(0, 3), (0, 0), (0, 0)], ..l1_lease(without) }
}

fn l1_shared(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 1, losses: 1, ..NOTHING };
    let expects = &[Event::Hit, Event::L1Hit, Event::Adopted, Event::Outlived];
    Entry { tier: Tier::Coherent, expects, ..entry(without, [(0, 2), (0, 2), (0, 0)], budget) }
}

fn l1_lease(without: &'static [Guard]) -> Entry {
    let budget = Budget { writes: 1, losses: 1, pings: 2, ..NOTHING };
    let expects = &[Event::Hit, Event::L1Hit, Event::NoLease, Event::Outlived];
    Entry { tier: Tier::Settled, expects, ..entry(without, [(0, 2), (0, 0), (0, 0)], budget) }
}

/// All runs of this model.
#[must_use]
pub fn cases(full: bool) -> Vec<Case> {
    let mut cases = Case::each(
        "entry: flights",
        flights,
        &[
            (Guard::Lease, ONE_LOAD),
            (Guard::FillComparesToken, STALE),
            (Guard::JoinersAwaitVerdict, STALE),
            (Guard::FlightClosesBeforeFill, STALE),
            (Guard::OwnGet, STALE),
            (Guard::CommitFirst, STALE),
        ],
    );
    let at_home = &[(Guard::JoinComparesStamp, SPARE)];
    cases.extend(Case::each("entry: flights at the writer's", flights_at_home, at_home));
    cases.extend(Case::each("entry: failing loads", failures, &[(Guard::FailureHandsOver, ONE_LOAD)]));
    cases.extend(Case::each("entry: refreshes", refreshes, &[(Guard::FillComparesToken, STALE)]));
    cases.extend(Case::each("entry: refusals", patience, &[(Guard::Patience, PATIENT)]));
    cases.extend(Case::each(
        "entry: L1",
        l1,
        &[
            (Guard::StampBeforeAsking, STALE),
            (Guard::FlushOnLoss, STALE),
            (Guard::EpochAtStore, STALE),
            (Guard::LocalInvalidation, STALE),
        ],
    ));
    cases.extend(Case::each(
        "entry: L1 and flights",
        l1_shared,
        &[
            (Guard::FlightClosesBeforeFill, STALE),
            (Guard::JoinComparesStamp, SPARE),
            (Guard::JoinersAwaitVerdict, STALE),
        ],
    ));
    cases.extend(Case::each(
        "entry: L1 lease",
        l1_lease,
        &[
            (Guard::LeaseAtHit, STALE),
            (Guard::LeaseThenStamp, STALE),
            (Guard::PongInOrder, STALE),
            (Guard::LeaseFromSend, STALE),
            (Guard::Settle, STALE),
        ],
    ));
    if full {
        cases.extend(Case::each("entry: flights, 2 writes", flights_full, &[]));
        cases.extend(Case::each("entry: L1, 2 writes", l1_full, &[]));
        cases.extend(Case::each("entry: L1 and flights, 2 writes", l1_shared_full, &[]));
        cases.extend(Case::each("entry: L1 lease, 2 writes", l1_lease_full, &[]));
    }
    cases
}
