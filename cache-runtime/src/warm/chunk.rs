//! One chunk of entries that are warmed together.

use super::Warmed;
use crate::batch::{Asked, Body, Holds, Many, run};
use crate::codec::Value;
use crate::context;
use crate::engine::{Batch, Request, Warmth};
use crate::entry::{EntryRef, Place};
use crate::typed::{Board, Member, Rules, ShareError, Slot, Typed};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::convert::Infallible;
use std::future::{Future, ready};

/// Loads by one body what has no value.
pub(super) async fn load<K, V, O, F>(
    ids: Vec<K>,
    entry: impl Fn(&K) -> EntryRef<V> + Send + Sync,
    source: impl Fn(Vec<K>) -> F + Send + Sync,
) -> Warmed
where
    K: Clone + Send + Sync,
    V: Value + Holds<O::Item>,
    O: Many<K>,
    O::Item: Send,
    O::Error: Send,
    F: Future<Output = O> + Send,
{
    let asked = Asked::of(&ids, &entry);
    // A transaction's rows are nobody else's yet.
    if context::reads_past_caches() {
        return Warmed { skipped: ids.len(), ..Warmed::default() };
    }
    let mut warmed = Warmed { skipped: ids.len() - asked.ids.len(), ..Warmed::default() };
    let board = &Board::of(asked.ids.len());
    let share = &ShareError::<O::Error>::never();
    let members = asked.entries.iter().enumerate().map(|(seat, (at, rules))| async move {
        let request = Request { batch: Some(&board.batch), ..at.request() };
        let slot = Slot::empty(at.site, *rules);
        let mut member = Member::new(slot, at.policy, share, board, seat);
        let warmth = at.cache.engine.warm(&request, &mut member).await;
        (warmth, member.answer().ok().flatten().is_some_and(|value| is_stored(at, rules, &value)))
    });
    let ended = |(warmth, is_stored)| {
        warmed.add(warmth, is_stored);
        Ok(())
    };
    let body = Body {
        begin: |seats: &[usize]| {
            let ids = seats.iter().map(|seat| asked.ids[*seat].clone()).collect();
            context::loading(source(ids))
        },
        end: |seats: &[usize], returned: O| returned.open().map(|found| asked.spread(seats, found, &entry)),
    };
    let loaded = run(members, board, ended, body, |_| None).await;
    if loaded.is_err() {
        warmed.failed += ids.len() - warmed.total();
    }
    warmed
}

/// Stores values at hand where there is none.
pub(super) async fn store<V: Value>(values: Vec<(EntryRef<V>, V)>) -> Warmed {
    if context::reads_past_caches() {
        return Warmed { skipped: values.len(), ..Warmed::default() };
    }
    let batch = &Batch::of(values.len());
    let stored = values.into_iter().map(|(entry, value)| async move {
        let (at, rules) = entry.into_parts();
        let stored = is_stored(&at, &rules, &value);
        let request = Request { batch: Some(batch), ..at.request() };
        let body = Box::pin(ready(Ok::<V, Infallible>(value)));
        let mut call = Typed::new(Slot::empty(at.site, rules), at.policy, ShareError::never(), body);
        (at.cache.engine.warm(&request, &mut call).await, stored)
    });
    let mut stored: FuturesUnordered<_> = stored.collect();
    let mut warmed = Warmed::default();
    while let Some((warmth, is_stored)) = stored.next().await {
        warmed.add(warmth, is_stored);
    }
    warmed
}

/// Whether the function's rules let it be stored.
fn is_stored<V: Value>(at: &Place, rules: &Rules<V>, value: &V) -> bool {
    rules.storage(at.site, at.policy, value).is_some()
}

impl Warmed {
    fn add(&mut self, warmth: Warmth, is_stored: bool) {
        let count = match warmth {
            Warmth::Loaded if is_stored => &mut self.stored,
            Warmth::Fresh => &mut self.fresh,
            Warmth::Loaded | Warmth::Occupied => &mut self.skipped,
            Warmth::Failed => &mut self.failed,
        };
        *count += 1;
    }
}
