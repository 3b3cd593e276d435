//! This library where a call waits for Redis.

use crate::case::{Boxed, Case, Setup, Slice};
use crate::ours::install;
use crate::remote;
use crate::work::{LoadError, Task, load_page, load_task, load_task_slowly};
use cache_runtime::{cached, cached_many, invalidates};
use futures_util::future::join_all;

#[cached(ns = "remote", ttl = "medium", l1 = "off")]
async fn off(id: u64) -> Result<Task, LoadError> {
    load_task(id)
}

#[cached(ns = "remote", ttl = "medium", l1 = "validate")]
async fn validated(id: u64) -> Result<Task, LoadError> {
    load_task(id)
}

#[cached(ns = "remote", ttl = "medium", l1 = "off")]
async fn list_json(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<Task>, LoadError> {
    load_page(user_id, status, limit, offset)
}

#[cached(ns = "remote", ttl = "medium", l1 = "off", codec = "postcard")]
async fn list_postcard(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<Task>, LoadError> {
    load_page(user_id, status, limit, offset)
}

#[cached(ns = "remote", ttl = "medium")]
async fn coherent(id: u64) -> Result<Task, LoadError> {
    load_task(id)
}

#[cached(ns = "remote", ttl = "medium", probe = "lease")]
async fn probing(id: u64) -> Result<Task, LoadError> {
    load_task(id)
}

#[cached_many(off, each = ids)]
async fn off_many(ids: &[u64]) -> Result<Vec<(u64, Task)>, LoadError> {
    ids.iter().map(|id| Ok((*id, load_task(*id)?))).collect()
}

#[invalidates(coherent(id))]
async fn change(id: u64) -> Result<(), LoadError> {
    let _ = id;
    Ok(())
}

#[cached(ns = "herd", ttl = "medium")]
async fn slow(id: u64) -> Result<Task, LoadError> {
    load_task_slowly(id).await
}

async fn together(ids: &'static [u64]) -> Vec<Task> {
    join_all(ids.iter().map(|id| off(*id))).await.into_iter().map(|task| task.expect("a hit")).collect()
}

async fn as_a_batch(ids: &'static [u64]) -> Vec<Task> {
    off_many(ids).await.expect("hits").into_iter().map(|(_, task)| task).collect()
}

macro_rules! installed {
    (|$setup:ident| $slice:expr) => {
        |$setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                install(&$setup).await;
                $slice
            })
        }
    };
}

/// This library in all subjects over a server.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("redis", "this library, l1 off", installed!(|s| remote::hits(s, off).await)),
        Case::new("redis", "this library, l1 validate", installed!(|s| remote::hits(s, validated).await)),
        Case::new(
            "rows",
            "this library, l1 off, json",
            installed!(|s| remote::list_hits(s, list_json).await),
        ),
        Case::new(
            "rows",
            "this library, l1 off, postcard",
            installed!(|s| remote::list_hits(s, list_postcard).await),
        ),
        Case::new("miss", "this library, coherent", installed!(|s| remote::misses(&s, coherent))),
        Case::new("miss", "this library, probe by lease", installed!(|s| remote::misses(&s, probing))),
        Case::new("miss", "this library, l1 off", installed!(|s| remote::misses(&s, off))),
        Case::new("invalidate", "this library", installed!(|s| remote::mutations(&s, change))),
        Case::new(
            "stampede",
            "this library",
            installed!(|s| {
                drop(s);
                remote::herd(slow)
            }),
        ),
        Case::new(
            "batch",
            "this library, l1 off, joined calls",
            installed!(|s| remote::batches(s, together).await),
        ),
        Case::new(
            "batch",
            "this library, l1 off, cached_many",
            installed!(|s| remote::batches(s, as_a_batch).await),
        ),
    ]
    .into_iter()
    .map(Case::over_redis)
    .collect()
}
