//! Large bodies, slow ones, broken ones: handed on as they come.

use crate::world::{Body, Client, Seen, Source, answer};
use bytes::Bytes;
use cache_runtime::Policy;
use cache_runtime::http::Route;
use cache_tests::gate::Counter;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Frames, one after the other; it counts those that were asked for.
struct Frames {
    queue: VecDeque<Result<Frame<Bytes>, io::Error>>,
    polled: Counter,
    says_its_size: bool,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = self.queue.pop_front();
        if frame.is_some() {
            self.polled.add();
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        if !self.says_its_size {
            return SizeHint::default();
        }
        let data = self.queue.iter().flatten().filter_map(Frame::data_ref);
        SizeHint::with_exact(data.map(|data| data.len() as u64).sum())
    }
}

fn chunks(number: usize) -> Vec<Result<Frame<Bytes>, io::Error>> {
    (0..number).map(|_| Ok(Frame::data(Bytes::from_static(&[b'x'; 10])))).collect()
}

fn source(
    polled: &Counter,
    says_its_size: bool,
    frames: impl Fn() -> Vec<Result<Frame<Bytes>, io::Error>> + Send + Sync + 'static,
) -> Source {
    let polled = polled.clone();
    Source::by(move |_| {
        let frames = Frames { queue: frames().into(), polled: polled.clone(), says_its_size };
        let response: Response<Body> = Response::new(frames.boxed_unsync());
        Box::pin(async { Ok(response) })
    })
}

fn request() -> Request<Full<Bytes>> {
    Request::get("/things/1").body(Full::default()).expect("a legal request")
}

#[tokio::test(start_paused = true)]
async fn a_body_up_to_the_limit_is_stored_in_one_piece() {
    for says_its_size in [true, false] {
        let polled = Counter::default();
        let source = source(&polled, says_its_size, || chunks(10));
        let client = Client::new(Route::from(Policy::SHORT).largest(100), &source);
        for how in ["api; fwd=miss; stored", "api; hit; ttl=60; detail=l1"] {
            let seen = client.get("/things/1").await;
            assert_eq!((seen.how(), &*seen.body), (how, &*"x".repeat(100)));
        }
        assert_eq!(source.calls.get(), 1);
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_read_no_further_than_that_and_streams() {
    let polled = Counter::default();
    let source = source(&polled, false, || chunks(1_000));
    let client = Client::new(Route::from(Policy::SHORT).largest(100), &source);
    let mut response = client.raw(request()).await.expect("an answer");
    assert_eq!(response.headers()["cache-status"], "api; fwd=miss; detail=size");
    assert_eq!(polled.get(), 11, "the limit, and the chunk that passed it");
    let body = response.body_mut();
    for _ in 0..11 {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        assert_eq!(frame.expect("a frame").expect("of data").into_data().expect("data").len(), 10);
    }
    assert_eq!(polled.get(), 11, "what was read comes first");
    poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await.expect("a frame").expect("of data");
    assert_eq!(polled.get(), 12);
    assert_eq!(Seen::of(response).await.body.len(), 9_880);
    assert_eq!(client.get("/things/1").await.body.len(), 10_000, "nothing of it is stored");
    assert_eq!(source.calls.get(), 2);
}

#[tokio::test]
async fn a_body_that_says_that_it_is_too_large_is_not_touched() {
    let polled = Counter::default();
    let source = source(&polled, true, || chunks(11));
    let client = Client::new(Route::from(Policy::SHORT).largest(100), &source);
    let response = client.raw(request()).await.expect("an answer");
    assert_eq!((polled.get(), response.body().size_hint().exact()), (0, Some(110)));
    assert_eq!(Seen::of(response).await.body.len(), 110);
}

#[tokio::test]
async fn a_body_that_breaks_breaks_for_its_client_and_is_not_stored() {
    let polled = Counter::default();
    let source = source(&polled, false, || {
        let mut frames = chunks(2);
        frames.push(Err(io::Error::other("cut off")));
        frames
    });
    let client = Client::new(Policy::SHORT, &source);
    for _ in 0..2 {
        let mut response = client.raw(request()).await.expect("an answer");
        assert_eq!(response.headers()["cache-status"], "api; fwd=miss; detail=broken");
        for _ in 0..2 {
            response.body_mut().frame().await.expect("a frame").expect("of data");
        }
        let error = response.body_mut().frame().await.expect("a frame").expect_err("the error");
        assert_eq!(error.to_string(), "cut off");
    }
    assert_eq!(source.calls.get(), 2);
}

#[tokio::test]
async fn trailers_are_handed_on() {
    let polled = Counter::default();
    let source = source(&polled, false, || {
        let mut frames = chunks(1);
        let trailers =
            HeaderMap::from_iter([("x-sum".parse().expect("a name"), "10".parse().expect("a value"))]);
        frames.push(Ok(Frame::trailers(trailers)));
        frames
    });
    let client = Client::new(Policy::SHORT, &source);
    for _ in 0..2 {
        let response = client.raw(request()).await.expect("an answer");
        let body = response.into_body().collect().await.expect("a whole body");
        assert_eq!(body.trailers().expect("trailers")["x-sum"], "10");
        assert_eq!(body.to_bytes().len(), 10);
    }
}

#[tokio::test]
async fn a_request_with_a_body_goes_to_the_handler_with_it() {
    let source = Source::by(|request| {
        Box::pin(async move {
            let body = request.into_body().collect().await.expect("a whole body").to_bytes();
            Ok(answer(http::StatusCode::OK, &[], body))
        })
    });
    let client = Client::new(Policy::SHORT, &source);
    for text in ["one", "two"] {
        let request = Request::get("/things/1").body(Bytes::from(text).into()).expect("a legal request");
        let seen = Seen::of(client.raw(request).await.expect("an answer")).await;
        assert_eq!((&*seen.body, seen.how()), (text, "api; fwd=bypass; detail=body"));
    }
}
