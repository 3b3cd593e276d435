//! Lookups that begin with the right to load.

use super::world::{Process, Spy, World, everywhere};
use cache_runtime::{Cache, Outcome, Tier, cached};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_process::RedisServer;
use cache_tests::wait;

#[cached(ns = "ordered", l1 = "off", probe = "lease", skip(load))]
async fn probed(id: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

async fn invalidate(process: &Process) {
    process.0.scope_for(async { probed_entry(1).invalidate().await }).await;
}

#[tokio::test]
async fn a_load_asks_for_nothing_before_its_lease() {
    everywhere(async |world| {
        let spy = Spy::default();
        let process = world.spied(&spy).await;
        let source = GatedLoad::open(1);
        let call = || process.spawn(probed(1, source.clone())).end();
        assert_eq!(call().await, (1, Outcome::Loaded));
        assert_eq!((spy.gets.get(), spy.leases.get()), (0, 1));
        spy.fills.reached(1).await;
        assert_eq!(call().await, (1, Outcome::Hit(Tier::L2)));
        assert_eq!((spy.gets.get(), spy.leases.get()), (0, 2), "the lease that is refused brings the value");
        assert_eq!(source.loads.get(), 1);
        assert_eq!(process.0.stats().namespace("ordered").lookup.count, 2, "they are lookups like others");
    })
    .await;
}

#[cached(ns = "ordered", l1 = "off", skip(load))]
async fn usual(id: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

#[tokio::test]
async fn what_mostly_misses_asks_for_the_right_to_load_and_what_hits_for_the_value() {
    everywhere(async |world| {
        let spy = Spy::default();
        let process = world.spied(&spy).await;
        let source = GatedLoad::open(1);
        let mut fills = 0;
        let mut load = async |id| {
            assert_eq!(process.spawn(usual(id, source.clone())).end().await.1, Outcome::Loaded);
            fills += 1;
            spy.fills.reached(fills).await;
        };
        for id in 0..6 {
            load(id).await;
        }
        assert_eq!((spy.gets.get(), spy.leases.get()), (6, 6));
        for id in 6..30 {
            load(id).await;
        }
        assert_eq!((spy.gets.get(), spy.leases.get()), (6, 30), "the right to load alone");
        for id in 0..6 {
            assert_eq!(process.spawn(usual(id, source.clone())).end().await.1, Outcome::Hit(Tier::L2));
        }
        assert_eq!((spy.gets.get(), spy.leases.get()), (6, 36), "some hits among many misses");
        let (gets, leases) = (spy.gets.get(), spy.leases.get());
        assert_eq!(process.spawn(usual(6, source.clone())).end().await.1, Outcome::Hit(Tier::L2));
        assert_eq!((spy.gets.get(), spy.leases.get()), (gets + 1, leases), "the value alone");
    })
    .await;
}

#[tokio::test]
async fn a_load_that_an_invalidation_overtook_stores_nothing() {
    everywhere(async |world| {
        let spy = Spy::default();
        let (reader, writer) = (world.spied(&spy).await, world.process().await);
        let source = GatedLoad::new(1);
        let slow = reader.spawn(probed(1, source.clone()));
        source.gate.arrived().await;
        source.set(2);
        invalidate(&writer).await;
        source.gate.open();
        assert_eq!(slow.end().await.0, 1);
        spy.fills.reached(1).await;
        assert_eq!(writer.spawn(probed(1, source.clone())).end().await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn callers_of_one_process_share_a_load_and_then_hit_together() {
    everywhere(async |world| {
        let spy = Spy::default();
        let process = world.spied(&spy).await;
        let source = GatedLoad::new(1);
        let together = || (0..100).map(|_| process.spawn(probed(1, source.clone()))).collect::<Vec<_>>();
        let calls = together();
        source.gate.arrived().await;
        source.gate.open();
        for call in calls {
            assert_eq!(call.end().await.0, 1);
        }
        spy.fills.reached(1).await;
        let leases = spy.leases.get();
        for call in together() {
            assert_eq!(call.end().await, (1, Outcome::Hit(Tier::L2)));
        }
        assert_eq!(source.loads.get(), 1);
        if let World::Redis(_) = world {
            assert_eq!(spy.leases.get() - leases, 1, "only the first of them probes");
        }
    })
    .await;
}

/// Nothing can be stored, and what is stored can be read.
#[tokio::test]
async fn under_oom_what_is_stored_still_answers() {
    let world = World::Redis(RedisServer::start());
    let process = world.process().await;
    let source = GatedLoad::open(1);
    let call = || process.spawn(probed(1, source.clone())).end();
    call().await;
    wait::until("it is stored", async || call().await.1 == Outcome::Hit(Tier::L2)).await;
    let World::Redis(server) = &world else { unreachable!("it is") };
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(call().await, (1, Outcome::Hit(Tier::L2)));
    assert_eq!(source.loads.get(), 1);
}

/// The right to load is not asked for where a load would have to wait for its turn.
#[tokio::test]
async fn a_value_answers_while_all_places_for_loads_are_taken() {
    everywhere(async |world| {
        let store = world.store().await;
        let process = Process(Cache::builder().store(store).loads(1).build().expect("a good configuration"));
        let (stored, slow) = (GatedLoad::open(1), GatedLoad::new(2));
        let call = || process.spawn(probed(1, stored.clone())).end();
        call().await;
        wait::until("it is stored", async || call().await.1 == Outcome::Hit(Tier::L2)).await;
        let loading = process.spawn(probed(2, slow.clone()));
        slow.gate.arrived().await;
        assert_eq!(call().await, (1, Outcome::Hit(Tier::L2)));
        slow.gate.open();
        assert_eq!(loading.end().await.0, 2);
    })
    .await;
}
