//! Transactions: invalidations that wait for the commit.

use crate::cache::Cache;
use crate::context;
use crate::frame::Token;
use crate::key::Key;
use crate::observe::Invalidation;
use crate::tag::Tag;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is to be invalidated in one cache.
#[derive(Clone)]
pub(crate) struct Targets {
    pub(crate) cache: Cache,
    pub(crate) keys: Vec<Key>,
    pub(crate) tags: Vec<Tag>,
}

impl Targets {
    /// Invalidates, or records it where a transaction goes on.
    pub(crate) async fn invalidate(self) -> Invalidation {
        if let Some(scope) = context::scope() {
            scope.record([self]);
            return Invalidation::Applied;
        }
        let outcome = self.cache.engine.invalidate(&self.keys, &self.tags).await;
        context::report_invalidation(outcome);
        outcome
    }
}

/// A transaction that can be committed.
///
/// Implemented for [`sqlx::Transaction`](https://docs.rs/sqlx) with the feature `sqlx`; for others, commit with a closure through
/// [`Scope::commit_with`], or implement it.
pub trait Commit: Send {
    /// Why it could not be.
    type Error: Send;

    /// Commits.
    fn commit(self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

#[cfg(feature = "sqlx")]
impl<D: sqlx::Database> Commit for sqlx::Transaction<'_, D> {
    type Error = sqlx::Error;

    async fn commit(self) -> Result<(), sqlx::Error> {
        sqlx::Transaction::commit(self).await
    }
}

/// What the mutations of one transaction make untrue, until it is committed; clones are the same scope.
#[derive(Clone, Default)]
pub struct Scope {
    collected: Arc<Mutex<Collected>>,
}

#[derive(Default)]
struct Collected {
    targets: Vec<Targets>,
    hold: Option<Duration>,
}

impl Scope {
    /// Holds the entries from just before the commit until after the invalidation, for `term` at most: what was committed is seen even if
    /// this process dies in between.
    pub fn around(&self, term: Duration) {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner).hold = Some(term);
    }

    /// Commits, and then invalidates everything that the mutations in this scope made untrue.
    ///
    /// # Errors
    /// If the commit fails; whether it happened is not known then, so everything is invalidated all the same.
    ///
    /// # Cancel safety
    /// Dropped before its end, the invalidations go on in the background.
    pub async fn commit<T: Commit>(&self, transaction: T) -> Result<(), T::Error> {
        self.commit_with(|| transaction.commit()).await
    }

    /// The same, with any commit.
    ///
    /// # Errors
    /// Those of `commit`; everything is invalidated all the same.
    ///
    /// # Cancel safety
    /// Dropped before its end, the invalidations go on in the background.
    pub async fn commit_with<T, E, F>(&self, commit: impl FnOnce() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut committing = self.take();
        committing.hold().await;
        let committed = commit().await;
        committing.invalidate().await;
        committed
    }

    /// Runs `future` in this scope: task-locals do not follow into spawned tasks by themselves.
    ///
    /// # Cancel safety
    /// As cancel safe as `future`.
    pub async fn attach<F: Future>(&self, future: F) -> F::Output {
        context::with_scope(self.clone(), future).await
    }

    pub(crate) fn record(&self, targets: impl IntoIterator<Item = Targets>) {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner).targets.extend(targets);
    }

    /// Invalidates what was recorded and not committed through this scope.
    pub(crate) async fn end(&self) {
        self.take().invalidate().await;
    }

    fn take(&self) -> Committing {
        let mut collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        let targets = std::mem::take(&mut collected.targets);
        Committing { targets, term: collected.hold, held: None }
    }
}

/// Targets on their way; dropped, they are invalidated in the background.
struct Committing {
    targets: Vec<Targets>,
    term: Option<Duration>,
    held: Option<Token>,
}

impl Committing {
    async fn hold(&mut self) {
        let Some(term) = self.term else { return };
        let holder = Token::random();
        self.held = Some(holder);
        for Targets { cache, keys, .. } in &self.targets {
            // Where the store cannot be reached, it is an ordinary commit.
            let _ = cache.engine.hold_keys(keys, holder, term).await;
        }
    }

    async fn invalidate(mut self) {
        for Targets { cache, keys, tags } in &self.targets {
            let outcome = match self.held {
                Some(holder) => cache.engine.unhold_keys(keys, tags, holder).await,
                None => cache.engine.invalidate(keys, tags).await,
            };
            context::report_invalidation(outcome);
        }
        self.targets.clear();
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        for Targets { cache, keys, tags } in self.targets.drain(..) {
            match self.held {
                Some(holder) => cache.engine.unhold_keys_later(keys, tags, holder),
                None => cache.engine.invalidate_later(keys, tags),
            }
        }
    }
}

/// A mutation's value whose invalidations wait for the caller's commit (`deferred`).
///
/// Dropped without [`fire`](Self::fire), they are sent in the background, in case the commit was made; [`discard`](Self::discard) after a
/// rollback saves that.
#[must_use = "the invalidations wait for `fire`"]
pub struct Deferred<T> {
    value: Option<T>,
    targets: Committing,
}

impl<T> Deferred<T> {
    pub(crate) fn new(value: T, targets: Vec<Targets>) -> Self {
        Self { value: Some(value), targets: Committing { targets, term: None, held: None } }
    }

    /// What the mutation returned.
    ///
    /// # Panics
    /// Never: the value is there until it is taken out.
    #[must_use]
    pub fn value(&self) -> &T {
        self.value.as_ref().expect("taken out only by `fire` and `discard`")
    }

    /// Invalidates; to be called after the commit.
    ///
    /// # Panics
    /// Never: the value is there until it is taken out.
    ///
    /// # Cancel safety
    /// Dropped before its end, the invalidations go on in the background.
    pub async fn fire(self) -> T {
        let Self { value, targets } = self;
        targets.invalidate().await;
        value.expect("taken out only by `fire` and `discard`")
    }

    /// Forgets the invalidations; to be called after a rollback.
    ///
    /// # Panics
    /// Never: the value is there until it is taken out.
    pub fn discard(mut self) -> T {
        self.targets.targets.clear();
        self.value.take().expect("taken out only by `fire` and `discard`")
    }
}
