//! What every request has in common: the service's cache, and headers that tell what it did.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cache_runtime::{Invalidation, Report, observed};

use super::Shared;
use crate::error::Error;

/// Runs a request over the service's cache. `x-cache` says how its read was answered, `x-invalidation` what became of
/// the entries that it made untrue.
///
/// A request that changes something runs in a task of its own: it is finished, and what it made untrue is named, even
/// when the client does not wait for the answer.
pub(super) async fn observe(State(app): Shared, request: Request, next: Next) -> Response {
    let reads = request.method().is_safe();
    let answered = async move { app.cache.scope_for(observed(next.run(request))).await };
    let (mut response, report) = if reads {
        answered.await
    } else {
        match tokio::spawn(answered).await {
            Ok(answered) => answered,
            Err(panicked) => return Error::Panicked(panicked.to_string().into()).into_response(),
        }
    };
    if let Some(outcome) = report.outcome() {
        response.headers_mut().insert("x-cache", HeaderValue::from_static(outcome.as_str()));
    }
    if let Some(invalidation) = invalidation(&report) {
        response.headers_mut().insert("x-invalidation", HeaderValue::from_static(invalidation.as_str()));
    }
    response
}

/// What became of a request's invalidations: the worst, where there are several.
fn invalidation(report: &Report) -> Option<Invalidation> {
    let all = report.invalidations();
    all.iter().find(|one| **one != Invalidation::Applied).or(all.last()).copied()
}
