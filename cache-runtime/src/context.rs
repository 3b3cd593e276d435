//! What a task carries: its cache, whether it is loading, and who watches.

use crate::cache::Cache;
use crate::observe::{Answer, Invalidation, Report};
use crate::scope::Scope;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static CONTEXT: Context;
}

#[derive(Clone, Default)]
struct Context {
    cache: Option<Cache>,
    loading: bool,
    scope: Option<Scope>,
    report: Option<Arc<Mutex<Report>>>,
}

fn current<T>(read: impl FnOnce(&Context) -> T) -> Option<T> {
    CONTEXT.try_with(read).ok()
}

/// Runs `future` with `cache` as its ambient cache.
pub(crate) async fn with_cache<F: Future>(cache: Cache, future: F) -> F::Output {
    let context = current(Context::clone).unwrap_or_default();
    CONTEXT.scope(Context { cache: Some(cache), ..context }, Box::pin(future)).await
}

/// What a body runs in as part of a load: what it calls uses no cache and is not reported.
pub(crate) struct Loading(Context);

impl Loading {
    /// A load of this task.
    pub(crate) fn here() -> Self {
        let (cache, scope) =
            current(|context| (context.cache.clone(), context.scope.clone())).unwrap_or_default();
        Self(Context { cache, loading: true, scope, report: None })
    }

    /// Runs one step of the body.
    pub(crate) fn step(&self, step: &mut dyn FnMut()) {
        CONTEXT.sync_scope(self.0.clone(), step);
    }
}

/// A body of its own, as it runs within a load.
pub(crate) fn loading<F: Future>(body: F) -> impl Future<Output = F::Output> + use<F> {
    CONTEXT.scope(Loading::here().0, body)
}

/// The cache of this task alone.
pub(crate) fn scoped_cache() -> Option<Cache> {
    current(|context| context.cache.clone()).flatten()
}

/// Runs `future` as part of a transaction.
pub(crate) async fn with_scope<F: Future>(scope: Scope, future: F) -> F::Output {
    let context = current(Context::clone).unwrap_or_default();
    CONTEXT.scope(Context { scope: Some(scope), ..context }, Box::pin(future)).await
}

/// The transaction that this is part of.
pub(crate) fn scope() -> Option<Scope> {
    current(|context| context.scope.clone()).flatten()
}

/// What a lookup asks of its task.
#[derive(Default)]
pub(crate) struct View {
    /// Whether it must see its source: as part of a load, or of a transaction whose rows nobody else sees yet.
    pub(crate) reads_past_caches: bool,
    /// Whether someone watches.
    pub(crate) is_watched: bool,
    /// The cache of this task alone.
    pub(crate) cache: Option<Cache>,
}

#[inline]
pub(crate) fn view() -> View {
    current(|context| View {
        reads_past_caches: context.loading || context.scope.is_some(),
        is_watched: context.report.is_some(),
        cache: context.cache.clone(),
    })
    .unwrap_or_default()
}

pub(crate) fn reads_past_caches() -> bool {
    view().reads_past_caches
}

pub(crate) fn report_answer(answer: Answer) {
    report(|report| report.answers.push(answer));
}

pub(crate) fn report_invalidation(invalidation: Invalidation) {
    report(|report| report.invalidations.push(invalidation));
}

fn report(add: impl FnOnce(&mut Report)) {
    current(|context| {
        if let Some(report) = &context.report {
            add(&mut report.lock().unwrap_or_else(PoisonError::into_inner));
        }
    });
}

/// Runs `future` and tells how the cached calls in it were answered.
///
/// # Cancel safety
/// As cancel safe as `future`.
///
/// # Examples
/// ```
/// use cache_runtime::{Outcome, cached, observed};
///
/// #[cached(ns = "doc", ttl = "short")]
/// async fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (nine, report) = observed(square(3)).await;
/// assert_eq!((nine, report.outcome()), (9, Some(Outcome::Loaded)));
/// # }
/// ```
pub async fn observed<F: Future>(future: F) -> (F::Output, Report) {
    let report = Arc::new(Mutex::new(Report::default()));
    let context = current(Context::clone).unwrap_or_default();
    let output = CONTEXT.scope(Context { report: Some(report.clone()), ..context }, Box::pin(future)).await;
    let report = std::mem::take(&mut *report.lock().unwrap_or_else(PoisonError::into_inner));
    (output, report)
}
