//! Loads in flight, invalidations and cancellations, each ordered by gates.

use super::source::{Down, Table, get, get_entry, get_many, soon, tens};
use super::world::{Process, Spy, World, everywhere};
use cache_runtime::store::Memory;
use cache_runtime::{Cache, Outcome, cached, cached_many, observed};
use cache_tests::gate::Gate;
use cache_tests::wait::within;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::{JoinHandle, yield_now};

type Found = Result<HashMap<u64, u64>, Down>;

/// A batch in a task of its own.
fn spawn(process: &Process, ids: &[u64], table: &Table) -> JoinHandle<Found> {
    let (cache, ids, table) = (process.0.clone(), ids.to_vec(), table.clone());
    tokio::spawn(async move { cache.scope_for(get_many(&ids, &table)).await })
}

fn spawn_one(process: &Process, id: u64, table: &Table) -> JoinHandle<(Result<Option<u64>, Down>, Outcome)> {
    let (cache, table) = (process.0.clone(), table.clone());
    tokio::spawn(async move {
        let (found, report) = cache.scope_for(observed(get(id, &table))).await;
        (found, report.outcome().expect("it was a cached call"))
    })
}

async fn end<T>(task: JoinHandle<T>) -> T {
    within("the call to end", task).await.expect("it neither panics nor is cancelled")
}

/// Whatever can happen now in this process has happened.
async fn quiet() {
    for _ in 0..50 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_call_for_one_id_joins_the_load_of_a_batch() {
    everywhere(async |world| {
        // The first load in a namespace makes its generation, which the feed tells of as if it had changed.
        let process = world.spied(&Spy::unfed()).await;
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..10);
        let batch = spawn(&process, &[1, 2], &table);
        gate.arrived().await;
        let one = spawn_one(&process, 2, &table);
        quiet().await;
        gate.open();
        assert_eq!(end(batch).await, Ok(tens([1, 2])));
        assert_eq!(end(one).await, (Ok(Some(20)), Outcome::Joined));
        assert_eq!(table.asked(), [vec![1, 2]]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_joins_the_load_of_a_call_for_one_id_and_loads_the_others_meanwhile() {
    everywhere(async |world| {
        let process = world.process().await;
        let (slow, fast) = (Gate::default(), Gate::default());
        let (one, many) = (Table::behind(&slow, 0..10), Table::behind(&fast, 0..10));
        let call = spawn_one(&process, 2, &one);
        slow.arrived().await;
        let batch = spawn(&process, &[1, 2, 3], &many);
        // Its load does not wait for the other one.
        fast.arrived().await;
        fast.open();
        slow.open();
        assert_eq!(end(batch).await, Ok(tens(1..=3)));
        assert_eq!(end(call).await.0, Ok(Some(20)));
        assert_eq!(many.asked(), [vec![1, 3]]);
    })
    .await;
}

#[tokio::test]
async fn batches_of_two_processes_share_their_loads() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let (first, second) = (Gate::default(), Gate::default());
        let (here, there) = (Table::behind(&first, 0..10), Table::behind(&second, 0..10));
        let batch = spawn(&one, &[1, 2, 3], &here);
        first.arrived().await;
        let overlapping = spawn(&other, &[4, 3, 2], &there);
        second.arrived().await;
        second.open();
        first.open();
        assert_eq!(end(batch).await, Ok(tens(1..=3)));
        assert_eq!(end(overlapping).await, Ok(tens(2..=4)));
        assert_eq!((here.asked(), there.asked()), (vec![vec![1, 2, 3]], vec![vec![4]]));
    })
    .await;
}

/// Each leads one id and waits for the other one, and both have one place to load.
#[tokio::test]
async fn overlapping_batches_in_opposite_order_end() {
    let memory: Arc<Memory> = Arc::default();
    for loads in [1, 64] {
        let cache =
            Cache::builder().store(memory.clone()).loads(loads).build().expect("a good configuration");
        let process = Process(cache);
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..300);
        let ids: Vec<u64> = (0..200).map(|id| id + 100 * u64::from(loads == 1)).collect();
        let reversed: Vec<u64> = ids.iter().rev().copied().collect();
        let (one, other) = (spawn(&process, &ids, &table), spawn(&process, &reversed, &table));
        let third = spawn(&process, &ids[50..150], &table);
        quiet().await;
        gate.open();
        assert_eq!(end(one).await, Ok(tens(ids.clone())));
        assert_eq!(end(other).await, Ok(tens(ids.clone())));
        assert_eq!(end(third).await, Ok(tens(ids[50..150].to_vec())));
        let mut loaded = table.asked().concat();
        loaded.sort_unstable();
        loaded.dedup();
        assert_eq!(
            loaded.len(),
            table.asked().concat().len(),
            "each id was loaded once: {:?}",
            table.asked()
        );
        for id in ids {
            process.0.scope_for(async { get_entry(id).invalidate().await }).await;
        }
    }
}

/// Two batches that lead one id each and wait for the other's.
#[tokio::test]
async fn batches_that_wait_for_each_other_end() {
    let answers = Gate::default();
    let spy = Spy { get_answers: Some(answers.clone()), ..Spy::default() };
    let process = World::spying(Arc::<Memory>::default(), &spy);
    let (slow, gate) = (Gate::default(), Gate::default());
    let (first, table) = (Table::behind(&slow, 0..10), Table::behind(&gate, 0..10));
    answers.open();
    // Each has begun one load before it looks for the other id.
    let one = spawn(&process, &[1, 3], &table);
    let other = spawn(&process, &[2, 4], &first);
    gate.arrived().await;
    slow.arrived().await;
    let crossing = [spawn(&process, &[2, 1, 5], &table), spawn(&process, &[1, 2, 6], &first)];
    gate.arrived_times(2).await;
    slow.arrived_times(2).await;
    slow.open();
    gate.open();
    assert_eq!((end(one).await, end(other).await), (Ok(tens([1, 3])), Ok(tens([2, 4]))));
    let [left, right] = crossing;
    assert_eq!((end(left).await, end(right).await), (Ok(tens([2, 1, 5])), Ok(tens([1, 2, 6]))));
    assert_eq!((table.asked(), first.asked()), (vec![vec![1, 3], vec![5]], vec![vec![2, 4], vec![6]]));
}

#[tokio::test]
async fn an_invalidation_during_the_load_refuses_just_its_own_fill() {
    everywhere(async |world| {
        // The reader's process does not hear of it but by the answers to its fills.
        let (reader, writer) = (world.spied(&Spy::unfed()).await, world.process().await);
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..10);
        let batch = spawn(&reader, &[1, 2, 3], &table);
        gate.arrived().await;
        table.set(2, 21);
        writer.0.scope_for(async { get_entry(2).invalidate().await }).await;
        let late = spawn(&reader, &[2, 3], &table);
        quiet().await;
        gate.open();
        assert_eq!(end(batch).await, Ok(tens(1..=3)), "it came before");
        assert_eq!(end(late).await, Ok(HashMap::from([(2, 21), (3, 30)])), "it came after");
        let again = writer.0.scope_for(get_many(&[1, 2, 3], &table)).await;
        assert_eq!(again, Ok(HashMap::from([(1, 10), (2, 21), (3, 30)])));
        assert_eq!(table.asked(), [vec![1, 2, 3], vec![2]], "the other two were stored");
    })
    .await;
}

#[cached(ns = "batches", ttl = "medium", l1 = "off", skip(table), tags = ["parity:{result}"])]
async fn tagged(id: u64, table: &Table) -> Result<Option<u64>, Down> {
    table.one(id).await
}

#[cached_many(tagged, each = ids)]
async fn tagged_many(ids: &[u64], table: &Table) -> Result<HashMap<u64, u64>, Down> {
    table.query(ids).await
}

#[tokio::test]
async fn a_tag_that_falls_during_the_load_refuses_what_it_may_be_on() {
    everywhere(async |world| {
        let process = world.process().await;
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..10);
        let batch = process.0.scope_for(tagged_many(&[1, 2], &table));
        let meanwhile = async {
            gate.arrived().await;
            process.0.invalidate_tag("batches", "parity:20").await;
            gate.open();
        };
        assert_eq!(tokio::join!(batch, meanwhile).0, Ok(tens([1, 2])));
        assert_eq!(process.0.scope_for(tagged_many(&[1, 2], &table)).await, Ok(tens([1, 2])));
        assert_eq!(table.asked(), [vec![1, 2], vec![1, 2]]);
        process.0.invalidate_tag("batches", "parity:20").await;
        assert_eq!(process.0.scope_for(tagged_many(&[1, 2], &table)).await, Ok(tens([1, 2])));
        assert_eq!(table.asked()[2..], [vec![2]]);
    })
    .await;
}

#[tokio::test]
async fn a_batch_after_an_invalidation_takes_nothing_of_a_load_from_before() {
    everywhere(async |world| {
        let process = world.process().await;
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..10);
        let early = spawn(&process, &[1, 2], &table);
        gate.arrived().await;
        table.set(1, 11);
        process.0.scope_for(async { get_entry(1).invalidate().await }).await;
        let late = spawn(&process, &[1, 2], &table);
        gate.arrived_times(2).await;
        gate.open();
        assert_eq!(end(late).await, Ok(HashMap::from([(1, 11), (2, 20)])));
        assert_eq!(end(early).await, Ok(tens([1, 2])));
        assert_eq!(table.asked(), [vec![1, 2], vec![1]]);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_batch_gives_all_its_leases_back() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..100);
        let ids: Vec<u64> = (0..100).collect();
        let batch = spawn(&one, &ids, &table);
        gate.arrived().await;
        batch.abort();
        assert!(batch.await.is_err_and(|error| error.is_cancelled()));
        gate.open();
        assert_eq!(soon(end(spawn(&other, &ids, &table))).await, Ok(tens(0..100)));
    })
    .await;
}

#[tokio::test]
async fn a_failed_load_of_another_fails_the_batch_that_waits_for_it() {
    let process = Process(Cache::in_process());
    let gate = Gate::default();
    let table = Table::behind(&gate, 0..10);
    table.fail(true);
    let call = spawn_one(&process, 2, &table);
    gate.arrived().await;
    let batch = spawn(&process, &[2], &table);
    quiet().await;
    gate.open();
    assert_eq!(end(call).await.0, Err(Down));
    assert_eq!(end(batch).await, Err(Down));
    assert_eq!(table.asked(), [vec![2]]);
}

#[tokio::test]
async fn who_joins_a_batch_that_fails_gets_its_error() {
    everywhere(async |world| {
        // The first load in a namespace makes its generation, which the feed tells of as if it had changed.
        let process = world.spied(&Spy::unfed()).await;
        let gate = Gate::default();
        let table = Table::behind(&gate, 0..10);
        table.fail(true);
        let batch = spawn(&process, &[1, 2], &table);
        gate.arrived().await;
        let call = spawn_one(&process, 2, &table);
        quiet().await;
        gate.open();
        assert_eq!(end(batch).await, Err(Down));
        assert_eq!(end(call).await, (Err(Down), Outcome::Joined));
        assert_eq!(table.asked(), [vec![1, 2]]);
    })
    .await;
}

/// The error of one function cannot be that of the other.
#[cached_many(get, each = ids)]
async fn get_or_nothing(ids: &[u64], table: &Table) -> Result<HashMap<u64, u64>, String> {
    table.query(ids).await.map_err(|_| "down".to_owned())
}

#[tokio::test]
async fn what_others_fail_to_load_is_loaded_by_a_second_run() {
    let cache = Cache::in_process();
    let (slow, gate) = (Gate::default(), Gate::default());
    let (failing, table) = (Table::behind(&slow, 0..10), Table::behind(&gate, 0..10));
    failing.fail(true);
    let call = spawn_one(&Process(cache.clone()), 2, &failing);
    slow.arrived().await;
    let batch = cache.scope_for(get_or_nothing(&[1, 2, 3], &table));
    let meanwhile = async {
        gate.arrived().await;
        slow.open();
        quiet().await;
        assert_eq!(table.asked(), [vec![1, 3]], "one body runs at a time");
        gate.open();
    };
    assert_eq!(tokio::join!(batch, meanwhile).0, Ok(tens(1..=3)));
    assert_eq!(end(call).await.0, Err(Down));
    assert_eq!(table.asked(), [vec![1, 3], vec![2]]);
}
