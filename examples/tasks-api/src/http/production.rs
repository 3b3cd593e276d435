//! What hangs on a task: scripts, storyboards, resources, agent state.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::extract::{Body, Limit, Path, Query};
use super::{Created, Shared, created, found};
use crate::App;
use crate::error::Error;
use crate::model::{AgentName, Line, ResourceId, ResourceKind, ScriptId, ScriptStatus, StoryboardId, TaskId};
use crate::repo::{
    AgentState, NewResource, NewScript, NewStoryboard, Resource, Script, ScriptPatch, Storyboard,
    StoryboardPatch,
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/scripts/{id}", get(script).patch(update_script).delete(delete_script))
        .route("/tasks/{id}/scripts", get(scripts).post(create_script))
        .route("/storyboards/{id}", get(storyboard).patch(update_storyboard).delete(delete_storyboard))
        .route("/tasks/{id}/storyboards", get(storyboards).post(create_storyboard))
        .route("/resources/{id}", get(resource).patch(relocate_resource).delete(delete_resource))
        .route("/tasks/{id}/resources", get(resources).post(create_resource))
        .route("/tasks/{id}/first-frames", get(first_frames))
        .route("/tasks/{id}/videos", get(videos))
        .route("/tasks/{id}/agents/{agent}", get(agent_state).put(put_agent_state).delete(forget_agent_state))
}

async fn script(State(app): Shared, Path(id): Path<ScriptId>) -> Result<Json<Script>, Error> {
    found(app.repos.scripts.get(id).await?, "script")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptsQuery {
    status: Option<ScriptStatus>,
    #[serde(default)]
    limit: Limit,
    #[serde(default)]
    offset: u32,
}

async fn scripts(
    State(app): Shared,
    Path(task): Path<TaskId>,
    Query(query): Query<ScriptsQuery>,
) -> Result<Json<Arc<Vec<Script>>>, Error> {
    Ok(Json(app.repos.scripts.by_task(task, query.status, query.limit.0, query.offset).await?))
}

async fn create_script(
    State(app): Shared,
    Path(task): Path<TaskId>,
    Body(new): Body<NewScript>,
) -> Created<Script> {
    Ok(created(app.repos.scripts.create(task, new).await?))
}

async fn update_script(
    State(app): Shared,
    Path(id): Path<ScriptId>,
    Body(patch): Body<ScriptPatch>,
) -> Result<Json<Script>, Error> {
    if patch.title.is_none() && patch.status.is_none() && patch.body.is_none() {
        return Err(Error::invalid("nothing to change: give title, status or body"));
    }
    Ok(Json(app.repos.scripts.update(id, patch).await?))
}

async fn delete_script(State(app): Shared, Path(id): Path<ScriptId>) -> Result<StatusCode, Error> {
    app.repos.scripts.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn storyboard(State(app): Shared, Path(id): Path<StoryboardId>) -> Result<Json<Storyboard>, Error> {
    found(app.repos.storyboards.get(id).await?, "storyboard")
}

async fn storyboards(
    State(app): Shared,
    Path(task): Path<TaskId>,
) -> Result<Json<Arc<Vec<Storyboard>>>, Error> {
    Ok(Json(app.repos.storyboards.by_task(task).await?))
}

async fn create_storyboard(
    State(app): Shared,
    Path(task): Path<TaskId>,
    Body(new): Body<NewStoryboard>,
) -> Created<Storyboard> {
    Ok(created(app.repos.storyboards.create(task, new).await?))
}

async fn update_storyboard(
    State(app): Shared,
    Path(id): Path<StoryboardId>,
    Body(patch): Body<StoryboardPatch>,
) -> Result<Json<Storyboard>, Error> {
    if patch.title.is_none() && patch.panels.is_none() {
        return Err(Error::invalid("nothing to change: give title or panels"));
    }
    Ok(Json(app.repos.storyboards.update(id, patch).await?))
}

async fn delete_storyboard(State(app): Shared, Path(id): Path<StoryboardId>) -> Result<StatusCode, Error> {
    app.repos.storyboards.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn resource(State(app): Shared, Path(id): Path<ResourceId>) -> Result<Json<Resource>, Error> {
    found(app.repos.resources.get(id).await?, "resource")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourcesQuery {
    kind: Option<ResourceKind>,
}

async fn resources(
    State(app): Shared,
    Path(task): Path<TaskId>,
    Query(query): Query<ResourcesQuery>,
) -> Result<Json<Arc<Vec<Resource>>>, Error> {
    Ok(Json(app.repos.resources.by_task(task, query.kind).await?))
}

async fn first_frames(
    State(app): Shared,
    Path(task): Path<TaskId>,
) -> Result<Json<Arc<Vec<Resource>>>, Error> {
    Ok(Json(app.repos.resources.first_frames(task).await?))
}

async fn videos(State(app): Shared, Path(task): Path<TaskId>) -> Result<Json<Arc<Vec<Resource>>>, Error> {
    Ok(Json(app.repos.resources.videos(task).await?))
}

async fn create_resource(
    State(app): Shared,
    Path(task): Path<TaskId>,
    Body(new): Body<NewResource>,
) -> Created<Resource> {
    Ok(created(app.repos.resources.create(task, new).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Relocation {
    url: Line,
}

async fn relocate_resource(
    State(app): Shared,
    Path(id): Path<ResourceId>,
    Body(relocation): Body<Relocation>,
) -> Result<Json<Resource>, Error> {
    Ok(Json(app.repos.resources.relocate(id, relocation.url).await?))
}

async fn delete_resource(State(app): Shared, Path(id): Path<ResourceId>) -> Result<StatusCode, Error> {
    app.repos.resources.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn agent_state(
    State(app): Shared,
    Path((task, agent)): Path<(TaskId, AgentName)>,
) -> Result<Json<AgentState>, Error> {
    found(app.repos.agents.get(&agent, task).await?, "agent state")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    step: u32,
    state: Line,
}

async fn put_agent_state(
    State(app): Shared,
    Path((task, agent)): Path<(TaskId, AgentName)>,
    Body(progress): Body<Progress>,
) -> Result<Json<AgentState>, Error> {
    Ok(Json(app.repos.agents.put(&agent, task, progress.step, progress.state).await?))
}

async fn forget_agent_state(
    State(app): Shared,
    Path((task, agent)): Path<(TaskId, AgentName)>,
) -> Result<StatusCode, Error> {
    app.repos.agents.forget(&agent, task).await?;
    Ok(StatusCode::NO_CONTENT)
}
