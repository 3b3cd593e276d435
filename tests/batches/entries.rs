//! Which entries a batch has, and how many trips and loads it takes.

use super::source::{Down, Table, get, get_entry, get_many, soon, tens};
use super::world::{Process, Spy, World, everywhere};
use cache_runtime::store::Memory;
use cache_runtime::{Cache, Outcome, Tier, cached, cached_many, observed};
use cache_tests::gate::Gate;
use cache_tests::redis_process::RedisServer;
use std::collections::HashMap;
use std::sync::Arc;

/// How often the server has executed `command`.
fn calls(server: &RedisServer, command: &str) -> usize {
    let stats = server.cli(&["INFO", "commandstats"]);
    let of = |line: &str| {
        let rest = line.strip_prefix("cmdstat_")?.strip_prefix(command)?.strip_prefix(":calls=")?;
        rest.split(',').next()?.parse().ok()
    };
    stats.lines().find_map(of).unwrap_or(0)
}

#[tokio::test]
async fn a_hundred_ids_are_one_lookup_and_one_load() {
    let world = World::Redis(RedisServer::start());
    let World::Redis(server) = &world else { unreachable!("it is one") };
    let (one, other) = (world.process().await, world.process().await);
    let ids: Vec<u64> = (0..100).collect();
    let gate = Gate::default();
    let (first, table) = (Table::of(1_000..1_010), Table::behind(&gate, 0..100));
    // Once the generation of the namespace is known, only lookups read, up to the fills.
    for id in 1_000..1_002 {
        one.0.scope_for(near(id, &first)).await.expect("found");
    }
    let lookups = |server| calls(server, "get") + calls(server, "mget");
    let before = lookups(server);
    let loading = one.0.scope_for(near_many(ids.clone(), &table));
    let meanwhile = async {
        gate.arrived().await;
        assert_eq!(lookups(server) - before, 1, "the lookup of the batch that loads");
        gate.open();
    };
    assert_eq!(tokio::join!(loading, meanwhile).0, Ok(tens(0..100)));
    assert_eq!(table.asked(), [&ids[..]]);
    // The fills are on their way, before whatever comes next on this connection.
    one.0.scope_for(async { near_entry(0).peek().await }).await.expect("stored");
    let before = lookups(server);
    assert_eq!(other.0.scope_for(near_many(ids.clone(), &table)).await, Ok(tens(0..100)));
    assert_eq!(lookups(server) - before, 1, "the lookup of the batch that finds all");
    assert_eq!(table.asked().len(), 1);
}

#[tokio::test]
async fn entries_are_those_of_the_function_both_ways() {
    everywhere(async |world| {
        let process = world.process().await;
        let table = Table::of(0..10);
        let call = async |ids: &[u64]| process.0.scope_for(observed(get_many(ids, &table))).await;
        process.0.scope_for(get(3, &table)).await.expect("found");
        process.0.scope_for(get(5, &table)).await.expect("found");
        let (found, report) = call(&[1, 3, 5, 7]).await;
        assert_eq!(found, Ok(tens([1, 3, 5, 7])));
        assert_eq!(table.asked(), [vec![3], vec![5], vec![1, 7]], "the body has what is missing only");
        let hits = report.answers().iter().filter(|answer| answer.outcome == Outcome::Hit(Tier::L2));
        assert_eq!((hits.count(), report.answers().len()), (2, 4));
        let (one, report) = process.0.scope_for(observed(get(7, &table))).await;
        assert_eq!((one, report.outcome()), (Ok(Some(70)), Some(Outcome::Hit(Tier::L2))));
        assert_eq!(process.0.scope_for(async { get_entry(1).peek().await }).await, Some(Some(10)));
    })
    .await;
}

#[cached(ns = "batches", ttl = "medium", skip(table))]
async fn near(id: u64, table: &Table) -> Result<Option<u64>, Down> {
    table.one(id).await
}

#[cached_many(near, each = ids)]
async fn near_many(ids: Vec<u64>, table: &Table) -> Result<HashMap<u64, u64>, Down> {
    table.query(&ids).await
}

#[tokio::test]
async fn what_memory_has_is_not_asked_for() {
    let spy = Spy::default();
    let process = World::spying(Arc::<Memory>::default(), &spy);
    let table = Table::of(0..100);
    let call = || process.0.scope_for(observed(near_many((0..100).collect(), &table)));
    assert_eq!(call().await.0, Ok(tens(0..100)));
    assert_eq!(spy.gets.get(), 100);
    let (found, report) = call().await;
    assert_eq!(found, Ok(tens(0..100)));
    assert!(report.answers().iter().all(|answer| answer.outcome == Outcome::Hit(Tier::L1)));
    assert_eq!((report.answers().len(), spy.gets.get()), (100, 100), "no trip");
    let (one, report) = process.0.scope_for(observed(near(7, &table))).await;
    assert_eq!((one, report.outcome()), (Ok(Some(70)), Some(Outcome::Hit(Tier::L1))));
    // One that memory has not is asked for alone.
    process.0.scope_for(async { near_entry(7).invalidate().await }).await;
    assert_eq!(call().await.0, Ok(tens(0..100)));
    assert_eq!(spy.gets.get(), 101);
    assert_eq!(table.asked()[1..], [vec![7]]);
}

#[tokio::test]
async fn an_id_that_is_asked_for_twice_is_loaded_once() {
    everywhere(async |world| {
        let process = world.process().await;
        let table = Table::of(0..10);
        let call = |ids: &'static [u64]| process.0.scope_for(get_many(ids, &table));
        assert_eq!(call(&[2, 1, 2, 2, 1]).await, Ok(tens([1, 2])));
        assert_eq!(table.asked(), [vec![2, 1]]);
        assert_eq!(call(&[3, 3, 2]).await, Ok(tens([2, 3])));
        assert_eq!(table.asked()[1..], [vec![3]]);
    })
    .await;
}

#[tokio::test]
async fn no_ids_are_no_load() {
    let process = Process(Cache::in_process());
    let table = Table::of(0..10);
    assert_eq!(process.0.scope_for(get_many(&[], &table)).await, Ok(HashMap::new()));
    let scope = process.0.scope(async |_| get_many(&[], &table).await).await;
    assert_eq!(scope, Ok(HashMap::new()));
    assert_eq!(table.asked(), Vec::<Vec<u64>>::new());
}

#[tokio::test]
async fn an_error_passes_and_stores_nothing() {
    everywhere(async |world| {
        let process = world.process().await;
        let table = Table::of(0..10);
        process.0.scope_for(get(1, &table)).await.expect("found");
        table.fail(true);
        assert_eq!(
            process.0.scope_for(get_many(&[1, 2, 3], &table)).await,
            Err(Down),
            "although one was there"
        );
        let entry = async |id| process.0.scope_for(async { get_entry(id).peek().await }).await;
        assert_eq!((entry(1).await, entry(2).await), (Some(Some(10)), None));
        table.fail(false);
        assert_eq!(soon(process.0.scope_for(get_many(&[1, 2, 3], &table))).await, Ok(tens(1..=3)));
        let mut again = table.asked()[2..].concat();
        again.sort_unstable();
        assert_eq!(again, [2, 3], "the first one was there all the time");
    })
    .await;
}

#[tokio::test]
async fn a_transaction_and_a_cache_that_is_off_run_the_body_with_all_ids() {
    let table = Table::of(0..10);
    let cache = Cache::in_process();
    assert_eq!(cache.scope_for(get_many(&[1, 2], &table)).await, Ok(tens([1, 2])));
    table.set(1, 0);
    let within = cache.scope(async |_| get_many(&[2, 1, 2], &table).await).await;
    assert_eq!(within, Ok(HashMap::from([(1, 0), (2, 20)])), "it sees its own rows");
    assert_eq!(Cache::disabled().scope_for(get_many(&[3, 4, 3], &table)).await, Ok(tens([3, 4])));
    assert_eq!(table.asked(), [vec![1, 2], vec![2, 1], vec![3, 4]]);
}

#[tokio::test]
async fn a_load_that_calls_a_batch_sees_its_source() {
    #[cached(ns = "batches", ttl = "medium", skip(table))]
    async fn sum(ids: Vec<u64>, table: &Table) -> Result<u64, Down> {
        Ok(get_many(&ids, table).await?.values().sum())
    }
    let table = Table::of(0..10);
    let cache = Cache::in_process();
    cache.scope_for(get_many(&[1, 2], &table)).await.expect("found");
    table.set(1, 5);
    assert_eq!(cache.scope_for(sum(vec![1, 2], &table)).await, Ok(25));
}
