//! Bodies: read whole where they are small enough, handed on where not.

use super::status::Reason;
use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The body of a response that came through the layer: whole, as it was stored, or the handler's own, as it comes.
pub struct ResponseBody<B: Body>(Kind<B>);

enum Kind<B: Body> {
    Whole(Bytes),
    Passed {
        /// What was read of it before it was found not to be stored.
        read: VecDeque<Bytes>,
        /// The frame that ended the reading, if it is no data.
        odd: Option<Result<Frame<Bytes>, B::Error>>,
        rest: Pin<Box<B>>,
    },
}

impl<B: Body> ResponseBody<B> {
    pub(super) const fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }

    pub(super) fn passed(body: B) -> Self {
        Self(Kind::Passed { read: VecDeque::new(), odd: None, rest: Box::pin(body) })
    }
}

/// Reads all of a body of at most `largest` bytes.
///
/// # Errors
/// A body that cannot be stored, with what was read of it: never more than `largest` bytes and one frame.
pub(super) async fn collect<B: Body>(body: B, largest: usize) -> Result<Bytes, (ResponseBody<B>, Reason)> {
    if body.size_hint().lower() > largest as u64 {
        return Err((ResponseBody::passed(body), Reason::Size));
    }
    let mut rest = Box::pin(body);
    let mut read = VecDeque::new();
    let mut size = 0;
    let (odd, reason) = loop {
        let data = match poll_fn(|context| rest.as_mut().poll_frame(context)).await {
            None => return Ok(joined(read, size)),
            Some(Ok(frame)) => match owned(frame).into_data() {
                Ok(data) => data,
                Err(trailers) => break (Some(Ok(trailers)), Reason::Trailers),
            },
            Some(Err(error)) => break (Some(Err(error)), Reason::Broken),
        };
        size += data.len();
        read.push_back(data);
        if size > largest {
            break (None, Reason::Size);
        }
    };
    Err((ResponseBody(Kind::Passed { read, odd, rest }), reason))
}

fn joined(mut read: VecDeque<Bytes>, size: usize) -> Bytes {
    if read.len() < 2 {
        return read.pop_front().unwrap_or_default();
    }
    let mut all = BytesMut::with_capacity(size);
    for data in read {
        all.extend_from_slice(&data);
    }
    all.freeze()
}

fn owned<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

/// Nothing in it is pinned in place.
impl<B: Body> Unpin for ResponseBody<B> {}

impl<B: Body> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = match &mut self.0 {
            Kind::Whole(bytes) if bytes.is_empty() => None,
            Kind::Whole(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Kind::Passed { read, odd, rest } => match read.pop_front() {
                Some(data) => Some(Ok(Frame::data(data))),
                None if odd.is_some() => odd.take(),
                None => ready!(rest.as_mut().poll_frame(context)).map(|frame| frame.map(owned)),
            },
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Passed { read, odd, rest } => read.is_empty() && odd.is_none() && rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Passed { read, rest, .. } => {
                let read = read.iter().map(Bytes::len).sum::<usize>() as u64;
                let hint = rest.size_hint();
                let mut all = SizeHint::new();
                all.set_lower(hint.lower().saturating_add(read));
                if let Some(upper) = hint.upper() {
                    all.set_upper(upper.saturating_add(read));
                }
                all
            }
        }
    }
}

impl<B: Body> std::fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &self.0 {
            Kind::Whole(_) => "whole",
            Kind::Passed { .. } => "passed",
        };
        f.debug_tuple("ResponseBody").field(&kind).finish()
    }
}
