//! Which requests belong to which route, and what makes their responses untrue.

use crate::world::{Client, Source};
use cache_runtime::http::{HttpCache, Route};
use cache_runtime::{Cache, Invalidation, Policy, invalidates};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tower_layer::Layer as _;

/// A client of several routes, with their cache.
fn client(routes: &[&str]) -> (Client, HttpCache, Cache) {
    let cache = Cache::in_process();
    let http = routes.iter().fold(HttpCache::new(&cache), |http, route| http.route(route, Policy::SHORT));
    (Client(http.layer(Source::counting(&[]))), http, cache)
}

#[tokio::test]
async fn a_path_belongs_to_the_route_that_a_router_would_take() {
    let routes =
        ["/", "/tasks", "/tasks/{id}", "/tasks/pending", "/tasks/{id}/parts/{part}", "/files/{*path}"];
    let (client, _, cache) = client(&routes);
    for (path, route) in [
        ("/", Some("/")),
        ("/tasks", Some("/tasks")),
        ("/tasks?a=b", Some("/tasks")),
        ("/tasks/7", Some("/tasks/{id}")),
        ("/tasks/pending", Some("/tasks/pending")),
        ("/tasks/7/parts/8", Some("/tasks/{id}/parts/{part}")),
        ("/files/a", Some("/files/{*path}")),
        ("/files/a/b/c", Some("/files/{*path}")),
        ("/tasks/", None),
        ("/tasks/7/", None),
        ("/tasks/7/parts", None),
        ("/tasks//parts/8", None),
        ("/files/", None),
        ("/files", None),
        ("/other", None),
    ] {
        let counted = |cache: &Cache| {
            let stats = cache.stats();
            let loaded =
                |route: &str| stats.namespaces.get("api").and_then(|api| Some(api.get(route)?.loaded));
            routes.map(|route| loaded(route).unwrap_or(0))
        };
        let before = counted(&cache);
        let seen = client.get(path).await;
        assert_eq!(seen.how().is_empty(), route.is_none(), "{path}: {}", seen.how());
        let after = counted(&cache);
        for ((name, before), after) in routes.iter().zip(before).zip(after) {
            assert_eq!(after - before, u64::from(Some(*name) == route), "{path}: {name}");
        }
    }
}

#[test]
fn a_route_that_cannot_be_meant_is_told() {
    let route = |template: &'static str, route: Route| {
        let http = HttpCache::new(&Cache::disabled());
        let made = catch_unwind(AssertUnwindSafe(|| drop(http.route(template, route))));
        made.err().map(|said| said.downcast_ref::<String>().expect("a text").clone())
    };
    let plain = || Route::from(Policy::SHORT);
    assert_eq!(route("/a/{id}/{*rest}", plain().tag("a:{id}:{rest}")), None);
    for (template, tag, said) in [
        ("a", "a", "the route `a` does not begin with `/`"),
        ("/{*rest}/a", "a", "`{*..}` ends a route, and does not in `/{*rest}/a`"),
        ("/a{id}", "a", "a parameter is a whole segment, and `a{id}` of the route `/a{id}` is not"),
        ("/{}", "a", "`{}` names no parameter in the route `/{}`"),
        ("/{id}", "a:{di}", "`{di}` in the tag `a:{di}` is no parameter of the route `/{id}`"),
        ("/{id}", "a:{id", "a placeholder of the tag `a:{id` is not closed"),
        ("/{id}", "a b", "a tag is made of letters, digits and `_ - . / :`, not `a b`"),
    ] {
        assert_eq!(route(template, plain().tag(tag)).as_deref(), Some(said));
    }
    let http = HttpCache::new(&Cache::disabled()).route("/a", Policy::SHORT);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(http.route("/a", Policy::SHORT)))).is_err());
    assert!(catch_unwind(|| drop(HttpCache::in_namespace(&Cache::disabled(), "A b"))).is_err());
}

#[tokio::test]
async fn a_route_and_a_path_fall_with_all_their_variants_and_no_others() {
    let (client, http, _) = client(&["/tasks/{id}", "/tasks/{id}/parts", "/users/{id}"]);
    let all = ["/tasks/1", "/tasks/1?a=1", "/tasks/a%20b", "/tasks/2", "/tasks/1/parts", "/users/1"];
    let hits = async || {
        let mut hits = Vec::new();
        for path in all {
            if client.get(path).await.is_hit() {
                hits.push(path);
            }
        }
        hits
    };
    hits().await;
    assert_eq!(hits().await, all);
    assert_eq!(http.invalidate_path("/tasks/1").await, Invalidation::Applied);
    assert_eq!(hits().await, ["/tasks/a%20b", "/tasks/2", "/tasks/1/parts", "/users/1"]);
    http.invalidate_path("/tasks/a b").await;
    assert_eq!(hits().await, ["/tasks/1", "/tasks/1?a=1", "/tasks/2", "/tasks/1/parts", "/users/1"]);
    assert_eq!(http.invalidate_route("/tasks/{id}").await, Invalidation::Applied);
    assert_eq!(hits().await, ["/tasks/1/parts", "/users/1"]);
}

#[invalidates(tags("api", "path:/tasks/{id}"), cache = cache)]
async fn by_path(id: &str, cache: &Cache) {
    let _ = (id, cache);
}

#[invalidates(tags("api", "route:/tasks/:id"), cache = cache)]
async fn by_route(cache: &Cache) {
    let _ = cache;
}

#[invalidates(tags("api", "task:{id}"), cache = cache)]
async fn by_own_tag(id: u64, cache: &Cache) {
    let _ = (id, cache);
}

#[tokio::test]
async fn mutations_name_responses_by_the_tags_that_they_have() {
    let cache = Cache::in_process();
    let http = HttpCache::new(&cache)
        .route("/tasks/{id}", Route::from(Policy::SHORT).tag("task:{id}"))
        .route("/tasks/{id}/parts", Route::from(Policy::SHORT).tag("task:{id}"));
    let client = Client(http.layer(Source::counting(&[])));
    let hit = async |path: &str| client.get(path).await.is_hit();
    for path in ["/tasks/7", "/tasks/8", "/tasks/7/parts", "/tasks/a%20b%2Fc"] {
        hit(path).await;
    }
    by_path("7", &cache).await;
    assert_eq!(
        [hit("/tasks/7").await, hit("/tasks/8").await, hit("/tasks/7/parts").await],
        [false, true, true]
    );
    by_path("a b/c", &cache).await;
    assert!(!hit("/tasks/a%20b%2Fc").await, "a part is written as in a path that was decoded");
    by_own_tag(7, &cache).await;
    assert_eq!(
        [hit("/tasks/7").await, hit("/tasks/8").await, hit("/tasks/7/parts").await],
        [false, true, false]
    );
    by_route(&cache).await;
    assert_eq!(
        [hit("/tasks/7").await, hit("/tasks/8").await, hit("/tasks/7/parts").await],
        [false, false, true]
    );
    let findings = cache_runtime::catalog().findings();
    assert!(!findings.iter().any(|finding| finding.to_string().contains("`api")), "{findings:?}");
    assert!(!findings.iter().any(|finding| finding.to_string().contains("by_path")), "{findings:?}");
}

#[tokio::test]
async fn namespaces_are_worlds_of_their_own() {
    let cache = Cache::in_process();
    let source = Source::counting(&[]);
    let one = HttpCache::in_namespace(&cache, "one").route("/things/{id}", Policy::SHORT);
    let other = HttpCache::in_namespace(&cache, "other").route("/things/{id}", Policy::SHORT);
    let (one, other) = (Client(one.layer(source.clone())), Client(other.layer(source)));
    assert_eq!(one.get("/things/1").await.how(), "one; fwd=miss; stored");
    assert_eq!(other.get("/things/1").await.body, "2");
    cache.clear_namespace("one").await;
    assert_eq!(one.get("/things/1").await.body, "3");
    assert_eq!(other.get("/things/1").await.body, "2");
}
