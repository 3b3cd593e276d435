//! The layer in axum: at a router, at a route, nested.

use crate::world::Seen;
use axum::Router;
use axum::extract::{MatchedPath, Path, Request};
use axum::routing::get;
use cache_runtime::http::HttpCache;
use cache_runtime::{Cache, Policy};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tower_service::Service as _;

static CALLS: AtomicU64 = AtomicU64::new(0);

async fn task(Path(id): Path<String>) -> String {
    format!("{id} {}", CALLS.fetch_add(1, Relaxed))
}

async fn pending() -> String {
    format!("pending {}", CALLS.fetch_add(1, Relaxed))
}

async fn seen(router: &Router, path: &str) -> Seen {
    let request = Request::builder().uri(path).body(axum::body::Body::empty()).expect("a legal request");
    Seen::of(router.clone().call(request).await.expect("it is infallible")).await
}

fn routes() -> Router {
    Router::new().route("/tasks/{id}", get(task)).route("/tasks/pending", get(pending))
}

/// Whether asking twice gives one answer.
async fn is_cached(router: &Router, path: &str) -> bool {
    seen(router, path).await.body == seen(router, path).await.body
}

#[tokio::test]
async fn a_layer_over_a_router_takes_the_route_that_the_router_has_matched() {
    let http = HttpCache::new(&Cache::in_process()).route("/tasks/{id}", Policy::SHORT);
    let by_path = routes().layer(http.clone());
    assert!(is_cached(&by_path, "/tasks/1").await);
    assert!(is_cached(&by_path, "/tasks/pending").await, "a path is all it knows");
    let http = HttpCache::new(&Cache::in_process()).route("/tasks/{id}", Policy::SHORT);
    let matched = routes().layer(http.matched_by(|request| Some(request.get::<MatchedPath>()?.as_str())));
    assert!(is_cached(&matched, "/tasks/1").await);
    assert!(!is_cached(&matched, "/tasks/pending").await);
}

#[tokio::test]
async fn a_layer_over_one_route_sees_that_route() {
    let http = HttpCache::new(&Cache::in_process()).route("/tasks/{id}", Policy::SHORT);
    let router =
        Router::new().route("/tasks/{id}", get(task).layer(http)).route("/tasks/pending", get(pending));
    assert!(is_cached(&router, "/tasks/1").await);
    assert!(!is_cached(&router, "/tasks/pending").await);
    let head = Request::head("/tasks/1").body(axum::body::Body::empty()).expect("a legal request");
    let head = Seen::of(router.clone().call(head).await.expect("it is infallible")).await;
    assert!(head.is_hit() && head.body.is_empty(), "{head:?}");
}

#[tokio::test]
async fn nested_routers_are_told_apart_from_outside() {
    let http = HttpCache::new(&Cache::in_process())
        .route("/v1/tasks/{id}", Policy::SHORT)
        .route("/v2/tasks/{id}", Policy::SHORT)
        .matched_by(|request| Some(request.get::<MatchedPath>()?.as_str()));
    let router = Router::new().nest("/v1", routes()).nest("/v2", routes()).layer(http);
    let (one, two) = (seen(&router, "/v1/tasks/1").await, seen(&router, "/v2/tasks/1").await);
    assert_ne!(one.body, two.body);
    assert_eq!(seen(&router, "/v1/tasks/1").await.body, one.body);
    assert_eq!(seen(&router, "/v2/tasks/1").await.body, two.body);
}
