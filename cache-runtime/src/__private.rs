//! What the macros emit calls to. Not part of the public interface.

pub use crate::cache::Cache;
#[cfg(feature = "msgpack")]
pub use crate::codec::MsgPack;
#[cfg(feature = "postcard")]
pub use crate::codec::Postcard;
pub use crate::codec::{Codec, Json, Value};
pub use crate::entry::EntryRef;
pub use crate::error::Undone;
pub use crate::key::{KeyPart, KeyWriter};
pub use crate::mutation::{Becomes, Mutation, Update};
pub use crate::policy::{Absent, Level, Policy, Ttl};
pub use crate::scope::Deferred;
pub use crate::site::Site;
pub use crate::tag::TagWriter;
pub use crate::typed::{Rules, ShareError};
pub use ::core;

use crate::cache::Ambient;
use crate::context;
use crate::engine::{Answered, Request};
use crate::entry::Place;
use crate::key::KeyBuf;
use crate::observe::Answer;
use crate::typed::{Slot, Typed};
use bytes::Bytes;
use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;

/// One call of an annotated function, or of its companion.
pub struct Call {
    site: &'static Site,
    policy: Policy,
    key: KeyBuf,
    tags: Vec<Bytes>,
    cache: Option<Cache>,
    condition: bool,
}

impl Call {
    /// A call with its key.
    pub fn new(site: &'static Site, policy: Policy, key: impl FnOnce(&mut KeyWriter<'_>)) -> Self {
        let mut buf = KeyBuf::new();
        let mut writer = KeyWriter::new(&mut buf);
        writer.text(site.head);
        key(&mut writer);
        buf.finish();
        Self { site, policy, key: buf, tags: Vec::new(), cache: None, condition: true }
    }

    /// Adds a tag that the arguments tell.
    #[must_use]
    pub fn tag(mut self, write: impl FnOnce(&mut KeyWriter<'_>)) -> Self {
        self.tags.push(crate::tag::text(write));
        self
    }

    /// Names the cache.
    #[must_use]
    pub fn on(self, cache: &Cache) -> Self {
        Self { cache: Some(cache.clone()), ..self }
    }

    /// Caches only under a condition.
    #[must_use]
    pub fn only_if(self, condition: bool) -> Self {
        Self { condition, ..self }
    }

    fn cache(&mut self) -> Ambient {
        self.cache.take().map_or_else(Cache::ambient, Ambient::Scoped)
    }
}

/// Answers a call of a function that returns a `Result`.
pub async fn fetch<V, E, F>(mut call: Call, rules: Rules<V>, share: ShareError<E>, body: F) -> Result<V, E>
where
    V: Value,
    E: Send,
    F: Future<Output = Result<V, E>> + Send,
{
    // A load must see its source, and a transaction its own rows.
    if context::reads_past_caches() {
        return body.await;
    }
    let cache = call.cache();
    let engine = &cache.engine;
    let (tags_with, tag_ttl) = (rules.has_tags(), rules.tag_ttl(call.policy));
    let request = Request { site: call.site, key: &call.key, tags: &call.tags, tags_with, tag_ttl };
    let cached = call.condition && engine.enabled;
    let mut slot = Slot::empty(call.site, rules);
    let hit = if cached { engine.read_local(&request, &mut slot) } else { None };
    if let Some(value) = slot.take()
        && let Some(answered_by) = hit
    {
        answered(&cache, call.site, answered_by);
        return Ok(value);
    }
    // What is not needed for a hit is boxed: callers hold this future, and hold many of them.
    let mut body = Box::pin(context::loading(body));
    let mut typed = Typed::new(slot, call.policy, share, body.as_mut());
    let answered_by = if cached {
        Box::pin(engine.read(&request, &mut typed)).await
    } else {
        Box::pin(engine.bypass(&request, &mut typed)).await
    };
    answered(&cache, call.site, answered_by);
    typed.answer()
}

/// Counts an answer, and tells it to whoever watches.
fn answered(cache: &Cache, site: &'static Site, (outcome, age): Answered) {
    cache.engine.counters(site).answered(outcome);
    let Site { namespace, function, .. } = *site;
    context::report_answer(Answer { namespace, function, outcome, age });
}

/// Answers a call of a function that cannot fail.
pub async fn fetch_plain<V, F>(call: Call, rules: Rules<V>, _plain: impl Plain<V>, body: F) -> V
where
    V: Value,
    F: Future<Output = V> + Send,
{
    match fetch(call, rules, ShareError::never(), async { Ok::<V, Infallible>(body.await) }).await {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// The companion's entry.
#[must_use]
pub fn entry<V: Value>(mut call: Call, rules: Rules<V>) -> EntryRef<V> {
    let cache = call.cache().clone();
    let Call { site, policy, key, tags, .. } = call;
    let (tags_with, tag_ttl) = (rules.has_tags(), rules.tag_ttl(policy));
    EntryRef::new(Place { cache, site, policy, key, tags, tags_with, tag_ttl }, rules)
}

/// What a function returns when it can fail.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`",
    label = "the name of this return type ends in `Result`",
    note = "write `returns = \"value\"` in the attribute"
)]
pub trait Fallible {
    /// What is cached.
    type Ok;
    /// What is not.
    type Err;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;
}

/// Tells shapes of types apart: an inherent method where its bound holds, else the one of [`AnyKind`].
pub struct Kind<T>(PhantomData<fn() -> T>);

impl<T> Kind<T> {
    /// The question.
    pub const NEW: Self = Self(PhantomData);
}

impl<T> Kind<Option<T>> {
    /// `None` is absent.
    #[must_use]
    pub const fn absent(&self) -> fn(&Option<T>) -> bool {
        Option::is_none
    }
}

impl<T> Kind<Option<T>> {
    /// What is inside.
    pub const fn present<'a>(&self, value: &'a Option<T>) -> Option<&'a T> {
        value.as_ref()
    }
}

impl<E: Clone + Send + Sync + 'static> Kind<E> {
    /// A clone can be shared.
    #[must_use]
    pub const fn share(&self) -> ShareError<E> {
        ShareError::cloned()
    }
}

impl<T, E> Kind<Result<T, E>> {
    /// The `Ok` value.
    pub fn ok<'a>(&self, returned: &'a Result<T, E>) -> Option<&'a T> {
        returned.as_ref().ok()
    }

    /// Not a plain value.
    #[must_use]
    pub const fn plain(&self) -> HiddenResult<Result<T, E>> {
        HiddenResult(PhantomData)
    }
}

/// The answers for every other type.
pub trait AnyKind<T>: Sized {
    /// Never.
    fn absent(&self) -> fn(&T) -> bool {
        |_| false
    }

    /// Not.
    fn share(&self) -> ShareError<T> {
        ShareError::never()
    }

    /// All of it.
    fn ok<'a>(&self, returned: &'a T) -> Option<&'a T> {
        Some(returned)
    }

    /// All of it.
    fn present<'a>(&self, value: &'a T) -> Option<&'a T> {
        Some(value)
    }

    /// It is.
    fn plain(&self) -> PlainReturn<T> {
        PlainReturn(PhantomData)
    }
}

impl<T> AnyKind<T> for Kind<T> {}

/// A return type that is itself the value.
#[diagnostic::on_unimplemented(
    message = "this return type is a `Result` by another name, so its errors would be cached",
    label = "write `returns = \"result\"` in the attribute, or `returns = \"value\"` to cache errors too"
)]
pub trait Plain<V> {}

impl<V> Plain<V> for PlainReturn<V> {}

/// The proof of [`Plain`].
pub struct PlainReturn<T>(PhantomData<fn() -> T>);

/// A `Result` behind an alias that does not look like one; `returns = "result"` says so.
pub struct HiddenResult<T>(PhantomData<fn() -> T>);

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
pub fn refused<E: Refused>(undone: Undone) -> E {
    E::from(undone)
}
