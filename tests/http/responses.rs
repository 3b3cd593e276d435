//! What an answer from the cache is made of.

use crate::world::{Client, Seen, Source, answer, ready};
use cache_runtime::Policy;
use http::{Method, StatusCode};
use http_body_util::Full;
use std::time::Duration;
use tokio::time::advance;

#[tokio::test(start_paused = true)]
async fn a_response_answers_until_its_ttl_ends_and_says_its_age() {
    let source = Source::counting(&[("content-type", "text/plain"), ("x-own", "kept")]);
    let client = Client::new(Policy::SHORT, &source);
    let first = client.get("/things/1").await;
    assert_eq!((first.status, &*first.body, first.how()), (200, "1", "api; fwd=miss; stored"));
    assert_eq!(first.header("age"), None);
    advance(Duration::from_secs(20)).await;
    let second = client.get("/things/1").await;
    assert_eq!((second.status, &*second.body, second.how()), (200, "1", "api; hit; ttl=40; detail=l1"));
    assert_eq!(second.header("age"), Some("20"));
    for name in ["content-type", "x-own", "etag", "date"] {
        assert!(first.header(name).is_some(), "{name}");
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    assert_eq!(client.get("/things/2").await.body, "2", "another path is another response");
    advance(Duration::from_secs(41)).await;
    assert_eq!(client.get("/things/1").await.body, "3");
}

#[tokio::test]
async fn the_query_counts_in_the_order_of_its_names() {
    let source = Source::counting(&[]);
    let client = Client::new(Policy::SHORT, &source);
    assert_eq!(client.get("/things/1?a=1&b=2").await.body, "1");
    for same in ["/things/1?b=2&a=1", "/things/1?&a=1&&b=2"] {
        assert_eq!(client.get(same).await.body, "1", "{same}");
    }
    let others = [
        "/things/1",
        "/things/1?a=1",
        "/things/1?a=2&b=2",
        "/things/1?a=1&a=2",
        "/things/1?a=2&a=1",
        "/things/1?a&b=2",
    ];
    for (other, body) in others.into_iter().zip(2..) {
        assert_eq!(client.get(other).await.body, body.to_string(), "{other}");
    }
}

#[tokio::test]
async fn another_authority_is_another_response() {
    let source = Source::counting(&[]);
    let client = Client::new(Policy::SHORT, &source);
    assert_eq!(client.with(&[("host", "one.example")]).await.body, "1");
    assert_eq!(client.with(&[("host", "two.example")]).await.body, "2");
    assert_eq!(client.get("http://one.example/things/1").await.body, "1");
}

#[tokio::test]
async fn head_is_answered_by_what_get_has_stored_and_stores_nothing() {
    let source = Source::counting(&[("x-own", "kept")]);
    let client = Client::new(Policy::SHORT, &source);
    let head = async || client.send(Method::HEAD, "/things/1", &[]).await;
    assert_eq!(head().await.how(), "api; fwd=miss");
    assert_eq!(head().await.how(), "api; fwd=miss");
    let got = client.get("/things/1").await;
    assert_eq!(source.calls.get(), 3);
    let answered = head().await;
    assert!(answered.is_hit(), "{}", answered.how());
    assert_eq!((&*answered.body, answered.header("content-length")), ("", Some("1")));
    assert_eq!(answered.header("etag"), got.header("etag"));
    assert_eq!(answered.header("x-own"), Some("kept"));
    assert_eq!(source.calls.get(), 3);
}

#[tokio::test]
async fn a_response_without_a_tag_gets_a_strong_one_of_its_body() {
    let source = Source::counting(&[]);
    let client = Client::new(Policy::SHORT, &source);
    let tags: Vec<_> = [client.get("/things/1").await, client.get("/things/2").await]
        .map(|seen| seen.header("etag").expect("a tag").to_owned())
        .into();
    assert!(tags.iter().all(|tag| tag.starts_with('"') && tag.len() == 34), "{tags:?}");
    assert_ne!(tags[0], tags[1]);
    let same = Client::new(Policy::SHORT, &Source::counting(&[])).get("/things/1").await;
    assert_eq!(same.header("etag"), Some(&*tags[0]), "equal bodies have equal tags");
    let own = Client::new(Policy::SHORT, &Source::counting(&[("etag", "W/\"7\"")])).get("/things/1").await;
    assert_eq!(own.header("etag"), Some("W/\"7\""));
}

#[tokio::test]
async fn who_has_the_response_already_gets_304() {
    let source = Source::by(|request| {
        assert!(!request.headers().contains_key("if-none-match"), "what is stored is for everybody");
        ready(answer(
            StatusCode::OK,
            &[("x-own", "not of a 304"), ("vary", "host"), ("etag", "\"a, b\"")],
            "body",
        ))
    });
    let client = Client::new(Policy::SHORT, &source);
    for (tags, status) in [
        ("\"a, b\"", 304),
        ("W/\"a, b\"", 304),
        ("\"x\", \"a, b\"", 304),
        ("*", 304),
        ("\"a\", \"b\"", 200),
        ("\"x\"", 200),
        ("a, b", 200),
    ] {
        let seen = client.with(&[("if-none-match", tags)]).await;
        assert_eq!(seen.status, status, "{tags}: {seen:?}");
        assert_eq!(seen.body.is_empty(), status == 304, "{tags}");
        assert_eq!(seen.header("etag"), Some("\"a, b\""));
        if status == 304 {
            assert_eq!((seen.header("x-own"), seen.header("vary")), (None, Some("host")));
        }
    }
    assert_eq!(source.calls.get(), 1, "the first of them has stored it");
    // The date counts only where no tag is given.
    let modified = &[("last-modified", "Tue, 01 Jul 2025 10:00:00 GMT")];
    let client = Client::new(Policy::SHORT, &Source::counting(modified));
    for (since, status) in [
        ("Tue, 01 Jul 2025 10:00:00 GMT", 304),
        ("Wed, 02 Jul 2025 10:00:00 GMT", 304),
        ("Tue, 01 Jul 2025 09:59:59 GMT", 200),
        ("yesterday", 200),
    ] {
        assert_eq!(client.with(&[("if-modified-since", since)]).await.status, status, "{since}");
        let both = client.with(&[("if-modified-since", since), ("if-none-match", "\"x\"")]).await;
        assert_eq!(both.status, 200, "{since}");
    }
}

#[tokio::test]
async fn a_response_that_is_not_stored_is_compared_too() {
    let source = Source::counting(&[("cache-control", "no-store"), ("etag", "\"a\""), ("x-own", "kept")]);
    let client = Client::new(Policy::SHORT, &source);
    let seen = client.with(&[("if-none-match", "\"a\"")]).await;
    assert_eq!((seen.status, &*seen.body, seen.header("x-own")), (304, "", Some("kept")));
    assert_eq!(seen.how(), "api; fwd=miss; detail=no-store");
}

#[tokio::test]
async fn what_is_said_of_a_connection_is_not_stored() {
    let source = Source::counting(&[
        ("connection", "x-hop, close"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("x-own", "kept"),
    ]);
    let client = Client::new(Policy::SHORT, &source);
    for _ in 0..2 {
        let Seen { headers, .. } = client.get("/things/1").await;
        assert!(headers.contains_key("x-own"));
        for name in ["connection", "x-hop", "keep-alive"] {
            assert!(!headers.contains_key(name), "{name}");
        }
    }
    assert_eq!(source.calls.get(), 1);
}

#[tokio::test]
async fn errors_of_the_handler_pass_through() {
    let source = Source::by(|_| Box::pin(async { Err(std::io::Error::other("the handler's own")) }));
    let client = Client::new(Policy::SHORT, &source);
    for calls in 1..3 {
        let request = http::Request::get("/things/1").body(Full::default()).expect("a legal request");
        let error = client.raw(request).await.expect_err("the source fails");
        assert_eq!((error.to_string(), source.calls.get()), ("the handler's own".to_owned(), calls));
    }
    let source = Source::status(StatusCode::INTERNAL_SERVER_ERROR, &[]);
    let client = Client::new(Policy::SHORT, &source);
    assert_eq!(client.get("/things/1").await.status, 500);
    assert_eq!(client.get("/things/1").await.body, "2", "a failure is not kept");
}
