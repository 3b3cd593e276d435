//! `/tasks/{id}/render`: begins a rendering; `/tasks/{id}/progress`: how far it is, as server-sent events.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt, stream};

use super::Shared;
use super::extract::Path;
use crate::App;
use crate::error::Error;
use crate::model::TaskId;
use crate::rendering::{render, renderings};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/tasks/{id}/render", post(begin)).route("/tasks/{id}/progress", get(progress))
}

async fn begin(State(app): Shared, Path(id): Path<TaskId>) -> Result<StatusCode, Error> {
    app.repos.tasks.get(id).await?.ok_or(Error::NotFound("task"))?;
    let rendering = render(Arc::clone(&app.repos), renderings(&app.cache), id);
    tokio::spawn(app.cache.scope_for(rendering));
    Ok(StatusCode::ACCEPTED)
}

/// Begins with the newest state, or waits for the first; the event `end` says that nothing more comes.
async fn progress(
    State(app): Shared,
    Path(id): Path<TaskId>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let states = renderings(&app.cache).subscribe(id);
    let events = states.map(|state| match state {
        Ok(state) => Event::default().json_data(state),
        Err(error) => Err(axum::Error::new(error)),
    });
    let end = stream::once(async { Ok(Event::default().event("end").data("{}")) });
    Sse::new(events.chain(end)).keep_alive(KeepAlive::default())
}
