//! Many at once: in order, in one trip, each with an outcome of its own.

use super::{Spy, World, becomes, everywhere, in_l1};
use cache_runtime::{Invalidation, Policy, Put, StoreError};
use cache_tests::redis_process::RedisServer;

#[tokio::test]
async fn answers_stand_in_the_order_of_the_keys() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        let entries = (0..1_200_u64).map(|id| (("sessions", id), id * 2));
        let outcomes = one.set_many(entries, Policy::LONG).await;
        assert_eq!(outcomes, vec![Ok(Put::Stored); 1_200]);
        in_l1(&other, "sessions:1100", 2_200).await;
        let asked = [1_100, 5, 5_000, 0, 5];
        let got = other.get_many::<u64>(asked.map(|id| ("sessions", id))).await;
        assert_eq!(got, [Ok(Some(2_200)), Ok(Some(10)), Ok(None), Ok(Some(0)), Ok(Some(10))]);
        let all = other.get_many::<u64>((0..1_200_u64).rev().map(|id| ("sessions", id))).await;
        assert_eq!(all, (0..1_200).rev().map(|id| Ok(Some(id * 2))).collect::<Vec<_>>());
        let deleted = one.delete_many((0..1_199_u64).map(|id| ("sessions", id))).await;
        assert_eq!(deleted, Ok(Invalidation::Applied));
        assert_eq!(
            one.get_many::<u64>(["sessions:1198", "sessions:1199"]).await,
            [Ok(None), Ok(Some(2_398))]
        );
        becomes(&other, "sessions:1100", None).await;
        assert_eq!(one.get_many::<u64>([""; 0]).await, []);
    })
    .await;
}

#[tokio::test]
async fn each_key_has_an_outcome_of_its_own() {
    everywhere(async |world| {
        let spy = Spy::default();
        let cache = world.spied(&spy).await.0;
        let outcomes = cache.set_many([("a:1", 1), ("No:1", 2), ("b:1", 3)], Policy::LONG).await;
        assert_eq!(outcomes, [Ok(Put::Stored), Err(StoreError::IllegalKey), Ok(Put::Stored)]);
        let got = cache.get_many::<i32>(["b:1", "", "a:1"]).await;
        assert_eq!(got, [Ok(Some(3)), Err(StoreError::IllegalKey), Ok(Some(1))]);
        assert_eq!(cache.delete_many(["a:1", ""]).await, Err(StoreError::IllegalKey));
        assert_eq!(cache.exists("a:1").await, Ok(true), "nothing is removed then");
        // One of them may or may not have been stored: it is removed, and the others stand.
        spy.direct_errors.lock().expect("no panic").push(StoreError::Timeout);
        let outcomes = cache.set_many([("a:1", 4), ("b:1", 5)], Policy::LONG).await;
        assert_eq!(outcomes, [Ok(Put::Removed), Ok(Put::Stored)]);
        assert_eq!(cache.get_many::<i32>(["a:1", "b:1"]).await, [Ok(None), Ok(Some(5))]);
    })
    .await;
}

/// How often the server was sent `command`.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().and_then(|calls| calls.parse().ok()).expect("a number"))
}

#[tokio::test]
async fn many_are_asked_for_in_one_trip() {
    let world = World::Redis(RedisServer::start());
    let World::Redis(server) = &world else { unreachable!() };
    let cache = world.process().await.0;
    let keys = || (0..300).map(|id| ("sessions", id));
    cache.set_many(keys().map(|key| (key, 1)), Policy::LONG).await;
    let (gets, mgets) = (calls(server, "get"), calls(server, "mget"));
    assert_eq!(cache.get_many::<i32>(keys()).await, vec![Ok(Some(1)); 300]);
    assert_eq!((calls(server, "get") - gets, calls(server, "mget") - mgets), (0, 1));
}
