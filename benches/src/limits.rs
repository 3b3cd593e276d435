//! The limits: what somebody writes by hand who wants only this.

use crate::case::{self, Case};
use crate::work::{LoadError, Task, load_page, load_task};
use quick_cache::{Equivalent, sync::Cache};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

const TTL: Duration = Duration::from_mins(5);
const CAPACITY: usize = 10_000;

/// A value and its end.
#[derive(Clone)]
pub struct Timed<V> {
    value: V,
    expires: Instant,
}

impl<V> Timed<V> {
    /// A value from now on.
    pub fn new(value: V) -> Self {
        Self { value, expires: Instant::now() + TTL }
    }

    /// The value, unless its time is over.
    pub fn fresh(self) -> Option<V> {
        (Instant::now() < self.expires).then_some(self.value)
    }
}

/// A map of each thread, which shares nothing: what two threads cost here is the machine's.
async fn unshared(id: u64) -> Result<Arc<Task>, LoadError> {
    thread_local! {
        static CACHE: RefCell<HashMap<u64, Timed<Arc<Task>>>> = RefCell::default();
    }
    if let Some(task) = CACHE.with_borrow(|cache| cache.get(&id).cloned()).and_then(Timed::fresh) {
        return Ok(task);
    }
    let task = Arc::new(load_task(id)?);
    CACHE.with_borrow_mut(|cache| cache.insert(id, Timed::new(task.clone())));
    Ok(task)
}

async fn task_arc_untimed(id: u64) -> Result<Arc<Task>, LoadError> {
    static CACHE: LazyLock<Cache<u64, Arc<Task>>> = LazyLock::new(|| Cache::new(CAPACITY));
    if let Some(task) = CACHE.get(&id) {
        return Ok(task);
    }
    let task = Arc::new(load_task(id)?);
    CACHE.insert(id, task.clone());
    Ok(task)
}

async fn task_arc(id: u64) -> Result<Arc<Task>, LoadError> {
    static CACHE: LazyLock<Cache<u64, Timed<Arc<Task>>>> = LazyLock::new(|| Cache::new(CAPACITY));
    if let Some(task) = CACHE.get(&id).and_then(Timed::fresh) {
        return Ok(task);
    }
    let task = Arc::new(load_task(id)?);
    CACHE.insert(id, Timed::new(task.clone()));
    Ok(task)
}

async fn task(id: u64) -> Result<Task, LoadError> {
    static CACHE: LazyLock<Cache<u64, Timed<Task>>> = LazyLock::new(|| Cache::new(CAPACITY));
    if let Some(task) = CACHE.get(&id).and_then(Timed::fresh) {
        return Ok(task);
    }
    let task = load_task(id)?;
    CACHE.insert(id, Timed::new(task.clone()));
    Ok(task)
}

/// The arguments of a page as a key.
#[derive(PartialEq, Eq)]
pub struct PageKey {
    user_id: String,
    status: Option<String>,
    limit: u32,
    offset: u32,
}

/// The same, borrowed.
pub struct PageRef<'a>(pub &'a str, pub Option<&'a str>, pub u32, pub u32);

impl PageRef<'_> {
    /// The key that this finds.
    #[must_use]
    pub fn owned(&self) -> PageKey {
        let Self(user_id, status, limit, offset) = *self;
        PageKey { user_id: user_id.to_owned(), status: status.map(str::to_owned), limit, offset }
    }
}

impl Hash for PageRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0, self.1, self.2, self.3).hash(state);
    }
}

impl Hash for PageKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        PageRef(&self.user_id, self.status.as_deref(), self.limit, self.offset).hash(state);
    }
}

impl Equivalent<PageKey> for PageRef<'_> {
    fn equivalent(&self, key: &PageKey) -> bool {
        (self.0, self.1, self.2, self.3) == (&*key.user_id, key.status.as_deref(), key.limit, key.offset)
    }
}

async fn list_arc(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Arc<Vec<Task>>, LoadError> {
    static CACHE: LazyLock<Cache<PageKey, Timed<Arc<Vec<Task>>>>> = LazyLock::new(|| Cache::new(CAPACITY));
    let key = PageRef(user_id, status, limit, offset);
    if let Some(page) = CACHE.get(&key).and_then(Timed::fresh) {
        return Ok(page);
    }
    let page = Arc::new(load_page(user_id, status, limit, offset)?);
    CACHE.insert(key.owned(), Timed::new(page.clone()));
    Ok(page)
}

async fn list(user_id: &str, status: Option<&str>, limit: u32, offset: u32) -> Result<Vec<Task>, LoadError> {
    static CACHE: LazyLock<Cache<PageKey, Timed<Vec<Task>>>> = LazyLock::new(|| Cache::new(CAPACITY));
    let key = PageRef(user_id, status, limit, offset);
    if let Some(page) = CACHE.get(&key).and_then(Timed::fresh) {
        return Ok(page);
    }
    let page = load_page(user_id, status, limit, offset)?;
    CACHE.insert(key.owned(), Timed::new(page.clone()));
    Ok(page)
}

/// The limits of all subjects.
#[must_use]
pub fn cases() -> Vec<Case> {
    let untimed = "keeps no time: never expires";
    vec![
        Case::new("calibration", "a map of each thread", |setup| Box::pin(case::tasks(setup, unshared)))
            .note("shares nothing: 2 to 1 is the machine's own, 1.00 if it is idle"),
        Case::new("task-arc", "quick_cache by hand, with a ttl", |setup| {
            Box::pin(case::tasks(setup, task_arc))
        })
        .limit(),
        Case::new("task-arc", "quick_cache by hand", |setup| Box::pin(case::tasks(setup, task_arc_untimed)))
            .note(untimed),
        Case::new("task", "quick_cache by hand, with a ttl", |setup| Box::pin(case::tasks(setup, task)))
            .limit(),
        Case::new("list-arc", "quick_cache by hand, with a ttl", |setup| {
            Box::pin(case::lists(setup, list_arc))
        })
        .limit(),
        Case::new("list", "quick_cache by hand, with a ttl", |setup| Box::pin(case::lists(setup, list)))
            .limit(),
    ]
}
