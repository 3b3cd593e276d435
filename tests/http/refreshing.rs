//! Stale responses while they are reloaded, and when they are not served.

use crate::world::{Client, Source};
use cache_runtime::http::HttpCache;
use cache_runtime::store::Memory;
use cache_runtime::{Cache, Policy};
use http::Method;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::advance;
use tower_layer::Layer as _;

const PATIENT: Policy = Policy::SHORT.stale_for(Duration::from_secs(100));

/// A client whose response was stored `seconds` ago, and what stands behind it.
async fn after(seconds: u64, fields: &'static [(&'static str, &'static str)]) -> (Client, Source) {
    let source = Source::counting(fields);
    let client = Client::new(PATIENT, &source);
    client.get("/things/1").await;
    advance(Duration::from_secs(seconds)).await;
    (client, source)
}

#[tokio::test(start_paused = true)]
async fn a_stale_response_answers_while_one_request_in_the_background_brings_the_new_one() {
    let (client, source) = after(70, &[]).await;
    for _ in 0..3 {
        let seen = client.get("/things/1").await;
        assert_eq!((&*seen.body, seen.how(), seen.header("age")), ("1", "api; hit; ttl=-10", Some("70")));
    }
    source.calls.reached(2).await;
    tokio::task::yield_now().await;
    let seen = client.get("/things/1").await;
    assert_eq!((&*seen.body, seen.header("age")), ("2", Some("0")));
    assert_eq!(source.calls.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_response_may_shorten_how_long_it_is_served_stale() {
    for (control, until) in [
        ("max-age=60", 160),
        ("max-age=60, stale-while-revalidate=20", 80),
        ("max-age=60, stale-while-revalidate=1000", 160),
        ("s-maxage=60, stale-while-revalidate=20", 80),
        ("s-maxage=60", 60),
        ("max-age=60, must-revalidate", 60),
        ("max-age=60, proxy-revalidate, stale-while-revalidate=20", 60),
    ] {
        let fields = vec![("cache-control", control)].leak();
        let (client, _) = after(until + 2, fields).await;
        let seen = client.get("/things/1").await;
        assert_eq!((&*seen.body, seen.how()), ("2", "api; fwd=miss; stored"), "{control} after {until} s");
        // An entry ends up to a tenth of its fresh time early.
        let (client, _) = after(until - 8, fields).await;
        assert_eq!(client.get("/things/1").await.body, "1", "{control} before {until} s");
    }
}

/// What another process has stored ends in this one's memory when its response says so, too.
#[tokio::test(start_paused = true)]
async fn a_response_of_another_process_is_served_stale_no_longer_than_it_says() {
    let store = Arc::new(Memory::default());
    let source = Source::counting(&[("cache-control", "max-age=60, stale-while-revalidate=20")]);
    let process = || {
        let cache = Cache::builder().store(store.clone()).build().expect("a good configuration");
        Client::over(&cache, PATIENT, &source)
    };
    let (one, other) = (process(), process());
    one.get("/things/1").await;
    assert_eq!(other.get("/things/1").await.how(), "api; hit; ttl=60; detail=l2");
    assert_eq!(other.get("/things/1").await.how(), "api; hit; ttl=60; detail=l1");
    advance(Duration::from_secs(82)).await;
    assert_eq!(other.get("/things/1").await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn what_was_invalidated_is_not_served_stale() {
    let (client, _) = after(70, &[]).await;
    client.send(Method::PUT, "/things/1", &[]).await;
    assert_eq!(client.get("/things/1").await.body, "3");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_wants_a_fresh_response_waits_for_it() {
    let (client, _) = after(70, &[]).await;
    let seen = client.with(&[("cache-control", "max-age=60")]).await;
    assert_eq!((&*seen.body, seen.how()), ("2", "api; fwd=request; stored"));
    assert_eq!(client.get("/things/1").await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn a_response_without_an_end_stays_until_it_is_invalidated() {
    let source = Source::counting(&[]);
    let http = HttpCache::new(&Cache::in_process()).route("/things/{id}", Policy::NEVER);
    let client = Client(http.layer(source));
    client.get("/things/1").await;
    advance(Duration::from_secs(72_001)).await;
    assert_eq!(client.get("/things/1").await.how(), "api; hit; detail=l1");
    http.invalidate_path("/things/1").await;
    assert_eq!(client.get("/things/1").await.body, "2");
}
