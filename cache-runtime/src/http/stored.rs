//! A response as an entry.

use super::body::ResponseBody;
use super::condition::{OF_304, is_unmodified};
use super::control::members;
use super::status::Status;
use super::terms::Terms;
use crate::codec::Postcard;
use crate::typed::Rules;
use bytes::Bytes;
use http::header::{AGE, CONNECTION, CONTENT_LENGTH, DATE, ETAG, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, response};
use http_body::Body;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use xxhash_rust::xxh3;

pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What is said of one connection, or of this answer alone.
const NOT_STORED: [HeaderName; 4] = [AGE, CONNECTION, TRANSFER_ENCODING, CACHE_STATUS];
const NOT_STORED_BY_NAME: [&str; 6] =
    ["keep-alive", "proxy-authenticate", "proxy-authentication-info", "proxy-authorization", "te", "trailer"];

/// What a route says of its responses: each has its own terms.
pub(super) const RULES: Rules<Stored> = Rules::new::<Postcard>(|_: &Stored| false)
    .ttl_with(|stored| stored.0.terms.fresh.unwrap_or(Duration::MAX))
    .stale_with(|stored| stored.0.terms.stale);

/// A response that answers for later requests; clones are the same one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored(Arc<Snapshot>);

#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    status: u16,
    #[serde(with = "fields")]
    headers: HeaderMap,
    body: Bytes,
    terms: Terms,
}

impl Stored {
    pub(super) fn new(parts: response::Parts, body: Bytes, terms: Terms, now: SystemTime) -> Self {
        let response::Parts { status, mut headers, .. } = parts;
        let connection: Vec<_> = members(&headers, &CONNECTION).map(str::to_owned).collect();
        let of_connection = connection.iter().map(String::as_str);
        for name in of_connection.chain(NOT_STORED_BY_NAME).chain(NOT_STORED.iter().map(HeaderName::as_str)) {
            headers.remove(name);
        }
        headers.entry(DATE).or_insert_with(|| text(httpdate::fmt_http_date(now)));
        if status == StatusCode::OK {
            headers.entry(ETAG).or_insert_with(|| text(format!("\"{:032x}\"", xxh3::xxh3_128(&body))));
        }
        Self(Arc::new(Snapshot { status: status.as_u16(), headers, body, terms }))
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// The answer to a request, so long after the response came.
    pub(super) fn answer<B: Body>(
        &self,
        method: &Method,
        request: &HeaderMap,
        resident: Duration,
        status: Status,
        namespace: &str,
    ) -> Response<ResponseBody<B>> {
        let Snapshot { headers, body, terms, .. } = &*self.0;
        let code = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::OK);
        let mut answer = if is_unmodified(request, code, headers) {
            not_modified(headers)
        } else if *method == Method::HEAD {
            let mut answer = Response::new(ResponseBody::whole(Bytes::new()));
            *answer.headers_mut() = headers.clone();
            if !body.is_empty() {
                answer.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(body.len()));
            }
            answer
        } else {
            let mut answer = Response::new(ResponseBody::whole(body.clone()));
            *answer.headers_mut() = headers.clone();
            answer
        };
        if answer.status() == StatusCode::OK {
            *answer.status_mut() = code;
        }
        if status.is_from_cache() || !terms.age.is_zero() {
            answer.headers_mut().insert(AGE, HeaderValue::from((terms.age + resident).as_secs()));
        }
        mark(answer.headers_mut(), status, namespace);
        answer
    }
}

/// The answer to a request that has a response with these headers already.
pub(super) fn not_modified<B: Body>(headers: &HeaderMap) -> Response<ResponseBody<B>> {
    let mut answer = Response::new(ResponseBody::whole(Bytes::new()));
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    for name in &OF_304 {
        for value in headers.get_all(name) {
            answer.headers_mut().append(name, value.clone());
        }
    }
    answer
}

/// Adds how the request was answered.
pub(super) fn mark(headers: &mut HeaderMap, status: Status, namespace: &str) {
    if let Some(value) = status.header(namespace) {
        headers.append(CACHE_STATUS, value);
    }
}

fn text(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("dates and hexadecimal digits are legal in headers")
}

/// Headers as a list of names and values.
mod fields {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(headers: &HeaderMap, to: S) -> Result<S::Ok, S::Error> {
        // A codec that writes the length first has to know it.
        let fields: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        to.collect_seq(fields)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HeaderMap, D::Error> {
        let fields = Vec::<(String, Vec<u8>)>::deserialize(from)?;
        let mut headers = HeaderMap::with_capacity(fields.len());
        for (name, value) in fields {
            let name = HeaderName::try_from(name).map_err(D::Error::custom)?;
            headers.append(name, HeaderValue::try_from(value).map_err(D::Error::custom)?);
        }
        Ok(headers)
    }
}
