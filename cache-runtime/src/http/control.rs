//! The directives of `Cache-Control`.

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// The directives of a message that this cache knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a word that is there or is not")]
pub(super) struct Control {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    /// `must-revalidate` or `proxy-revalidate`.
    pub(super) revalidate: bool,
    pub(super) only_if_cached: bool,
    pub(super) max_age: Option<Duration>,
    pub(super) s_maxage: Option<Duration>,
    pub(super) min_fresh: Option<Duration>,
    pub(super) stale_while_revalidate: Option<Duration>,
}

impl Control {
    /// What a message says, also in what stood for it before there was `Cache-Control`.
    ///
    /// A lifetime that is given twice, or that is no number, is none at all: zero.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        for (name, value) in directives(headers) {
            match &*name.to_ascii_lowercase() {
                "no-store" => control.no_store = true,
                "no-cache" => control.no_cache = true,
                "private" => control.private = true,
                "public" => control.public = true,
                "must-revalidate" | "proxy-revalidate" => control.revalidate = true,
                "only-if-cached" => control.only_if_cached = true,
                "max-age" => set(&mut control.max_age, value),
                "s-maxage" => set(&mut control.s_maxage, value),
                "min-fresh" => set(&mut control.min_fresh, value),
                "stale-while-revalidate" => set(&mut control.stale_while_revalidate, value),
                _ => {}
            }
        }
        control.no_cache |= members(headers, &PRAGMA).any(|word| word.eq_ignore_ascii_case("no-cache"));
        control
    }
}

fn set(place: &mut Option<Duration>, value: Option<&str>) {
    let seconds = value.and_then(seconds).unwrap_or(Duration::ZERO);
    *place = Some(if place.is_some_and(|before| before != seconds) { Duration::ZERO } else { seconds });
}

/// A number of seconds, as headers have it; what is too large to count is very long.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim_matches('"');
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))))
}

/// The directives with their values. A comma within quotes ends one all the same: what is behind it is then read as directives, too.
fn directives(headers: &HeaderMap) -> impl Iterator<Item = (&str, Option<&str>)> {
    members(headers, &CACHE_CONTROL).map(|part| match part.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (part, None),
    })
}

/// The members of a header that is a list; those of a line that is no text are not seen.
pub(super) fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}

/// Whether `headers` has a line under `name` that is no text, and so may say anything.
pub(super) fn is_unreadable(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).into_iter().any(|value| value.to_str().is_err())
}
