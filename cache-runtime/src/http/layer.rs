//! The layer that people hold: a cache, and the routes that it answers for.

use super::control::Control;
use super::route::{Placed, Route};
use super::service::HttpService;
use super::template::{Template, path_tag};
use crate::cache::Cache;
use crate::catalog;
use crate::observe::Invalidation;
use crate::scope::Targets;
use bytes::Bytes;
use http::{Extensions, HeaderMap};
use std::sync::Arc;
use tower_layer::Layer;

/// The namespace of responses, unless said.
const NAMESPACE: &str = "api";

/// A tower layer that answers `GET` and `HEAD` from a cache; clones are the same one.
///
/// Give it to a router, to one route, or to any tower service whose requests are of the `http` crate.
///
/// # Examples
/// ```
/// use cache_runtime::http::{HttpCache, Route};
/// use cache_runtime::{Cache, Policy};
///
/// let http = HttpCache::new(&Cache::in_process())
///     .route("/stats", Policy::LONG)
///     .route("/tasks/{id}", Route::from(Policy::SHORT).tag("task:{id}"));
/// // axum::Router::new().route(..).layer(http.matched_by(|request| Some(request.get::<MatchedPath>()?.as_str())))
/// # drop(http);
/// ```
#[derive(Clone)]
#[must_use]
pub struct HttpCache {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    cache: Cache,
    namespace: &'static str,
    routes: Vec<Arc<Placed>>,
    matched: Option<Matched>,
    ignores_clients: bool,
}

/// Finds the template by which a router has matched a request.
type Matched = fn(&Extensions) -> Option<&str>;

impl HttpCache {
    /// Responses in `cache`, in the namespace `api`.
    pub fn new(cache: &Cache) -> Self {
        Self::in_namespace(cache, NAMESPACE)
    }

    /// Responses in `cache`, in a namespace of their own.
    ///
    /// # Panics
    /// If `namespace` is empty, or has a character other than a-z, 0-9, `_`, `-` and `.`.
    pub fn in_namespace(cache: &Cache, namespace: &'static str) -> Self {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
        let is_legal = !namespace.is_empty() && namespace.bytes().all(legal);
        assert!(is_legal, "a namespace is made of a-z, 0-9, `_`, `-` and `.`, not `{namespace}`");
        catalog::declare(namespace);
        let cache = cache.clone();
        Self {
            shared: Arc::new(Shared {
                cache,
                namespace,
                routes: Vec::new(),
                matched: None,
                ignores_clients: false,
            }),
        }
    }

    /// Caches the responses of a route: `/tasks/{id}`, `/files/{*path}`.
    ///
    /// Of several routes that a path is of, the one that a router would prefer counts.
    ///
    /// # Panics
    /// If `template` is no path, is a route already, or a tag of `route` names what is no parameter of it.
    pub fn route(mut self, template: &str, route: impl Into<Route>) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        let known = shared.routes.iter().any(|known| known.template.text == template);
        assert!(!known, "the route `{template}` is there already");
        shared.routes.push(Arc::new(Placed::new(shared.namespace, template, route.into())));
        shared.routes.sort_by_cached_key(|route| route.template.rank());
        self
    }

    /// Takes the route of a request from what a router has left in its extensions, instead of finding it by the path.
    ///
    /// With axum: `matched_by(|request| Some(request.get::<MatchedPath>()?.as_str()))`. Otherwise a path is of a route here even if the
    /// router has one that fits better, and that is not cached.
    pub fn matched_by(mut self, matched: fn(&Extensions) -> Option<&str>) -> Self {
        Arc::make_mut(&mut self.shared).matched = Some(matched);
        self
    }

    /// Lets no client ask for a new response: `no-cache`, `max-age` and `min-fresh` of requests count for nothing.
    pub fn ignore_clients(mut self) -> Self {
        Arc::make_mut(&mut self.shared).ignores_clients = true;
        self
    }

    /// Makes every response of a route untrue, as `tags("api", "route:/tasks/:id")` in a mutation does.
    ///
    /// # Panics
    /// If `template` is no path.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn invalidate_route(&self, template: &str) -> Invalidation {
        self.targets(&Template::new(template).tag()).invalidate().await
    }

    /// Makes every response of a path untrue, whatever its query and headers, as `tags("api", "path:/tasks/{id}")` in a mutation does.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn invalidate_path(&self, path: &str) -> Invalidation {
        self.targets(&path_tag(path)).invalidate().await
    }

    pub(super) fn targets(&self, tag: &Bytes) -> Targets {
        let Shared { cache, namespace, .. } = &*self.shared;
        let tags = cache.engine.tags(namespace, std::slice::from_ref(tag));
        Targets { cache: cache.clone(), keys: Vec::new(), tags }
    }

    /// The route of a request, if it is one of those here.
    pub(super) fn find(&self, path: &str, extensions: &Extensions) -> Option<&Arc<Placed>> {
        let Shared { routes, matched, .. } = &*self.shared;
        match matched {
            Some(matched) => {
                let template = matched(extensions)?;
                routes.iter().find(|route| route.template.text == template)
            }
            None => routes.iter().find(|route| route.template.parameters(path).is_some()),
        }
    }

    /// What the client asks of the cache.
    pub(super) fn asked(&self, headers: &HeaderMap) -> Control {
        let asked = Control::of(headers);
        if self.shared.ignores_clients {
            let Control { no_store, only_if_cached, .. } = asked;
            return Control { no_store, only_if_cached, ..Control::default() };
        }
        asked
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.shared.cache
    }

    pub(super) fn namespace(&self) -> &'static str {
        self.shared.namespace
    }
}

impl<S> Layer<S> for HttpCache {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> HttpService<S> {
        HttpService::new(self.clone(), inner)
    }
}

impl std::fmt::Debug for HttpCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let routes = self.shared.routes.iter().map(|route| &route.template.text);
        f.debug_tuple("HttpCache").field(&routes.collect::<Vec<_>>()).finish()
    }
}
