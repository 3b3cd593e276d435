//! Plain operations against loads, holds and each other, in a forced order.

use super::{Spy, becomes, everywhere, in_l1, set};
use crate::world::{read, read_entry};
use cache_runtime::{Cache, Policy, Put, StoreError};
use cache_tests::gate::{Gate, GatedLoad};
use std::time::Duration;
use tokio::task::JoinHandle;

fn loading(cache: &Cache, key: &'static str, load: &GatedLoad<u64>) -> JoinHandle<Result<u64, ()>> {
    let (cache, load) = (cache.clone(), load.clone());
    tokio::spawn(async move { cache.get_or_load(key, Policy::LONG, async { Ok(load.load().await) }).await })
}

#[tokio::test]
async fn a_load_under_way_does_not_overwrite_a_set() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        for writer in [&one, &other] {
            let source = GatedLoad::new(1);
            let slow = loading(&one, "rates:1", &source);
            source.gate.arrived().await;
            set(writer, "rates:1", 2).await;
            // Who comes now has the new value, and waits for no load.
            assert_eq!(writer.get::<u64>("rates:1").await, Ok(Some(2)));
            source.gate.open();
            assert_eq!(slow.await.expect("no panic"), Ok(1), "it came before");
            in_l1(&one, "rates:1", 2).await;
            in_l1(&other, "rates:1", 2).await;
            assert_eq!(source.loads.get(), 1);
            one.delete("rates:1").await.expect("legal");
            becomes(&other, "rates:1", None).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_get_waits_for_no_load() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        let source = GatedLoad::new(1);
        let slow = loading(&one, "rates:1", &source);
        source.gate.arrived().await;
        for cache in [&one, &other] {
            assert_eq!(cache.get::<u64>("rates:1").await, Ok(None));
            assert_eq!(cache.exists("rates:1").await, Ok(false));
            assert_eq!(cache.expire("rates:1", Policy::DAY).await, Ok(false));
        }
        source.gate.open();
        assert_eq!(slow.await.expect("no panic"), Ok(1));
        becomes(&other, "rates:1", Some(1)).await;
    })
    .await;
}

#[tokio::test]
async fn a_delete_overtakes_a_load_under_way() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        let source = GatedLoad::new(1);
        let slow = loading(&one, "rates:1", &source);
        source.gate.arrived().await;
        other.delete("rates:1").await.expect("legal");
        source.gate.open();
        assert_eq!(slow.await.expect("no panic"), Ok(1));
        cache_tests::wait::until("the load is over", async || {
            one.stats().namespaces["(plain)"]["coherent"].fills_refused == 1
        })
        .await;
        assert_eq!(other.get::<u64>("rates:1").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_set_gives_way_to_a_hold_and_keeps_it_from_putting() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let source = GatedLoad::open(3);
        one.0
            .scope_for(async {
                let entry = read_entry(1);
                let hold = entry.hold().await;
                // The function's entry, by its name.
                assert_eq!(other.0.set(entry.key(), &2_u64, Policy::LONG).await, Ok(Put::Removed));
                assert_eq!(other.0.get::<u64>(entry.key()).await, Ok(None));
                assert_eq!(
                    hold.put(1).await,
                    Put::Removed,
                    "of two writers neither is known to be the later"
                );
                assert_eq!(other.0.get::<u64>(entry.key()).await, Ok(None));
                assert_eq!(read(1, source.clone()).await, 3);
            })
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_namespace_that_is_cleared_during_a_set_takes_the_value_with_it() {
    everywhere(async |world| {
        let sent = Gate::default();
        let spy = Spy { sets_sent: Some(sent.clone()), ..Spy::default() };
        let (one, other) = (world.spied(&spy).await.0, world.process().await.0);
        let setting = tokio::spawn({
            let one = one.clone();
            async move { one.set("rates:1", &1_u64, Policy::LONG).await }
        });
        sent.arrived().await;
        other.clear_namespace("rates").await;
        sent.open();
        assert_eq!(setting.await.expect("no panic"), Ok(Put::Stored));
        assert_eq!(other.get::<u64>("rates:1").await, Ok(None));
        assert_eq!(one.get::<u64>("rates:1").await, Ok(None));
    })
    .await;
}

/// A process that begins to give `rates:1` another lifetime, and stops when it has read the value.
async fn expiring(world: &super::World) -> (JoinHandle<Result<bool, StoreError>>, Gate) {
    let read = Gate::default();
    let spy = Spy { value_answers: Some(read.clone()), ..Spy::default() };
    let cache = world.spied(&spy).await.0;
    let expiring = tokio::spawn(async move {
        loop {
            match cache.expire("rates:1", Policy::DAY).await {
                // A machine that is busy.
                Err(StoreError::Timeout) => {}
                expired => return expired,
            }
        }
    });
    read.arrived().await;
    (expiring, read)
}

#[tokio::test]
async fn a_new_lifetime_does_not_bring_an_older_value_back() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        set(&one, "rates:1", 1).await;
        let (expiring, read) = expiring(world).await;
        set(&one, "rates:1", 2).await;
        read.open();
        assert_eq!(expiring.await.expect("no panic"), Ok(true), "the newer one lives longer");
        assert_eq!(other.get::<u64>("rates:1").await, Ok(Some(2)));
        let Ok(Some(cache_runtime::store::Lifetime::Left(left))) = one.ttl("rates:1").await else {
            panic!("it has a ttl")
        };
        assert!(left.as_secs() > 86_000, "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn a_new_lifetime_does_not_revive_what_was_deleted() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        for removal in 0..3 {
            set(&one, "rates:1", 1).await;
            let (expiring, read) = expiring(world).await;
            match removal {
                0 => drop(one.delete("rates:1").await.expect("legal")),
                1 => drop(one.clear_namespace("rates").await),
                _ => {
                    one.delete("rates:1").await.expect("legal");
                    let source = GatedLoad::new(2);
                    let slow = loading(&one, "rates:1", &source);
                    source.gate.arrived().await;
                    read.open();
                    assert_eq!(expiring.await.expect("no panic"), Ok(false), "a load stands there");
                    source.gate.open();
                    assert_eq!(slow.await.expect("no panic"), Ok(2));
                    becomes(&other, "rates:1", Some(2)).await;
                    return;
                }
            }
            read.open();
            assert_eq!(expiring.await.expect("no panic"), Ok(false));
            assert_eq!(other.get::<u64>("rates:1").await, Ok(None));
        }
    })
    .await;
}

#[tokio::test]
async fn ones_own_set_is_read_at_once_whatever_was_read_meanwhile() {
    everywhere(async |world| {
        let sent = Gate::default();
        sent.open();
        let cache = world.spied(&Spy { sets_sent: Some(sent.clone()), ..Spy::unfed() }).await.0;
        set(&cache, "rates:1", 1).await;
        in_l1(&cache, "rates:1", 1).await;
        sent.close();
        let setting = tokio::spawn({
            let cache = cache.clone();
            async move { cache.set("rates:1", &2_u64, Policy::LONG).await }
        });
        sent.arrived_times(2).await;
        in_l1(&cache, "rates:1", 1).await;
        sent.open();
        assert_eq!(setting.await.expect("no panic"), Ok(Put::Stored));
        assert_eq!(cache.get::<u64>("rates:1").await, Ok(Some(2)));
        in_l1(&cache, "rates:1", 2).await;
        assert_eq!(cache.expire("rates:1", Policy::fresh_for(Duration::from_millis(50))).await, Ok(true));
        becomes(&cache, "rates:1", None).await;
    })
    .await;
}
