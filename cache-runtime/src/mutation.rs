//! A mutation: what it makes untrue, collected before and after its body, and invalidated however it ends.

use crate::cache::Cache;
use crate::codec::Value;
use crate::context;
use crate::entry::EntryRef;
use crate::key::{Key, KeyWriter};
use crate::tag::Tag;

/// The invalidations of one call of an annotated mutation.
#[derive(Debug)]
pub struct Mutation {
    targets: Vec<Targets>,
    cache: Option<Cache>,
    keep_on_error: bool,
    ended: bool,
}

/// What is to be invalidated in one cache.
#[derive(Debug)]
struct Targets {
    cache: Cache,
    keys: Vec<Key>,
    tags: Vec<Tag>,
}

impl Mutation {
    /// A mutation without targets.
    #[must_use]
    pub fn new(_function: &'static str) -> Self {
        Self { targets: Vec::new(), cache: None, keep_on_error: false, ended: false }
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

    /// Adds an entry.
    pub fn target<V: Value>(&mut self, entry: EntryRef<V>) {
        let (cache, key) = entry.into_target();
        self.targets_in(cache).keys.push(key);
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

    /// Invalidates everything, unless the body failed and that is said to change nothing.
    ///
    /// # Cancel safety
    /// Dropped before its end, the invalidation goes on in the background.
    pub async fn finish(mut self, succeeded: bool) {
        if succeeded || !self.keep_on_error {
            for Targets { cache, keys, tags } in &self.targets {
                context::report_invalidation(cache.engine.invalidate(keys, tags).await);
            }
        }
        self.ended = true;
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
        for Targets { cache, keys, tags } in self.targets.drain(..) {
            cache.engine.invalidate_later(keys, tags);
        }
    }
}
