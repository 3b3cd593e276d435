//! Calls of many tasks at once, for what waits for a server.

use crate::case::{Setup, Slice};
use crate::work::{self, LoadError, Task};
use std::borrow::Borrow;
use std::future::Future;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Ids that one batch asks for.
pub const BATCH: usize = 100;

/// Hits of `get(id)`, the tasks spread over the keys.
///
/// # Panics
/// If a value is wrong, or a call fails.
pub async fn hits<V, F, C>(setup: Setup, call: C) -> Slice
where
    V: Borrow<Task>,
    F: Future<Output = Result<V, LoadError>> + Send + 'static,
    C: Fn(u64) -> F + Copy + Send + Sync + 'static,
{
    let ids = work::ids(setup.keys);
    for _ in 0..2 {
        for &id in ids {
            assert_eq!(call(id).await.expect("no body fails").borrow(), &work::task(id));
        }
    }
    let id = move |task: u64, number: u64| ids[place(task * setup.keys / setup.tasks + number, ids.len())];
    spread(setup.tasks, id, move |id| async move { drop(black_box(call(id).await.expect("a hit"))) })
}

/// Hits of `list(..)`, the tasks spread over the keys.
///
/// # Panics
/// If a value is wrong, or a call fails.
pub async fn list_hits<V, F, C>(setup: Setup, call: C) -> Slice
where
    V: Borrow<Vec<Task>>,
    F: Future<Output = Result<V, LoadError>> + Send + 'static,
    C: Fn(&'static str, Option<&'static str>, u32, u32) -> F + Copy + Send + Sync + 'static,
{
    let pages = work::pages(setup.keys);
    let call = move |number: u64| {
        let page = &pages[place(number, pages.len())];
        call(&page.user_id, page.status.as_deref(), page.limit, page.offset)
    };
    for _ in 0..2 {
        for (number, page) in (0..).zip(pages) {
            let expected = work::page(&page.user_id, page.status.as_deref(), page.limit, page.offset);
            assert_eq!(call(number).await.expect("no body fails").borrow(), &expected);
        }
    }
    let number = move |task: u64, number: u64| task * setup.keys / setup.tasks + number;
    spread(
        setup.tasks,
        number,
        move |number| async move { drop(black_box(call(number).await.expect("a hit"))) },
    )
}

/// Calls of `get(id)` for ids that nobody has asked for.
///
/// # Panics
/// If a call fails.
pub fn misses<V, F, C>(setup: &Setup, call: C) -> Slice
where
    V: Borrow<Task>,
    F: Future<Output = Result<V, LoadError>> + Send + 'static,
    C: Fn(u64) -> F + Copy + Send + Sync + 'static,
{
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let base = u64::from(std::process::id()) * 1_000_000_000;
    let id = move |_, _| base + NEXT.fetch_add(1, Relaxed);
    spread(setup.tasks, id, move |id| async move {
        assert_eq!(call(id).await.expect("no body fails").borrow().id, id);
    })
}

/// Mutations of the keys in turn.
///
/// # Panics
/// If a call fails.
pub fn mutations<F, C>(setup: &Setup, call: C) -> Slice
where
    F: Future<Output = Result<(), LoadError>> + Send + 'static,
    C: Fn(u64) -> F + Copy + Send + Sync + 'static,
{
    let (keys, tasks) = (setup.keys, setup.tasks);
    let id = move |task: u64, number: u64| (task * keys / tasks + number) % keys;
    spread(tasks, id, move |id| async move { call(id).await.expect("no mutation fails") })
}

/// All tasks ask for the same new id, once for each slice; all processes ask for the same in the same slice.
///
/// # Panics
/// If a call fails.
pub fn herd<V, F, C>(call: C) -> Slice
where
    V: Borrow<Task>,
    F: Future<Output = Result<V, LoadError>> + Send + 'static,
    C: Fn(u64) -> F + Copy + Send + Sync + 'static,
{
    let slices = AtomicU64::new(0);
    Box::new(move |count| {
        let id = slices.fetch_add(1, Relaxed);
        let one = move || async move { assert_eq!(call(id).await.expect("no body fails").borrow().id, id) };
        Box::pin(async move {
            let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(one())).collect();
            for task in tasks {
                task.await.expect("no call panics");
            }
        })
    })
}

/// Reads of `BATCH` ids at once; a call is one id.
///
/// # Panics
/// If a value is wrong, or a call fails.
pub async fn batches<F, C>(setup: Setup, call: C) -> Slice
where
    F: Future<Output = Vec<Task>> + Send + 'static,
    C: Fn(&'static [u64]) -> F + Copy + Send + Sync + 'static,
{
    let ids = work::ids(setup.keys);
    for chunk in ids.chunks_exact(BATCH).chain(ids.chunks_exact(BATCH)) {
        let expected: Vec<Task> = chunk.iter().copied().map(work::task).collect();
        assert_eq!(call(chunk).await, expected);
    }
    Box::new(move |count| {
        Box::pin(async move {
            let batches = count.div_ceil(BATCH as u64);
            let batches = usize::try_from(batches).unwrap_or(usize::MAX);
            let reads = async move {
                for chunk in ids.chunks_exact(BATCH).cycle().take(batches) {
                    drop(black_box(call(chunk).await));
                }
            };
            tokio::spawn(reads).await.expect("no call panics");
        })
    })
}

fn spread<F, C, I>(tasks: u64, id: I, call: C) -> Slice
where
    F: Future<Output = ()> + Send + 'static,
    C: Fn(u64) -> F + Copy + Send + Sync + 'static,
    I: Fn(u64, u64) -> u64 + Copy + Send + Sync + 'static,
{
    Box::new(move |count| {
        Box::pin(async move {
            let each = count.div_ceil(tasks);
            let calls = |task| async move {
                for number in 0..each {
                    call(id(task, number)).await;
                }
            };
            let running: Vec<_> = (0..tasks).map(|task| tokio::spawn(calls(task))).collect();
            for task in running {
                task.await.expect("no call panics");
            }
        })
    })
}

fn place(number: u64, length: usize) -> usize {
    usize::try_from(number).unwrap_or(0) % length
}
