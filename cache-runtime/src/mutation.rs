//! A mutation: what it makes untrue, collected before and after its body, and invalidated however it ends.

use crate::cache::Cache;
use crate::codec::Value;
use crate::context;
use crate::entry::EntryRef;
use crate::key::Key;

/// The invalidations of one call of an annotated mutation.
#[derive(Debug)]
pub struct Mutation {
    targets: Vec<(Cache, Vec<Key>)>,
    keep_on_error: bool,
    ended: bool,
}

impl Mutation {
    /// A mutation without targets.
    #[must_use]
    pub fn new(_function: &'static str) -> Self {
        Self { targets: Vec::new(), keep_on_error: false, ended: false }
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
        match self.targets.iter_mut().find(|(other, _)| other.is(&cache)) {
            Some((_, keys)) => keys.push(key),
            None => self.targets.push((cache, vec![key])),
        }
    }

    /// Invalidates everything, unless the body failed and that is said to change nothing.
    ///
    /// # Cancel safety
    /// Dropped before its end, the invalidation goes on in the background.
    pub async fn finish(mut self, succeeded: bool) {
        if succeeded || !self.keep_on_error {
            for (cache, keys) in &self.targets {
                context::report_invalidation(cache.engine.invalidate(keys).await);
            }
        }
        self.ended = true;
    }
}

impl Drop for Mutation {
    /// The body may have changed its source before it panicked or its caller went away.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        for (cache, keys) in self.targets.drain(..) {
            cache.engine.invalidate_later(keys);
        }
    }
}
