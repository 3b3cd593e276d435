//! `/users/{id}`: sessions and what is kept about a user.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use cache_runtime::Policy;
use serde::Deserialize;

use super::extract::{Body, Path};
use super::{Shared, found};
use crate::App;
use crate::error::Error;
use crate::model::{Line, SessionId, UserDataKind, UserId};
use crate::repo::{Session, UserData};

/// How often a user's sessions may be touched in a minute.
const TOUCHES: i64 = 120;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/users/{id}/sessions/{session}", get(session).put(touch_session).delete(end_session))
        .route("/users/{id}/seen", get(seen).post(note_seen))
        .route("/users/{id}/data/{kind}", get(document).put(put_document).delete(delete_document))
}

async fn session(
    State(app): Shared,
    Path((owner, session)): Path<(UserId, SessionId)>,
) -> Result<Json<Session>, Error> {
    found(app.repos.sessions.get(owner, &session).await?, "session")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    client: Line,
}

async fn touch_session(
    State(app): Shared,
    Path((owner, session)): Path<(UserId, SessionId)>,
    Body(seen): Body<Seen>,
) -> Result<Json<Session>, Error> {
    let touches = app.cache.increment(("touches", owner), 1, Policy::SHORT).await;
    // Where nobody counts, nobody is refused.
    if touches.is_ok_and(|touches| touches > TOUCHES) {
        return Err(Error::Refused(StatusCode::TOO_MANY_REQUESTS, "too many sessions in a minute".into()));
    }
    Ok(Json(app.repos.sessions.touch(owner, &session, seen.client).await?))
}

async fn end_session(
    State(app): Shared,
    Path((owner, session)): Path<(UserId, SessionId)>,
) -> Result<StatusCode, Error> {
    app.repos.sessions.end(owner, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn seen(State(app): Shared, Path(owner): Path<UserId>) -> Result<Json<i64>, Error> {
    found(app.repos.last_seen.get(owner).await?, "user")
}

async fn note_seen(State(app): Shared, Path(owner): Path<UserId>) -> Result<StatusCode, Error> {
    app.repos.last_seen.note(owner).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn document(
    State(app): Shared,
    Path((owner, kind)): Path<(UserId, UserDataKind)>,
) -> Result<Json<UserData>, Error> {
    found(app.repos.user_data.get(owner, kind).await?, "user data")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    body: String,
}

async fn put_document(
    State(app): Shared,
    Path((owner, kind)): Path<(UserId, UserDataKind)>,
    Body(document): Body<Document>,
) -> Result<Json<UserData>, Error> {
    Ok(Json(app.repos.user_data.put(owner, kind, document.body).await?))
}

async fn delete_document(
    State(app): Shared,
    Path((owner, kind)): Path<(UserId, UserDataKind)>,
) -> Result<StatusCode, Error> {
    app.repos.user_data.delete(owner, kind).await?;
    Ok(StatusCode::NO_CONTENT)
}
