//! The work that every contestant caches: a task by its id, and a page of tasks by four arguments.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many different tasks and pages are asked for.
pub const KEYS: u64 = 1_000;
/// Rows of a page.
pub const ROWS: u32 = 20;

static LOADS: AtomicU64 = AtomicU64::new(0);

/// A row: eight fields, about 280 bytes of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number.
    pub id: u64,
    /// Who has it.
    pub user_id: String,
    /// One line.
    pub title: String,
    /// Some lines.
    pub description: String,
    /// `open` or `done`.
    pub status: String,
    /// 0 is the most urgent.
    pub priority: u8,
    /// When it was made.
    pub created_at: String,
    /// When it changed.
    pub updated_at: String,
}

/// Why a body failed; no body here does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadError;

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body failed")
    }
}

impl std::error::Error for LoadError {}

/// The arguments of a page.
#[derive(Debug, Clone)]
pub struct PageArgs {
    /// Whose tasks.
    pub user_id: String,
    /// Only those.
    pub status: Option<String>,
    /// Rows.
    pub limit: u32,
    /// Rows before it.
    pub offset: u32,
}

/// The task `id`.
#[must_use]
pub fn task(id: u64) -> Task {
    Task {
        id,
        user_id: exact(format!("user-{:04}", id % 97)),
        title: exact(format!("Write the report of quarter {}", id % 4 + 1)),
        description: exact(format!(
            "Collect the figures of team {}, compare them, and send them on.",
            id % 31
        )),
        status: if id.is_multiple_of(2) { "open".into() } else { "done".into() },
        priority: u8::try_from(id % 5).unwrap_or(0),
        created_at: "2026-01-02T03:04:05Z".into(),
        updated_at: "2026-02-03T04:05:06Z".into(),
    }
}

/// Without spare capacity, as a copy of it is.
fn exact(mut text: String) -> String {
    text.shrink_to_fit();
    text
}

/// The page of `args`.
#[must_use]
pub fn page(user_id: &str, status: Option<&str>, limit: u32, offset: u32) -> Vec<Task> {
    let first = u64::from(offset) + user_id.len() as u64 + status.map_or(0, |status| status.len() as u64);
    (first..first + u64::from(limit)).map(task).collect()
}

/// The body of `get`: what a query would answer.
///
/// # Errors
/// Never.
#[inline(never)]
pub fn load_task(id: u64) -> Result<Task, LoadError> {
    LOADS.fetch_add(1, Relaxed);
    Ok(task(id))
}

/// The body of `get` where it takes its time: 50 ms.
///
/// # Errors
/// Never.
pub async fn load_task_slowly(id: u64) -> Result<Task, LoadError> {
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    load_task(id)
}

/// The body of `list`.
///
/// # Errors
/// Never.
#[inline(never)]
pub fn load_page(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<Task>, LoadError> {
    LOADS.fetch_add(1, Relaxed);
    Ok(page(user_id, status, limit, offset))
}

/// How often a body ran in this process.
#[must_use]
pub fn loads() -> u64 {
    LOADS.load(Relaxed)
}

/// The ids that are asked for, in their order: each of `keys` once, in steps.
#[must_use]
pub fn ids(keys: u64) -> &'static [u64] {
    (0..keys).map(|n| n * 7_919 % keys).collect::<Vec<_>>().leak()
}

/// The arguments of the pages that are asked for, in their order.
#[must_use]
pub fn pages(keys: u64) -> &'static [PageArgs] {
    let args = |id: &u64| PageArgs {
        user_id: format!("user-{:04}", id / 10),
        status: id.is_multiple_of(2).then(|| "open".to_owned()),
        limit: ROWS,
        offset: u32::try_from(id % 10).unwrap_or(0) * ROWS,
    };
    ids(keys).iter().map(args).collect::<Vec<_>>().leak()
}
