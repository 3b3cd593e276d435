//! One load for many, and no old response after a change: in one process, and in two over one store.

use crate::world::{Client, Seen, Source, answer};
use cache_runtime::http::{HttpCache, Route};
use cache_runtime::store::Memory;
use cache_runtime::{Cache, Invalidation, Level, Policy};
use cache_tests::gate::Gate;
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::{until, within};
use http::{Method, StatusCode};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tower_layer::Layer as _;

fn spawn(client: &Client, fields: &'static [(&'static str, &'static str)]) -> JoinHandle<Seen> {
    let client = client.clone();
    tokio::spawn(async move { client.with(fields).await })
}

async fn ended(request: JoinHandle<Seen>) -> Seen {
    within("the request to end", request).await.expect("it neither panics nor is cancelled")
}

fn text(text: &str) -> Arc<Mutex<String>> {
    Arc::new(Mutex::new(text.to_owned()))
}

fn set(text: &Mutex<String>, new: &str) {
    new.clone_into(&mut text.lock().expect("no panics"));
}

/// Two caches over one store of this process.
fn pair() -> [Cache; 2] {
    let store = Arc::new(Memory::default());
    [store.clone(), store].map(|store| Cache::builder().store(store).build().expect("a good configuration"))
}

#[tokio::test]
async fn requests_that_come_together_run_the_handler_once() {
    let gate = Gate::default();
    let source = Source::gated(&gate, &text("one"), &[]);
    let client = Client::new(Policy::SHORT, &source);
    let leader = spawn(&client, &[]);
    gate.arrived().await;
    let joiners: Vec<_> = (0..10).map(|_| spawn(&client, &[])).collect();
    // On this one thread each of them has run until it waits.
    tokio::task::yield_now().await;
    gate.open();
    assert_eq!(ended(leader).await.how(), "api; fwd=miss; stored");
    for joiner in joiners {
        let seen = ended(joiner).await;
        assert_eq!((&*seen.body, seen.how()), ("one", "api; fwd=miss; collapsed"));
        assert_eq!(seen.header("age"), Some("0"));
    }
    assert_eq!(source.calls.get(), 1);
}

/// Who waited for a response that is not for others asks for their own.
#[tokio::test]
async fn nobody_joins_a_response_that_is_not_stored() {
    for control in ["private", "no-store"] {
        let gate = Gate::default();
        let stop = gate.clone();
        let source = Source::by(move |request| {
            let gate = stop.clone();
            Box::pin(async move {
                let user = request.headers()["x-user"].to_str().expect("a text").to_owned();
                gate.wait().await;
                Ok(answer(StatusCode::OK, &[("cache-control", control)], user))
            })
        });
        let client = Client::new(Policy::SHORT, &source);
        let leader = spawn(&client, &[("x-user", "first")]);
        gate.arrived().await;
        let joiners = [
            ("second", spawn(&client, &[("x-user", "second")])),
            ("third", spawn(&client, &[("x-user", "third")])),
        ];
        tokio::task::yield_now().await;
        assert_eq!(source.calls.get(), 1, "they wait");
        gate.open();
        assert_eq!(ended(leader).await.body, "first");
        for (user, joiner) in joiners {
            let seen = ended(joiner).await;
            assert_eq!((&*seen.body, seen.how()), (user, &*format!("api; fwd=miss; detail={control}")));
        }
        assert_eq!(source.calls.get(), 3);
    }
}

#[tokio::test]
async fn a_response_that_was_under_way_during_an_invalidation_is_not_kept() {
    for level in [Level::Coherent, Level::Off] {
        for way in ["route", "path", "tag", "change"] {
            let (gate, text) = (Gate::default(), text("old"));
            let source = Source::gated(&gate, &text, &[]);
            let cache = Cache::in_process();
            let route = Route::from(Policy::SHORT).l1(level).tag("thing:{id}");
            let http = HttpCache::new(&cache).route("/things/{id}", route);
            let client = Client(http.layer(source.clone()));
            let old = spawn(&client, &[]);
            gate.arrived().await;
            set(&text, "new");
            let applied = match way {
                "route" => http.invalidate_route("/things/{id}").await,
                "path" => http.invalidate_path("/things/1").await,
                "tag" => cache.invalidate_tag("api", "thing:1").await,
                _ => {
                    let other = Client(http.layer(Source::counting(&[])));
                    other.send(Method::POST, "/things/1", &[]).await;
                    Invalidation::Applied
                }
            };
            assert_eq!(applied, Invalidation::Applied);
            let later = spawn(&client, &[]);
            tokio::task::yield_now().await;
            gate.open();
            assert_eq!(ended(old).await.body, "old", "it came before the change");
            assert_eq!(
                ended(later).await.body,
                "new",
                "{way}: who comes after the change joins nobody from before"
            );
            for _ in 0..3 {
                assert_eq!(client.get("/things/1").await.body, "new", "{way}");
            }
            assert_eq!(source.calls.get(), 2, "{way}");
        }
    }
}

#[tokio::test]
async fn a_request_that_changes_something_makes_its_path_untrue() {
    let source = Source::counting(&[]);
    let client = Client::new(Policy::SHORT, &source);
    let ways = [
        Method::PUT,
        Method::POST,
        Method::PATCH,
        Method::DELETE,
        Method::from_bytes(b"MOVE").expect("a method"),
    ];
    for way in ways {
        client.get("/things/1").await;
        let other = client.get("/things/2").await;
        assert!(client.get("/things/1?page=2").await.how().ends_with("stored"));
        assert_eq!(client.send(way.clone(), "/things/1", &[]).await.how(), "");
        assert!(!client.get("/things/1").await.is_hit(), "{way}");
        assert!(!client.get("/things/1?page=2").await.is_hit(), "{way}: each of its queries");
        assert_eq!(client.get("/things/2").await.body, other.body, "{way}: another path stays");
        client.send(Method::PUT, "/things/1", &[]).await;
    }
    client.get("/things/1").await;
    client.send(Method::OPTIONS, "/things/1", &[]).await;
    assert!(client.get("/things/1").await.is_hit());
}

#[tokio::test]
async fn a_change_that_was_refused_changes_nothing_and_one_that_broke_may_have() {
    for (status, stays) in [(404, true), (409, true), (303, false), (500, false)] {
        let source = Source::by(move |request| {
            let status = if request.method() == Method::GET { 200 } else { status };
            Box::pin(async move { Ok(answer(StatusCode::from_u16(status).expect("a status"), &[], "")) })
        });
        let client = Client::new(Policy::SHORT, &source);
        client.get("/things/1").await;
        client.send(Method::PUT, "/things/1", &[]).await;
        assert_eq!(client.get("/things/1").await.is_hit(), stays, "{status}");
    }
}

/// A client that does not wait for the answer to its change: the change may be made, so its path is untrue.
#[tokio::test]
async fn a_change_nobody_waits_for_makes_its_path_untrue() {
    let gate = Gate::default();
    let stop = gate.clone();
    let source = Source::by(move |request| {
        let gate = stop.clone();
        Box::pin(async move {
            if request.method() == Method::PUT {
                gate.wait().await;
            }
            Ok(answer(StatusCode::OK, &[], ""))
        })
    });
    let client = Client::new(Policy::SHORT, &source);
    client.get("/things/1").await;
    let change = {
        let client = client.clone();
        tokio::spawn(async move { client.send(Method::PUT, "/things/1", &[]).await })
    };
    gate.arrived().await;
    assert!(client.get("/things/1").await.is_hit());
    change.abort();
    assert!(change.await.expect_err("it was aborted").is_cancelled());
    assert!(!client.get("/things/1").await.is_hit());
}

#[tokio::test]
async fn a_leader_that_goes_away_leaves_the_load_to_who_waits() {
    let gate = Gate::default();
    let source = Source::gated(&gate, &text("one"), &[]);
    let client = Client::new(Policy::SHORT, &source);
    let leader = spawn(&client, &[]);
    gate.arrived().await;
    let joiner = spawn(&client, &[]);
    tokio::task::yield_now().await;
    leader.abort();
    gate.arrived_times(2).await;
    gate.open();
    assert_eq!(ended(joiner).await.how(), "api; fwd=miss; stored");
}

async fn two_processes_share([one, other]: [Cache; 2]) {
    let (gate, text) = (Gate::default(), text("old"));
    let source = Source::gated(&gate, &text, &[("x-own", "kept"), ("set", "a"), ("set", "b")]);
    let route = || Route::from(Policy::SHORT).l1(Level::Off).tag("thing:{id}");
    let (one, other) = (Client::over(&one, route(), &source), Client::over(&other, route(), &source));
    let first = spawn(&one, &[]);
    gate.arrived().await;
    let second = spawn(&other, &[]);
    tokio::task::yield_now().await;
    gate.open();
    let (first, second) = (ended(first).await, ended(second).await);
    assert_eq!(first.how(), "api; fwd=miss; stored");
    assert_eq!((&first.body, source.calls.get()), (&second.body, 1), "{}", second.how());
    for name in ["x-own", "set", "etag", "date"] {
        let all = |seen: &Seen| seen.headers.get_all(name).into_iter().cloned().collect::<Vec<_>>();
        assert!(!all(&first).is_empty() && all(&first) == all(&second), "{name}");
    }
    assert!(other.get("/things/1").await.how().ends_with("detail=l2"));
    assert_eq!(source.calls.get(), 1);
    set(&text, "new");
    one.send(Method::PUT, "/things/1", &[]).await;
    assert_eq!(other.get("/things/1").await.body, "new");
    assert_eq!(one.get("/things/1").await.body, "new");
}

#[tokio::test]
async fn two_processes_share_responses() {
    two_processes_share(pair()).await;
}

#[tokio::test]
async fn two_processes_share_responses_over_redis() {
    let server = RedisServer::start();
    let cache = async || {
        let cache = Cache::builder().redis(server.url()).build().expect("a good url");
        cache.ready(Duration::from_secs(10)).await.expect("the server is up");
        cache
    };
    let (one, other) = (cache().await, cache().await);
    two_processes_share([one.clone(), other.clone()]).await;
    let keys = server.cli(&["KEYS", "api:v1:*"]);
    assert_eq!(keys.trim(), "api:v1:/things/%7Bid%7D:/things/1:%");
    // And with L1: the other process hears of it.
    let (text, gate) = (text("old"), Gate::default());
    gate.open();
    let source = Source::gated(&gate, &text, &[]);
    let (one, other) =
        (Client::over(&one, Policy::SHORT, &source), Client::over(&other, Policy::SHORT, &source));
    one.get("/things/2").await;
    until("L1 answers", async || other.get("/things/2").await.how().ends_with("detail=l1")).await;
    set(&text, "new");
    one.send(Method::DELETE, "/things/2", &[]).await;
    assert_eq!(one.get("/things/2").await.body, "new");
    until("the other one has heard of it", async || other.get("/things/2").await.body == "new").await;
}

#[tokio::test]
async fn a_redis_that_is_down_costs_loads_and_no_errors() {
    let server = RedisServer::start();
    let cache = Cache::builder().redis(server.url()).build().expect("a good url");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    let source = Source::counting(&[]);
    let client = Client::over(&cache, Policy::SHORT, &source);
    client.get("/things/1").await;
    server.kill();
    let mut body = String::new();
    until("the cache has noticed", async || {
        let seen = client.get("/things/3").await;
        assert_eq!(seen.status, 200, "{seen:?}");
        seen.how() == "api; fwd=miss"
    })
    .await;
    for _ in 0..20 {
        let seen = client.get("/things/3").await;
        assert_eq!((seen.status, seen.how()), (200, "api; fwd=miss"));
        assert_ne!(std::mem::replace(&mut body, seen.body.clone()), seen.body, "each is new");
        assert_eq!(client.send(Method::HEAD, "/things/3", &[]).await.status, 200);
        assert_eq!(client.send(Method::PUT, "/things/3", &[]).await.status, 200);
        assert_eq!(client.with(&[("cache-control", "no-cache")]).await.status, 200);
        assert_eq!(client.with(&[("cache-control", "only-if-cached")]).await.status, 504);
    }
    server.restart();
    cache.ready(Duration::from_secs(10)).await.expect("it is back");
    until("it is served again", async || client.get("/things/3").await.is_hit()).await;
}

#[tokio::test]
async fn without_a_cache_everything_goes_to_the_handler() {
    let source = Source::counting(&[("etag", "\"a\"")]);
    let client = Client::over(&Cache::disabled(), Policy::SHORT, &source);
    for calls in 1..4 {
        let seen = client.get("/things/1").await;
        assert_eq!((seen.how(), source.calls.get()), ("api; fwd=miss", calls));
    }
    assert_eq!(client.with(&[("if-none-match", "\"a\"")]).await.status, 304);
}

/// The handler of a cached route runs as a load: it sees its source, and what it calls uses no cache.
#[tokio::test]
async fn what_a_handler_calls_is_not_cached_and_not_reported() {
    use cache_runtime::{cached, observed};
    #[cached(ns = "http_inner")]
    async fn inner() -> u64 {
        7
    }
    let source =
        Source::by(|_| Box::pin(async { Ok(answer(StatusCode::OK, &[], inner().await.to_string())) }));
    let cache = Cache::in_process();
    let client = Client::over(&cache, Policy::SHORT, &source);
    let outcomes = async || {
        let (_, report) = cache.scope_for(observed(client.get("/things/1"))).await;
        let answers = report.answers().iter();
        answers.map(|answer| (answer.namespace, answer.function, answer.outcome.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(outcomes().await, [("api", "/things/{id}", "loaded")]);
    assert_eq!(outcomes().await, [("api", "/things/{id}", "hit-l1")]);
    assert!(!cache.scope_for(inner_entry().exists()).await);
    let counted = &cache.stats().namespaces["api"]["/things/{id}"];
    assert_eq!((counted.loaded, counted.hits_l1), (1, 1));
}

/// A layer within the handler of another one: what it would answer is as old as its own entry.
#[tokio::test]
async fn a_layer_within_a_cached_route_is_no_cache() {
    let source = Source::counting(&[]);
    let cache = Cache::in_process();
    let inner =
        HttpCache::in_namespace(&cache, "inner").route("/things/{id}", Policy::LONG).layer(source.clone());
    let inner = Client(inner);
    inner.get("/things/1").await;
    let asked = inner.clone();
    let outer = Source::by(move |request| {
        let inner = asked.clone();
        Box::pin(async move { Ok(inner.raw(request).await?.map(http_body_util::BodyExt::boxed_unsync)) })
    });
    let outer = Client::over(&cache, Policy::SHORT, &outer);
    let seen = outer.get("/things/1").await;
    assert_eq!((&*seen.body, seen.how()), ("2", "api; fwd=miss; stored"));
    assert_eq!(inner.get("/things/1").await.body, "1", "its own entry stays");
}
