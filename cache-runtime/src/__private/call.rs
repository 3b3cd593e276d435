//! A call, from its arguments to the value of L1 or to what is needed to answer it otherwise.

use super::{Due, report};
use crate::cache::{Ambient, Cache};
use crate::context::{self, View};
use crate::engine::{self, Answered, Request, Unsaved};
use crate::entry::Place;
use crate::flight::Shared;
use crate::key::{KeyBuf, KeyWriter};
use crate::local::CallRef;
use crate::observe::{Outcome, Tier};
use crate::policy::Policy;
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
    pub(super) args: Box<[u8]>,
    pub(super) tags: Vec<Bytes>,
    pub(super) cache: Option<Cache>,
    pub(super) condition: bool,
}

impl<'a> Call<'a> {
    /// A call at `site`.
    #[inline]
    #[must_use]
    pub const fn new(site: &'static Site, policy: &'static Policy) -> Self {
        Self { site, policy, cache: None, condition: true }
    }

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

    /// The value of L1, where it answers by itself; `key` and `tags` write what the arguments tell.
    ///
    /// # Errors
    /// The call, to be answered otherwise.
    #[inline]
    pub fn look_up<V>(
        self,
        take: impl Fn(&Shared) -> Option<V>,
        key: impl Fn(&mut KeyWriter<'_>),
        tags: impl Fn(&mut TagWriter<'_>),
    ) -> Result<V, Box<Missed>> {
        let mut args = KeyBuf::new();
        key(&mut KeyWriter::of_calls(&mut args));
        let mut value = None;
        let hit = self.hit(args.written(), &mut |shared| {
            value = take(shared);
            value.is_some()
        });
        match value {
            Some(value) if hit => Ok(value),
            _ => Err(self.erased(&args, &key, &tags)),
        }
    }

    /// Apart, so that a hit knows nothing of the erased closures.
    #[cold]
    #[inline(never)]
    fn erased(
        &self,
        args: &KeyBuf,
        key: &impl Fn(&mut KeyWriter<'_>),
        tags: &impl Fn(&mut TagWriter<'_>),
    ) -> Box<Missed> {
        self.missed(args, key, tags)
    }

    /// The same without a lookup.
    pub fn missing(self, key: impl Fn(&mut KeyWriter<'_>), tags: impl Fn(&mut TagWriter<'_>)) -> Box<Missed> {
        self.unasked(&key, &tags)
    }

    fn unasked(&self, key: Write<'_>, tags: WriteTags<'_>) -> Box<Missed> {
        let mut args = KeyBuf::new();
        key(&mut KeyWriter::of_calls(&mut args));
        self.missed(&args, key, tags)
    }

    fn hit(&self, args: &[u8], take: &mut dyn FnMut(&Shared) -> bool) -> bool {
        let View { reads_past_caches, is_watched, cache } = context::view();
        if reads_past_caches || !self.condition {
            return false;
        }
        let cache = self.cache.or(cache.as_ref()).unwrap_or_else(|| Cache::global());
        let call = CallRef { site: self.site, args };
        if let Some(hot) = self.policy.hot() {
            cache.engine.called(call, hot);
        }
        let Some(created_ms) = cache.engine.hit(call, take) else { return false };
        cache.engine.count(self.site, Outcome::Hit(Tier::L1));
        if is_watched {
            let age = Some(cache.engine.age(created_ms));
            report(self.site, Answered { outcome: Outcome::Hit(Tier::L1), age, due: false });
        }
        true
    }

    fn missed(&self, args: &KeyBuf, write: Write<'_>, tags: WriteTags<'_>) -> Box<Missed> {
        let mut key = KeyBuf::new();
        let mut writer = KeyWriter::new(&mut key);
        writer.text(self.site.head);
        write(&mut writer);
        key.finish();
        let mut texts = Vec::new();
        tags(&mut TagWriter(&mut texts));
        let Self { site, policy, cache, condition } = *self;
        let (args, cache) = (args.written().into(), cache.cloned());
        Box::new(Missed { site, policy: *policy, key, args, tags: texts, cache, condition })
    }
}

/// Writes what the arguments tell of the key; erased, so that there is one copy of what calls it.
type Write<'a> = &'a dyn Fn(&mut KeyWriter<'_>);
/// The same of the tags.
type WriteTags<'a> = &'a dyn Fn(&mut TagWriter<'_>);

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
            let (key, args, tags) = (&self.key, &self.args[..], &self.tags[..]);
            let namespace = site.namespace;
            let request =
                Request { site, namespace, policy, key, args, tags, tags_with, tag_ttl, batch: None };
            let cached = self.condition && engine.enabled;
            // What may be due was not served before.
            let hit = if cached && (due.is_some() || policy.slides()) {
                engine.read_local(&request, call)
            } else {
                None
            };
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
        let cache = self.cache.take().map_or_else(Cache::ambient, Ambient::Scoped);
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
