//! What everybody shares: prompt templates, visual settings, statistics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::extract::{Body, Path};
use super::{Shared, found};
use crate::App;
use crate::error::Error;
use crate::model::{Line, PromptName, StyleName, UserId};
use crate::repo::{Overview, PromptTemplate, UserStats, VisualSettings};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/prompts/{name}", get(prompt).put(put_prompt).delete(delete_prompt))
        .route("/visual-settings/{style}", get(settings).put(put_settings).delete(delete_settings))
        .route("/stats", get(overview))
        .route("/users/{id}/stats", get(of_user))
}

async fn prompt(State(app): Shared, Path(name): Path<PromptName>) -> Result<Json<PromptTemplate>, Error> {
    found(app.repos.prompts.get(&name).await?, "prompt template")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    body: String,
}

async fn put_prompt(
    State(app): Shared,
    Path(name): Path<PromptName>,
    Body(template): Body<Template>,
) -> Result<Json<PromptTemplate>, Error> {
    Ok(Json(app.repos.prompts.put(&name, template.body).await?))
}

async fn delete_prompt(State(app): Shared, Path(name): Path<PromptName>) -> Result<StatusCode, Error> {
    app.repos.prompts.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn settings(State(app): Shared, Path(style): Path<StyleName>) -> Result<Json<VisualSettings>, Error> {
    found(app.repos.settings.get(&style).await?, "visual settings")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    palette: Line,
    aspect_ratio: Line,
    frame_rate: u16,
}

async fn put_settings(
    State(app): Shared,
    Path(style): Path<StyleName>,
    Body(look): Body<Look>,
) -> Result<Json<VisualSettings>, Error> {
    Ok(Json(app.repos.settings.put(&style, look.palette, look.aspect_ratio, look.frame_rate).await?))
}

async fn delete_settings(State(app): Shared, Path(style): Path<StyleName>) -> Result<StatusCode, Error> {
    app.repos.settings.delete(&style).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn overview(State(app): Shared) -> Result<Json<Overview>, Error> {
    Ok(Json(app.repos.stats.overview().await?))
}

async fn of_user(State(app): Shared, Path(owner): Path<UserId>) -> Result<Json<UserStats>, Error> {
    Ok(Json(app.repos.stats.of_user(owner).await?))
}
