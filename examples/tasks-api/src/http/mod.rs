//! The endpoints. Each reads or changes one thing through its repository.

mod conversations;
mod extract;
mod observe;
mod pages;
mod presets;
mod production;
mod rendering;
mod service;
mod tasks;
mod users;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::{Json, Router};

use crate::App;
use crate::error::Error;

type Shared = axum::extract::State<Arc<App>>;

/// Something new, with the status that says so.
type Created<T> = Result<(StatusCode, Json<T>), Error>;

/// The whole API over `app`.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(tasks::routes())
        .merge(users::routes())
        .merge(conversations::routes())
        .merge(production::routes())
        .merge(rendering::routes())
        .merge(presets::routes())
        .merge(service::routes())
        .merge(pages::routes())
        .fallback(|| async { Error::NotFound("endpoint") })
        .method_not_allowed_fallback(|| async { Error::wrong_method() })
        .layer(pages::cached(&app.cache))
        .layer(from_fn_with_state(Arc::clone(&app), observe::observe))
        .with_state(app)
}

/// What was looked for, or that it is not there.
fn found<T>(row: Option<T>, what: &'static str) -> Result<Json<T>, Error> {
    row.map(Json).ok_or(Error::NotFound(what))
}

/// Something new.
const fn created<T>(row: T) -> (StatusCode, Json<T>) {
    (StatusCode::CREATED, Json(row))
}
