//! Requests that have the response already: `If-None-Match`, `If-Modified-Since`.

use super::terms::date;
use http::header::{
    CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    VARY,
};
use http::{HeaderMap, HeaderName, StatusCode};

/// What a 304 tells of the response that it stands for.
pub(super) const OF_304: [HeaderName; 7] =
    [CACHE_CONTROL, CONTENT_LOCATION, DATE, ETAG, EXPIRES, LAST_MODIFIED, VARY];

/// What asks for a 304.
pub(super) const CONDITIONS: [HeaderName; 2] = [IF_NONE_MATCH, IF_MODIFIED_SINCE];

/// Whether a request has this response already.
pub(super) fn is_unmodified(request: &HeaderMap, status: StatusCode, response: &HeaderMap) -> bool {
    if status != StatusCode::OK {
        return false;
    }
    if request.contains_key(IF_NONE_MATCH) {
        let Some(own) = response.get(ETAG).and_then(|tag| tag.to_str().ok()) else { return false };
        let lines = request.get_all(IF_NONE_MATCH).into_iter().filter_map(|line| line.to_str().ok());
        return lines.flat_map(entity_tags).any(|tag| tag == "*" || opaque(tag) == opaque(own));
    }
    let dates = (date(response, &LAST_MODIFIED), date(request, &IF_MODIFIED_SINCE));
    matches!(dates, (Some(modified), Some(since)) if modified <= since)
}

/// The tag without its weakness, which does not count here.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The members of a list of tags; a comma may stand within one.
fn entity_tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        if rest.is_empty() {
            return None;
        }
        let opening = rest.find('"').filter(|at| rest[..*at] == *"W/" || *at == 0);
        let closing = opening.and_then(|at| rest[at + 1..].find('"').map(|end| at + end + 2));
        let end = closing.or_else(|| rest.find(',')).unwrap_or(rest.len());
        let (tag, behind) = rest.split_at(end);
        rest = behind;
        Some(tag.trim_end())
    })
}
