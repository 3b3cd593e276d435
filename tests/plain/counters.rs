//! Counters: every increment once, and the lifetime of the first.

use super::world::{Process, World};
use super::{Spy, everywhere, set};
use cache_runtime::store::Lifetime;
use cache_runtime::{Cache, Invalidation, Policy, StoreError};
use cache_tests::proxy::{Direction, Proxy};
use cache_tests::redis_process::RedisServer;
use std::time::Duration;

#[tokio::test]
async fn increments_of_two_processes_sum_up_and_keep_the_first_lifetime() {
    everywhere(async |world| {
        let caches = [world.process().await.0, world.process().await.0];
        assert_eq!(caches[0].increment(("calls", "ip"), 0, Policy::SHORT).await, Ok(0));
        let calls = caches.iter().flat_map(|cache| {
            (1..=50).map(|by| {
                let cache = cache.clone();
                tokio::spawn(async move { cache.increment(("calls", "ip"), by, Policy::DAY).await })
            })
        });
        let mut sums = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            sums.push(call.await.expect("no panic").expect("the store answers"));
        }
        assert_eq!(sums.iter().max(), Some(&2_550));
        assert_eq!(caches[1].count(("calls", "ip")).await, Ok(Some(2_550)));
        assert_eq!(caches[1].exists("calls:ip").await, Ok(true));
        let Ok(Some(Lifetime::Left(left))) = caches[0].ttl("calls:ip").await else { panic!("it has a ttl") };
        assert!(left <= Duration::from_mins(1), "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn a_counter_begins_again_after_its_lifetime() {
    everywhere(async |world| {
        let cache = world.process().await.0;
        let brief = Policy::fresh_for(Duration::from_millis(100));
        assert_eq!(cache.increment("calls:1", 5, brief).await, Ok(5));
        cache_tests::wait::until("it is gone", async || cache.count("calls:1").await == Ok(None)).await;
        assert_eq!(cache.increment("calls:1", -1, Policy::NEVER).await, Ok(-1));
        assert_eq!(cache.ttl("calls:1").await, Ok(Some(Lifetime::Unbounded)));
        assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Ok(0));
        assert_eq!(cache.ttl("calls:1").await, Ok(Some(Lifetime::Unbounded)), "the first one's");
        assert_eq!(cache.delete("calls:1").await, Ok(Invalidation::Applied));
        assert_eq!(cache.count("calls:1").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn large_counts_are_exact_and_do_not_overflow() {
    everywhere(async |world| {
        let cache = world.process().await.0;
        let large = (1 << 60) + 1;
        assert_eq!(cache.increment("calls:1", large, Policy::SHORT).await, Ok(large));
        assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Ok(large + 1));
        assert_eq!(cache.increment("calls:1", i64::MAX, Policy::SHORT).await, Err(StoreError::NotAnInteger));
        assert_eq!(cache.count("calls:1").await, Ok(Some(large + 1)));
        assert_eq!(cache.increment("calls:2", i64::MIN, Policy::SHORT).await, Ok(i64::MIN));
        assert_eq!(cache.count("calls:2").await, Ok(Some(i64::MIN)));
    })
    .await;
}

#[tokio::test]
async fn a_value_is_no_counter_and_stays() {
    everywhere(async |world| {
        let cache = world.process().await.0;
        set(&cache, "calls:1", 7).await;
        assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Err(StoreError::NotAnInteger));
        assert_eq!(cache.count("calls:1").await, Err(StoreError::NotAnInteger));
        assert_eq!(cache.get::<u64>("calls:1").await, Ok(Some(7)));
        cache.increment("calls:2", 1, Policy::SHORT).await.expect("counted");
        assert_eq!(cache.get::<u64>("calls:2").await, Ok(None), "a counter is no value");
        assert_eq!(cache.expire("calls:2", Policy::DAY).await, Ok(false), "it keeps its own lifetime");
        assert_eq!(cache.count("calls:2").await, Ok(Some(1)));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_number_in_the_server_stays_as_it_is() {
    let server = RedisServer::start();
    let cache = World::Redis(server);
    let World::Redis(server) = &cache else { unreachable!() };
    let cache = Process::over(cache.store().await).0;
    for (text, is_number) in
        [("12x", false), ("", false), ("+5", false), ("9223372036854775808", false), ("5", true)]
    {
        server.cli(&["SET", "calls:1", text]);
        let counted = cache.increment("calls:1", 1, Policy::SHORT).await;
        assert_eq!(counted.is_ok(), is_number, "{text}: {counted:?}");
        assert_eq!(server.cli(&["GET", "calls:1"]), if is_number { "6" } else { text });
    }
    server.cli(&["DEL", "calls:1"]);
    server.cli(&["RPUSH", "calls:1", "x"]);
    assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Err(StoreError::ForeignType));
}

#[tokio::test]
async fn what_the_server_refused_is_tried_again() {
    everywhere(async |world| {
        let spy = Spy::default();
        let cache = world.spied(&spy).await.0;
        spy.direct_errors.lock().expect("no panic").extend([StoreError::Unavailable; 2]);
        assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Ok(1));
        assert_eq!(spy.changes.get(), 3);
        spy.direct_errors.lock().expect("no panic").extend([StoreError::Unavailable; 4]);
        assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Err(StoreError::Unavailable));
        assert_eq!(spy.changes.get(), 6, "three times, and no more");
    })
    .await;
}

#[tokio::test]
async fn an_increment_that_may_have_been_executed_is_not_sent_again() {
    everywhere(async |world| {
        let spy = Spy::default();
        let cache = world.spied(&spy).await.0;
        for error in [StoreError::Timeout, StoreError::Unreachable] {
            spy.direct_errors.lock().expect("no panic").push(error);
            assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Err(error));
        }
        assert_eq!(cache.count("calls:1").await, Ok(Some(2)));
    })
    .await;
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let cache = Cache::builder().redis(proxy.url()).build().expect("a good url");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    proxy.stall(Direction::ToClient);
    assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Err(StoreError::Timeout));
    proxy.resume();
    cache_tests::wait::until("it is counted", async || server.cli(&["GET", "calls:1"]) == "1").await;
}

#[tokio::test]
async fn a_counter_that_is_still_to_be_removed_does_not_count() {
    everywhere(async |world| {
        let spy = Spy::default();
        let cache = world.spied(&spy).await.0;
        assert_eq!(cache.increment("calls:1", 5, Policy::SHORT).await, Ok(5));
        spy.no_invalidations.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(cache.delete("calls:1").await, Ok(Invalidation::Queued));
        assert_eq!(cache.count("calls:1").await, Ok(None));
        assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Err(StoreError::Unavailable));
        spy.no_invalidations.store(false, std::sync::atomic::Ordering::SeqCst);
        cache_tests::wait::until("it is removed", async || cache.stats().pending_invalidations == 0).await;
        assert_eq!(cache.increment("calls:1", 1, Policy::SHORT).await, Ok(1));
    })
    .await;
}
