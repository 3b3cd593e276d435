//! This library: in process, and with its coherent tier in memory over a Redis.

use crate::case::{self, Boxed, Case, Setup, Slice};
use crate::work::{LoadError, Task, load_page, load_task};
use cache_runtime::{Cache, cached};
use std::sync::Arc;
use std::time::Duration;

#[cached(ns = "tasks", ttl = "medium")]
async fn task_arc(id: u64) -> Result<Arc<Task>, LoadError> {
    load_task(id).map(Arc::new)
}

#[cached(ns = "tasks", ttl = "medium")]
async fn task(id: u64) -> Result<Task, LoadError> {
    load_task(id)
}

#[cached(ns = "tasks", ttl = "medium")]
async fn list_arc(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Arc<Vec<Task>>, LoadError> {
    load_page(user_id, status, limit, offset).map(Arc::new)
}

#[cached(ns = "tasks", ttl = "medium")]
async fn list(user_id: &str, status: Option<&str>, limit: u32, offset: u32) -> Result<Vec<Task>, LoadError> {
    load_page(user_id, status, limit, offset)
}

/// Makes a cache over Redis the ambient one; its feed is awaited, without which nothing is held in memory.
pub(crate) async fn install(setup: &Setup) {
    let cache = Cache::builder().redis(&setup.redis).app("bench").build().expect("the address is right");
    cache.ready(Duration::from_secs(10)).await.expect("the server runs");
    cache.install();
    tokio::time::sleep(Duration::from_millis(500)).await;
}

macro_rules! over_redis {
    ($calls:ident, $function:ident) => {
        |setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                install(&setup).await;
                case::$calls(setup, $function).await
            })
        }
    };
}

/// This library in all subjects.
#[must_use]
pub fn cases() -> Vec<Case> {
    let (own, redis) = ("this library, in process", "this library, coherent over Redis");
    vec![
        Case::new("task-arc", own, |setup| Box::pin(case::tasks(setup, task_arc)))
            .note("its in-process store holds the encoded value besides"),
        Case::new("task-arc", redis, over_redis!(tasks, task_arc)).over_redis(),
        Case::new("task", own, |setup| Box::pin(case::tasks(setup, task))),
        Case::new("task", redis, over_redis!(tasks, task)).over_redis(),
        Case::new("list-arc", own, |setup| Box::pin(case::lists(setup, list_arc))),
        Case::new("list-arc", redis, over_redis!(lists, list_arc)).over_redis(),
        Case::new("list", own, |setup| Box::pin(case::lists(setup, list))),
        Case::new("list", redis, over_redis!(lists, list)).over_redis(),
    ]
}
