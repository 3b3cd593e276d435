//! What is served from the cache, beside what another implementation of RFC 9111 allows.
//!
//! `http-cache-semantics` is asked for each answer that came without the handler: a shared cache must be allowed to give it. It is asked
//! about fresh answers only: it knows no `stale-while-revalidate`. Where a response says nothing of its lifetime it is told the route's.

use crate::world::{Client, Source, answer, ready};
use cache_runtime::Policy;
use cache_runtime::http::Route;
use http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, DATE};
use http::{Method, Request, Response, StatusCode};
use http_cache_semantics::{CacheOptions, CachePolicy};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, advance};

type Fields = Vec<(&'static str, String)>;

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

fn seconds(name: &'static str) -> impl Strategy<Value = String> {
    prop::sample::select(&[0, 1, 5, 20, 60, 300][..]).prop_map(move |seconds| format!("{name}={seconds}"))
}

fn said_by_clients() -> impl Strategy<Value = Fields> {
    let control = prop_oneof![
        8 => Just(None),
        1 => one_of(&["no-cache", "no-store", "max-stale", "no-transform", "only-if-cached"]).prop_map(Some),
        2 => prop_oneof![seconds("max-age"), seconds("min-fresh"), seconds("max-stale")].prop_map(Some),
    ];
    let other = |name: &'static str, words: &'static [&'static str]| {
        prop::option::weighted(0.08, one_of(words)).prop_map(move |value| value.map(|value| (name, value)))
    };
    (
        control.prop_map(|control| control.map(|control| ("cache-control", control))),
        other("pragma", &["no-cache", "x"]),
        other("authorization", &["Bearer a", "Bearer b"]),
        other("cookie", &["a=b"]),
        prop::option::weighted(0.3, one_of(&["de", "en"]))
            .prop_map(|value| value.map(|value| ("accept-language", value))),
        other("host", &["one.example", "two.example"]),
        other("if-none-match", &["\"a\"", "*"]),
    )
        .prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].into_iter().flatten().collect())
}

fn said_by_handlers() -> impl Strategy<Value = (StatusCode, Fields)> {
    let flags = one_of(&[
        "public",
        "private",
        "no-store",
        "no-cache",
        "must-revalidate",
        "no-transform",
        "max-age=x",
        "x-other=\"y\"",
    ]);
    let long = one_of(&["max-age=60", "max-age=300", "s-maxage=60", "public"]);
    let directive =
        prop_oneof![1 => flags, 2 => prop_oneof![seconds("max-age"), seconds("s-maxage")], 6 => long];
    let control = prop::collection::vec(directive, 0..3)
        .prop_map(|all| (!all.is_empty()).then(|| ("cache-control", all.join(", "))));
    let other = |name: &'static str, words: &'static [&'static str]| {
        prop::option::weighted(0.08, one_of(words)).prop_map(move |value| value.map(|value| (name, value)))
    };
    let status = prop_oneof![6 => Just(200), 1 => prop::sample::select(&[203_u16, 204, 301, 302, 404, 410, 500, 501, 503][..])];
    let fields = (
        control,
        other("pragma", &["no-cache"]),
        other("set-cookie", &["a=b"]),
        other("vary", &["accept-language", "accept", "*", "host, accept-language"]),
        other("age", &["0", "3", "30"]),
        other("expires", &["0", "Thu, 01 Jan 1970 00:00:05 GMT", "Thu, 01 Jan 1970 00:10:00 GMT"]),
        other("etag", &["\"a\""]),
    );
    (status, fields).prop_map(|(status, (a, b, c, d, e, f, g))| {
        let fields = [a, b, c, d, e, f, g].into_iter().flatten().collect();
        (StatusCode::from_u16(status).expect("a status"), fields)
    })
}

/// A request, and how long after the one before it comes.
type Step = (bool, Fields, u64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        prop::bool::weighted(0.1),
        said_by_clients(),
        prop::sample::select(&[0_u64, 0, 0, 1, 7, 30, 100][..]),
    );
    prop::collection::vec(step, 2..9)
}

/// What the handler was asked, what it said, and when.
type Said = Arc<Mutex<Vec<(Request<()>, Response<()>, Instant)>>>;

/// Runs the requests; tells how many of them were answered without the handler.
async fn judged(
    route: Route,
    responses: Vec<(StatusCode, Fields)>,
    steps: Vec<Step>,
) -> Result<usize, TestCaseError> {
    let said = Said::default();
    let told = said.clone();
    let source = Source::by(move |request| {
        let mut told = told.lock().expect("no panics");
        let (status, fields) = &responses[told.len() % responses.len()];
        let mut response = answer(*status, &[], told.len().to_string());
        for (name, value) in fields {
            response.headers_mut().append(*name, value.parse().expect("a legal header"));
        }
        let mut asked =
            Request::builder().method(request.method()).uri(request.uri()).body(()).expect("a legal request");
        asked.headers_mut().clone_from(request.headers());
        let mut head = Response::new(());
        *head.status_mut() = *status;
        head.headers_mut().clone_from(response.headers());
        told.push((asked, head, Instant::now()));
        ready(response)
    });
    let client = Client::new(route, &source);
    let mut served = 0;
    for (is_head, fields, pause) in steps {
        advance(Duration::from_secs(pause)).await;
        let before = source.calls.get();
        let method = if is_head { Method::HEAD } else { Method::GET };
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let seen = client.send(method.clone(), "/things/1", &fields).await;
        if source.calls.get() > before || seen.status == 504 {
            continue;
        }
        served += 1;
        let said = said.lock().expect("no panics");
        let mut request = Request::builder().method(method).uri("/things/1");
        for (name, value) in &fields {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a legal request");
        let allowed =
            said.iter().any(|(asked, response, at)| is_allowed(asked, response, at.elapsed(), &request));
        prop_assert!(allowed, "{request:?} was answered with {seen:?} of {said:?}");
        prop_assert!(seen.header("age").is_some() || seen.status == 304);
    }
    Ok(served)
}

/// Whether the oracle lets a shared cache answer `request` by what was said to another one so long ago.
fn is_allowed(asked: &Request<()>, response: &Response<()>, ago: Duration, request: &Request<()>) -> bool {
    let stored_at = UNIX_EPOCH;
    let mut told = Response::new(());
    *told.status_mut() = response.status();
    told.headers_mut().clone_from(response.headers());
    let says = |word: &str| {
        let lines = told.headers().get_all("cache-control").into_iter();
        lines.filter_map(|line| line.to_str().ok()).any(|line| line.contains(word))
    };
    if !says("max-age") && !says("s-maxage") && !told.headers().contains_key("expires") {
        told.headers_mut().append("cache-control", "max-age=60".parse().expect("a legal header"));
    }
    told.headers_mut().insert(DATE, httpdate::fmt_http_date(stored_at).parse().expect("a legal header"));
    let policy = CachePolicy::new_options(asked, &told, stored_at, CacheOptions::default());
    let now: SystemTime = stored_at + ago;
    policy.is_storable() && {
        // The oracle answers HEAD by what HEAD brought; a GET brings the same and more.
        let mut as_get = Request::builder().uri(request.uri()).body(()).expect("a legal request");
        as_get.headers_mut().clone_from(request.headers());
        policy.before_request(&as_get, now).satisfies_without_revalidation()
    }
}

fn checked(route: impl Fn() -> Route) {
    let seed = std::env::var("HTTP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(random);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::to_le_bytes(seed));
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let served = Cell::new(0);
    let cases = (prop::collection::vec(said_by_handlers(), 1..4), steps());
    let ran = runner.run(&cases, |(responses, steps)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let judged = runtime.expect("a runtime").block_on(judged(route(), responses, steps))?;
        served.set(served.get() + judged);
        Ok(())
    });
    ran.unwrap_or_else(|failed| panic!("HTTP_SEED={seed}: {failed}"));
    assert!(served.get() > 1_000, "HTTP_SEED={seed}: only {} answers came from the cache", served.get());
}

fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(())
}

#[test]
fn what_is_served_is_allowed() {
    checked(|| Route::from(Policy::SHORT).vary([ACCEPT_LANGUAGE]));
}

#[test]
fn what_is_served_is_allowed_with_credentials() {
    checked(|| Route::from(Policy::SHORT).vary([ACCEPT_LANGUAGE]).even_with(AUTHORIZATION).even_with(COOKIE));
}
