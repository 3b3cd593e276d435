//! One contestant's way to do one subject.

use crate::work::{self, LoadError, PageArgs, Task};
use std::borrow::Borrow;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A future that may go to another thread.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Runs as many calls as it is told, one after the other.
pub type Slice = Box<dyn Fn(u64) -> Boxed<()> + Send + Sync>;

/// What a case is given to prepare with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How many keys are asked for.
    pub keys: u64,
    /// How many tasks ask at once, where that is not the subject's own matter.
    pub tasks: u64,
    /// The server's address.
    pub redis: String,
}

/// One line of a table.
pub struct Case {
    /// What is measured: `task-arc`, `task`, `list-arc`, `list`.
    pub subject: &'static str,
    /// Who does it, and how.
    pub contestant: &'static str,
    /// Whether others are compared with this.
    pub limit: bool,
    /// Whether it needs a Redis server.
    pub redis: bool,
    /// Whether it is called without `.await`.
    pub sync: bool,
    /// What the reader has to know.
    pub note: &'static str,
    /// Fills the cache, checks every value, and returns the calls.
    pub start: fn(Setup) -> Boxed<Slice>,
}

impl Case {
    /// A case in process, asynchronous and without a note.
    #[must_use]
    pub const fn new(
        subject: &'static str,
        contestant: &'static str,
        start: fn(Setup) -> Boxed<Slice>,
    ) -> Self {
        Self { subject, contestant, limit: false, redis: false, sync: false, note: "", start }
    }

    /// The same, as what others are compared with.
    #[must_use]
    pub const fn limit(self) -> Self {
        Self { limit: true, ..self }
    }

    /// The same, over a server.
    #[must_use]
    pub const fn over_redis(self) -> Self {
        Self { redis: true, ..self }
    }

    /// The same, called without `.await`.
    #[must_use]
    pub const fn sync(self) -> Self {
        Self { sync: true, ..self }
    }

    /// The same, with a note.
    #[must_use]
    pub const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// Its name in a child's arguments.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.subject, self.contestant)
    }
}

/// What slices ask for: each for all of it, from half way round where the one before began, so that threads are apart.
struct Order<T: 'static> {
    twice: &'static [T],
    slices: AtomicUsize,
}

impl<T: Clone> Order<T> {
    fn of(all: &[T]) -> Self {
        Self { twice: [all, all].concat().leak(), slices: AtomicUsize::new(0) }
    }

    fn next(&self) -> &'static [T] {
        let length = self.twice.len() / 2;
        let begin = self.slices.fetch_add(1, Relaxed) % 2 * (length / 2);
        &self.twice[begin..begin + length]
    }
}

/// Calls of `get(id)`: each value is checked before and after the cache has it.
///
/// # Panics
/// If a value is wrong, or a call fails.
pub async fn tasks<V, F, C>(setup: Setup, call: C) -> Slice
where
    V: Borrow<Task>,
    F: Future<Output = Result<V, LoadError>> + Send,
    C: Fn(u64) -> F + Copy + Send + Sync + 'static,
{
    let ids = work::ids(setup.keys);
    for _ in 0..3 {
        for &id in ids {
            let value = call(id).await.expect("no body fails");
            assert_eq!(value.borrow(), &work::task(id));
        }
    }
    let order = Order::of(ids);
    Box::new(move |count| {
        let ids = order.next();
        Box::pin(async move {
            for &id in ids.iter().cycle().take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let _ = black_box(call(black_box(id)).await);
            }
        })
    })
}

/// Calls of `get(id)` that are no futures.
///
/// # Panics
/// If a value is wrong, or a call fails.
pub fn tasks_sync<V, C>(setup: &Setup, call: C) -> Slice
where
    V: Borrow<Task>,
    C: Fn(u64) -> Result<V, LoadError> + Copy + Send + Sync + 'static,
{
    let ids = work::ids(setup.keys);
    for _ in 0..3 {
        for &id in ids {
            let value = call(id).expect("no body fails");
            assert_eq!(value.borrow(), &work::task(id));
        }
    }
    let order = Order::of(ids);
    Box::new(move |count| {
        let ids = order.next();
        Box::pin(async move {
            for &id in ids.iter().cycle().take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let _ = black_box(call(black_box(id)));
            }
        })
    })
}

/// Calls of `list(user_id, status, limit, offset)`.
///
/// # Panics
/// If a value is wrong, or a call fails.
pub async fn lists<V, F, C>(setup: Setup, call: C) -> Slice
where
    V: Borrow<Vec<Task>>,
    F: Future<Output = Result<V, LoadError>> + Send,
    C: Fn(&'static str, Option<&'static str>, u32, u32) -> F + Copy + Send + Sync + 'static,
{
    let pages = work::pages(setup.keys);
    let call =
        move |page: &'static PageArgs| call(&page.user_id, page.status.as_deref(), page.limit, page.offset);
    for _ in 0..3 {
        for page in pages {
            let value = call(page).await.expect("no body fails");
            assert_eq!(value.borrow(), &expected(page));
        }
    }
    let order = Order::of(pages);
    Box::new(move |count| {
        let pages = order.next();
        Box::pin(async move {
            for page in pages.iter().cycle().take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let _ = black_box(call(black_box(page)).await);
            }
        })
    })
}

/// Calls of `list` that are no futures.
///
/// # Panics
/// If a value is wrong, or a call fails.
pub fn lists_sync<V, C>(setup: &Setup, call: C) -> Slice
where
    V: Borrow<Vec<Task>>,
    C: Fn(&'static str, Option<&'static str>, u32, u32) -> Result<V, LoadError>
        + Copy
        + Send
        + Sync
        + 'static,
{
    let pages = work::pages(setup.keys);
    let call =
        move |page: &'static PageArgs| call(&page.user_id, page.status.as_deref(), page.limit, page.offset);
    for _ in 0..3 {
        for page in pages {
            let value = call(page).expect("no body fails");
            assert_eq!(value.borrow(), &expected(page));
        }
    }
    let order = Order::of(pages);
    Box::new(move |count| {
        let pages = order.next();
        Box::pin(async move {
            for page in pages.iter().cycle().take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let _ = black_box(call(black_box(page)));
            }
        })
    })
}

fn expected(page: &PageArgs) -> Vec<Task> {
    work::page(&page.user_id, page.status.as_deref(), page.limit, page.offset)
}
