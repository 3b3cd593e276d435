//! A mutation: what it makes untrue, collected before and after its body, and invalidated however it ends.

mod becomes;

pub use self::becomes::Becomes;

use crate::cache::Cache;
use crate::codec::Value;
use crate::context;
use crate::engine::{Answer, HeldEntry, Put};
use crate::entry::{EntryRef, Place};
use crate::error::Undone;
use crate::frame::Token;
use crate::key::{Key, KeyWriter};
use crate::observe::Invalidation;
use crate::policy::Term;
use crate::scope::{Deferred, Targets};
use crate::tag::Tag;
use crate::typed::{Rules, Slot};
use std::time::Duration;

/// The invalidations of one call of an annotated mutation.
#[expect(clippy::struct_excessive_bools, reason = "options of the attribute, and what has happened")]
pub struct Mutation {
    targets: Vec<Targets>,
    updates: Vec<Updating>,
    cache: Option<Cache>,
    keep_on_error: bool,
    or_fail: bool,
    settle: bool,
    around: Option<Duration>,
    hold_after: Option<Duration>,
    wait: Option<(u32, Duration)>,
    holder: Token,
    held: bool,
    ended: bool,
}

/// An entry that gets the value that the mutation returns.
struct Updating {
    place: Place,
    held: Option<HeldEntry>,
    value: Option<NewValue>,
}

struct NewValue {
    term: Term,
    slot: Box<dyn Answer + Sync>,
}

/// The typed side of an entry that is being updated.
pub struct Update<V> {
    at: usize,
    rules: Rules<V>,
}

impl Mutation {
    /// A mutation without targets.
    #[must_use]
    pub fn new(_function: &'static str) -> Self {
        Self {
            targets: Vec::new(),
            updates: Vec::new(),
            cache: None,
            keep_on_error: false,
            or_fail: false,
            settle: false,
            around: None,
            hold_after: None,
            wait: None,
            holder: Token::random(),
            held: false,
            ended: false,
        }
    }

    /// Names the cache of tags and namespaces.
    #[must_use]
    pub fn on(mut self, cache: &Cache) -> Self {
        self.cache = Some(cache.clone());
        self
    }

    /// An error of the body means that nothing changed.
    #[must_use]
    pub fn keep_on_error(mut self) -> Self {
        self.keep_on_error = true;
        self
    }

    /// Holds the entries from before the body until after it: nothing is stored meanwhile, whatever becomes of this process.
    #[must_use]
    pub fn around(mut self, term: Duration) -> Self {
        self.around = Some(term);
        self
    }

    /// Waits until no process serves the old value any more.
    #[must_use]
    pub fn settle(mut self) -> Self {
        self.settle = true;
        self
    }

    /// Waits until copies of the store have the invalidation.
    #[must_use]
    pub fn wait(mut self, replicas: u32, patience: Duration) -> Self {
        self.wait = Some((replicas, patience));
        self
    }

    /// Holds the entries for so long after the body: as long as loads may read an older source.
    #[must_use]
    pub fn hold_after(mut self, lag: Duration) -> Self {
        self.hold_after = Some(lag);
        self
    }

    /// Fails where the store cannot be reached.
    #[must_use]
    pub fn or_fail(mut self) -> Self {
        self.or_fail = true;
        self
    }

    /// Adds an entry.
    pub fn target<V: Value>(&mut self, entry: EntryRef<V>) {
        let (place, _) = entry.into_parts();
        let key = place.store_key();
        self.targets_in(place.cache).keys.push(key);
    }

    /// Adds an entry that becomes what the mutation returns.
    pub fn update<V: Value>(&mut self, entry: EntryRef<V>) -> Update<V> {
        let (place, rules) = entry.into_parts();
        self.updates.push(Updating { place, held: None, value: None });
        Update { at: self.updates.len() - 1, rules }
    }

    /// Says what an entry becomes.
    #[expect(clippy::needless_pass_by_value, reason = "an entry becomes one thing")]
    pub fn becomes<V: Value>(&mut self, update: Update<V>, value: V) {
        let Update { at, rules } = update;
        let Some(updating) = self.updates.get_mut(at) else { return };
        let Place { site, policy, .. } = updating.place;
        updating.value = rules
            .storage(site, policy, &value)
            .map(|term| NewValue { term, slot: Box::new(Slot::full(site, rules, value)) });
    }

    /// Adds all entries with a tag.
    pub fn tag(&mut self, namespace: &str, write: impl FnOnce(&mut KeyWriter<'_>)) {
        let text = crate::tag::text(write);
        let targets = self.ambient_targets();
        targets.tags.extend(targets.cache.engine.tags(namespace, &[text]));
    }

    /// Adds all entries of a namespace.
    pub fn namespace(&mut self, namespace: &str) {
        let targets = self.ambient_targets();
        targets.tags.extend(targets.cache.engine.namespace_tags(namespace));
    }

    /// Takes the holds; where the store cannot be reached, goes on without.
    ///
    /// # Cancel safety
    /// Dropped before its end, the holds are given up in the background.
    pub async fn begin_or_degrade(&mut self) {
        // Without the holds it is an ordinary mutation.
        let _ = self.begin().await;
    }

    /// Takes the holds.
    ///
    /// # Errors
    /// If the store cannot be reached.
    ///
    /// # Cancel safety
    /// Dropped before its end, the holds are given up in the background.
    pub async fn begin(&mut self) -> Result<(), Undone> {
        let Some(term) = self.around.filter(|_| context::scope().is_none()) else { return Ok(()) };
        self.held = true;
        let mut reached = true;
        for Updating { place, held, .. } in &mut self.updates {
            *held = place.cache.engine.hold(&place.request(), Some(term)).await;
            reached &= held.is_some() || !place.cache.engine.enabled;
        }
        for Targets { cache, keys, .. } in &self.targets {
            reached &= cache.engine.hold_keys(keys, self.holder, term).await.is_ok();
        }
        if reached { Ok(()) } else { Err(Undone::NotBegun) }
    }

    /// Ends the mutation: entries get their values, everything else is invalidated, unless the body failed and that is said to change
    /// nothing.
    ///
    /// # Cancel safety
    /// Dropped before its end, the invalidation goes on in the background.
    pub async fn finish(mut self, succeeded: bool) {
        self.end(succeeded).await;
    }

    /// The same.
    ///
    /// # Errors
    /// If the invalidation is not as durable as was asked for.
    ///
    /// # Cancel safety
    /// Dropped before its end, the invalidation goes on in the background.
    pub async fn finish_or_fail(mut self, succeeded: bool) -> Result<(), Undone> {
        if self.end(succeeded).await { Ok(()) } else { Err(Undone::NotAnnounced) }
    }

    /// Ends the mutation with a value whose invalidations wait.
    pub fn defer<T>(mut self, value: T) -> Deferred<T> {
        Deferred::new(value, self.take_targets())
    }

    /// Everything that is to be invalidated, which from now on is somebody else's matter.
    fn take_targets(&mut self) -> Vec<Targets> {
        self.ended = true;
        let updates = self.updates.drain(..).map(|Updating { place, .. }| {
            let keys = vec![place.store_key()];
            Targets { cache: place.cache, keys, tags: Vec::new() }
        });
        self.targets.drain(..).chain(updates).collect()
    }

    /// Tells whether everything was acknowledged as was asked for.
    async fn end(&mut self, succeeded: bool) -> bool {
        if let Some(scope) = context::scope() {
            let targets = self.take_targets();
            if succeeded || !self.keep_on_error {
                scope.record(targets);
            }
            return true;
        }
        let mut settling = Duration::ZERO;
        let mut applied = true;
        let mut queued = false;
        let changed = succeeded || !self.keep_on_error;
        for at in 0..self.updates.len() {
            let Updating { place, held, value } = &mut self.updates[at];
            let engine = &place.cache.engine;
            let (held, value) = (held.take(), value.take().filter(|_| succeeded));
            if !changed && held.is_none() {
                continue;
            }
            let put = match (held, value) {
                (Some(held), Some(NewValue { term, mut slot })) => {
                    engine.put(&place.request(), held, term, &mut *slot).await
                }
                (held, _) => engine.end_hold(&place.request(), held).await,
            };
            applied &= put != Put::Queued;
            queued |= put == Put::Queued;
            settling = settling.max(engine.store.settling());
            let outcome = if put == Put::Queued { Invalidation::Queued } else { Invalidation::Applied };
            context::report_invalidation(outcome);
        }
        for Targets { cache, keys, tags } in &self.targets {
            if changed || self.held {
                let outcome = self.end_in(cache, keys, if changed { tags } else { &[] }).await;
                context::report_invalidation(outcome);
                applied &= outcome == Invalidation::Applied;
                queued |= outcome == Invalidation::Queued;
                settling = settling.max(cache.engine.store.settling());
            }
        }
        self.ended = true;
        if self.settle && !queued && !settling.is_zero() {
            tokio::time::sleep(settling).await;
        }
        applied
    }

    async fn end_in(&self, cache: &Cache, keys: &[Key], tags: &[Tag]) -> Invalidation {
        let engine = &cache.engine;
        if let Some(lag) = self.hold_after
            && engine.hold_keys(keys, Token::random(), lag).await.is_ok()
        {
            return engine.invalidate(if self.held { keys } else { &[] }, tags).await;
        }
        let ended =
            if self.held { engine.unhold_keys(keys, tags, self.holder).await } else { Invalidation::Applied };
        match self.wait {
            Some((replicas, patience)) => engine.invalidate_durably(keys, tags, replicas, patience).await,
            None if self.held => ended,
            None => engine.invalidate(keys, tags).await,
        }
    }

    fn ambient_targets(&mut self) -> &mut Targets {
        let cache = self.cache.clone().unwrap_or_else(|| Cache::ambient().clone());
        self.targets_in(cache)
    }

    fn targets_in(&mut self, cache: Cache) -> &mut Targets {
        let at = self.targets.iter().position(|targets| targets.cache.is(&cache)).unwrap_or_else(|| {
            self.targets.push(Targets { cache, keys: Vec::new(), tags: Vec::new() });
            self.targets.len() - 1
        });
        &mut self.targets[at]
    }
}

impl Drop for Mutation {
    /// The body may have changed its source before it panicked or its caller went away.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Some(scope) = context::scope() {
            return scope.record(self.take_targets());
        }
        // Their holds are given up as they are dropped.
        for Updating { place, .. } in self.updates.drain(..) {
            place.cache.engine.invalidate_later(vec![place.store_key()], Vec::new());
        }
        for Targets { cache, keys, tags } in self.targets.drain(..) {
            if self.held {
                cache.engine.unhold_keys_later(keys, tags, self.holder);
            } else {
                cache.engine.invalidate_later(keys, tags);
            }
        }
    }
}
