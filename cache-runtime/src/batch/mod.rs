//! Many entries of one function, looked up together and loaded by one body.

mod asked;
mod many;
mod run;

pub(crate) use self::asked::Asked;
pub use self::many::{Holds, Many};
pub(crate) use self::run::{Body, run};

use self::many::Answer;
use crate::codec::Value;
use crate::context;
use crate::engine::{Answered, Request};
use crate::entry::{EntryRef, Place};
use crate::local::{CallRef, Held};
use crate::observe::{self, Outcome, Tier};
use crate::typed::{Board, Member, Rules, ShareError, Slot};
use std::future::Future;

/// Answers a call of a function that loads many: `entry` names the entry of one id, `body` loads those of several.
pub fn fetch_many<K, V, O, F>(
    ids: &[K],
    entry: impl Fn(&K) -> EntryRef<V> + Send + Sync,
    share: ShareError<O::Error>,
    mut body: impl FnMut(Vec<K>) -> F + Send,
) -> impl Future<Output = O> + Send
where
    K: Clone + Send + Sync,
    V: Value + Holds<O::Item>,
    O: Many<K>,
    O::Item: Send,
    O::Error: Send,
    F: Future<Output = O> + Send,
{
    Box::pin(async move {
        let asked = Asked::of(ids, &entry);
        let all: Vec<usize> = (0..asked.ids.len()).collect();
        let values = if all.is_empty() {
            Ok(Vec::new())
        } else if context::reads_past_caches() {
            // A load must see its source, and a transaction its own rows.
            let returned = body(asked.ids.clone()).await;
            returned.open().map(|found| asked.spread(&all, found, &entry))
        } else {
            let values: Vec<Option<V>> = asked.entries.iter().map(|(place, _)| hit(place)).collect();
            let missing: Vec<usize> = all.into_iter().filter(|place| values[*place].is_none()).collect();
            let ids = |seats: &[usize]| seats.iter().map(|seat| missing[*seat]).collect::<Vec<_>>();
            let body = Body {
                begin: |seats: &[usize]| {
                    let ids = ids(seats).into_iter().map(|place| asked.ids[place].clone()).collect();
                    context::loading(body(ids))
                },
                end: |seats: &[usize], returned: O| {
                    returned.open().map(|found| asked.spread(&ids(seats), found, &entry))
                },
            };
            read(&asked.entries, values, &missing, &share, body).await
        };
        O::close(values.map(|values| Answer {
            ids: asked.ids,
            values: values.into_iter().map(|value| value.and_then(Holds::given)).collect(),
            places: &asked.places,
        }))
    })
}

/// The value of L1, where it answers by itself.
fn hit<V: Value>(place: &Place) -> Option<V> {
    let engine = &place.cache.engine;
    if let Some(hot) = place.policy.hot() {
        engine.called(place.args.hash, hot);
    }
    let (mut value, mut created_ms) = (None, 0);
    let mut take = |held: &Held| {
        if held.is_of(CallRef { site: place.site, args: &place.args }) {
            (value, created_ms) = (held.value.downcast_ref::<V>().cloned(), held.created_ms);
        }
        value.is_some()
    };
    let is_hit = engine.hit(place.site, place.args.hash, &mut take);
    if !is_hit {
        return None;
    }
    let age = Some(place.cache.engine.age(created_ms));
    tell(place, Answered { outcome: Outcome::Hit(Tier::L1), age, due: false });
    value
}

/// Adds to `values` those of the entries that are `missing`.
async fn read<V, E, F, O>(
    entries: &[(Place, Rules<V>)],
    mut values: Vec<Option<V>>,
    missing: &[usize],
    share: &ShareError<E>,
    body: Body<impl FnMut(&[usize]) -> F, impl FnMut(&[usize], O) -> Result<Vec<Option<V>>, E>>,
) -> Result<Vec<Option<V>>, E>
where
    V: Value,
    E: Send,
    F: Future<Output = O>,
{
    let board = &Board::of(missing.len());
    let _together = missing.first().map(|place| entries[*place].0.cache.engine.store.gather());
    let members = missing.iter().enumerate().map(|(seat, place)| async move {
        let (at, rules) = &entries[*place];
        let engine = &at.cache.engine;
        let request = Request { batch: Some(&board.batch), ..at.request() };
        let mut member = Member::new(Slot::empty(at.site, *rules), at.policy, share, board, seat);
        let answered = if engine.enabled {
            engine.read(&request, &mut member).await
        } else {
            engine.bypass(&request, &mut member).await
        };
        tell(at, answered);
        (*place, member.answer())
    });
    let ended = |(place, answer): (usize, Result<Option<V>, E>)| {
        values[place] = answer?;
        Ok(())
    };
    run(members, board, ended, body, |error| share.give(error)).await?;
    Ok(values)
}

/// Counts and reports how one id was answered.
fn tell(place: &Place, Answered { outcome, age, .. }: Answered) {
    let Place { cache, site, .. } = place;
    cache.engine.count(site, outcome);
    let (namespace, function) = (site.namespace, site.function);
    context::report_answer(observe::Answer { namespace, function, outcome, age });
}
