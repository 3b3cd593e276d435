//! For those who run the service: is it well, what does its cache do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use cache_runtime::{Stats, Swept};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::extract::Query;
use crate::App;
use crate::error::Error;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(health))
        .route("/cache/stats", get(cache_stats))
        .route("/cache/entries", delete(remove_entries))
}

/// 503 without the database. Without Redis the service is slower and still well, so that is said and not a failure.
async fn health(State(app): Shared) -> (StatusCode, Json<Value>) {
    let database = sqlx::query("SELECT 1").execute(&app.pool).await.is_ok();
    let status = if database { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let cache = app.cache.ready(Duration::from_millis(500)).await.is_ok();
    let word = |well: bool| if well { "ok" } else { "down" };
    (status, Json(json!({ "status": word(database), "database": word(database), "cache": word(cache) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    prefix: String,
}

/// Removes what stands in the cache under names that begin with `prefix`: `tasks:v1:by_owner:7:`.
async fn remove_entries(
    State(app): Shared,
    Query(Entries { prefix }): Query<Entries>,
) -> Result<Json<Swept>, Error> {
    Ok(Json(app.cache.invalidate_prefix(prefix).await?))
}

async fn cache_stats(State(app): Shared) -> Json<Stats> {
    Json(app.cache.stats())
}
