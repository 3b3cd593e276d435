//! Loads beside the store: nested ones, held keys, queued invalidations.

use super::world::{Process, Spy, everywhere, read_entry};
use cache_runtime::store::{Memory, Store, Token};
use cache_runtime::{Invalidation, Key, Outcome, cached};
use cache_tests::gate::GatedLoad;
use cache_tests::wait::{real_time, until};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[cached(ns = "ordered", skip(load), l1 = "off")]
async fn inner(id: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

#[cached(ns = "ordered", skip(load), l1 = "off")]
async fn outer(id: u64, load: GatedLoad<u64>) -> u64 {
    inner(id, load).await * 10
}

#[tokio::test]
async fn a_load_sees_its_source_and_not_the_cache() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(1);
        assert_eq!(process.spawn(inner(1, source.clone())).end().await.0, 1);
        source.set(2);
        assert_eq!(process.spawn(outer(1, source.clone())).end().await, (20, Outcome::Loaded));
        assert_eq!(process.spawn(inner(1, source.clone())).end().await.0, 1, "its entry was left alone");
        assert_eq!(process.spawn(outer(1, source.clone())).end().await.0, 20);
        assert_eq!(source.loads.get(), 2);
    })
    .await;
}

#[tokio::test]
async fn beside_a_hold_one_load_runs_and_one_is_pending() {
    everywhere(async |world| {
        let (process, store) = (world.process().await, world.store().await);
        let source = GatedLoad::new(1);
        let key = Key::new(process.0.scope_for(async { read_entry(1).key() }).await);
        store.hold(&[key], Token::random(), Duration::from_secs(30)).await.expect("answers");
        let first = process.spawn_read(1, &source);
        source.gate.arrived().await;
        source.set(2);
        let others: Vec<_> = (0..50).map(|_| process.spawn_read(1, &source)).collect();
        real_time(Duration::from_millis(50)).await;
        assert_eq!(source.loads.get(), 1);
        source.gate.open();
        assert_eq!(first.end().await, (1, Outcome::Bypassed));
        for other in others {
            assert_eq!(other.end().await.0, 2, "none takes a load that began before it came");
        }
        assert_eq!(source.loads.get(), 2);
        assert_eq!(process.read(1, &source).await, (2, Outcome::Bypassed), "nothing was stored");
    })
    .await;
}

#[tokio::test]
async fn beside_a_hold_the_pending_load_survives_dropped_callers() {
    let store = Arc::<Memory>::default();
    let process = Process::over(store.clone());
    let source = GatedLoad::new(1);
    let key = Key::new(process.0.scope_for(async { read_entry(1).key() }).await);
    store.hold(&[key], Token::random(), Duration::from_secs(30)).await.expect("answers");
    let first = process.spawn_read(1, &source);
    source.gate.arrived().await;
    let pending = process.spawn_read(1, &source);
    tokio::task::yield_now().await;
    let joiners: Vec<_> = (0..10).map(|_| process.spawn_read(1, &source)).collect();
    tokio::task::yield_now().await;
    pending.0.abort();
    tokio::task::yield_now().await;
    first.0.abort();
    source.gate.arrived_times(2).await;
    source.gate.open();
    for joiner in joiners {
        assert_eq!(joiner.end().await.0, 1);
    }
    assert_eq!(source.loads.get(), 2);
}

#[tokio::test]
async fn a_condition_decides_whether_a_call_is_cached() {
    #[cached(ns = "ordered", skip(load), l1 = "off", when = page == 0)]
    async fn list(page: u32, load: GatedLoad<u64>) -> u64 {
        load.load().await
    }
    let process = Process::over(Arc::<Memory>::default());
    let source = GatedLoad::open(1);
    let call = |page| process.spawn(list(page, source.clone())).end();
    assert_eq!(call(0).await.1, Outcome::Loaded);
    assert_eq!(call(0).await.0, 1);
    assert_eq!(call(1).await.1, Outcome::Bypassed);
    assert_eq!(call(1).await.1, Outcome::Bypassed);
    assert_eq!(source.loads.get(), 3);
}

#[tokio::test]
async fn a_load_beside_a_hold_is_not_joined_once_its_turn_has_come() {
    everywhere(async |world| {
        let (process, store) = (world.process().await, world.store().await);
        let [first, second] = [1, 2].map(GatedLoad::new);
        let key = Key::new(process.0.scope_for(async { read_entry(1).key() }).await);
        store.hold(&[key], Token::random(), Duration::from_secs(30)).await.expect("answers");
        let running = process.spawn_read(1, &first);
        first.gate.arrived().await;
        let pending = process.spawn_read(1, &second);
        real_time(Duration::from_millis(50)).await;
        first.gate.open();
        second.gate.arrived().await;
        let late = process.spawn_read(1, &GatedLoad::open(3));
        real_time(Duration::from_millis(50)).await;
        second.gate.open();
        assert_eq!(running.end().await.0, 1);
        assert_eq!(pending.end().await.0, 2);
        assert_eq!(late.end().await.0, 3, "the second load began before it came");
    })
    .await;
}

/// The store refuses the invalidation and still answers: what it answers is older than the mutation.
#[tokio::test]
async fn a_key_whose_invalidation_is_unsent_is_read_past_the_store() {
    everywhere(async |world| {
        let spy = Spy::default();
        let process = world.spied(&spy).await;
        let source = GatedLoad::open(1);
        process.read(1, &source).await;
        spy.fills.reached(1).await;
        spy.no_invalidations.store(true, Ordering::SeqCst);
        source.set(2);
        let outcome = process.0.scope_for(async { read_entry(1).invalidate().await }).await;
        assert_eq!(outcome, Invalidation::Queued);
        assert_eq!(process.read(1, &source).await, (2, Outcome::Bypassed));
        assert_eq!(process.0.scope_for(async { read_entry(1).peek().await }).await, None);
        spy.no_invalidations.store(false, Ordering::SeqCst);
        until("it is stored again", async || {
            let (value, outcome) = process.read(1, &source).await;
            assert_eq!(value, 2);
            matches!(outcome, Outcome::Hit(_))
        })
        .await;
    })
    .await;
}
