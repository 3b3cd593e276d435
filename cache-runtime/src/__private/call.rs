//! A call, from its arguments to the value of L1 or to what is needed to answer it otherwise.

use super::kind::Taker;
use super::{Due, report};
use crate::cache::{Ambient, Cache};
use crate::context::{self, View};
use crate::engine::Take;
use crate::engine::{self, Answered, Request, Unsaved};
use crate::entry::Place;
use crate::key::{Args, KeyBuf, KeyWriter, Parts};
use crate::local::Held;
use crate::observe::{Outcome, Tier};
use crate::policy::{Hot, Policy};
use crate::site::Site;
use crate::tag::TagWriter;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A call of an annotated function before its lookup, or of its companion.
pub struct Call<'a> {
    site: &'static Site,
    policy: &'static Policy,
    cache: Option<&'a Cache>,
    condition: bool,
}

/// A call that L1 did not answer.
pub struct Missed {
    pub(super) site: &'static Site,
    pub(super) policy: Policy,
    pub(super) key: KeyBuf,
    pub(super) args: Args,
    pub(super) tags: Vec<Bytes>,
    cache: Option<Box<dyn Named>>,
    pub(super) condition: bool,
}

/// The cache that a call names. Behind this, since the compiler follows what a function drops through all that it is made of, in every
/// function.
trait Named: Send + Sync {
    fn cache(&self) -> Cache;
}

impl Named for Cache {
    fn cache(&self) -> Cache {
        self.clone()
    }
}

impl<'a> Call<'a> {
    /// Names the cache.
    #[inline]
    #[must_use]
    pub const fn on(mut self, cache: &'a Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Caches only under a condition.
    #[inline]
    #[must_use]
    pub const fn only_if(mut self, condition: bool) -> Self {
        self.condition = condition;
        self
    }

    /// Apart, so that a hit knows nothing of what is erased, nor puts a call together.
    #[cold]
    #[inline(never)]
    fn erased(
        site: &'static Site,
        policy: &'static Policy,
        cache: Option<&'a Cache>,
        condition: bool,
        parts: &impl Parts,
        tags: &impl Fn(&mut TagWriter<'_>),
    ) -> Box<Missed> {
        Self { site, policy, cache, condition }.missed(parts, tags)
    }

    fn missed(self, parts: &dyn Parts, tags: &dyn WriteTags) -> Box<Missed> {
        let args = Args::written(self.site.seed, parts);
        let mut key = KeyBuf::new();
        let mut writer = KeyWriter::of_template(&mut key, self.site.template);
        writer.text(self.site.head);
        parts.write(&mut writer);
        writer.template();
        key.finish();
        let mut texts = Vec::new();
        tags.write(&mut TagWriter(&mut texts));
        let Self { site, policy, cache, condition } = self;
        let cache = cache.map(|cache| Box::new(cache.clone()) as Box<dyn Named>);
        Box::new(Missed { site, policy: *policy, key, args, tags: texts, cache, condition })
    }
}

/// A call at `site`.
#[inline]
#[must_use]
pub const fn call<'a>(site: &'static Site, policy: &'static Policy) -> Call<'a> {
    Call { site, policy, cache: None, condition: true }
}

/// The value of L1, where it answers by itself; `parts` and `tags` are what the arguments tell.
///
/// # Errors
/// The call, to be answered otherwise.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a hit knows then what it looks for")]
#[expect(clippy::needless_pass_by_value, reason = "the macros have made them for this")]
pub fn look_up<T: Taker>(
    call: Call<'_>,
    _taker: T,
    parts: impl Parts,
    tags: impl Fn(&mut TagWriter<'_>),
) -> Result<T::Value, Box<Missed>> {
    let Call { site, policy, cache, condition } = call;
    let mut value = None;
    if condition {
        let args = Args::hash(site.seed, &parts);
        let mut take = |held: &Held| {
            let taken = if held.is_of_parts(&parts) { T::take(&held.value) } else { None };
            // There was none, and nothing is to be dropped.
            taken.is_some_and(|taken| {
                std::mem::forget(value.replace(taken));
                true
            })
        };
        match policy.hot() {
            Some(hot) => hit_counted(site, cache, args, hot, &mut take),
            None => hit(site, cache, args, &mut take),
        }
    }
    match value {
        Some(value) => Ok(value),
        None => Err(Call::erased(site, policy, cache, condition, &parts, &tags)),
    }
}

/// A call without a lookup.
#[inline]
#[expect(clippy::needless_pass_by_value, reason = "the macros have made them for this")]
pub fn missing(call: Call<'_>, parts: impl Parts, tags: impl Fn(&mut TagWriter<'_>)) -> Box<Missed> {
    call.missed(&parts, &tags)
}

/// Of a function without tags.
#[inline]
pub fn no_tags(_: &mut TagWriter<'_>) {}

/// Gives `take` the entry of L1, if that answers by itself.
fn hit(site: &'static Site, cache: Option<&Cache>, args: u64, take: &mut dyn Take) {
    if context::is_within() {
        return hit_within(site, cache, args, take);
    }
    let Cache { engine } = cache.unwrap_or_else(|| Cache::global());
    if engine.hit(site, args, take) {
        engine.count(site, Outcome::Hit(Tier::L1));
    }
}

/// The same, of a call that is counted for its ttl.
#[inline(never)]
fn hit_counted(site: &'static Site, cache: Option<&Cache>, args: u64, hot: &Hot, take: &mut dyn Take) {
    let View { reads_past_caches, cache: scoped, .. } = context::view();
    if !reads_past_caches {
        cache.or(scoped.as_ref()).unwrap_or_else(|| Cache::global()).engine.called(args, hot);
    }
    hit(site, cache, args, take);
}

/// The same, of a call whose task has a context.
#[inline(never)]
fn hit_within(site: &'static Site, cache: Option<&Cache>, args: u64, take: &mut dyn Take) {
    let View { reads_past_caches, is_watched, cache: scoped } = context::view();
    if reads_past_caches {
        return;
    }
    let cache = cache.or(scoped.as_ref()).unwrap_or_else(|| Cache::global());
    let mut created_ms = 0;
    let mut take = |held: &Held| {
        created_ms = held.created_ms;
        take.take(held)
    };
    if !cache.engine.hit(site, args, &mut take) {
        return;
    }
    cache.engine.count(site, Outcome::Hit(Tier::L1));
    if is_watched {
        let age = Some(cache.engine.age(created_ms));
        report(site, Answered { outcome: Outcome::Hit(Tier::L1), age, due: false });
    }
}

/// Writes the tags that the arguments tell; see [`Take`].
trait WriteTags {
    fn write(&self, tags: &mut TagWriter<'_>);
}

impl<F: Fn(&mut TagWriter<'_>)> WriteTags for F {
    fn write(&self, tags: &mut TagWriter<'_>) {
        self(tags);
    }
}

impl Missed {
    /// Without a load in the background nothing is served that needs one.
    pub(super) fn never_stale(mut self: Box<Self>) -> Box<Self> {
        self.policy = self.policy.without_stale();
        self
    }

    /// Gives `answer` what was written behind and is not in the source of this load yet, and tells whether there is such. A transaction
    /// sees its source alone.
    pub(super) fn unsaved<'a>(
        &'a mut self,
        answer: &'a mut dyn engine::Answer,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async move {
            let cache = self.cache();
            let engine = &cache.engine;
            if !engine.has_journals(self.site) || context::scope().is_some() {
                return false;
            }
            let Self { site, policy, key, args, tags, .. } = &*self;
            let (namespace, policy) = (site.namespace, *policy);
            let (tags_with, tag_ttl, batch) = (false, None, None);
            let request = Request { site, namespace, policy, key, args, tags, tags_with, tag_ttl, batch };
            engine.unsaved(&request, answer).await == Unsaved::Answers
        })
    }

    /// Answers the call by a tier, by another's load, or by its body; what is to be reloaded goes to `due`.
    pub(super) fn answer<'a>(
        self: Box<Self>,
        cache: Ambient,
        call: &'a mut dyn engine::Call,
        tags_with: bool,
        tag_ttl: Option<Duration>,
        due: Option<Due<'a>>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let engine = &cache.engine;
            let Self { site, policy, .. } = *self;
            let (key, args, tags) = (&self.key, &self.args, &self.tags[..]);
            let namespace = site.namespace;
            let request =
                Request { site, namespace, policy, key, args, tags, tags_with, tag_ttl, batch: None };
            let cached = self.condition && engine.enabled;
            // What may be due was not served before, nor what no thread has for itself.
            let hit = if cached { engine.read_local(&request, call) } else { None };
            let answered = match hit {
                Some(hit) => hit,
                None if cached => engine.read(&request, call).await,
                None => engine.bypass(&request, call).await,
            };
            engine.count(site, answered.outcome);
            report(site, answered);
            if answered.due {
                let Self { key, args, tags, .. } = *self;
                let place = Place { cache: cache.clone(), site, policy, key, args, tags, tags_with, tag_ttl };
                match due {
                    _ if policy.slides() => prolong(place),
                    Some(due) => due(place),
                    None => {}
                }
            }
        })
    }

    /// The cache that answers, with what is said there of the namespace.
    pub(super) fn cache(&mut self) -> Ambient {
        let cache = self.cache.take().map_or_else(Cache::ambient, |named| Ambient::Scoped(named.cache()));
        self.policy = cache.engine.settings.policy(self.site.namespace, self.policy);
        cache
    }
}

/// Lets an entry live on, in the background.
fn prolong(place: Place) {
    let engine = place.cache.engine.clone();
    let name = place.key.written().to_vec();
    engine.in_background(&name, || async move { place.cache.engine.prolong(&place.request()).await });
}
