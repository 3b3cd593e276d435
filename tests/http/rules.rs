//! What is stored and what is served, by the headers of both sides.

use crate::world::{Client, Source};
use cache_runtime::Policy;
use cache_runtime::http::{HttpCache, Route};
use http::StatusCode;
use http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, SET_COOKIE};
use http_body_util::Full;
use std::time::Duration;
use tokio::time::advance;
use tower_layer::Layer as _;

type Fields = &'static [(&'static str, &'static str)];

/// Asks twice; gives why the second was not answered from the cache, or `stored`.
async fn fate(route: impl Into<Route>, status: StatusCode, response: Fields, request: Fields) -> String {
    let source = Source::status(status, response);
    let client = Client::new(route, &source);
    client.with(request).await;
    let seen = client.with(request).await;
    assert_eq!(source.calls.get(), if seen.is_hit() { 1 } else { 2 }, "{}", seen.how());
    if seen.is_hit() {
        "stored".to_owned()
    } else {
        seen.how().split('=').next_back().unwrap_or("").to_owned()
    }
}

#[tokio::test]
async fn a_response_says_whether_it_is_stored() {
    let cases: &[(Fields, &str)] = &[
        (&[], "stored"),
        (&[("cache-control", "public")], "stored"),
        (&[("cache-control", "max-age=10")], "stored"),
        (&[("cache-control", "Max-Age=\"10\"")], "stored"),
        (&[("cache-control", "max-age=0, s-maxage=10")], "stored"),
        (&[("cache-control", "must-revalidate")], "stored"),
        (&[("cache-control", "no-store")], "no-store"),
        (&[("cache-control", "max-age=10"), ("cache-control", "public, NO-STORE")], "no-store"),
        (&[("cache-control", "private")], "private"),
        (&[("cache-control", "private=\"x-a, x-b\"")], "private"),
        (&[("cache-control", "no-cache")], "no-cache"),
        (&[("cache-control", "no-cache=\"set-cookie\"")], "no-cache"),
        (&[("pragma", "no-cache")], "no-cache"),
        (&[("cache-control", "max-age=0")], "expired"),
        (&[("cache-control", "max-age=10, s-maxage=0")], "expired"),
        (&[("cache-control", "max-age=ten")], "expired"),
        (&[("cache-control", "max-age=10, max-age=20")], "expired"),
        (&[("cache-control", "max-age=10"), ("age", "10")], "expired"),
        (&[("cache-control", "max-age=10"), ("age", "9")], "stored"),
        (&[("expires", "0")], "expired"),
        (
            &[("expires", "Wed, 01 Jul 2026 10:00:00 GMT"), ("date", "Wed, 01 Jul 2026 10:00:00 GMT")],
            "expired",
        ),
        (
            &[("expires", "Wed, 01 Jul 2026 10:00:09 GMT"), ("date", "Wed, 01 Jul 2026 10:00:00 GMT")],
            "stored",
        ),
        (&[("expires", "0"), ("cache-control", "max-age=10")], "stored"),
        (&[("set-cookie", "a=b")], "set-cookie"),
        (&[("vary", "*")], "vary"),
        (&[("vary", "accept-language")], "vary"),
        (&[("vary", "Host")], "stored"),
        (&[("content-type", "text/event-stream; charset=utf-8")], "events"),
    ];
    for (response, expected) in cases {
        let fate = fate(Policy::SHORT, StatusCode::OK, response, &[]).await;
        assert_eq!(fate, *expected, "{response:?}");
    }
}

#[tokio::test]
async fn a_status_is_stored_always_or_with_a_lifetime_of_its_own_or_never() {
    const EXPLICIT: Fields = &[("cache-control", "max-age=10")];
    for (statuses, alone, explicit) in [
        (&[200, 203, 204, 300, 301, 308][..], "stored", "stored"),
        (&[404, 405, 410, 414, 501][..], "status", "stored"),
        (&[201, 206, 302, 303, 304, 307, 400, 401, 403, 429, 500, 502, 503][..], "status", "status"),
    ] {
        for status in statuses {
            let status = StatusCode::from_u16(*status).expect("a status");
            assert_eq!(fate(Policy::SHORT, status, &[], &[]).await, alone, "{status}");
            assert_eq!(fate(Policy::SHORT, status, EXPLICIT, &[]).await, explicit, "{status}");
        }
    }
}

#[tokio::test]
async fn a_request_says_whether_it_is_answered_from_the_cache() {
    let cases: &[(Fields, &str)] = &[
        (&[("cache-control", "no-store")], "no-store"),
        (&[("range", "bytes=0-1")], "precondition"),
        (&[("if-range", "\"a\"")], "precondition"),
        (&[("if-match", "\"a\"")], "precondition"),
        (&[("if-unmodified-since", "Wed, 01 Jul 2026 10:00:00 GMT")], "precondition"),
        (&[("upgrade", "websocket"), ("connection", "upgrade")], "upgrade"),
        (&[("authorization", "Bearer x")], "authorization"),
        (&[("cookie", "session=x")], "cookie"),
        (&[("accept", "text/html")], "stored"),
    ];
    for (request, expected) in cases {
        let source = Source::counting(&[("cache-control", "public")]);
        let client = Client::new(Policy::SHORT, &source);
        client.get("/things/1").await;
        let seen = client.with(request).await;
        if *expected == "stored" {
            assert!(seen.is_hit(), "{request:?}");
        } else {
            assert_eq!(seen.how(), format!("api; fwd=bypass; detail={expected}"), "{request:?}");
        }
        assert_eq!(client.get("/things/1").await.body, "1", "{request:?}: nothing of it is stored");
    }
}

#[tokio::test]
async fn credentials_and_cookies_are_cached_where_they_are_named() {
    let route = || Route::from(Policy::SHORT);
    let (bearer, cookie): (Fields, Fields) = (&[("authorization", "Bearer x")], &[("cookie", "a=b")]);
    let authorized = || route().even_with(AUTHORIZATION);
    assert_eq!(fate(authorized(), StatusCode::OK, &[], bearer).await, "authorization");
    for says in ["public", "s-maxage=10", "must-revalidate"] {
        let response: Fields = vec![("cache-control", says)].leak();
        assert_eq!(fate(authorized(), StatusCode::OK, response, bearer).await, "stored", "{says}");
    }
    assert_eq!(fate(route().even_with(COOKIE), StatusCode::OK, &[], cookie).await, "stored");
    let set: Fields = &[("set-cookie", "a=b")];
    assert_eq!(fate(route().even_with(SET_COOKIE), StatusCode::OK, set, &[]).await, "stored");
}

#[tokio::test]
async fn what_anonymous_requests_have_stored_is_not_for_credentials_unless_it_says_so() {
    let route = || Route::from(Policy::SHORT).even_with(AUTHORIZATION);
    let bearer = &[("authorization", "Bearer x")];
    let source = Source::counting(&[]);
    let client = Client::new(route(), &source);
    client.get("/things/1").await;
    let seen = client.with(bearer).await;
    assert_eq!((&*seen.body, seen.how()), ("2", "api; fwd=bypass; detail=credentials"));
    let again = client.with(&[bearer[0], ("cache-control", "no-cache")]).await;
    assert_eq!((&*again.body, again.how()), ("3", "api; fwd=request; detail=authorization"));
    assert_eq!(client.get("/things/1").await.body, "1", "the anonymous one stays");
    let client = Client::new(route(), &Source::counting(&[("cache-control", "public")]));
    client.get("/things/1").await;
    assert!(client.with(bearer).await.is_hit());
}

#[tokio::test]
async fn a_header_that_is_named_gives_each_of_its_values_a_response() {
    let route = Route::from(Policy::SHORT).vary([ACCEPT_LANGUAGE]);
    let source = Source::counting(&[("vary", "Accept-Language")]);
    let client = Client::new(route, &source);
    let in_language = async |language: &str| client.with(&[("accept-language", language)]).await.body;
    assert_eq!(in_language("de").await, "1");
    assert_eq!(in_language("en").await, "2");
    assert_eq!(client.with(&[]).await.body, "3", "none is not the empty one");
    assert_eq!(in_language("").await, "4");
    assert_eq!(in_language("de").await, "1");
    assert_eq!(client.with(&[("accept-language", "d"), ("accept-language", "e")]).await.body, "5");
    let unreadable = http::HeaderValue::from_bytes(b"\xFF").expect("a legal header");
    let request = http::Request::get("/things/1").header(ACCEPT_LANGUAGE, unreadable).body(Full::default());
    let response = client.raw(request.expect("a legal request")).await.expect("an answer");
    assert_eq!(response.headers()["cache-status"], "api; fwd=bypass; detail=vary");
}

#[tokio::test(start_paused = true)]
async fn a_client_may_ask_for_less_age_and_gets_the_response_renewed() {
    let source = Source::counting(&[]);
    let client = Client::new(Policy::SHORT, &source);
    client.get("/things/1").await;
    advance(Duration::from_secs(20)).await;
    for (asked, body) in [
        ("max-age=20", "1"),
        ("min-fresh=40", "1"),
        ("max-stale=100", "1"),
        ("max-age=19", "2"),
        ("min-fresh=61", "3"),
        ("no-cache", "4"),
        ("max-age=ten", "4"),
    ] {
        let seen = client.with(&[("cache-control", asked)]).await;
        assert_eq!(seen.body, body, "{asked}: {}", seen.how());
        assert_eq!(client.get("/things/1").await.body, body, "{asked}: what was asked for is stored");
    }
    assert_eq!(client.with(&[("pragma", "no-cache")]).await.how(), "api; fwd=request; stored");
}

#[tokio::test]
async fn a_client_that_asks_for_what_is_stored_never_costs_a_load() {
    let source = Source::counting(&[]);
    let client = Client::new(Policy::SHORT, &source);
    let only = [("cache-control", "only-if-cached")];
    let seen = client.with(&only).await;
    assert_eq!((seen.status, seen.how(), source.calls.get()), (504, "api; detail=only-if-cached", 0));
    client.get("/things/1").await;
    assert!(client.with(&only).await.is_hit());
    assert_eq!(client.with(&[("cache-control", "only-if-cached, no-cache")]).await.status, 504);
    assert_eq!(source.calls.get(), 1);
}

#[tokio::test]
async fn clients_can_be_ignored() {
    let source = Source::counting(&[]);
    let http = HttpCache::new(&cache_runtime::Cache::in_process()).route("/things/{id}", Policy::SHORT);
    let client = Client(http.ignore_clients().layer(source.clone()));
    client.get("/things/1").await;
    for asked in ["no-cache", "max-age=0", "min-fresh=1000"] {
        assert!(client.with(&[("cache-control", asked)]).await.is_hit(), "{asked}");
    }
    assert!(client.with(&[("pragma", "no-cache")]).await.is_hit());
    assert_eq!(client.with(&[("cache-control", "no-store")]).await.how(), "api; fwd=bypass; detail=no-store");
}

#[tokio::test(start_paused = true)]
async fn the_lifetime_of_the_response_counts_before_the_routes() {
    let cases: &[(Fields, u64)] = &[
        (&[("cache-control", "max-age=10")], 10),
        (&[("cache-control", "max-age=10, s-maxage=100")], 100),
        (&[("cache-control", "max-age=100"), ("age", "60")], 40),
        (&[("expires", "Wed, 01 Jul 2026 10:01:40 GMT"), ("date", "Wed, 01 Jul 2026 10:00:00 GMT")], 100),
        (&[], 60),
    ];
    for (response, fresh) in cases {
        let source = Source::counting(response);
        let client = Client::new(Policy::SHORT, &source);
        client.get("/things/1").await;
        // A ttl ends up to a tenth early.
        advance(Duration::from_secs(fresh * 8 / 10)).await;
        assert!(client.get("/things/1").await.is_hit(), "{response:?}");
        advance(Duration::from_secs(fresh * 3 / 10)).await;
        assert_eq!(client.get("/things/1").await.body, "2", "{response:?}");
    }
}
