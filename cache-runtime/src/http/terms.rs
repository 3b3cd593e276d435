//! Whether a response is stored, and for how long it answers.

use super::control::{Control, is_unreadable, members, seconds};
use super::route::Placed;
use super::status::Reason;
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, DATE, EXPIRES, IF_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE, SET_COOKIE, UPGRADE, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode, response};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// What is stored for the time that the route says.
const USUAL: [u16; 6] = [200, 203, 204, 300, 301, 308];
/// What is stored if it says itself for how long.
const EXPLICIT: [u16; 5] = [404, 405, 410, 414, 501];

/// What requests that depend on the state of the source carry, or that want a part.
const PRECONDITIONS: [HeaderName; 4] = [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE];

/// What a stored response may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// How old it was when it came.
    pub(super) age: Duration,
    /// How long it is fresh from then on; `None` until it is invalidated.
    pub(super) fresh: Option<Duration>,
    /// How long it answers after that, while it is reloaded.
    pub(super) stale: Duration,
    /// Whether requests with credentials may have it.
    pub(super) is_public: bool,
}

impl Terms {
    /// The terms of a response to `request` that came at `now`.
    ///
    /// # Errors
    /// Why it is not stored.
    pub(super) fn of(
        route: &Placed,
        request: &HeaderMap,
        response: &response::Parts,
        now: SystemTime,
    ) -> Result<Self, Reason> {
        let headers = &response.headers;
        let control = Control::of(headers);
        let is_public = control.public || control.revalidate || control.s_maxage.is_some();
        if is_unreadable(headers, &CACHE_CONTROL) || control.no_store {
            return Err(Reason::NoStore);
        }
        if control.private {
            return Err(Reason::Private);
        }
        if control.no_cache {
            return Err(Reason::NoCache);
        }
        if headers.contains_key(SET_COOKIE) && !route.names(&SET_COOKIE) {
            return Err(Reason::SetCookie);
        }
        if request.contains_key(AUTHORIZATION) && !is_public {
            return Err(Reason::Authorization);
        }
        if is_unreadable(headers, &VARY) || !members(headers, &VARY).all(|name| selects(route, name)) {
            return Err(Reason::Vary);
        }
        if is_stream(headers) {
            return Err(Reason::Events);
        }
        let explicit = lifetime(headers, &control, now);
        if !is_storable(response.status, explicit.is_some()) {
            return Err(Reason::Status);
        }
        let age = members(headers, &AGE).next().and_then(seconds).unwrap_or_default();
        let lifetime = explicit.map_or(route.policy.fresh(), Some);
        let fresh = lifetime.map(|lifetime| lifetime.saturating_sub(age));
        if fresh.is_some_and(|fresh| fresh.is_zero()) {
            return Err(Reason::Expired);
        }
        let stale = match control.stale_while_revalidate {
            _ if control.revalidate => Duration::ZERO,
            Some(stale) => stale.min(route.policy.stale()),
            // A shared cache's own lifetime ends where it ends.
            None if control.s_maxage.is_some() => Duration::ZERO,
            None => route.policy.stale(),
        };
        Ok(Self { age, fresh, stale, is_public })
    }

    /// What is left of being fresh, and how far beyond it is, so long after it came.
    pub(super) fn left(&self, resident: Duration) -> (Option<Duration>, Duration) {
        match self.fresh {
            None => (None, Duration::ZERO),
            Some(fresh) => (Some(fresh.saturating_sub(resident)), resident.saturating_sub(fresh)),
        }
    }

    /// Whether it answers a request that says `asked`, so long after it came.
    pub(super) fn answers(&self, asked: &Control, resident: Duration) -> bool {
        let (left, beyond) = self.left(resident);
        let is_fresh = left.is_none_or(|left| !left.is_zero());
        let is_young = asked.max_age.is_none_or(|most| self.age + resident <= most);
        let lasts = asked.min_fresh.is_none_or(|least| left.is_none_or(|left| left >= least));
        (is_fresh || beyond < self.stale) && is_young && lasts
    }
}

/// Why a request is not answered from the cache, and its response not stored.
pub(super) fn bypasses(route: &Placed, request: &Parts, asked: &Control) -> Option<Reason> {
    let headers = &request.headers;
    if let Some(credentials) = route.credentials().find(|header| headers.contains_key(header)) {
        return Some(if credentials == COOKIE { Reason::Cookie } else { Reason::Authorization });
    }
    if asked.no_store || is_unreadable(headers, &CACHE_CONTROL) {
        return Some(Reason::NoStore);
    }
    if PRECONDITIONS.iter().any(|header| headers.contains_key(header)) {
        return Some(Reason::Precondition);
    }
    headers.contains_key(UPGRADE).then_some(Reason::Upgrade)
}

fn selects(route: &Placed, name: &str) -> bool {
    // The authority is a part of every key.
    route.vary.iter().any(|known| known.as_str().eq_ignore_ascii_case(name))
        || name.eq_ignore_ascii_case("host")
}

fn is_storable(status: StatusCode, is_explicit: bool) -> bool {
    let status = status.as_u16();
    USUAL.contains(&status) || (is_explicit && EXPLICIT.contains(&status))
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case("text/event-stream"))
}

/// How long a response says that it is fresh from when it was made.
fn lifetime(headers: &HeaderMap, control: &Control, now: SystemTime) -> Option<Duration> {
    let expires = || {
        let expires = headers.get(EXPIRES)?;
        let made = date(headers, &DATE).unwrap_or(now);
        let expires = expires.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok());
        // What is no date is over.
        Some(expires.and_then(|expires| expires.duration_since(made).ok()).unwrap_or_default())
    };
    control.s_maxage.or(control.max_age).or_else(expires)
}

/// The date in a header.
pub(super) fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    headers.get(name).and_then(|text| httpdate::parse_http_date(text.to_str().ok()?).ok())
}
