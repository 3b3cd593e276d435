//! Mutations beyond a plain invalidation, by the calls that the macros make: updates, holds around a body, transactions, deferred ones.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

mod refreshing;
mod scopes;
mod stores;

use cache_runtime::__private::Mutation;
use cache_runtime::store::{Memory, Redis, Store};
use cache_runtime::{Cache, Invalidation, Outcome, Undone, cached, invalidates, observed};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::redis_process::RedisServer;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cached(ns = "mutations", ttl = "medium", skip(source))]
async fn read(id: u64, source: &GatedLoad<u64>) -> u64 {
    source.load().await
}

#[cached(ns = "mutations", ttl = "medium", skip(source))]
async fn find(id: u64, source: &GatedLoad<u64>) -> Option<u64> {
    Some(source.load().await)
}

#[invalidates(read(id))]
async fn write(id: u64, value: u64, source: &GatedLoad<u64>) -> Result<u64, String> {
    source.set(value);
    if value == 0 { Err("refused".to_owned()) } else { Ok(value) }
}

const HOLD: Duration = Duration::from_secs(10);

/// Two processes over each kind of store.
async fn everywhere(scenario: impl AsyncFn(&Cache, &Cache)) {
    let over = |store: Arc<dyn Store>| Cache::builder().store(store).build().expect("a good configuration");
    let memory = Arc::<Memory>::default();
    scenario(&over(memory.clone()), &over(memory)).await;
    let server = RedisServer::start();
    let connect = || async {
        let store = Redis::connect(&server.url()).expect("a good url");
        store.ready(Duration::from_secs(10)).await.expect("the server is up");
        over(Arc::new(store))
    };
    scenario(&connect().await, &connect().await).await;
}

async fn value(cache: &Cache, id: u64, source: &GatedLoad<u64>) -> u64 {
    cache.scope_for(read(id, source)).await
}

/// Past what a process may still have in L1 when it hears of an invalidation late.
async fn becomes(cache: &Cache, id: u64, source: &GatedLoad<u64>, expected: u64) {
    cache_tests::wait::until("the new value is read", async || value(cache, id, source).await == expected)
        .await;
}

#[tokio::test]
async fn an_updated_entry_has_the_returned_value_without_a_load() {
    everywhere(async |one, other| {
        let source = GatedLoad::open(1);
        assert_eq!(value(one, 1, &source).await, 1);
        one.scope_for(async {
            let mut mutation = Mutation::new("update").around(HOLD);
            let update = mutation.update(read_entry(1));
            mutation.begin_or_degrade().await;
            source.set(2);
            mutation.becomes(update, 2);
            mutation.finish(true).await;
        })
        .await;
        let loads = source.loads.get();
        assert_eq!(value(one, 1, &source).await, 2);
        becomes(other, 1, &source, 2).await;
        assert_eq!(source.loads.get(), loads, "nobody had to load");
    })
    .await;
}

#[tokio::test]
async fn of_two_updates_that_race_neither_leaves_the_older_value() {
    everywhere(async |one, other| {
        let source = GatedLoad::open(0);
        let begun = |cache: &Cache| {
            let cache = cache.clone();
            async move {
                cache
                    .scope_for(async {
                        let mut mutation = Mutation::new("update").around(HOLD);
                        let update = mutation.update(read_entry(1));
                        mutation.begin_or_degrade().await;
                        (mutation, update)
                    })
                    .await
            }
        };
        let (mut first, first_update) = begun(one).await;
        let (mut second, second_update) = begun(other).await;
        source.set(1);
        source.set(2);
        second.becomes(second_update, 2);
        second.finish(true).await;
        first.becomes(first_update, 1);
        first.finish(true).await;
        assert_eq!(value(one, 1, &source).await, 2);
        becomes(other, 1, &source, 2).await;
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_under_an_update_wins() {
    everywhere(async |one, other| {
        let source = GatedLoad::open(0);
        one.scope_for(async {
            let mut mutation = Mutation::new("update").around(HOLD);
            let update = mutation.update(read_entry(1));
            mutation.begin_or_degrade().await;
            source.set(1);
            other.scope_for(write(1, 2, &source)).await.expect("written");
            mutation.becomes(update, 1);
            mutation.finish(true).await;
        })
        .await;
        assert_eq!(value(one, 1, &source).await, 2);
        becomes(other, 1, &source, 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_failed_update_leaves_nothing_behind() {
    everywhere(async |one, _| {
        let source = GatedLoad::open(1);
        value(one, 1, &source).await;
        one.scope_for(async {
            let mut mutation = Mutation::new("update").around(HOLD);
            let _update = mutation.update(read_entry(1));
            mutation.begin_or_degrade().await;
            source.set(2);
            mutation.finish(false).await;
            assert!(!read_entry(1).exists().await);
        })
        .await;
        assert_eq!(value(one, 1, &source).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_returned_value_becomes_what_the_entry_holds() {
    everywhere(async |one, _| {
        let source = GatedLoad::open(1);
        one.scope_for(async {
            let mut mutation = Mutation::new("update").around(HOLD);
            let update = mutation.update(find_entry(1));
            mutation.begin_or_degrade().await;
            let returned = 5_u64;
            mutation.becomes(update, cache_runtime::__private::Becomes::becomes(&returned));
            mutation.finish(true).await;
            assert_eq!(find(1, &source).await, Some(5));
        })
        .await;
    })
    .await;
}

/// The writer dies between its commit and its invalidation: with holds from before the commit, nobody is served the old value.
#[tokio::test]
async fn a_writer_that_dies_in_an_around_leaves_no_old_value() {
    everywhere(async |one, other| {
        let source = GatedLoad::open(1);
        becomes(other, 1, &source, 1).await;
        let (begun, dead) = (Gate::default(), Gate::default());
        let writer = {
            let (cache, source, begun, dead) = (one.clone(), source.clone(), begun.clone(), dead.clone());
            tokio::spawn(async move {
                cache
                    .scope_for(async {
                        let mut mutation = Mutation::new("around").around(HOLD);
                        mutation.target(read_entry(1));
                        mutation.begin_or_degrade().await;
                        source.set(2);
                        begun.wait().await;
                        // Neither ended nor dropped: as if the process were gone.
                        std::mem::forget(mutation);
                        dead.wait().await;
                    })
                    .await;
            })
        };
        begun.arrived().await;
        begun.open();
        dead.arrived().await;
        becomes(other, 1, &source, 2).await;
        for _ in 0..20 {
            assert_eq!(value(other, 1, &source).await, 2);
            assert_eq!(value(one, 1, &source).await, 2);
        }
        dead.open();
        writer.await.expect("no panic");
    })
    .await;
}

#[tokio::test]
async fn a_dropped_around_gives_its_holds_up_and_invalidates() {
    everywhere(async |one, other| {
        let source = GatedLoad::open(1);
        becomes(other, 1, &source, 1).await;
        one.scope_for(async {
            let mut mutation = Mutation::new("around").around(HOLD);
            mutation.target(read_entry(1));
            mutation.begin_or_degrade().await;
            source.set(2);
            drop(mutation);
        })
        .await;
        becomes(other, 1, &source, 2).await;
        cache_tests::wait::until("entries are stored again", async || {
            let (_, report) = one.scope_for(observed(read(1, &source))).await;
            matches!(report.outcome(), Some(Outcome::Hit(_)))
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_mutation_that_must_not_be_queued_says_so_before_it_begins() {
    let server = RedisServer::start();
    server.kill();
    let cache = Cache::builder().redis(server.url()).build().expect("a good url");
    cache
        .scope_for(async {
            let mut mutation = Mutation::new("around").around(HOLD).or_fail();
            mutation.target(read_entry(1));
            assert_eq!(mutation.begin().await, Err(Undone::NotBegun));
            let mut after = Mutation::new("after").or_fail();
            after.target(read_entry(1));
            assert_eq!(after.finish_or_fail(true).await, Err(Undone::NotAnnounced));
        })
        .await;
}

#[tokio::test]
async fn a_settled_mutation_is_seen_by_every_process_at_once() {
    let server = RedisServer::start();
    let connect = || async {
        let cache = Cache::builder().redis(server.url()).build().expect("a good url");
        cache.ready(Duration::from_secs(10)).await.expect("the server is up");
        cache
    };
    let (one, other) = (connect().await, connect().await);
    let source = GatedLoad::open(1);
    becomes(&other, 1, &source, 1).await;
    source.set(2);
    let started = Instant::now();
    one.scope_for(async {
        let mut mutation = Mutation::new("settled").settle();
        mutation.target(read_entry(1));
        mutation.finish(true).await;
    })
    .await;
    assert!(started.elapsed() >= Duration::from_millis(1_030), "{:?}", started.elapsed());
    assert_eq!(value(&other, 1, &source).await, 2);
}

#[tokio::test]
async fn an_invalidation_that_too_few_copies_have_says_so() {
    let master = RedisServer::start();
    let cache = Cache::builder().redis(master.url()).build().expect("a good url");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    let durable = || async {
        let ((), report) = cache
            .scope_for(observed(async {
                let mut mutation = Mutation::new("durable").wait(1, Duration::from_millis(100));
                mutation.target(read_entry(1));
                mutation.finish(true).await;
            }))
            .await;
        report.invalidations().to_vec()
    };
    assert_eq!(durable().await, [Invalidation::Unreplicated]);
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &master.port().to_string()]);
    cache_tests::wait::until("the replica has caught up", async || {
        durable().await == [Invalidation::Applied]
    })
    .await;
    replica.kill();
    cache_tests::wait::until("it is missed", async || durable().await == [Invalidation::Unreplicated]).await;
}

#[tokio::test]
async fn on_an_error_the_entry_falls_too() {
    everywhere(async |one, _| {
        let source = GatedLoad::open(1);
        value(one, 1, &source).await;
        one.scope_for(write(1, 0, &source)).await.expect_err("refused");
        assert_eq!(value(one, 1, &source).await, 0, "the body may have changed something before it failed");
    })
    .await;
}
