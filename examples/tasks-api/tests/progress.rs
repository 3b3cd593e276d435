//! The progress of a rendering, followed over real HTTP.

mod support;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use support::Service;
use support::redis::Redis;
use tasks_api::Config;
use tokio::net::TcpStream;

/// A client that follows a rendering.
struct Follower {
    body: Incoming,
    text: String,
}

impl Follower {
    async fn of(service: &Service, path: &str) -> Self {
        let stream = TcpStream::connect(service.addr()).await.expect("the service listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
        tokio::spawn(connection);
        let host = service.addr().to_string();
        let request = Request::get(path).header("host", host).body(Empty::<Bytes>::new()).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The states of the whole stream.
    async fn states(mut self) -> Vec<Value> {
        while let Some(frame) = self.body.frame().await {
            let bytes = frame.expect("the stream goes on").into_data().unwrap_or_default();
            self.text.push_str(std::str::from_utf8(&bytes).expect("events are text"));
        }
        let events: Vec<_> = self.text.split_terminator("\n\n").collect();
        let (end, states) = events.split_last().expect("an end");
        assert!(end.contains("event: end"), "{end}");
        let state = |event: &&str| {
            let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("no state: {event}"));
            serde_json::from_str(data).expect("a state is JSON")
        };
        states.iter().map(state).collect()
    }
}

/// The states of one stream go forward, and to the last one.
fn complete(states: &[Value]) {
    let done = |state: &Value| state["done"].as_u64().expect("a number");
    let last = states.last().expect("at least the last state");
    assert_eq!(done(last), last["of"].as_u64().expect("a number"), "{states:?}");
    assert!(states.windows(2).all(|pair| done(&pair[0]) < done(&pair[1])), "{states:?}");
}

#[tokio::test]
async fn two_followers_see_a_rendering_to_its_end() {
    let service = Service::start(Config::default()).await;
    let path = "/tasks/33/progress";
    let (one, other) = (Follower::of(&service, path).await, Follower::of(&service, path).await);
    let begun = service.send(Method::POST, "/tasks/33/render", None).await;
    assert_eq!((begun.status.as_u16(), begun.json), (202, Value::Null));
    let (one, other) = tokio::join!(one.states(), other.states());
    complete(&one);
    complete(&other);
    assert_eq!(one.last(), other.last());
    let late = Follower::of(&service, path).await.states().await;
    assert_eq!(late, one[one.len() - 1..], "who comes too late sees how it ended");
    service.stop().await;
}

#[tokio::test]
async fn a_rendering_is_followed_from_another_service() {
    let Some(redis) = Redis::start() else { return };
    let config = || {
        let cache =
            cache_runtime::Cache::builder().redis(&redis.url).app("tasks").build().expect("a good url");
        Config { cache, ..Config::default() }
    };
    let (worker, web) = (Service::start(config()).await, Service::start(config()).await);
    worker.until("/healthz", |answer| answer.json["cache"] == json!("ok")).await;
    let here = Follower::of(&worker, "/tasks/33/progress").await;
    let there = Follower::of(&web, "/tasks/33/progress").await;
    worker.send(Method::POST, "/tasks/33/render", None).await;
    let (here, there) = tokio::join!(here.states(), there.states());
    complete(&here);
    complete(&there);
    assert_eq!(here.last(), there.last());
    worker.stop().await;
    web.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_rendered() {
    let service = Service::start(Config::default()).await;
    assert_eq!(service.send(Method::POST, "/tasks/999999/render", None).await.status, 404);
    service.stop().await;
}
