//! `/tasks`: one, several, the pending ones, a user's.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::extract::{Body, Ids, Limit, Path, Query};
use super::{Created, Shared, created, found};
use crate::App;
use crate::error::Error;
use crate::model::{AgentName, Priority, Status, TaskId, UserId};
use crate::repo::{NewTask, Task, TaskPatch};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/tasks", get(several).post(create))
        .route("/tasks/pending", get(pending))
        .route("/tasks/{id}", get(one).patch(update).delete(delete))
        .route("/tasks/{id}/complete", axum::routing::post(complete))
        .route("/users/{id}/tasks", get(by_owner))
}

async fn one(State(app): Shared, Path(id): Path<TaskId>) -> Result<Json<Task>, Error> {
    found(app.repos.tasks.get(id).await?, "task")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdsQuery {
    ids: Ids,
}

/// The tasks that there are of those asked for, in the order asked.
async fn several(
    State(app): Shared,
    Query(IdsQuery { ids }): Query<IdsQuery>,
) -> Result<Json<Vec<Task>>, Error> {
    let mut tasks = app.repos.tasks.get_many(&ids.0).await?;
    Ok(Json(ids.0.iter().filter_map(|id| tasks.remove(id)).collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerQuery {
    status: Option<Status>,
    #[serde(default)]
    limit: Limit,
    #[serde(default)]
    offset: u32,
}

async fn by_owner(
    State(app): Shared,
    Path(owner): Path<UserId>,
    Query(query): Query<OwnerQuery>,
) -> Result<Json<Arc<Vec<Task>>>, Error> {
    Ok(Json(app.repos.tasks.by_owner(owner, query.status, query.limit.0, query.offset).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PendingQuery {
    priority: Option<Priority>,
    #[serde(default)]
    limit: Limit,
}

async fn pending(
    State(app): Shared,
    Query(query): Query<PendingQuery>,
) -> Result<Json<Arc<Vec<Task>>>, Error> {
    Ok(Json(app.repos.tasks.pending(query.priority, query.limit.0).await?))
}

async fn create(State(app): Shared, Body(new): Body<NewTask>) -> Created<Task> {
    Ok(created(app.repos.tasks.create(new).await?))
}

async fn update(
    State(app): Shared,
    Path(id): Path<TaskId>,
    Body(patch): Body<TaskPatch>,
) -> Result<Json<Task>, Error> {
    if patch.title.is_none() && patch.status.is_none() && patch.priority.is_none() {
        return Err(Error::invalid("nothing to change: give title, status or priority"));
    }
    Ok(Json(app.repos.tasks.update(id, patch).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Completion {
    agent: AgentName,
}

async fn complete(
    State(app): Shared,
    Path(id): Path<TaskId>,
    Body(completion): Body<Completion>,
) -> Result<Json<Task>, Error> {
    Ok(Json(app.repos.complete(&app.cache, id, &completion.agent).await?))
}

async fn delete(State(app): Shared, Path(id): Path<TaskId>) -> Result<StatusCode, Error> {
    app.repos.tasks.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
