//! Rendering a task: work in the background whose progress anyone may follow, in whatever process they are.

use std::sync::Arc;

use cache_runtime::{Cache, Progress, ProgressError};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::{ResourceId, TaskId};
use crate::repo::Repositories;

/// How far a rendering is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// Resources that are done.
    pub done: usize,
    /// Resources in all.
    pub of: usize,
    /// The one that was done last.
    pub last: Option<ResourceId>,
}

/// The progress of all renderings.
pub(crate) fn renderings(cache: &Cache) -> Progress<Rendered> {
    cache.progress("renderings")
}

/// Renders the resources of a task, one after the other, and tells of each.
pub(crate) async fn render(repos: Arc<Repositories>, progress: Progress<Rendered>, task: TaskId) {
    if let Err(error) = render_each(&repos, &progress, task).await {
        eprintln!("tasks-api: rendering {task:?}: {error}");
    }
    // Whoever follows is told that nothing more comes, whatever happened.
    if let Err(error) = progress.finish(task).await {
        eprintln!("tasks-api: rendering {task:?}: {error}");
    }
}

async fn render_each(
    repos: &Repositories,
    progress: &Progress<Rendered>,
    task: TaskId,
) -> Result<(), RenderError> {
    let resources = repos.resources.by_task(task, None).await?;
    let of = resources.len();
    progress.publish(task, &Rendered { done: 0, of, last: None }).await?;
    for (done, resource) in (1..).zip(&*resources) {
        // A real service would render here.
        tokio::task::yield_now().await;
        progress.publish(task, &Rendered { done, of, last: Some(resource.id) }).await?;
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum RenderError {
    #[error(transparent)]
    Resources(#[from] Error),
    #[error(transparent)]
    Progress(#[from] ProgressError),
}
