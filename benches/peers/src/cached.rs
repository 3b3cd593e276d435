//! `cached` 4.1: both macros, as async functions and as plain ones.

use cache_benches::case::{self, Case};
use cache_benches::work::{LoadError, Task, load_page, load_task};
use cached::macros::{cached, concurrent_cached};
use std::sync::Arc;

type Page = (String, Option<String>, u32, u32);

fn key(user_id: &str, status: Option<&str>, limit: u32, offset: u32) -> Page {
    (user_id.to_owned(), status.map(str::to_owned), limit, offset)
}

#[cached(max_size = 10_000, ttl_secs = 300)]
async fn one_lock_task_arc(id: u64) -> Result<Arc<Task>, LoadError> {
    load_task(id).map(Arc::new)
}

#[cached(max_size = 10_000, ttl_secs = 300)]
fn one_lock_task_arc_sync(id: u64) -> Result<Arc<Task>, LoadError> {
    load_task(id).map(Arc::new)
}

#[concurrent_cached(max_size = 10_000, ttl_secs = 300)]
async fn sharded_task_arc(id: u64) -> Result<Arc<Task>, LoadError> {
    load_task(id).map(Arc::new)
}

#[concurrent_cached(max_size = 10_000, ttl_secs = 300)]
fn sharded_task_arc_sync(id: u64) -> Result<Arc<Task>, LoadError> {
    load_task(id).map(Arc::new)
}

#[cached(max_size = 10_000, ttl_secs = 300)]
async fn one_lock_task(id: u64) -> Result<Task, LoadError> {
    load_task(id)
}

#[concurrent_cached(max_size = 10_000, ttl_secs = 300)]
async fn sharded_task(id: u64) -> Result<Task, LoadError> {
    load_task(id)
}

#[cached(max_size = 10_000, ttl_secs = 300, key = "Page", convert = { key(user_id, status, limit, offset) })]
async fn one_lock_list_arc(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Arc<Vec<Task>>, LoadError> {
    load_page(user_id, status, limit, offset).map(Arc::new)
}

#[concurrent_cached(max_size = 10_000, ttl_secs = 300, key = "Page", convert = { key(user_id, status, limit, offset) })]
async fn sharded_list_arc(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Arc<Vec<Task>>, LoadError> {
    load_page(user_id, status, limit, offset).map(Arc::new)
}

#[concurrent_cached(max_size = 10_000, ttl_secs = 300, key = "Page", convert = { key(user_id, status, limit, offset) })]
fn sharded_list_arc_sync(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Arc<Vec<Task>>, LoadError> {
    load_page(user_id, status, limit, offset).map(Arc::new)
}

#[cached(max_size = 10_000, ttl_secs = 300, key = "Page", convert = { key(user_id, status, limit, offset) })]
async fn one_lock_list(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<Task>, LoadError> {
    load_page(user_id, status, limit, offset)
}

#[concurrent_cached(max_size = 10_000, ttl_secs = 300, key = "Page", convert = { key(user_id, status, limit, offset) })]
async fn sharded_list(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<Task>, LoadError> {
    load_page(user_id, status, limit, offset)
}

/// Both macros in all subjects.
pub fn cases() -> Vec<Case> {
    let (one_lock, sharded) = ("cached, #[cached]", "cached, #[concurrent_cached]");
    let note = "max_size and ttl_secs";
    vec![
        Case::new("task-arc", sharded, |setup| Box::pin(case::tasks(setup, sharded_task_arc))).note(note),
        Case::new("task-arc", "cached, #[concurrent_cached], not async", |setup| {
            Box::pin(async move { case::tasks_sync(&setup, sharded_task_arc_sync) })
        })
        .note(note)
        .sync(),
        Case::new("task-arc", one_lock, |setup| Box::pin(case::tasks(setup, one_lock_task_arc))).note(note),
        Case::new("task-arc", "cached, #[cached], not async", |setup| {
            Box::pin(async move { case::tasks_sync(&setup, one_lock_task_arc_sync) })
        })
        .note(note)
        .sync(),
        Case::new("task", sharded, |setup| Box::pin(case::tasks(setup, sharded_task))).note(note),
        Case::new("task", one_lock, |setup| Box::pin(case::tasks(setup, one_lock_task))).note(note),
        Case::new("list-arc", sharded, |setup| Box::pin(case::lists(setup, sharded_list_arc))).note(note),
        Case::new("list-arc", "cached, #[concurrent_cached], not async", |setup| {
            Box::pin(async move { case::lists_sync(&setup, sharded_list_arc_sync) })
        })
        .note(note)
        .sync(),
        Case::new("list-arc", one_lock, |setup| Box::pin(case::lists(setup, one_lock_list_arc))).note(note),
        Case::new("list", sharded, |setup| Box::pin(case::lists(setup, sharded_list))).note(note),
        Case::new("list", one_lock, |setup| Box::pin(case::lists(setup, one_lock_list))).note(note),
    ]
}
