//! A request, from its arrival to its answer.

use super::body::{ResponseBody, collect};
use super::condition::{CONDITIONS, is_unmodified};
use super::control::Control;
use super::layer::HttpCache;
use super::lookup::{is_own, local, peek, read, refresh, reload_later, resident};
use super::route::Placed;
use super::status::{Forward, Reason, Status};
use super::stored::{Stored, mark};
use super::template::path_tag;
use super::terms::{Terms, bypasses};
use crate::context;
use crate::engine::Answered;
use crate::entry::Place;
use crate::observe::{Answer, Outcome};
use crate::scope::Deferred;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tower_service::Service;

/// A service whose responses are cached; [`HttpCache`] makes one of any other.
///
/// It is always ready: an answer from the cache waits for nobody. Where the inner service is asked, its readiness is awaited then.
#[derive(Debug, Clone)]
pub struct HttpService<S> {
    http: HttpCache,
    inner: S,
}

impl<S> HttpService<S> {
    pub(super) const fn new(http: HttpCache, inner: S) -> Self {
        Self { http, inner }
    }
}

/// What the service answers with.
type Answering<B, E> = Pin<Box<dyn Future<Output = Result<Response<ResponseBody<B>>, E>> + Send>>;

impl<S, A, B> Service<Request<A>> for HttpService<S>
where
    S: Service<Request<A>, Response = Response<B>, Error: Send, Future: Send> + Clone + Send + 'static,
    A: Body + Default + Send + 'static,
    B: Body<Error: Send> + Send + 'static,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = Answering<B, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let Self { http, inner } = self.clone();
        let found = http.find(request.uri().path(), request.extensions()).cloned();
        let Some(route) = found.filter(|_| !context::reads_past_caches()) else {
            return Box::pin(async move { Ok(forward(inner, request).await?.map(ResponseBody::passed)) });
        };
        if !request.method().is_safe() {
            return Box::pin(mutate(http, inner, request));
        }
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            return Box::pin(async move { Ok(forward(inner, request).await?.map(ResponseBody::passed)) });
        }
        let (parts, body) = request.into_parts();
        let asked = http.asked(&parts.headers);
        let reason = bypasses(&route, &parts, &asked).or((!body.is_end_stream()).then_some(Reason::Body));
        let place = match reason {
            None => route.place(http.cache(), &parts).ok_or(Reason::Vary),
            Some(reason) => Err(reason),
        };
        let exchange = Arc::new(Exchange { http, route, parts, asked });
        match place {
            Err(reason) => Box::pin(exchange.bypass(inner, body, Forward::Bypass, Some(reason))),
            Ok(place) if exchange.asked.only_if_cached || exchange.parts.method == Method::HEAD => {
                Box::pin(exchange.look(place, inner, body))
            }
            Ok(place) => Box::pin(exchange.get(place, inner)),
        }
    }
}

/// Asks the inner service.
async fn forward<S: Service<R>, R>(mut inner: S, request: R) -> Result<S::Response, S::Error> {
    poll_fn(|context| inner.poll_ready(context)).await?;
    inner.call(request).await
}

/// Asks the inner service to change something, and makes untrue what is stored of its path, unless the request was refused.
async fn mutate<S, A, B>(
    http: HttpCache,
    inner: S,
    request: Request<A>,
) -> Result<Response<ResponseBody<B>>, S::Error>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body,
{
    // Dropped on the way, it is invalidated all the same: what the handler did by then is not known.
    let untrue = Deferred::new((), vec![http.targets(&path_tag(request.uri().path()))]);
    let response = forward(inner, request).await;
    if response.as_ref().is_ok_and(|response| response.status().is_client_error()) {
        untrue.discard();
    } else {
        untrue.fire().await;
    }
    Ok(response?.map(ResponseBody::passed))
}

/// One request to a cached route.
struct Exchange {
    http: HttpCache,
    route: Arc<Placed>,
    parts: Parts,
    asked: Control,
}

/// What came of asking the handler, where that is not for others.
enum Passed<B: Body, E> {
    Response(Box<Response<ResponseBody<B>>>, Reason),
    Failed(E),
}

impl Exchange {
    /// Answers from the cache or by the handler.
    async fn get<S, A, B>(
        self: Arc<Self>,
        place: Place,
        inner: S,
    ) -> Result<Response<ResponseBody<B>>, S::Error>
    where
        S: Service<Request<A>, Response = Response<B>, Error: Send, Future: Send> + Clone + Send + 'static,
        A: Body + Default + Send + 'static,
        B: Body<Error: Send> + Send + 'static,
    {
        if !self.asked.no_cache {
            let (found, answered) = match local(&place) {
                Some((stored, answered)) => (Ok(stored), answered),
                None => read(&place, self.clone().load(inner.clone())).await,
            };
            match found {
                Ok(stored) if is_own(answered.outcome) => {
                    return Ok(self.loaded(&stored, Forward::Miss, answered));
                }
                Err(passed) => return self.passed(passed, Forward::Miss, answered),
                Ok(stored) if !self.may_have(&stored) => {
                    return self
                        .bypass(inner, A::default(), Forward::Bypass, Some(Reason::Credentials))
                        .await;
                }
                Ok(stored) if stored.terms().answers(&self.asked, resident(answered)) => {
                    let answer = self.cached(&stored, answered);
                    if answered.due {
                        reload_later(place, self.load(inner));
                    }
                    return Ok(answer);
                }
                Ok(_) => {}
            }
        }
        let (found, outcome) = refresh(&place, self.clone().load(inner.clone())).await;
        let answered = Answered { outcome, age: None, due: false };
        match found {
            Ok(stored) if is_own(outcome) => Ok(self.loaded(&stored, Forward::Request, answered)),
            Ok(stored) if self.may_have(&stored) => Ok(self.cached(&stored, answered)),
            Ok(_) => self.bypass(inner, A::default(), Forward::Bypass, Some(Reason::Credentials)).await,
            Err(passed) => self.passed(passed, Forward::Request, answered),
        }
    }

    /// Answers from what is stored; what is not there is left to the handler, where it may be asked.
    async fn look<S, A, B>(
        self: Arc<Self>,
        place: Place,
        inner: S,
        body: A,
    ) -> Result<Response<ResponseBody<B>>, S::Error>
    where
        S: Service<Request<A>, Response = Response<B>>,
        B: Body,
    {
        if !self.asked.no_cache
            && let Some((stored, answered)) = peek(&place).await
            && self.may_have(&stored)
            && stored.terms().answers(&self.asked, resident(answered))
        {
            return Ok(self.cached(&stored, answered));
        }
        if !self.asked.only_if_cached {
            let forward = if self.asked.no_cache { Forward::Request } else { Forward::Miss };
            return self.bypass(inner, body, forward, None).await;
        }
        let mut answer = Response::new(ResponseBody::whole(Bytes::new()));
        *answer.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        mark(answer.headers_mut(), Status::Missing, self.http.namespace());
        Ok(answer)
    }

    /// Leaves the request to the handler as it came.
    async fn bypass<S, A, B>(
        self: Arc<Self>,
        inner: S,
        body: A,
        to: Forward,
        reason: Option<Reason>,
    ) -> Result<Response<ResponseBody<B>>, S::Error>
    where
        S: Service<Request<A>, Response = Response<B>>,
        B: Body,
    {
        let request = Request::from_parts(self.parts.clone(), body);
        let mut response = forward(inner, request).await?.map(ResponseBody::passed);
        mark(response.headers_mut(), Status::Passed(to, reason), self.http.namespace());
        self.report(Answered { outcome: Outcome::Bypassed, age: None, due: false });
        Ok(response)
    }

    /// Asks the handler for a response that others may have, too: one that does not depend on what this client has already.
    async fn load<S, A, B>(self: Arc<Self>, inner: S) -> Result<Stored, Passed<B, S::Error>>
    where
        S: Service<Request<A>, Response = Response<B>>,
        A: Default,
        B: Body,
    {
        let mut request = Request::from_parts(self.parts.clone(), A::default());
        for name in &CONDITIONS {
            request.headers_mut().remove(name);
        }
        let (parts, body) = forward(inner, request).await.map_err(Passed::Failed)?.into_parts();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.http.cache().engine.store.now_ms());
        let terms = match Terms::of(&self.route, &self.parts.headers, &parts, now) {
            Ok(terms) => terms,
            Err(reason) => {
                let response = Response::from_parts(parts, ResponseBody::passed(body));
                return Err(Passed::Response(Box::new(response), reason));
            }
        };
        match collect(body, self.route.largest).await {
            Ok(body) => Ok(Stored::new(parts, body, terms, now)),
            Err((body, reason)) => Err(Passed::Response(Box::new(Response::from_parts(parts, body)), reason)),
        }
    }

    /// Whether a response that another request brought is for this one.
    fn may_have(&self, stored: &Stored) -> bool {
        stored.terms().is_public || !self.parts.headers.contains_key(http::header::AUTHORIZATION)
    }

    fn cached<B: Body>(&self, stored: &Stored, answered: Answered) -> Response<ResponseBody<B>> {
        let (left, beyond) = stored.terms().left(resident(answered));
        let status = match answered.outcome {
            Outcome::Joined => Status::Collapsed,
            outcome => Status::hit(outcome, left, beyond),
        };
        self.answer(stored, status, answered)
    }

    fn loaded<B: Body>(
        &self,
        stored: &Stored,
        forward: Forward,
        answered: Answered,
    ) -> Response<ResponseBody<B>> {
        let status = match answered.outcome {
            Outcome::Bypassed => Status::Passed(forward, None),
            _ => Status::Stored(forward),
        };
        self.answer(stored, status, answered)
    }

    fn answer<B: Body>(
        &self,
        stored: &Stored,
        status: Status,
        answered: Answered,
    ) -> Response<ResponseBody<B>> {
        self.report(answered);
        let Parts { method, headers, .. } = &self.parts;
        stored.answer(method, headers, resident(answered), status, self.http.namespace())
    }

    fn passed<B: Body, E>(
        &self,
        passed: Passed<B, E>,
        forward: Forward,
        answered: Answered,
    ) -> Result<Response<ResponseBody<B>>, E> {
        self.report(answered);
        let (mut response, reason) = match passed {
            Passed::Response(response, reason) => (response, reason),
            Passed::Failed(error) => return Err(error),
        };
        // The handler was not told what the client has.
        if is_unmodified(&self.parts.headers, response.status(), response.headers()) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = ResponseBody::whole(Bytes::new());
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        mark(response.headers_mut(), Status::Passed(forward, Some(reason)), self.http.namespace());
        Ok(*response)
    }

    fn report(&self, Answered { outcome, age, .. }: Answered) {
        let site = self.route.site;
        self.http.cache().engine.count(site, outcome);
        context::report_answer(Answer { namespace: site.namespace, function: site.function, outcome, age });
    }
}
