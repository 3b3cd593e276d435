//! The budgets under which the model is checked, and the guards that each of them needs.

use super::{Budget, Event, Guard, OnRestart, Outage, READERS, STALE};
use crate::check::{Case, SPARE, Without, Witness};

const NOTHING: Budget = Budget { writes: 0, timeouts: 0, losses: 0, snapshots: 0, restarts: 0, evictions: 0 };

fn outage(without: &'static [Guard], readers: [(u8, u8); READERS], budget: Budget) -> Outage {
    Outage {
        without: Without(without),
        readers,
        on_restart: OnRestart::Replay,
        l1: false,
        budget,
        expects: &[],
        seen: Witness::default(),
    }
}

fn queue(without: &'static [Guard]) -> Outage {
    let budget = Budget { writes: 2, timeouts: 2, losses: 1, ..NOTHING };
    let expects = &[
        Event::Hit,
        Event::Beside,
        Event::Queued,
        Event::Drained,
        Event::Requeued,
        Event::Late,
        Event::Refused,
    ];
    Outage { expects, ..outage(without, [(0, 1), (1, 1), (0, 0)], budget) }
}

fn l1(without: &'static [Guard]) -> Outage {
    let budget = Budget { writes: 1, timeouts: 1, losses: 1, ..NOTHING };
    let expects = &[Event::L1Hit, Event::Beside, Event::Queued, Event::Drained, Event::Late];
    Outage { l1: true, expects, ..outage(without, [(0, 1), (0, 2), (0, 0)], budget) }
}

fn queue_full(without: &'static [Guard]) -> Outage {
    Outage { readers: [(0, 1), (1, 2), (0, 0)], ..queue(without) }
}

fn l1_full(without: &'static [Guard]) -> Outage {
    let budget = Budget { writes: 1, timeouts: 1, losses: 1, evictions: 1, ..NOTHING };
    Outage { budget, readers: [(0, 1), (0, 2), (1, 1)], ..l1(without) }
}

fn replay_full(without: &'static [Guard]) -> Outage {
    let budget = Budget { writes: 2, snapshots: 1, restarts: 1, losses: 1, ..NOTHING };
    Outage { budget, readers: [(0, 2), (1, 2), (0, 0)], ..replay(without) }
}

fn flush_full(without: &'static [Guard]) -> Outage {
    let budget = Budget { writes: 2, snapshots: 1, restarts: 1, losses: 1, ..NOTHING };
    Outage { budget, readers: [(0, 2), (1, 2), (0, 0)], ..flush(without) }
}

fn replay(without: &'static [Guard]) -> Outage {
    let budget = Budget { writes: 1, snapshots: 1, restarts: 1, ..NOTHING };
    let expects = &[Event::Hit, Event::Beside, Event::Replayed, Event::Risen, Event::Refused];
    Outage { expects, ..outage(without, [(0, 1), (1, 2), (0, 0)], budget) }
}

fn restarts(without: &'static [Guard]) -> Outage {
    let budget = Budget { writes: 1, snapshots: 1, restarts: 2, losses: 1, ..NOTHING };
    Outage { budget, readers: [(0, 1), (1, 1), (0, 0)], ..replay(without) }
}

fn flush(without: &'static [Guard]) -> Outage {
    Outage {
        on_restart: OnRestart::Flush,
        expects: &[Event::Hit, Event::Beside, Event::Flushed, Event::Risen],
        ..replay(without)
    }
}

/// All runs of this model.
#[must_use]
pub fn cases(full: bool) -> Vec<Case> {
    let mut cases = Case::each(
        "outage: queue",
        queue,
        &[
            (Guard::Queue, STALE),
            (Guard::OwnReadsBypass, STALE),
            (Guard::RequeuedStays, STALE),
            (Guard::DrainBeforeReads, SPARE),
        ],
    );
    cases.extend(Case::each(
        "outage: queue and L1",
        l1,
        &[
            (Guard::QueueBeforeL1, STALE),
            (Guard::QueueThenStamp, STALE),
            (Guard::LocalAtDrain, STALE),
            (Guard::LocalAtConnect, STALE),
            (Guard::StampBeforeAsking, STALE),
        ],
    ));
    cases.extend(Case::each(
        "outage: restart, replay",
        replay,
        &[(Guard::ReplayBeforeReads, STALE), (Guard::ReplyOfSameLink, STALE)],
    ));
    cases.extend(Case::each("outage: restart, flush", flush, &[(Guard::FlushOnRestart, STALE)]));
    cases.extend(Case::each(
        "outage: two restarts, replay",
        restarts,
        &[(Guard::ReplayedStaysInRing, STALE), (Guard::DrainedEntersRing, STALE)],
    ));
    if full {
        cases.extend(Case::each("outage: queue, 3 reads", queue_full, &[]));
        cases.extend(Case::each("outage: queue and L1, 3 readers", l1_full, &[]));
        cases.extend(Case::each("outage: restart, replay, 2 writes", replay_full, &[]));
        cases.extend(Case::each("outage: restart, flush, 2 writes", flush_full, &[]));
    }
    cases
}
