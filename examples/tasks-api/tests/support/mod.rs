//! A client that speaks real HTTP to a service, and programs that a test starts for itself.
#![allow(dead_code, reason = "every test file uses a part of this")]

use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use cache_runtime::Warmed;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tasks_api::{Config, Running};
use tokio::net::TcpStream;

pub(crate) mod journey;
pub(crate) mod postgres;
pub(crate) mod redis;

/// What the service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The header `x-cache`.
    pub(crate) cache: Option<String>,
    /// The header `x-invalidation`.
    pub(crate) invalidation: Option<String>,
    /// `Null` without a body; a page of text as a text.
    pub(crate) json: Value,
}

/// A service of this test's own.
pub(crate) struct Service {
    running: Running,
}

impl Service {
    pub(crate) async fn start(config: Config) -> Self {
        Self { running: tasks_api::start(config).await.expect("the service starts") }
    }

    /// Waits until the tasks that were changed last are in the cache.
    pub(crate) async fn warmed(&mut self) -> Option<Warmed> {
        self.running.warmed().await
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.running.addr
    }

    /// Stops the service; nothing may be left to tell Redis.
    pub(crate) async fn stop(self) {
        assert_eq!(self.stop_with_losses().await, 0, "invalidations that Redis was not told of");
    }

    /// Stops the service; gives how many invalidations Redis was not told of.
    pub(crate) async fn stop_with_losses(self) -> usize {
        self.running.shutdown().await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// The JSON of a read that must succeed.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "GET {path}: {answer:?}");
        answer.json
    }

    /// The word in `x-cache` for a read.
    pub(crate) async fn word(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.cache.unwrap_or_else(|| panic!("{path} has no x-cache"))
    }

    /// Reads until `wanted` is the answer, which takes another service's change as long as Redis takes to tell of it.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) {
        let begun = Instant::now();
        loop {
            let answer = self.get(path).await;
            if wanted(&answer) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "{path}: still {answer:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Gives a task another title.
    pub(crate) async fn rename(&self, path: &str, title: &str) -> Answer {
        let answer = self.send_json(Method::PATCH, path, json!({ "title": title })).await;
        assert_eq!((answer.status.as_u16(), answer.json["title"].as_str()), (200, Some(title)));
        assert_eq!(answer.cache, None, "a mutation is no read");
        answer
    }

    /// A mutation with a JSON body, or without one when it is `Null`.
    pub(crate) async fn send_json(&self, method: Method, path: &str, body: Value) -> Answer {
        self.send(method, path, (!body.is_null()).then(|| body.to_string())).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let stream = TcpStream::connect(self.addr()).await.expect("the service listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.addr().to_string())
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let header = |name| head.headers.get(name).map(|word| word.to_str().expect("a word").to_owned());
        let bytes = body.collect().await.expect("the whole answer").to_bytes();
        Answer {
            status: head.status,
            cache: header("x-cache"),
            invalidation: header("x-invalidation"),
            json: if bytes.is_empty() {
                Value::Null
            } else if header("content-type").is_some_and(|kind| kind.starts_with("text/plain")) {
                String::from_utf8(bytes.to_vec()).expect("text").into()
            } else {
                serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{path}: not JSON: {bytes:?}"))
            },
        }
    }
}

/// A program that a test started; it is stopped by its own number.
pub(crate) struct Program(pub(crate) Child);

impl Program {
    pub(crate) fn signal(&self, signal: &str) {
        let _ = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal("-CONT");
        self.signal("-INT");
        let _ = self.0.wait();
    }
}

/// A port of the loopback that nobody uses at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
