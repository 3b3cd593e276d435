//! Tags: one invalidation for many entries, whether the arguments tell the tag or the value does.

use super::world::{Process, Spy, World, everywhere};
use cache_runtime::{Invalidation, Outcome, Tier, cached};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use serde::{Deserialize, Serialize};

#[cached(ns = "ordered", ttl = "medium", l1 = "off", skip(load), tags = ["owner:{owner}"])]
async fn owned(owner: u64, id: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

#[cached(ns = "ordered", ttl = "medium", l1 = "off", skip(load), tags = ["owner:{owner}"])]
async fn found(owner: u64, load: GatedLoad<Option<u64>>) -> Option<u64> {
    load.load().await
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Task {
    status: u64,
    value: u64,
}

#[cached(ns = "ordered", ttl = "medium", l1 = "off", skip(load), tags = ["status:{result.status}"])]
async fn task(id: u64, load: GatedLoad<Task>) -> Task {
    load.load().await
}

#[cached(ns = "ordered", ttl = "medium", skip(load), tags = ["owner:{owner}", "status:{result.status}"])]
async fn coherent_task(owner: u64, load: GatedLoad<Task>) -> Task {
    load.load().await
}

async fn end(process: &Process, tag: &str) {
    assert_eq!(process.0.invalidate_tag("ordered", tag).await, Invalidation::Applied);
}

#[tokio::test]
async fn an_invalidated_tag_ends_its_entries_and_no_others() {
    everywhere(async |world| {
        let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
        let source = GatedLoad::open(1);
        let call = |owner, id| reader.spawn(owned(owner, id, source.clone())).end();
        for (owner, id) in [(7, 1), (7, 2), (8, 1)] {
            until("it is stored", async || call(owner, id).await == (1, Outcome::Hit(Tier::L2))).await;
        }
        source.set(2);
        end(&writer, "owner:7").await;
        assert_eq!([call(7, 1).await.0, call(7, 2).await.0, call(8, 1).await.0], [2, 2, 1]);
        source.set(3);
        assert_eq!(writer.0.clear_namespace("ordered").await, Invalidation::Applied);
        assert_eq!([call(7, 1).await.0, call(7, 2).await.0, call(8, 1).await.0], [3, 3, 3]);
    })
    .await;
}

#[tokio::test]
async fn a_load_that_an_invalidation_of_its_tag_overtook_is_not_served() {
    everywhere(async |world| {
        let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
        let source = GatedLoad::new(1);
        let slow = reader.spawn(owned(7, 1, source.clone()));
        source.gate.arrived().await;
        source.set(2);
        end(&writer, "owner:7").await;
        source.gate.open();
        assert_eq!(slow.end().await.0, 1, "it began before the mutation ended");
        assert_eq!(writer.spawn(owned(7, 1, source.clone())).end().await.0, 2);
        assert_eq!(reader.spawn(owned(7, 1, source.clone())).end().await.0, 2);
    })
    .await;
}

/// The tag is known only after the load, when its generation is a new one already.
#[tokio::test]
async fn a_load_that_an_invalidation_of_its_values_tag_overtook_is_not_served() {
    everywhere(async |world| {
        let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
        let source = GatedLoad::new(Task { status: 7, value: 1 });
        let slow = reader.spawn(task(1, source.clone()));
        source.gate.arrived().await;
        source.set(Task { status: 7, value: 2 });
        end(&writer, "status:7").await;
        source.gate.open();
        assert_eq!(slow.end().await.0.value, 1, "it began before the mutation ended");
        assert_eq!(writer.spawn(task(1, source.clone())).end().await.0.value, 2);
        assert_eq!(reader.spawn(task(1, source.clone())).end().await.0.value, 2);
    })
    .await;
}

/// An invalidation of a tag leaves the lease alone: that the store takes the fill does not speak for the value.
#[tokio::test]
async fn joiners_take_no_value_whose_tag_was_invalidated_before_they_came() {
    everywhere(async |world| {
        let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
        let source = GatedLoad::new(1);
        let leader = reader.spawn(owned(7, 1, source.clone()));
        source.gate.arrived().await;
        source.set(2);
        end(&writer, "owner:7").await;
        let joiner = reader.spawn(owned(7, 1, source.clone()));
        tokio::task::yield_now().await;
        source.gate.open();
        assert_eq!(leader.end().await.0, 1);
        assert_eq!(joiner.end().await.0, 2, "it came after the mutation had returned");
    })
    .await;
}

#[tokio::test]
async fn joiners_take_no_unstored_value_whose_tag_was_invalidated_before_they_came() {
    everywhere(async |world| {
        let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
        let source = GatedLoad::new(None);
        let leader = reader.spawn(found(7, source.clone()));
        source.gate.arrived().await;
        source.set(Some(2));
        end(&writer, "owner:7").await;
        let joiner = reader.spawn(found(7, source.clone()));
        tokio::task::yield_now().await;
        source.gate.open();
        assert_eq!(leader.end().await.0, None);
        assert_eq!(joiner.end().await.0, Some(2), "it came after the mutation had returned");
    })
    .await;
}

#[tokio::test]
async fn a_tag_that_ones_own_process_invalidates_is_out_of_l1_at_once() {
    everywhere(async |world| {
        let process = world.spied(&Spy::unfed()).await;
        let source = GatedLoad::open(Task { status: 1, value: 0 });
        let call = || process.spawn(coherent_task(7, source.clone())).end();
        for value in 1..10 {
            until("L1 answers", async || call().await.1 == Outcome::Hit(Tier::L1)).await;
            source.set(Task { status: value + 1, value });
            let tag = if value % 2 == 0 { "owner:7" } else { &format!("status:{value}") };
            end(&process, tag).await;
            assert_eq!(call().await.0.value, value);
        }
    })
    .await;
}

#[tokio::test]
async fn an_evicted_generation_ends_its_entries() {
    let server = RedisServer::start();
    let world = World::Redis(server);
    let World::Redis(server) = &world else { unreachable!("just made") };
    let process = world.process().await;
    let source = GatedLoad::open(1);
    let call = || process.spawn(owned(7, 1, source.clone())).end();
    for evicted in ["cache:tag:{ordered}:owner:7", "cache:tag:{ordered}:*"] {
        until("it is stored", async || matches!(call().await.1, Outcome::Hit(_))).await;
        server.cli(&["DEL", evicted]);
        assert_eq!(call().await.1, Outcome::Loaded, "{evicted}");
    }
}

#[tokio::test]
async fn two_invalidations_of_one_tag_that_race_leave_nothing_old() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::open(0);
        for value in 1..20 {
            one.spawn(owned(7, 1, source.clone())).end().await;
            source.set(value);
            tokio::join!(end(&one, "owner:7"), end(&other, "owner:7"));
            assert_eq!(one.spawn(owned(7, 1, source.clone())).end().await.0, value);
            assert_eq!(other.spawn(owned(7, 1, source.clone())).end().await.0, value);
        }
    })
    .await;
}

/// A clock decides how old a value looks, and nothing else.
#[tokio::test]
async fn clocks_a_quarter_of_an_hour_apart_serve_nothing_old() {
    #[cached(ns = "ordered", ttl = "1m", skip(load), tags = ["owner:{owner}"])]
    async fn timed(owner: u64, load: GatedLoad<u64>) -> u64 {
        load.load().await
    }
    everywhere(async |world| {
        let ahead = |clock_ahead_ms| Spy { clock_ahead_ms, ..Spy::default() };
        let (early, late) = (world.spied(&ahead(-900_000)).await, world.spied(&ahead(900_000)).await);
        let source = GatedLoad::open(0);
        for value in 1..10 {
            for process in [&early, &late] {
                until("it is a hit", async || {
                    matches!(process.spawn(timed(7, source.clone())).end().await.1, Outcome::Hit(_))
                })
                .await;
            }
            source.set(value);
            end(if value % 2 == 0 { &early } else { &late }, "owner:7").await;
            for process in [&early, &late] {
                until("the new value is read", async || {
                    process.spawn(timed(7, source.clone())).end().await.0 == value
                })
                .await;
            }
        }
    })
    .await;
}

#[cached(ns = "ordered", l1 = "off", skip(load), unless = |_| true, tags = ["status:{result.status}"])]
async fn unstored(id: u64, load: GatedLoad<Task>) -> Task {
    load.load().await
}

/// The value's own tag is known only after the load: joiners are told by the namespace's clock that one fell meanwhile.
#[tokio::test]
async fn joiners_take_no_value_whose_own_tag_was_invalidated_before_they_came() {
    everywhere(async |world| {
        for stored in [true, false] {
            let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
            let source = GatedLoad::new(Task { status: 1, value: 1 });
            let call = || {
                let source = source.clone();
                reader.spawn(
                    async move { if stored { task(9, source).await } else { unstored(9, source).await } },
                )
            };
            let leader = call();
            source.gate.arrived().await;
            source.set(Task { status: 1, value: 2 });
            end(&writer, "status:1").await;
            let joiner = call();
            tokio::task::yield_now().await;
            source.gate.open();
            assert_eq!(leader.end().await.0.value, 1, "it began before the mutation ended");
            assert_eq!(joiner.end().await.0.value, 2, "stored: {stored}");
        }
    })
    .await;
}

#[cached(ns = "ordered", ttl = "10s", l1 = "off", stale_if_error = "1h", skip(load), tags = ["owner:{owner}"])]
async fn forgiving(owner: u64, load: GatedLoad<Result<u64, String>>) -> Result<u64, String> {
    load.load().await
}

#[tokio::test(start_paused = true)]
async fn joiners_take_no_expired_value_whose_tag_was_invalidated_before_they_came() {
    let world = World::Memory(std::sync::Arc::default());
    let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
    let source = GatedLoad::open(Ok(1));
    let call = || reader.spawn(forgiving(7, source.clone()));
    assert_eq!(call().end().await.0, Ok(1));
    tokio::time::advance(std::time::Duration::from_secs(50)).await;
    source.gate.close();
    source.set(Err("down".to_owned()));
    let leader = call();
    source.gate.arrived_times(2).await;
    end(&writer, "owner:7").await;
    let joiner = call();
    tokio::task::yield_now().await;
    source.gate.open();
    assert_eq!(leader.end().await, (Ok(1), Outcome::Stale), "it came before the invalidation");
    assert_eq!(joiner.end().await.0, Err("down".to_owned()));
}
