//! A service that a test answers for, and a client of it behind the layer.

use bytes::Bytes;
use cache_runtime::Cache;
use cache_runtime::http::{HttpCache, HttpService, ResponseBody, Route};
use cache_tests::gate::{Counter, Gate};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tower_layer::Layer as _;
use tower_service::Service;

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, io::Error>> + Send>>;
type Handler = dyn Fn(Request<Full<Bytes>>) -> Answering + Send + Sync;

/// What stands behind the layer; it counts who comes.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) calls: Counter,
    handler: Arc<Handler>,
}

impl Source {
    pub(crate) fn by(handler: impl Fn(Request<Full<Bytes>>) -> Answering + Send + Sync + 'static) -> Self {
        Self { calls: Counter::default(), handler: Arc::new(handler) }
    }

    /// Answers with the number of the call, and `fields`.
    pub(crate) fn counting(fields: &'static [(&'static str, &'static str)]) -> Self {
        Self::status(StatusCode::OK, fields)
    }

    /// The same with another status.
    pub(crate) fn status(status: StatusCode, fields: &'static [(&'static str, &'static str)]) -> Self {
        let calls = Counter::default();
        let counted = calls.clone();
        let handler = move |_| ready(answer(status, fields, counted.get().to_string()));
        Self { calls, handler: Arc::new(handler) }
    }

    /// Answers with `text` as it was when the request came, once the gate is open.
    pub(crate) fn gated(
        gate: &Gate,
        text: &Arc<Mutex<String>>,
        fields: &'static [(&'static str, &'static str)],
    ) -> Self {
        let (gate, text) = (gate.clone(), text.clone());
        Self::by(move |_| {
            let (gate, text) = (gate.clone(), text.lock().expect("no panics").clone());
            Box::pin(async move {
                gate.wait().await;
                Ok(answer(StatusCode::OK, fields, text))
            })
        })
    }
}

pub(crate) fn ready(response: Response<Body>) -> Answering {
    Box::pin(std::future::ready(Ok(response)))
}

pub(crate) fn answer(
    status: StatusCode,
    fields: &[(&'static str, &'static str)],
    body: impl Into<Bytes>,
) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in fields {
        response.headers_mut().append(*name, value.parse().expect("a legal header"));
    }
    response
}

impl Service<Request<Full<Bytes>>> for Source {
    type Response = Response<Body>;
    type Error = io::Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Answering {
        self.calls.add();
        (self.handler)(request)
    }
}

/// One process that serves.
#[derive(Clone)]
pub(crate) struct Client(pub(crate) HttpService<Source>);

impl Client {
    /// `route` at `/things/{id}` of a cache of its own.
    pub(crate) fn new(route: impl Into<Route>, source: &Source) -> Self {
        Self::over(&Cache::in_process(), route, source)
    }

    pub(crate) fn over(cache: &Cache, route: impl Into<Route>, source: &Source) -> Self {
        Self(HttpCache::new(cache).route("/things/{id}", route).layer(source.clone()))
    }

    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.send(Method::GET, path, &[]).await
    }

    pub(crate) async fn with(&self, fields: &[(&str, &str)]) -> Seen {
        self.send(Method::GET, "/things/1", fields).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::default()).expect("a legal request");
        Seen::of(self.raw(request).await.expect("the source does not fail")).await
    }

    pub(crate) async fn raw(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<ResponseBody<Body>>, io::Error> {
        let mut service = self.0.clone();
        poll_fn(|context| service.poll_ready(context)).await?;
        service.call(request).await
    }
}

/// A response that was read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) async fn of<B>(response: Response<B>) -> Self
    where
        B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
    {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("a text");
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a text"))
    }

    /// What `Cache-Status` says.
    pub(crate) fn how(&self) -> &str {
        self.header("cache-status").unwrap_or_default()
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.how().starts_with("api; hit")
    }
}
