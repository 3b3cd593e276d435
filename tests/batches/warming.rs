//! Entries that are loaded before anyone asks for them.

use super::source::{Down, Table, get, get_entry, get_many, soon, tens};
use super::world::{Process, Spy, everywhere};
use cache_runtime::store::Memory;
use cache_runtime::{Cache, Outcome, Put, Warmed, cached, observed};
use cache_tests::gate::Gate;
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::within;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::Instant;

/// A loader of chunks that has `table` as its source.
macro_rules! query {
    ($table:expr) => {
        |ids: Vec<u64>| {
            let table = $table.clone();
            async move { table.query(&ids).await }
        }
    };
}

fn counted(warmed: Warmed) -> [usize; 4] {
    [warmed.stored, warmed.fresh, warmed.skipped, warmed.failed]
}

async fn warm(cache: &Cache, ids: impl IntoIterator<Item = u64>, table: &Table) -> [usize; 4] {
    let ids: Vec<u64> = ids.into_iter().collect();
    let warming = cache.warm_with(ids, |id| get_entry(*id), query!(table));
    counted(within("the warming to end", warming.run()).await)
}

#[tokio::test]
async fn what_has_no_value_is_loaded_and_what_has_one_is_not() {
    everywhere(async |world| {
        let process = world.process().await;
        let table = Table::of(0..10);
        process.0.scope_for(get_many(&[2, 4], &table)).await.expect("found");
        assert_eq!(warm(&process.0, 0..5, &table).await, [3, 2, 0, 0]);
        assert_eq!(table.asked(), [vec![2, 4], vec![0, 1, 3]]);
        assert_eq!(process.0.scope_for(get_many(&[0, 1, 2, 3, 4], &table)).await, Ok(tens(0..5)));
        assert_eq!(warm(&process.0, 0..5, &table).await, [0, 5, 0, 0]);
        assert_eq!(table.asked().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_has_no_value_to_store_or_is_named_twice_is_skipped() {
    let (cache, table) = (Cache::in_process(), Table::of([1, 2]));
    assert_eq!(warm(&cache, [1, 7, 2, 1, 8], &table).await, [2, 0, 3, 0]);
    assert_eq!(table.asked(), [vec![1, 7, 2, 8]]);
    assert_eq!(soon(cache.scope_for(get(7, &table))).await, Ok(None));
}

#[tokio::test]
async fn a_lease_of_another_is_left_to_it() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let gate = Gate::default();
        let (slow, table) = (Table::behind(&gate, 0..10), Table::of(0..10));
        slow.set(1, 11);
        let load = tokio::spawn({
            let (cache, slow) = (other.0.clone(), slow.clone());
            async move { cache.scope_for(get(1, &slow)).await }
        });
        gate.arrived().await;
        assert_eq!(warm(&one.0, [1, 2], &table).await, [1, 0, 1, 0], "it waits for nobody");
        for process in [&one, &other] {
            let value = process.0.scope_for(async { [(get_entry(1), Some(0))] }).await;
            assert_eq!(counted(process.0.warm(value).run().await), [0, 0, 1, 0]);
        }
        gate.open();
        assert_eq!(within("the load to end", load).await.expect("it ends"), Ok(Some(11)));
        assert_eq!(table.asked(), [vec![2]]);
        assert_eq!(one.0.scope_for(get(1, &table)).await, Ok(Some(11)), "its fill was accepted");
    })
    .await;
}

#[tokio::test]
async fn a_hold_of_another_is_left_to_it() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let table = Table::of(0..10);
        let entry = other.0.scope_for(async { get_entry(1) }).await;
        let hold = entry.hold().await;
        assert_eq!(warm(&one.0, [1], &table).await, [0, 0, 1, 0]);
        let value = one.0.scope_for(async { [(get_entry(1), Some(10))] }).await;
        assert_eq!(counted(one.0.warm(value).run().await), [0, 0, 1, 0]);
        assert_eq!(hold.put(Some(11)).await, Put::Stored, "it was alone all the time");
        assert_eq!(one.0.scope_for(get(1, &table)).await, Ok(Some(11)));
        assert_eq!(table.asked(), Vec::<Vec<u64>>::new());
    })
    .await;
}

#[tokio::test]
async fn what_is_invalidated_during_its_load_is_not_stored() {
    everywhere(async |world| {
        let (one, other) = (world.spied(&Spy::unfed()).await, world.process().await);
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..10);
        let warming = warm(&one.0, [1, 2], &table);
        let meanwhile = async {
            gate.arrived().await;
            table.set(1, 11);
            other.0.scope_for(async { get_entry(1).invalidate().await }).await;
            gate.open();
        };
        assert_eq!(tokio::join!(warming, meanwhile).0, [1, 0, 1, 0]);
        assert_eq!(other.0.scope_for(get(1, &table)).await, Ok(Some(11)));
        assert_eq!(other.0.scope_for(get(2, &table)).await, Ok(Some(20)));
        assert_eq!(table.asked(), [vec![1, 2], vec![1]]);
    })
    .await;
}

#[tokio::test]
async fn a_caller_joins_the_load_that_warms() {
    let process = Process(Cache::in_process());
    let gate = Gate::default();
    let table = Table::behind(&gate, 0..10);
    let warming = warm(&process.0, [1, 2], &table);
    let call = async {
        gate.arrived().await;
        let mut call = std::pin::pin!(process.0.scope_for(observed(get(2, &table))));
        assert!(futures_are_pending(call.as_mut()).await);
        gate.open();
        call.await
    };
    let (warmed, (found, report)) = tokio::join!(warming, call);
    assert_eq!((warmed, found), ([2, 0, 0, 0], Ok(Some(20))));
    assert_eq!((report.outcome(), table.asked().len()), (Some(Outcome::Joined), 1));
}

/// Polls once.
async fn futures_are_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn a_dropped_warming_leaves_no_leases() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..300);
        let warming = tokio::spawn({
            let (cache, table) = (one.0.clone(), table.clone());
            async move { warm(&cache, 0..300, &table).await }
        });
        gate.arrived().await;
        warming.abort();
        assert!(warming.await.is_err_and(|error| error.is_cancelled()));
        gate.open();
        let ids: Vec<u64> = (0..100).collect();
        assert_eq!(soon(other.0.scope_for(get_many(&ids, &table))).await, Ok(tens(0..100)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_more_entries_are_begun_in_a_second_than_the_rate_says() {
    let cache = Cache::in_process();
    let begun = Arc::new(Mutex::new(Vec::new()));
    let started = Instant::now();
    let load = |ids: Vec<u64>| {
        begun.lock().expect("no panic").push((started.elapsed().as_millis(), ids.len()));
        async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            tens(ids)
        }
    };
    let warming = cache.warm_with(0..250, |id| get_entry(*id), load).rate(50).concurrency(3);
    assert_eq!(counted(warming.run().await), [250, 0, 0, 0]);
    let expected: Vec<_> = (0..5).map(|second| (second * 1_000, 50)).collect();
    assert_eq!(*begun.lock().expect("no panic"), expected, "a chunk is no longer than a second allows");
}

#[tokio::test]
async fn so_many_chunks_are_under_way_as_said() {
    let cache = Cache::in_process();
    let gate = Gate::default();
    let table = Table::behind(&gate, 0..100);
    let warming = cache.warm_with(0..50, |id| get_entry(*id), query!(table)).chunk(10).concurrency(2).run();
    let meanwhile = async {
        gate.arrived_times(2).await;
        for _ in 0..50 {
            yield_now().await;
        }
        assert_eq!(table.asked(), [(0..10).collect::<Vec<_>>(), (10..20).collect()]);
        gate.open();
    };
    assert_eq!(counted(tokio::join!(warming, meanwhile).0), [50, 0, 0, 0]);
    assert_eq!(table.asked().len(), 5);
}

#[tokio::test]
async fn progress_adds_up_and_a_failed_chunk_ends_nothing() {
    let cache = Cache::in_process();
    let table = Table::of(0..25);
    let load = |ids: Vec<u64>| {
        let table = table.clone();
        async move { if ids.contains(&12) { Err(Down) } else { table.query(&ids).await } }
    };
    cache.scope_for(get_many(&[3, 13], &table)).await.expect("found");
    let mut told = Vec::new();
    let warming = cache.warm_with(0..30, |id| get_entry(*id), load).chunk(10);
    let warmed = warming.on_progress(|warmed| told.push(counted(warmed))).run().await;
    assert_eq!(told, [[9, 1, 0, 0], [9, 2, 0, 9], [14, 2, 5, 9]]);
    assert_eq!((counted(warmed), warmed.total()), ([14, 2, 5, 9], 30));
    assert_eq!(soon(cache.scope_for(get(12, &table))).await, Ok(Some(120)));
}

#[tokio::test]
async fn without_a_store_nothing_is_loaded_and_nothing_fails() {
    let server = RedisServer::start();
    let cache = Cache::builder().redis(server.url()).build().expect("a good configuration");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    server.kill();
    let table = Table::of(0..250);
    assert_eq!(warm(&cache, 0..250, &table).await, [0, 0, 0, 250]);
    let values = cache.scope_for(async { (0..10).map(|id| (get_entry(id), Some(id))).collect::<Vec<_>>() });
    assert_eq!(counted(cache.warm(values.await).run().await), [0, 0, 0, 10]);
    assert_eq!(table.asked(), Vec::<Vec<u64>>::new());
    assert_eq!(warm(&Cache::disabled(), 0..5, &table).await, [0, 0, 5, 0]);
}

#[tokio::test]
async fn a_transaction_warms_nothing() {
    let (cache, table) = (Cache::in_process(), Table::of(0..10));
    let within = cache.scope(async |_| {
        let values = vec![(get_entry(1), Some(10))];
        Ok::<_, Down>((warm(&cache, 0..5, &table).await, counted(cache.warm(values).run().await)))
    });
    assert_eq!(within.await, Ok(([0, 0, 5, 0], [0, 0, 1, 0])));
    assert_eq!(table.asked(), Vec::<Vec<u64>>::new());
}

#[cached(ns = "batches", ttl = "medium", unless = |value| *value > 50, skip(table))]
async fn small(id: u64, table: &Table) -> Result<u64, Down> {
    table.one(id).await?.ok_or(Down)
}

#[tokio::test]
async fn values_at_hand_are_stored_where_there_is_none() {
    everywhere(async |world| {
        let process = world.process().await;
        let table = Table::of(0..100);
        process.0.scope_for(small(2, &table)).await.expect("found");
        let values = || {
            process
                .0
                .scope_for(async { [(1, 10), (2, 0), (9, 90)].map(|(id, value)| (small_entry(id), value)) })
        };
        assert_eq!(counted(process.0.warm(values().await).run().await), [1, 1, 1, 0]);
        let read = async |id| process.0.scope_for(observed(small(id, &table))).await;
        assert_eq!(read(1).await.0, Ok(10));
        assert_eq!(read(2).await.0, Ok(20), "what is there stays");
        assert_eq!(table.asked(), [vec![2]]);
        assert_eq!(read(9).await.1.outcome(), Some(Outcome::Loaded), "the function's rules hold");
    })
    .await;
}

#[tokio::test]
async fn a_chunk_has_one_place_among_the_loads() {
    let cache =
        Cache::builder().store(Arc::<Memory>::default()).loads(1).build().expect("a good configuration");
    let gate = Gate::default();
    let table = Table::behind(&gate, 0..200);
    let warming = cache.warm_with(0..200, |id| get_entry(*id), query!(table)).concurrency(2).run();
    let meanwhile = async {
        gate.arrived().await;
        for _ in 0..50 {
            yield_now().await;
        }
        assert_eq!(table.asked().len(), 1);
        gate.open();
    };
    assert_eq!(counted(tokio::join!(warming, meanwhile).0), [200, 0, 0, 0]);
    assert_eq!(table.asked().len(), 2);
}
