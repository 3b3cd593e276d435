//! What the macros emit calls to. Not part of the public interface.

mod call;
mod free;
mod kind;

pub use self::call::{Call, Missed, call, look_up, missing, no_tags};
pub use self::free::{
    DAY, LONG, MEDIUM, MONTH, NEVER, SHORT, VERY_LONG, WEEK, duration, fresh_for, function, never, part,
    place, site,
};
pub use self::kind::{
    AnyKind, Cloned, Fallible, HiddenResult, Kind, Plain, PlainReturn, Taker, Untaken, kind,
};
pub use crate::batch::{Holds, Many, fetch_many};
pub use crate::cache::Cache;
pub use crate::catalog;
#[cfg(feature = "msgpack")]
pub use crate::codec::MsgPack;
#[cfg(feature = "postcard")]
pub use crate::codec::Postcard;
pub use crate::codec::{Codec, Compression, Json, Value};
pub use crate::entry::EntryRef;
pub use crate::error::Undone;
pub use crate::key::{KeyPart, KeyWriter, Parts};
pub use crate::mutation::{Becomes, Mutation, Update};
pub use crate::policy::{Absent, Level, Policy, Ttl};
pub use crate::scope::Deferred;
pub use crate::site::Site;
pub use crate::tag::TagWriter;
pub use crate::typed::{Rules, ShareError, Transient};
pub use ::core;
pub use ::inventory;

use crate::context::{self, Loading};
use crate::engine::Answered;
use crate::entry::Place;
use crate::observe::Answer;
use crate::typed::{Body, Slot, Typed};
use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;

fn report(site: &'static Site, Answered { outcome, age, .. }: Answered) {
    context::report_answer(Answer { namespace: site.namespace, function: site.function, outcome, age });
}

/// A body, of which only this is another function for each.
pub fn body<'a, T>(
    body: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(body)
}

/// Answers a call of a function that returns a `Result`.
#[must_use]
pub fn fetch<'a, V: Value, E: Send + 'a>(
    call: Box<Missed>,
    rules: Rules<V>,
    share: ShareError<E>,
    body: Body<'a, V, E>,
) -> Body<'a, V, E> {
    answer(call.never_stale(), rules, (share, Transient::none()), body, None)
}

/// The same, for a function whose stale values answer for some errors.
#[must_use]
pub fn fetch_or_stale<'a, V: Value, E: Send + 'a>(
    call: Box<Missed>,
    rules: Rules<V>,
    share: ShareError<E>,
    transient: Transient<E>,
    body: Body<'a, V, E>,
) -> Body<'a, V, E> {
    answer(call.never_stale(), rules, (share, transient), body, None)
}

/// The same, for a function whose stale values answer for some errors, or are reloaded in the background by `background`.
pub fn fetch_refreshing<'a, V, E, F, B>(
    call: Box<Missed>,
    rules: Rules<V>,
    share: ShareError<E>,
    transient: Transient<E>,
    load: impl FnOnce() -> F + Send,
    background: impl FnOnce() -> B + Send + 'a,
) -> Body<'a, V, E>
where
    V: Value,
    E: Send + 'static,
    F: Future<Output = Result<V, E>> + Send + 'a,
    B: Future<Output = Result<V, E>> + Send + 'static,
{
    let due = move |place: Place| {
        let engine = place.cache.engine.clone();
        let name = place.key.written().to_vec();
        let loading = Loading::here();
        engine.in_background(&name, || reload::<V, E>(place, rules, loading, Box::pin(background())));
    };
    answer(call, rules, (share, transient), Box::pin(load()), Some(Box::new(due)))
}

/// Has an entry reloaded.
type Due<'a> = Box<dyn FnOnce(Place) + Send + 'a>;

/// Reloads an entry for nobody in particular.
async fn reload<V: Value, E: Send>(place: Place, rules: Rules<V>, loading: Loading, body: Body<'_, V, E>) {
    let slot = Slot::empty(place.site, rules);
    let mut call = Typed::new(slot, place.policy, ShareError::never(), body).within(loading);
    place.cache.engine.refresh_unwatched(&place.request(), &mut call).await;
}

/// Answers a call; an entry that is to be reloaded goes to `due`. Callers hold many such futures: they hold a pointer.
fn answer<'a, V: Value, E: Send + 'a>(
    mut call: Box<Missed>,
    rules: Rules<V>,
    (share, transient): (ShareError<E>, Transient<E>),
    body: Body<'a, V, E>,
    due: Option<Due<'a>>,
) -> Body<'a, V, E> {
    Box::pin(async move {
        // A load must see its source, and a transaction its own rows.
        if context::reads_past_caches() {
            let mut slot = Slot::empty(call.site, rules);
            let unsaved = call.unsaved(&mut slot).await;
            return match slot.into_value().filter(|_| unsaved) {
                Some(value) => Ok(value),
                None => body.await,
            };
        }
        let cache = call.cache();
        let (tags_with, tag_ttl) = (rules.has_tags(), rules.tag_ttl(call.site, call.policy));
        let slot = Slot::empty(call.site, rules);
        let mut typed = Typed::new(slot, call.policy, share, body).forgiving(transient);
        call.answer(cache, &mut typed, tags_with, tag_ttl, due).await;
        typed.answer()
    })
}

/// Answers a call of a function that cannot fail.
pub fn fetch_plain<'a, V: Value>(
    call: Box<Missed>,
    rules: Rules<V>,
    _plain: impl Plain<V>,
    body: Pin<Box<dyn Future<Output = V> + Send + 'a>>,
) -> impl Future<Output = V> + Send {
    infallible(fetch(call, rules, ShareError::never(), Box::pin(ok(body))))
}

/// The same, for values that are reloaded in the background.
pub fn fetch_plain_refreshing<'a, V, F, B>(
    call: Box<Missed>,
    rules: Rules<V>,
    _plain: impl Plain<V>,
    load: impl FnOnce() -> F + Send,
    background: impl FnOnce() -> B + Send + 'a,
) -> impl Future<Output = V> + Send
where
    V: Value,
    F: Future<Output = V> + Send + 'a,
    B: Future<Output = V> + Send + 'static,
{
    let (load, background) = (|| ok(Box::pin(load())), || ok(Box::pin(background())));
    infallible(fetch_refreshing(call, rules, ShareError::never(), Transient::none(), load, background))
}

async fn ok<V>(body: Pin<Box<dyn Future<Output = V> + Send + '_>>) -> Result<V, Infallible> {
    Ok(body.await)
}

async fn infallible<V>(fetched: impl Future<Output = Result<V, Infallible>>) -> V {
    match fetched.await {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// The companion's entry.
#[must_use]
pub fn entry<V: Value>(mut call: Box<Missed>, rules: Rules<V>) -> EntryRef<V> {
    let cache = call.cache().clone();
    let Missed { site, policy, key, args, tags, .. } = *call;
    let (tags_with, tag_ttl) = (rules.has_tags(), rules.tag_ttl(site, policy));
    EntryRef::new(Place { cache, site, policy, key, args, tags, tags_with, tag_ttl }, rules)
}

/// What a load in the background can be given.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept for a load in the background",
    label = "what the function is given must be `Clone + Send + Sync + 'static`",
    note = "derive `Clone`, take an `Arc` of it, or remove `swr` and `refresh` from the attribute"
)]
pub trait Background: ToOwned<Owned: Send + Sync + 'static> {}

impl<T: ToOwned<Owned: Send + Sync + 'static> + ?Sized> Background for T {}

/// An owned copy of an argument.
pub fn keep<T: Background + ?Sized>(value: &T) -> T::Owned {
    value.to_owned()
}

/// Where an attribute stands that calls this.
#[track_caller]
#[must_use]
pub const fn here() -> &'static Location<'static> {
    Location::caller()
}

/// Proves that a return type is the value itself.
pub fn plain<V>(_: impl Plain<V>) {}

/// An error that can say that the cache was not reached.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that the cache was not reached",
    label = "implement `From<cache_runtime::Undone>` for this error, or remove `on_unreachable = \"error\"`"
)]
pub trait Refused: From<Undone> {}

impl<E: From<Undone>> Refused for E {}

/// The error of a mutation that was not done without the store.
#[must_use]
pub fn refused<E: Refused>(undone: Undone) -> E {
    E::from(undone)
}
