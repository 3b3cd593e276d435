//! The header `Cache-Status` (RFC 9211): how a request was answered, and why not from the cache.

use crate::observe::{Outcome, Tier};
use http::HeaderValue;
use std::fmt::Write as _;
use std::time::Duration;

/// Why a request went past the cache, or its response was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It carries `Authorization`.
    Authorization,
    /// It carries `Cookie`.
    Cookie,
    /// The request has a body.
    Body,
    /// A part is asked for, or the answer depends on the state of the source in a way that only the handler knows.
    Precondition,
    /// The connection is to become something else.
    Upgrade,
    /// `Cache-Control: no-store`.
    NoStore,
    /// `Cache-Control: no-cache` in the response.
    NoCache,
    /// `Cache-Control: private`.
    Private,
    /// `Set-Cookie`.
    SetCookie,
    /// `Vary` names what is not in the key.
    Vary,
    /// The status is not stored, or not without an explicit lifetime.
    Status,
    /// The response is not fresh when it comes.
    Expired,
    /// The body is too large.
    Size,
    /// The body has trailers.
    Trailers,
    /// The body ended with an error.
    Broken,
    /// A stream of events, which has no end.
    Events,
    /// The stored response is not for requests with credentials.
    Credentials,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Cookie => "cookie",
            Self::Body => "body",
            Self::Precondition => "precondition",
            Self::Upgrade => "upgrade",
            Self::NoStore => "no-store",
            Self::NoCache => "no-cache",
            Self::Private => "private",
            Self::SetCookie => "set-cookie",
            Self::Vary => "vary",
            Self::Status => "status",
            Self::Expired => "expired",
            Self::Size => "size",
            Self::Trailers => "trailers",
            Self::Broken => "broken",
            Self::Events => "events",
            Self::Credentials => "credentials",
        }
    }
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// From a stored response, fresh for so long (ms; negative once it is stale).
    Hit(Outcome, Option<i64>),
    /// By a response to another request that was under way.
    Collapsed,
    /// By the handler; the response was offered to the store.
    Stored(Forward),
    /// By the handler; the response was not stored.
    Passed(Forward, Option<Reason>),
    /// There was nothing, and the handler was not to be asked.
    Missing,
}

/// Why a request went to the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forward {
    /// Nothing was there that could answer it.
    Miss,
    /// Its `Cache-Control` asked for it.
    Request,
    /// It is not one that is answered from here.
    Bypass,
}

impl Forward {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Bypass => "bypass",
        }
    }
}

impl Status {
    /// From what the engine found.
    pub(super) fn hit(outcome: Outcome, left: Option<Duration>, beyond: Duration) -> Self {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self::Hit(outcome, left.map(|left| if left.is_zero() { -seconds(beyond) } else { seconds(left) }))
    }

    pub(super) const fn is_from_cache(self) -> bool {
        matches!(self, Self::Hit(..) | Self::Collapsed)
    }

    /// The header's value; the cache is called by its namespace.
    pub(super) fn header(self, namespace: &str) -> Option<HeaderValue> {
        let mut text = namespace.to_owned();
        // A `String` takes all that is written.
        let _ = match self {
            Self::Hit(outcome, ttl) => {
                text.push_str("; hit");
                if let Some(ttl) = ttl {
                    let _ = write!(text, "; ttl={ttl}");
                }
                match outcome {
                    Outcome::Hit(Tier::L1) => write!(text, "; detail=l1"),
                    Outcome::Hit(Tier::L2) => write!(text, "; detail=l2"),
                    _ => Ok(()),
                }
            }
            Self::Collapsed => write!(text, "; fwd=miss; collapsed"),
            Self::Stored(forward) => write!(text, "; fwd={}; stored", forward.as_str()),
            Self::Passed(forward, None) => write!(text, "; fwd={}", forward.as_str()),
            Self::Passed(forward, Some(reason)) => {
                write!(text, "; fwd={}; detail={}", forward.as_str(), reason.as_str())
            }
            Self::Missing => write!(text, "; detail=only-if-cached"),
        };
        HeaderValue::try_from(text).ok()
    }
}
