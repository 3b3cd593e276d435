//! A second limit: `papaya` by hand, which has no capacity.

use cache_benches::case::{self, Case};
use cache_benches::limits::{PageKey, PageRef, Timed};
use cache_benches::work::{LoadError, Task, load_page, load_task};
use papaya::HashMap;
use std::sync::{Arc, LazyLock};

async fn task_arc(id: u64) -> Result<Arc<Task>, LoadError> {
    static CACHE: LazyLock<HashMap<u64, Timed<Arc<Task>>>> = LazyLock::new(HashMap::new);
    if let Some(task) = CACHE.pin().get(&id).and_then(|timed| timed.clone().fresh()) {
        return Ok(task);
    }
    let task = Arc::new(load_task(id)?);
    CACHE.pin().insert(id, Timed::new(task.clone()));
    Ok(task)
}

async fn list_arc(
    user_id: &str,
    status: Option<&str>,
    limit: u32,
    offset: u32,
) -> Result<Arc<Vec<Task>>, LoadError> {
    static CACHE: LazyLock<HashMap<PageKey, Timed<Arc<Vec<Task>>>>> = LazyLock::new(HashMap::new);
    let key = PageRef(user_id, status, limit, offset);
    if let Some(page) = CACHE.pin().get(&key).and_then(|timed| timed.clone().fresh()) {
        return Ok(page);
    }
    let page = Arc::new(load_page(user_id, status, limit, offset)?);
    CACHE.pin().insert(key.owned(), Timed::new(page.clone()));
    Ok(page)
}

/// Where it is a limit.
pub fn cases() -> Vec<Case> {
    let name = "papaya by hand, with a ttl";
    let note = "a map: evicts nothing";
    vec![
        Case::new("task-arc", name, |setup| Box::pin(case::tasks(setup, task_arc))).note(note),
        Case::new("list-arc", name, |setup| Box::pin(case::lists(setup, list_arc))).note(note),
    ]
}
