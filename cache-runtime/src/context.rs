//! What a task carries: its cache, whether it is loading, and who watches.

use crate::cache::Cache;
use crate::observe::{Answer, Invalidation, Report};
use crate::scope::Scope;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

thread_local! {
    /// What the task that runs here carries.
    static CONTEXT: RefCell<Option<Arc<Context>>> = const { RefCell::new(None) };
    /// Whether it carries something. Most tasks do not, and a hit asks for no more.
    static IS_WITHIN: Cell<bool> = const { Cell::new(false) };
}

#[derive(Clone, Default)]
struct Context {
    cache: Option<Cache>,
    loading: bool,
    scope: Option<Scope>,
    report: Option<Arc<Mutex<Report>>>,
}

/// Whether the task has a context.
#[inline]
pub(crate) fn is_within() -> bool {
    IS_WITHIN.get()
}

fn current<T>(read: impl FnOnce(&Context) -> T) -> Option<T> {
    CONTEXT.try_with(|context| context.borrow().as_deref().map(read)).ok().flatten()
}

/// Makes `context` the current one, and gives back the one before.
fn replace(context: Option<Arc<Context>>) -> Option<Arc<Context>> {
    let is_within = context.is_some();
    // A thread that ends has none any more.
    let before = CONTEXT.try_with(|current| current.replace(context)).ok()?;
    IS_WITHIN.set(is_within);
    before
}

/// Until it is dropped, a context is the current one.
struct Entered(Option<Arc<Context>>);

impl Entered {
    fn into(context: &Arc<Context>) -> Self {
        Self(replace(Some(context.clone())))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        replace(self.0.take());
    }
}

/// A future whose every step, and whose end, has a context.
struct Within<F> {
    context: Arc<Context>,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let _entered = Entered::into(&self.context);
        self.future.as_mut().expect("it is there until this is dropped").as_mut().poll(context)
    }
}

impl<F> Drop for Within<F> {
    fn drop(&mut self) {
        let _entered = Entered::into(&self.context);
        self.future = None;
    }
}

fn within<F: Future>(context: Context, future: F) -> Within<F> {
    Within { context: Arc::new(context), future: Some(Box::pin(future)) }
}

/// Runs `future` with `cache` as its ambient cache.
pub(crate) async fn with_cache<F: Future>(cache: Cache, future: F) -> F::Output {
    let context = current(Context::clone).unwrap_or_default();
    within(Context { cache: Some(cache), ..context }, future).await
}

/// What a body runs in as part of a load: what it calls uses no cache and is not reported.
pub(crate) struct Loading(Arc<Context>);

impl Loading {
    /// A load of this task.
    pub(crate) fn here() -> Self {
        let (cache, scope) =
            current(|context| (context.cache.clone(), context.scope.clone())).unwrap_or_default();
        Self(Arc::new(Context { cache, loading: true, scope, report: None }))
    }

    /// Runs one step of the body.
    pub(crate) fn step(&self, step: &mut dyn FnMut()) {
        let _entered = Entered::into(&self.0);
        step();
    }
}

/// A body of its own, as it runs within a load.
pub(crate) fn loading<F: Future>(body: F) -> impl Future<Output = F::Output> + use<F> {
    Within { context: Loading::here().0, future: Some(Box::pin(body)) }
}

/// The cache of this task alone.
pub(crate) fn scoped_cache() -> Option<Cache> {
    current(|context| context.cache.clone()).flatten()
}

/// Runs `future` as part of a transaction.
pub(crate) async fn with_scope<F: Future>(scope: Scope, future: F) -> F::Output {
    let context = current(Context::clone).unwrap_or_default();
    within(Context { scope: Some(scope), ..context }, future).await
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
    let output = within(Context { report: Some(report.clone()), ..context }, future).await;
    let report = std::mem::take(&mut *report.lock().unwrap_or_else(PoisonError::into_inner));
    (output, report)
}

#[cfg(test)]
mod tests {
    use super::{Loading, is_within, reads_past_caches, scoped_cache, with_cache};
    use crate::cache::Cache;
    use std::future::{Future, pending};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::{Context, Waker};
    use std::thread::panicking;
    use tokio::task::yield_now;

    struct Dropped(Cache);

    impl Drop for Dropped {
        fn drop(&mut self) {
            assert!(panicking() || scoped_cache().is_some_and(|cache| cache.is(&self.0)));
        }
    }

    #[test]
    fn a_task_has_its_context_at_every_step_and_at_its_end_and_no_other_has_it() {
        let [outer, inner] = [Cache::in_process(), Cache::in_process()];
        let (dropped, nested) = (Dropped(outer.clone()), Dropped(inner.clone()));
        let task = with_cache(outer.clone(), async {
            let _dropped = dropped;
            let inside = with_cache(inner.clone(), async {
                let _nested = nested;
                yield_now().await;
                scoped_cache()
            });
            assert!(inside.await.is_some_and(|cache| cache.is(&inner)));
            assert!(is_within() && scoped_cache().is_some_and(|cache| cache.is(&outer)));
            pending::<()>().await;
        });
        let mut task = Box::pin(task);
        for _ in 0..3 {
            assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(!is_within() && scoped_cache().is_none());
        }
        drop(task);
        assert!(!is_within() && scoped_cache().is_none());
    }

    #[test]
    fn a_step_that_panics_leaves_no_context() {
        let panics = AssertUnwindSafe(|| Loading::here().step(&mut || panic!("on purpose")));
        assert!(catch_unwind(panics).is_err());
        assert!(!is_within() && !reads_past_caches());
        Loading::here().step(&mut || assert!(is_within() && reads_past_caches()));
    }
}
