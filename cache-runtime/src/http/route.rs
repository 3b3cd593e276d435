//! One route: how long, by what, and how large.

use super::template::{Parameters, TagTemplate, Template, path_tag};
use crate::cache::Cache;
use crate::entry::Place;
use crate::key::{Args, KeyBuf, KeyWriter, Written};
use crate::policy::{Level, Policy};
use crate::site::Site;
use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderName, Uri};

/// Bodies up to this many bytes are stored, unless said.
const LARGEST: usize = 1 << 20;

/// What is cached of one route, and for how long.
///
/// A [`Policy`] is one with the default of everything else.
///
/// # Examples
/// ```
/// use cache_runtime::Policy;
/// use cache_runtime::http::Route;
/// use http::header::{ACCEPT_LANGUAGE, COOKIE};
/// use std::time::Duration;
///
/// // What `Vary` may name; what otherwise keeps a request out; what makes it untrue.
/// let page = Route::from(Policy::SHORT.stale_for(Duration::from_secs(30)))
///     .vary([ACCEPT_LANGUAGE])
///     .even_with(COOKIE)
///     .tag("task:{id}");
/// # drop(page);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Route {
    policy: Policy,
    level: Level,
    vary: Vec<HeaderName>,
    named: Vec<HeaderName>,
    tags: Vec<String>,
    largest: usize,
}

impl From<Policy> for Route {
    fn from(policy: Policy) -> Self {
        let (vary, named, tags) = Default::default();
        Self { policy, level: Level::default(), vary, named, tags, largest: LARGEST }
    }
}

impl Route {
    /// Gives each value of these request headers responses of its own. A response whose `Vary` names any other is not stored.
    ///
    /// The values stand in the entry's key.
    pub fn vary(mut self, headers: impl IntoIterator<Item = HeaderName>) -> Self {
        self.vary.extend(headers);
        self
    }

    /// Caches although there is this header, which otherwise keeps a request (`Authorization`, `Cookie`) or a response (`Set-Cookie`) out.
    ///
    /// With `Authorization`, responses are stored, and given to such requests, only if they say `public`, `s-maxage` or
    /// `must-revalidate`. To name one of the requests' headers in [`vary`](Self::vary) is to name it here.
    pub fn even_with(mut self, header: HeaderName) -> Self {
        self.named.push(header);
        self
    }

    /// Adds a tag, whose placeholders are parameters of the route: `task:{id}`.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The most bytes of a body that is stored; 1 MiB unless said. As many are held in memory at most while a response is read.
    pub const fn largest(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// How the in-process tier answers; [`Level::Coherent`] unless said.
    pub const fn l1(mut self, level: Level) -> Self {
        self.level = level;
        self
    }
}

/// A route with its place in a cache.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) template: Template,
    pub(super) site: &'static Site,
    pub(super) policy: Policy,
    pub(super) vary: Vec<HeaderName>,
    named: Vec<HeaderName>,
    route_tag: Bytes,
    tags: Vec<TagTemplate>,
    pub(super) largest: usize,
}

impl Placed {
    /// # Panics
    /// If `template` is no path, or a tag of the route names what is no parameter of it.
    pub(super) fn new(namespace: &'static str, template: &str, route: Route) -> Self {
        let template = Template::new(template);
        let mut head = KeyBuf::new();
        let mut key = KeyWriter::new(&mut head);
        key.text(namespace);
        key.text(":v1:");
        key.name(&template.text);
        // Once for each route that a program makes, for as long as it runs.
        let head: &'static str = String::from_utf8_lossy(head.written()).into_owned().leak();
        let function: &'static str = template.text.clone().leak();
        let site = Box::leak(Box::new(Site::new(namespace, function, head).level(route.level)));
        let tags = route.tags.iter().map(|tag| TagTemplate::new(tag, &template)).collect();
        let Route { policy, vary, named, largest, .. } = route;
        Self { route_tag: template.tag(), site, policy, vary, named, tags, largest, template }
    }

    /// Whether responses are stored although there is this header.
    pub(super) fn names(&self, header: &HeaderName) -> bool {
        self.named.contains(header) || self.vary.contains(header)
    }

    /// Where the responses to a request stand; `None` if a header that selects them is no text.
    pub(super) fn place(&self, cache: &Cache, parts: &Parts) -> Option<Place> {
        let selecting: Vec<_> = self.vary.iter().map(|name| selecting(parts, name)).collect::<Option<_>>()?;
        let authority = authority(parts)?;
        let target = canonical(&parts.uri);
        let write = |key: &mut KeyWriter<'_>| {
            key.text(":");
            key.name(&target);
            key.text(":");
            key.name(authority);
            for value in &selecting {
                key.text(":");
                key.part(value);
            }
        };
        let args = Args::written(self.site.seed, &Written(write));
        let mut key = KeyBuf::new();
        let mut writer = KeyWriter::new(&mut key);
        writer.text(self.site.head);
        write(&mut writer);
        key.finish();
        let Self { site, policy, .. } = *self;
        let tags = self.tags(parts.uri.path());
        let (cache, tag_ttl) = (cache.clone(), super::stored::RULES.tag_ttl(site, policy));
        Some(Place { cache, site, policy, key, args, tags, tags_with: false, tag_ttl })
    }

    fn tags(&self, path: &str) -> Vec<Bytes> {
        let parameters: Parameters<'_> = self.template.parameters(path).unwrap_or_default();
        let own = self.tags.iter().map(|tag| tag.tag(&parameters));
        [self.route_tag.clone(), path_tag(path)].into_iter().chain(own).collect()
    }

    /// The credentials that keep a request out.
    pub(super) fn credentials(&self) -> impl Iterator<Item = HeaderName> {
        [AUTHORIZATION, COOKIE].into_iter().filter(|header| !self.names(header))
    }
}

/// The lines of a header as a part of a key; `None` if one is no text.
fn selecting(parts: &Parts, name: &HeaderName) -> Option<Vec<String>> {
    let lines = parts.headers.get_all(name).into_iter();
    lines.map(|line| Some(line.to_str().ok()?.trim().to_owned())).collect()
}

/// Whom the request is for: one server may answer for several names.
fn authority(parts: &Parts) -> Option<&str> {
    match (parts.uri.authority(), parts.headers.get(HOST)) {
        (Some(authority), _) => Some(authority.as_str()),
        (None, Some(host)) => host.to_str().ok(),
        (None, None) => Some(""),
    }
}

/// The path, and the parameters of the query in the order of their names; those of one name stay in theirs.
fn canonical(uri: &Uri) -> String {
    let mut target = uri.path().to_owned();
    let mut parameters: Vec<_> =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    parameters.sort_by_key(|pair| pair.split('=').next());
    for (at, pair) in parameters.into_iter().enumerate() {
        target.push(if at == 0 { '?' } else { '&' });
        target.push_str(pair);
    }
    target
}
