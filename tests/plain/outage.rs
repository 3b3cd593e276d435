//! Without the store: errors where nothing else is left, removals that are sent later, all of it soon.

use cache_runtime::{Cache, Invalidation, Policy, Put, StoreError};
use cache_tests::proxy::{Direction, Proxy};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::time::{Duration, Instant};

async fn over(url: &str) -> Cache {
    let cache = Cache::builder().redis(url).app("shop").build().expect("a good url");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    cache
}

#[tokio::test]
async fn without_a_connection_removals_are_queued_and_the_rest_is_an_error() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (cache, other) = (over(&proxy.url()).await, over(&server.url()).await);
    for key in ["sessions:1", "sessions:2", "sessions:3"] {
        assert_eq!(cache.set(key, &1, Policy::LONG).await, Ok(Put::Stored));
    }
    proxy.refuse().await;
    proxy.reset_all();
    let unreachable = Err(StoreError::Unreachable);
    until("the connection is gone", async || cache.exists("sessions:1").await.is_err()).await;
    let started = Instant::now();
    assert_eq!(cache.set("sessions:1", &2, Policy::LONG).await, Ok(Put::Queued));
    assert_eq!(cache.delete("sessions:2").await, Ok(Invalidation::Queued));
    assert_eq!(cache.get::<i32>("sessions:3").await, Err(StoreError::Unreachable));
    assert_eq!(cache.increment("calls:1", 1, Policy::LONG).await, Err(StoreError::Unreachable));
    assert_eq!(cache.expire("sessions:3", Policy::DAY).await, Err(StoreError::Unreachable));
    assert_eq!(cache.get_many::<i32>(["sessions:3"]).await, [unreachable]);
    let outcomes = cache.set_many([("sessions:4", 1), ("sessions:5", 1)], Policy::LONG).await;
    assert_eq!(outcomes, [Ok(Put::Queued); 2]);
    assert_eq!(cache.get_or_load("sessions:6", Policy::LONG, async { Ok::<_, ()>(7) }).await, Ok(7));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(cache.get::<i32>("sessions:1").await, Ok(None), "neither the old value nor the new one");
    assert_eq!(other.get::<i32>("sessions:1").await, Ok(Some(1)), "the window");
    proxy.accept().await;
    cache.ready(Duration::from_secs(10)).await.expect("it is back");
    for key in ["sessions:1", "sessions:2"] {
        assert_eq!(other.exists(key).await, Ok(false), "sent before anything else: {key}");
    }
    assert_eq!(cache.get::<i32>("sessions:3").await, Ok(Some(1)));
    assert_eq!(cache.stats().pending_invalidations, 0);
}

#[tokio::test]
async fn a_set_whose_answer_is_lost_leaves_nothing_behind() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (cache, other) = (over(&proxy.url()).await, over(&server.url()).await);
    assert_eq!(cache.set("sessions:1", &1, Policy::LONG).await, Ok(Put::Stored));
    proxy.stall(Direction::ToClient);
    assert_eq!(cache.set("sessions:1", &2, Policy::LONG).await, Ok(Put::Queued));
    assert_eq!(cache.get::<i32>("sessions:1").await, Ok(None));
    proxy.resume();
    until("the removal is sent", async || cache.stats().pending_invalidations == 0).await;
    assert_eq!(other.get::<i32>("sessions:1").await, Ok(None));
}
