//! `/conversations` and their messages.

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
use crate::model::{ConversationId, Line, UserId};
use crate::repo::{Conversation, Message, NewMessage};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/conversations", axum::routing::post(create))
        .route("/conversations/{id}", get(one).patch(update).delete(delete))
        .route("/conversations/{id}/messages", get(messages).post(post))
        .route("/users/{id}/conversations", get(by_owner))
}

async fn one(State(app): Shared, Path(id): Path<ConversationId>) -> Result<Json<Conversation>, Error> {
    found(app.repos.conversations.get(id).await?, "conversation")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerQuery {
    #[serde(default)]
    active_only: bool,
    #[serde(default)]
    limit: Limit,
    #[serde(default)]
    offset: u32,
}

async fn by_owner(
    State(app): Shared,
    Path(owner): Path<UserId>,
    Query(query): Query<OwnerQuery>,
) -> Result<Json<Arc<Vec<Conversation>>>, Error> {
    let OwnerQuery { active_only, limit, offset } = query;
    Ok(Json(app.repos.conversations.by_owner(owner, active_only, limit.0, offset).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessagesQuery {
    #[serde(default)]
    limit: Limit,
}

async fn messages(
    State(app): Shared,
    Path(id): Path<ConversationId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<Arc<Vec<Message>>>, Error> {
    Ok(Json(app.repos.conversations.messages(id, query.limit.0).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewConversation {
    owner: UserId,
    title: Line,
}

async fn create(State(app): Shared, Body(new): Body<NewConversation>) -> Created<Conversation> {
    Ok(created(app.repos.conversations.create(new.owner, new.title).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    title: Option<Line>,
    active: Option<bool>,
}

async fn update(
    State(app): Shared,
    Path(id): Path<ConversationId>,
    Body(patch): Body<Patch>,
) -> Result<Json<Conversation>, Error> {
    if patch.title.is_none() && patch.active.is_none() {
        return Err(Error::invalid("nothing to change: give title or active"));
    }
    Ok(Json(app.repos.conversations.update(id, patch.title, patch.active).await?))
}

async fn post(
    State(app): Shared,
    Path(id): Path<ConversationId>,
    Body(new): Body<NewMessage>,
) -> Created<Message> {
    Ok(created(app.repos.conversations.post(id, new).await?.message))
}

async fn delete(State(app): Shared, Path(id): Path<ConversationId>) -> Result<StatusCode, Error> {
    app.repos.conversations.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
