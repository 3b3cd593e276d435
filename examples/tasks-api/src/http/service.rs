//! For those who run the service: is it well, what does its cache do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use cache_runtime::Stats;
use serde_json::{Value, json};

use super::Shared;
use crate::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(health)).route("/cache/stats", get(cache_stats))
}

/// 503 without the database. Without Redis the service is slower and still well, so that is said and not a failure.
async fn health(State(app): Shared) -> (StatusCode, Json<Value>) {
    let database = sqlx::query("SELECT 1").execute(&app.pool).await.is_ok();
    let status = if database { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let cache = app.cache.ready(Duration::from_millis(500)).await.is_ok();
    let word = |well: bool| if well { "ok" } else { "down" };
    (status, Json(json!({ "status": word(database), "database": word(database), "cache": word(cache) })))
}

async fn cache_stats(State(app): Shared) -> Json<Stats> {
    Json(app.cache.stats())
}
