//! L1: what this process keeps, and when it must not be served.

use super::world::{Process, Spy, World, everywhere};
use cache_runtime::store::Memory;
use cache_runtime::{Invalidation, Outcome, Tier, cached, updates};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::wait::until;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[cached(ns = "ordered", ttl = "medium", l1 = "60s", skip(load))]
async fn bounded(id: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

#[cached(ns = "ordered", ttl = "medium", l1 = "validate", skip(load))]
async fn validated(id: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

const L1: Outcome = Outcome::Hit(Tier::L1);

#[tokio::test]
async fn a_load_goes_to_l1_and_an_invalidation_takes_it_out() {
    everywhere(async |world| {
        let spy = Spy::default();
        let process = world.spied(&spy).await;
        let source = GatedLoad::open(1);
        let call = || process.spawn(bounded(1, source.clone())).end();
        assert_eq!(call().await, (1, Outcome::Loaded));
        spy.fills.reached(1).await;
        until("L1 answers", async || call().await == (1, L1)).await;
        source.set(2);
        process.0.scope_for(async { bounded_entry(1).invalidate().await }).await;
        assert_eq!(call().await, (2, Outcome::Loaded));
    })
    .await;
}

#[tokio::test]
async fn an_answer_asked_for_before_an_invalidation_does_not_stay_in_l1() {
    everywhere(async |world| {
        let writer = world.process().await;
        let source = GatedLoad::open(1);
        writer.spawn(bounded(1, source.clone())).end().await;
        let answers = Gate::default();
        let reader = world.spied(&Spy { get_answers: Some(answers.clone()), ..Spy::default() }).await;
        let early = reader.spawn(bounded(1, source.clone()));
        answers.arrived().await;
        source.set(2);
        reader.0.scope_for(async { bounded_entry(1).invalidate().await }).await;
        answers.open();
        assert_eq!(early.end().await.0, 1, "asked for before the invalidation");
        assert_eq!(reader.spawn(bounded(1, source.clone())).end().await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn a_validated_entry_falls_with_anothers_invalidation() {
    everywhere(async |world| {
        let spy = Spy::unfed();
        let (reader, writer) = (world.spied(&spy).await, world.process().await);
        let source = GatedLoad::open(1);
        let call = || reader.spawn(validated(1, source.clone())).end();
        assert_eq!(call().await, (1, Outcome::Loaded));
        spy.fills.reached(1).await;
        until("L1 answers", async || call().await == (1, L1)).await;
        source.set(2);
        writer.0.scope_for(async { validated_entry(1).invalidate().await }).await;
        assert_eq!(call().await, (2, Outcome::Loaded));
    })
    .await;
}

#[tokio::test]
async fn a_validated_entry_is_compared_with_the_one_in_the_store() {
    everywhere(async |world| {
        let (spy, other) = (Spy::unfed(), Spy::default());
        let (reader, writer) = (world.spied(&spy).await, world.spied(&other).await);
        let source = GatedLoad::open(1);
        let call = |process: &Process| process.spawn(validated(1, source.clone())).end();
        assert_eq!(call(&reader).await, (1, Outcome::Loaded));
        spy.fills.reached(1).await;
        until("L1 answers", async || call(&reader).await == (1, L1)).await;
        source.set(2);
        writer.0.scope_for(async { validated_entry(1).invalidate().await }).await;
        assert_eq!(call(&writer).await, (2, Outcome::Loaded));
        other.fills.reached(1).await;
        assert_eq!(call(&reader).await, (2, Outcome::Hit(Tier::L2)));
    })
    .await;
}

#[tokio::test]
async fn a_fill_whose_answer_an_invalidation_overtook_does_not_stay_in_l1() {
    everywhere(async |world| {
        let answers = Gate::default();
        let process = world.spied(&Spy { fill_answers: Some(answers.clone()), ..Spy::unfed() }).await;
        let source = GatedLoad::open(1);
        let call = || process.spawn(bounded(1, source.clone())).end();
        assert_eq!(call().await, (1, Outcome::Loaded));
        answers.arrived().await;
        source.set(2);
        process.0.scope_for(async { bounded_entry(1).invalidate().await }).await;
        answers.open();
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert_eq!(call().await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn a_value_waited_for_since_before_an_invalidation_does_not_stay_in_l1() {
    everywhere(async |world| {
        let answers = Gate::default();
        let spy = Spy { value_answers: Some(answers.clone()), ..Spy::unfed() };
        let (reader, other) = (world.spied(&spy).await, world.process().await);
        let source = GatedLoad::new(1);
        let loader = other.spawn(bounded(1, source.clone()));
        source.gate.arrived().await;
        let waiter = reader.spawn(bounded(1, source.clone()));
        spy.gets.reached(2).await;
        source.gate.open();
        assert_eq!(loader.end().await.0, 1);
        answers.arrived().await;
        source.set(2);
        reader.0.scope_for(async { bounded_entry(1).invalidate().await }).await;
        answers.open();
        assert_eq!(waiter.end().await.0, 1, "asked for before the invalidation");
        assert_eq!(reader.spawn(bounded(1, source.clone())).end().await.0, 2);
    })
    .await;
}

/// A lookup between the moment that L1 forgets and the moment that the store does.
#[tokio::test]
async fn what_is_read_while_the_store_is_told_does_not_stay_in_l1() {
    everywhere(async |world| {
        let told = Gate::default();
        let spy = Spy { invalidations_sent: Some(told.clone()), ..Spy::unfed() };
        let process = world.spied(&spy).await;
        let source = GatedLoad::open(1);
        let call = || process.spawn(bounded(1, source.clone())).end();
        assert_eq!(call().await, (1, Outcome::Loaded));
        spy.fills.reached(1).await;
        source.set(2);
        let meanwhile = async {
            told.arrived().await;
            assert_eq!(call().await, (1, Outcome::Hit(Tier::L2)), "the mutation has not returned");
            told.open();
        };
        let invalidation = process.0.scope_for(async { bounded_entry(1).invalidate().await });
        tokio::join!(invalidation, meanwhile);
        assert_eq!(call().await.0, 2);
    })
    .await;
}

/// Under a hold that lapsed before the commit, the older value was stored again.
#[tokio::test]
async fn a_put_takes_the_older_value_out_of_l1() {
    #[updates(bounded(id), hold = "30ms")]
    async fn change(id: u64, value: u64, load: &GatedLoad<u64>, committing: &Gate) -> u64 {
        committing.wait().await;
        load.set(value);
        value
    }
    everywhere(async |world| {
        let process = world.spied(&Spy::unfed()).await;
        let (source, committing) = (GatedLoad::open(1), Gate::default());
        let call = || process.spawn(bounded(1, source.clone())).end();
        let meanwhile = async {
            committing.arrived().await;
            until("L1 answers", async || call().await == (1, L1)).await;
            committing.open();
        };
        tokio::join!(process.0.scope_for(change(1, 5, &source, &committing)), meanwhile);
        assert_eq!(call().await.0, 5);
    })
    .await;
}

/// A hold is there from before a commit: from then on the older value must not be read.
#[tokio::test]
async fn a_hold_takes_the_older_value_out_of_l1() {
    everywhere(async |world| {
        let spy = Spy::unfed();
        let process = world.spied(&spy).await;
        let source = GatedLoad::open(1);
        let call = || process.spawn(bounded(1, source.clone())).end();
        assert_eq!(call().await, (1, Outcome::Loaded));
        spy.fills.reached(1).await;
        until("L1 answers", async || call().await == (1, L1)).await;
        process
            .0
            .scope_for(async {
                let entry = bounded_entry(1);
                let _hold = entry.hold().await;
                source.set(5);
                assert_eq!(call().await.0, 5);
            })
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_l1_entry_ends_with_its_bound_and_an_entry_with_its_ttl() {
    #[cached(ns = "ordered", ttl = "10s", l1 = "2s", skip(load))]
    async fn short(load: GatedLoad<u64>) -> u64 {
        load.load().await
    }
    let process = Process::over(Arc::<Memory>::default());
    let source = GatedLoad::open(1);
    let call = || process.spawn(short(source.clone())).end();
    let pass = |ms| tokio::time::advance(Duration::from_millis(ms));
    assert_eq!(call().await.1, Outcome::Loaded);
    pass(1_999).await;
    assert_eq!(call().await.1, L1);
    pass(1).await;
    assert_eq!(call().await.1, Outcome::Hit(Tier::L2));
    pass(6_999).await;
    assert_eq!(call().await.1, Outcome::Hit(Tier::L2), "a ttl is cut by a tenth at most");
    pass(1_001).await;
    assert_eq!(call().await.1, Outcome::Loaded, "and never exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_ends_with_its_bound_in_l1() {
    #[cached(ns = "ordered", ttl = "1s", swr = "1h", l1 = "2s", skip(load))]
    async fn stale(load: GatedLoad<u64>) -> u64 {
        load.load().await
    }
    let store = Arc::<Memory>::default();
    let (one, other) = (Process::over(store.clone()), Process::over(store));
    let source = GatedLoad::open(1);
    let call = |process: &Process| process.spawn(stale(source.clone())).end();
    assert_eq!(call(&one).await, (1, Outcome::Loaded));
    tokio::time::advance(Duration::from_secs(3)).await;
    source.set(2);
    assert_eq!(call(&other).await, (1, Outcome::Stale));
    until("it is reloaded", async || call(&other).await == (2, L1)).await;
    assert_eq!(call(&one).await, (2, Outcome::Hit(Tier::L2)), "three seconds old");
}

/// A cache that was built while time passed keeps time by the system's clock until it stores.
#[tokio::test]
async fn a_clock_that_is_paused_later_bounds_l1_too() {
    let process = Process::over(Arc::<Memory>::default());
    tokio::time::pause();
    let source = GatedLoad::open(1);
    let call = || process.spawn(bounded(1, source.clone())).end();
    assert_eq!(call().await.1, Outcome::Loaded);
    assert_eq!(call().await.1, L1);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(call().await.1, Outcome::Hit(Tier::L2));
}

/// A reader that waits for a load may take its stamp after an invalidation that could not be sent, and its value from before.
#[tokio::test]
async fn a_value_from_before_a_queued_invalidation_is_not_served_from_l1() {
    everywhere(async |world| {
        let (fills, answers) = (Gate::default(), Gate::default());
        answers.open();
        let spy = Spy { fills_sent: Some(fills.clone()), get_answers: Some(answers.clone()), ..Spy::unfed() };
        let process = world.spied(&spy).await;
        let source = GatedLoad::open(1);
        let call = || process.spawn(bounded(1, source.clone()));
        assert_eq!(call().end().await, (1, Outcome::Loaded));
        fills.arrived().await;
        answers.close();
        let waiting = call();
        answers.arrived_times(2).await;
        source.set(2);
        spy.no_invalidations.store(true, Ordering::SeqCst);
        let queued = process.0.scope_for(async { bounded_entry(1).invalidate().await }).await;
        assert_eq!(queued, Invalidation::Queued);
        answers.open();
        // Let the waiting call see the lease, under a stamp from after the invalidation; then the old value is stored.
        cache_tests::wait::real_time(Duration::from_millis(20)).await;
        fills.open();
        waiting.end().await;
        assert_eq!(call().end().await.0, 2, "the invalidation is queued: this process reads past the caches");
        spy.no_invalidations.store(false, Ordering::SeqCst);
        until("it is sent", async || process.0.stats().pending_invalidations == 0).await;
        assert_eq!(call().end().await.0, 2);
    })
    .await;
}

/// The bound counts from when the value was known to be current, not from when it came to lie in L1.
#[tokio::test(start_paused = true)]
async fn an_answer_that_was_long_on_its_way_is_not_served_longer_for_that() {
    #[cached(ns = "ordered", ttl = "1m", l1 = "2s", skip(load))]
    async fn slow(load: GatedLoad<u64>) -> u64 {
        load.load().await
    }
    let world = World::Memory(Arc::default());
    let writer = world.process().await;
    let source = GatedLoad::open(1);
    writer.spawn(slow(source.clone())).end().await;
    let answers = Gate::default();
    let reader = world.spied(&Spy { get_answers: Some(answers.clone()), ..Spy::default() }).await;
    let call = || reader.spawn(slow(source.clone()));
    let early = call();
    answers.arrived().await;
    tokio::time::advance(Duration::from_secs(3)).await;
    answers.open();
    assert_eq!(early.end().await.1, Outcome::Hit(Tier::L2));
    assert_eq!(call().end().await.1, Outcome::Hit(Tier::L2), "three seconds old");
    assert_eq!(call().end().await.1, L1);
}
