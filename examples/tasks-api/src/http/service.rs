//! For those who run the service: is it well, what does its cache do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{delete, get};
use axum::{Json, Router};
use cache_runtime::{FunctionStats, Stats, Swept};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Shared;
use super::extract::Query;
use crate::App;
use crate::error::Error;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(is_well))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/cache/stats", get(cache_stats))
        .route("/cache/entries", delete(remove_entries))
}

/// 503 without the database. Without Redis the service is slower and still well, so that is said and not a failure.
async fn is_well(State(app): Shared) -> (StatusCode, Json<Value>) {
    let (status, database) = ask_database(&app).await;
    let cache = app.cache.ready(Duration::from_millis(500)).await.is_ok();
    (
        status,
        Json(json!({ "status": database, "database": database, "cache": if cache { "ok" } else { "down" } })),
    )
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

/// The same for whoever looks into it: what the cache knows of its server, and what speaks against its configuration.
async fn health(State(app): Shared) -> (StatusCode, Json<Value>) {
    let (status, database) = ask_database(&app).await;
    (status, Json(json!({ "database": database, "cache": app.cache.health().await })))
}

async fn ask_database(app: &App) -> (StatusCode, &'static str) {
    match sqlx::query("SELECT 1").execute(&app.pool).await {
        Ok(_) => (StatusCode::OK, "ok"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "down"),
    }
}

/// For Prometheus.
async fn metrics(State(app): Shared) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.cache.stats().prometheus())
}

#[derive(Serialize)]
struct Numbers {
    hit_rate: Option<f64>,
    miss_rate: Option<f64>,
    error_rate: Option<f64>,
    total: FunctionStats,
    #[serde(flatten)]
    stats: Stats,
}

async fn cache_stats(State(app): Shared) -> Json<Numbers> {
    let stats = app.cache.stats();
    let total = stats.total();
    let (hit_rate, miss_rate, error_rate) = (total.hit_rate(), total.miss_rate(), total.error_rate());
    Json(Numbers { hit_rate, miss_rate, error_rate, total, stats })
}
