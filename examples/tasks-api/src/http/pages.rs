//! What is put together from several reads, and kept as it is sent.

use std::sync::Arc;

use axum::extract::{MatchedPath, State};
use axum::routing::get;
use axum::{Json, Router};
use cache_runtime::http::{HttpCache, Route};
use cache_runtime::{Cache, Policy};
use serde::Serialize;

use super::Shared;
use super::extract::Path;
use crate::App;
use crate::error::Error;
use crate::model::TaskId;
use crate::repo::{PromptTemplate, Resource, Script, Storyboard, Task};

/// How many scripts are on a sheet.
const SCRIPTS: u32 = 100;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/tasks/{id}/sheet", get(sheet)).route("/prompts", get(prompts))
}

/// The routes whose responses are kept. Mutations name them by their tags in the namespace `api`.
pub(super) fn cached(cache: &Cache) -> HttpCache {
    HttpCache::new(cache)
        .route("/tasks/{id}/sheet", Route::from(Policy::MEDIUM).tag("task:{id}"))
        .route("/prompts", Policy::VERY_LONG)
        .matched_by(|request| Some(request.get::<MatchedPath>()?.as_str()))
}

/// A task with what is made for it.
#[derive(Serialize)]
struct Sheet {
    task: Task,
    scripts: Arc<Vec<Script>>,
    storyboards: Arc<Vec<Storyboard>>,
    resources: Arc<Vec<Resource>>,
}

async fn sheet(State(app): Shared, Path(id): Path<TaskId>) -> Result<Json<Sheet>, Error> {
    let repos = &app.repos;
    let task = repos.tasks.get(id).await?.ok_or(Error::NotFound("task"))?;
    let (scripts, storyboards, resources) = tokio::try_join!(
        repos.scripts.by_task(id, None, SCRIPTS, 0),
        repos.storyboards.by_task(id),
        repos.resources.by_task(id, None),
    )?;
    Ok(Json(Sheet { task, scripts, storyboards, resources }))
}

async fn prompts(State(app): Shared) -> Result<Json<Vec<PromptTemplate>>, Error> {
    Ok(Json(app.repos.prompts.all().await?))
}
