//! Ttls that depend on how often an entry is asked for, and those that are said when the program starts.

use std::time::Duration;

use cache_runtime::store::Lifetime;
use cache_runtime::{Cache, Outcome, Policy, Tier, cached, observed};
use cache_tests::redis_process::RedisServer;

use crate::{Runs, is_about};

const MINUTE: Duration = Duration::from_mins(1);

#[cached(ns = "ttls", ttl = adaptive("5m", hot = "10m", above = 10 per "1h"), none = "1m")]
async fn popular(id: u64) -> Option<u64> {
    (id < 100).then_some(id)
}

const PROFILE: Policy = Policy::LONG.hot_for(Duration::from_hours(1), 3, MINUTE);

#[cached(ns = "ttls", ttl = PROFILE, l1 = "off")]
async fn profile(id: u64) -> u64 {
    id
}

/// Calls `times` times, the last of them after the entry has ended.
async fn call(cache: &Cache, times: u64, id: u64) {
    cache
        .scope_for(async {
            for _ in 1..times {
                popular(id).await;
            }
            tokio::time::advance(11 * MINUTE).await;
            popular(id).await;
        })
        .await;
}

fn left(cache: &Cache, id: u64) -> impl Future<Output = Option<Lifetime>> {
    cache.scope_for(async move { popular_entry(id).ttl().await })
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_often_lives_longer() {
    let cache = Cache::in_process();
    call(&cache, 10, 1).await;
    assert!(is_about(left(&cache, 1).await, 300), "ten calls are not more than ten");
    call(&cache, 2, 1).await;
    assert!(is_about(left(&cache, 1).await, 600), "{:?}", left(&cache, 1).await);
    call(&cache, 2, 2).await;
    assert!(is_about(left(&cache, 2).await, 300), "another entry");
    // the period in which it was hot, and the next one
    tokio::time::advance(120 * MINUTE).await;
    call(&cache, 2, 1).await;
    assert!(is_about(left(&cache, 1).await, 300), "not any more");
}

#[tokio::test(start_paused = true)]
async fn a_none_keeps_the_ttl_of_its_own() {
    let cache = Cache::in_process();
    call(&cache, 20, 100).await;
    assert!(is_about(left(&cache, 100).await, 60));
}

#[tokio::test(start_paused = true)]
async fn a_policy_says_the_same_without_l1() {
    let cache = Cache::in_process();
    let of_calls = |calls: u64| {
        cache.scope_for(async move {
            for _ in 0..calls {
                profile(calls).await;
            }
            tokio::time::advance(16 * MINUTE).await;
            for _ in 0..calls {
                profile(calls).await;
            }
            profile_entry(calls).ttl().await
        })
    };
    assert!(is_about(of_calls(3).await, 900));
    // a load while it is hot, in the period of the calls before it
    let hot = cache.scope_for(async {
        for _ in 0..4 {
            profile(9).await;
        }
        profile_entry(9).invalidate().await;
        profile(9).await;
        profile_entry(9).ttl().await
    });
    assert!(is_about(hot.await, 3_600));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_lives_on() {
    #[cached(ns = "ttls", ttl = sliding("30m"), skip(runs))]
    async fn session(id: u64, runs: &Runs) -> u64 {
        id + u64::from(runs.next())
    }
    let (cache, runs) = (Cache::in_process(), Runs::none());
    let asked = cache.scope_for(async {
        assert_eq!(session(1, &runs).await, 2);
        for _ in 0..20 {
            tokio::time::advance(20 * MINUTE).await;
            assert_eq!(session(1, &runs).await, 2);
            // what goes on in the background does so at once over this store
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert!(is_about(session_entry(1).ttl().await, 1_800), "{:?}", session_entry(1).ttl().await);
        }
        // a hit in the first half changes nothing
        tokio::time::advance(10 * MINUTE).await;
        session(1, &runs).await;
        tokio::task::yield_now().await;
        assert!(is_about(session_entry(1).ttl().await, 1_200), "{:?}", session_entry(1).ttl().await);
        tokio::time::advance(31 * MINUTE).await;
        assert_eq!(session(1, &runs).await, 3, "nobody asked for it");
    });
    asked.await;
}

#[tokio::test(start_paused = true)]
async fn what_was_invalidated_does_not_live_on() {
    #[cached(ns = "ttls", ttl = sliding("30m"), tags = ["of:{id}"])]
    async fn tagged(id: u64) -> u64 {
        id
    }
    let cache = Cache::in_process();
    let asked = cache.scope_for(async {
        tagged(1).await;
        tokio::time::advance(20 * MINUTE).await;
        tagged(1).await;
        // before the background runs
        cache.invalidate_tag("ttls", "of:1").await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert_eq!(tagged_entry(1).ttl().await, None);
    });
    asked.await;
}

#[tokio::test]
async fn over_redis_a_visit_is_prolonged_once_for_all_processes() {
    #[cached(ns = "ttls", ttl = sliding("4s"))]
    async fn visit(id: u64) -> u64 {
        id
    }
    let server = RedisServer::start();
    let processes = [(); 2].map(|()| Cache::builder().redis(server.url()).build().expect("a good url"));
    let left = |cache: &Cache| {
        cache.scope_for(async {
            match visit_entry(1).ttl().await {
                Some(Lifetime::Left(left)) => left,
                other => panic!("{other:?}"),
            }
        })
    };
    for cache in &processes {
        cache.ready(Duration::from_secs(10)).await.expect("the server is up");
        cache.scope_for(visit(1)).await;
    }
    while left(&processes[0]).await > Duration::from_millis(1_600) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for cache in &processes {
        let (_, report) = cache.scope_for(observed(visit(1))).await;
        assert!(matches!(report.outcome(), Some(Outcome::Hit(Tier::L1 | Tier::L2))));
    }
    while left(&processes[1]).await < Duration::from_secs(3) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespaces_ttl_is_said_at_the_start() {
    #[cached(ns = "said", ttl = "1h")]
    async fn page(id: u64) -> u64 {
        id
    }
    #[cached(ns = "said", ttl_with = |_| Duration::from_mins(10))]
    async fn own(id: u64) -> u64 {
        id
    }
    let cache = Cache::builder().ttl("said", Policy::SHORT).build().expect("a good configuration");
    let said = cache.scope_for(async {
        page(1).await;
        own(1).await;
        (page_entry(1).ttl().await, own_entry(1).ttl().await)
    });
    let (page, own) = said.await;
    assert!(is_about(page, 60) && is_about(own, 600), "{page:?} {own:?}");
    let put = cache.scope_for(async {
        page_entry(2).put(2).await;
        page_entry(2).ttl().await
    });
    assert!(is_about(put.await, 60), "a value that is put, too");
}
