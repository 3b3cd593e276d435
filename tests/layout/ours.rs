//! What this library promises of its own values, where they stand bare.

use super::{HEADER, KEY, RUM, Service, Shop, TEA, Task, rename, task, task_entry, titled};
use cache_runtime::store::{Lifetime, Memory};
use cache_runtime::{
    Cache, Compression, Invalidation, Outcome, Put, Tier, WriteBehindOptions, Written, cached,
};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::wait::{real_time, until, within};
use std::sync::Arc;
use std::time::Duration;

const BOUNDED: &str = "shop:tasks:v1:bounded_1";
const BOUND: Duration = Duration::from_millis(100);

#[cached(ns = "tasks", key = "bounded_{id}", layout = "plain", l1 = "100ms", skip(source))]
async fn bounded(id: u64, source: GatedLoad<Task>) -> Task {
    source.load().await
}

#[tokio::test]
async fn tags_and_namespaces_reach_what_we_stored_and_keys_reach_everything() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    let by_tag = async || service.0.invalidate_tag("tasks", "owner:ann").await;
    let by_namespace = async || service.0.clear_namespace("tasks").await;
    for round in [0, 2] {
        service.read(&source).await;
        shop.has(TEA).await;
        let outcome = if round == 0 { by_tag().await } else { by_namespace().await };
        assert_eq!(outcome, Invalidation::Applied);
        source.set(titled("rum"));
        assert_eq!(service.read(&source).await.0, titled("rum"));
        shop.has(RUM).await;
        assert_eq!(source.loads.get(), round + 2);
        source.set(titled("tea"));
        service.invalidate().await;
        assert!(!shop.exists(KEY) && !shop.exists(HEADER));
    }
    // The same bytes once more are still ours.
    service.read(&source).await;
    shop.has(TEA).await;
    shop.set(TEA);
    by_tag().await;
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded);
    shop.has(TEA).await;
    service.invalidate().await;
    // Nobody knows what somebody else's value is made of.
    shop.set(RUM);
    by_tag().await;
    by_namespace().await;
    assert_eq!(service.read(&source).await.0, titled("rum"));
    service.invalidate().await;
    assert_eq!(service.read(&source).await.0, titled("tea"));
}

#[tokio::test]
async fn prefixes_and_patterns_reach_loads_and_values_of_whoever() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::new(titled("tea")));
    let load = service.spawn_read(&source);
    source.gate.arrived().await;
    source.set(titled("rum"));
    let swept = service.0.invalidate_prefix("tasks:v1:task_").await.expect("the store answers");
    assert_eq!((swept.keys, swept.invalidation), (1, Invalidation::Applied));
    source.gate.open();
    load.await.expect("it ends");
    until("the fill is refused", async || service.stats("task").fills_refused == 1).await;
    assert!(!shop.exists(KEY) && !shop.exists(HEADER));
    service.read(&source).await;
    shop.has(RUM).await;
    let swept = service.0.invalidate_pattern("tasks:*:task_?").await.expect("the store answers");
    assert_eq!(swept.keys, 1, "a value and its header are one");
    assert!(!shop.exists(KEY) && !shop.exists(HEADER));
    shop.set(TEA);
    assert_eq!(service.0.invalidate_prefix("tasks:v1:task_1").await.expect("the store answers").keys, 1);
    assert!(!shop.exists(KEY));
    service.read(&source).await;
    shop.has(RUM).await;
    service.0.clear().await.expect("the store answers");
    assert_eq!(shop.server.cli(&["DBSIZE"]), "0");
}

/// Its journal names the entry, and says where it stands.
#[tokio::test]
async fn a_write_that_is_given_up_takes_its_bare_value_with_it() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    let (refusing, given_up) = (Gate::default(), Gate::default());
    let (at_save, told) = (refusing.clone(), given_up.clone());
    let options = WriteBehindOptions::default().tries(1).dead_letters(move |_: Written<u64, Task>, _| {
        told.open();
    });
    let behind = service.0.write_behind("tasks", options, move |_| {
        let at_save = at_save.clone();
        async move {
            at_save.wait().await;
            Err::<(), _>("refused")
        }
    });
    let write = service.0.scope_for(async { behind.write(&task_entry(1), 1, titled("rum")).await });
    write.await.expect("it is in the journal");
    assert_eq!(shop.get(KEY), RUM);
    // What was written answers loads until then, and a load under way is none of it.
    shop.server.cli(&["DEL", KEY]);
    assert_eq!(service.read(&source).await.0, titled("rum"));
    shop.has(RUM).await;
    refusing.arrived().await;
    refusing.open();
    within("the write to be given up", given_up.wait()).await;
    until("the entry falls", async || !shop.exists(KEY) && !shop.exists(HEADER)).await;
    assert_eq!(service.read(&source).await.0, titled("tea"));
}

/// A window: a server that is full may drop the header and keep the value.
#[tokio::test]
async fn a_value_that_has_lost_its_header_is_somebody_elses() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    service.read(&source).await;
    shop.has(TEA).await;
    shop.server.cli(&["DEL", HEADER]);
    service.0.clear_namespace("tasks").await;
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Hit(Tier::L2));
    service.invalidate().await;
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded);
}

#[tokio::test]
async fn two_processes_load_once_and_read_what_the_other_stored() {
    let shop = Shop::open();
    let (one, other) = (shop.service().await, shop.service().await);
    let source = GatedLoad::new(titled("tea"));
    let leader = one.spawn_read(&source);
    source.gate.arrived().await;
    let waiter = other.spawn_read(&source);
    until("the other has asked", async || other.stats_of_lookups() > 0).await;
    source.gate.open();
    assert_eq!(leader.await.expect("it ends").1.outcome, Outcome::Loaded);
    let (read, answer) = waiter.await.expect("it ends");
    assert_eq!((read, answer.outcome), (titled("tea"), Outcome::Joined));
    assert_eq!(other.read(&source).await.1.outcome, Outcome::Hit(Tier::L2));
    assert_eq!(source.loads.get(), 1);
}

#[tokio::test]
async fn an_update_stores_its_value_bare_and_lets_nothing_be_stored_before() {
    let shop = Shop::open();
    let (service, source, gate) = (shop.service().await, GatedLoad::open(titled("tea")), Gate::default());
    service.read(&source).await;
    shop.has(TEA).await;
    let update = tokio::spawn({
        let (service, gate) = (service.clone(), gate.clone());
        async move { service.0.scope_for(rename(1, "rum", &gate)).await }
    });
    gate.arrived().await;
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Bypassed);
    assert!(!shop.exists(KEY), "others find nothing meanwhile");
    gate.open();
    update.await.expect("it ends");
    assert_eq!(shop.get(KEY), RUM);
    assert_eq!(service.read(&source).await.0, titled("rum"));
    together(&shop);
    // It is one of ours, with all that its tags say.
    service.0.invalidate_tag("tasks", "owner:ann").await;
    assert_eq!(service.read(&source).await.0, titled("tea"));
}

#[tokio::test]
async fn a_value_and_its_header_end_together() {
    let shop = Shop::open();
    let service = shop.service().await;
    service.read(&GatedLoad::open(titled("tea"))).await;
    shop.has(TEA).await;
    together(&shop);
    let left = service.0.scope_for(async { task_entry(1).ttl().await }).await;
    assert!(matches!(left, Some(Lifetime::Left(left)) if left > Duration::from_mins(10)), "{left:?}");
}

fn together(shop: &Shop) {
    let ends = |name| shop.server.cli(&["PEXPIRETIME", name]);
    assert_eq!(ends(KEY), ends(HEADER));
    assert!(ends(KEY).parse::<u64>().is_ok(), "it ends: {}", ends(KEY));
}

#[tokio::test]
async fn an_entry_is_looked_at_and_written_by_hand() {
    let shop = Shop::open();
    let service = shop.service().await;
    let at_hand = service.0.scope_for(async {
        assert!(!task_entry(1).exists().await);
        assert_eq!(task_entry(1).put(titled("tea")).await, Put::Stored);
        assert_eq!(shop.get(KEY), TEA);
        assert_eq!(task_entry(1).peek().await, Some(titled("tea")));
        shop.set(RUM);
        assert_eq!(task_entry(1).peek().await, Some(titled("rum")));
        assert_eq!(task_entry(1).ttl().await, Some(Lifetime::Unbounded), "its writer set no ttl");
        assert_eq!(task_entry(1).put(titled("tea")).await, Put::Stored);
        assert_eq!(shop.get(KEY), TEA);
    });
    at_hand.await;
}

#[tokio::test]
async fn a_bound_is_how_long_others_are_not_heard() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    let read = async || service.spawn_call(bounded(1, source.clone())).await.expect("it ends").0;
    read().await;
    until("it is stored", async || shop.get(BOUNDED) == TEA).await;
    shop.server.cli(&["SET", BOUNDED, RUM]);
    real_time(2 * BOUND).await;
    assert_eq!(read().await, titled("rum"));
    shop.server.cli(&["DEL", BOUNDED]);
    real_time(2 * BOUND).await;
    assert_eq!(read().await, titled("tea"));
    assert_eq!(source.loads.get(), 2);
    // What this process changes is seen at once.
    source.set(titled("gin"));
    service.0.scope_for(async { bounded_entry(1).invalidate().await }).await;
    assert_eq!(read().await, titled("gin"));
}

#[tokio::test]
async fn what_a_namespace_says_of_compression_is_not_for_bare_values() {
    let shop = Shop::open();
    let builder = Cache::builder().compress("tasks", Compression::lz4().above(1));
    let title = "tea ".repeat(1_000);
    let service = shop.service_with(builder).await;
    service.read(&GatedLoad::open(titled(&title))).await;
    shop.has(&TEA.replace("tea", &title)).await;
}

#[tokio::test]
async fn without_redis_bodies_run_and_an_unsent_invalidation_is_sent_later() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    service.read(&source).await;
    shop.has(TEA).await;
    shop.server.freeze();
    source.set(titled("rum"));
    let outcome = service.0.scope_for(async { task_entry(1).invalidate().await }).await;
    assert_eq!(outcome, Invalidation::Queued);
    let (read, answer) = service.read(&source).await;
    assert_eq!((read, answer.outcome), (titled("rum"), Outcome::Bypassed));
    shop.server.thaw();
    until("it is sent", async || service.0.stats().pending_invalidations == 0).await;
    assert!(!shop.exists(KEY));
    service.read(&source).await;
    shop.has(RUM).await;
}

#[tokio::test]
async fn in_one_process_the_same_functions_work() {
    let cache = Cache::builder().store(Arc::<Memory>::default()).build().expect("a good configuration");
    let (service, source) = (Service(cache), GatedLoad::open(titled("tea")));
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded);
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Hit(Tier::L2));
    service.0.invalidate_tag("tasks", "owner:ann").await;
    source.set(titled("rum"));
    assert_eq!(service.0.scope_for(task(1, source.clone())).await, titled("rum"));
    service.0.scope_for(rename(1, "gin", &opened())).await;
    assert_eq!(service.read(&source).await.0, titled("gin"));
}

fn opened() -> Gate {
    let gate = Gate::default();
    gate.open();
    gate
}

impl Service {
    fn stats_of_lookups(&self) -> u64 {
        let stats = self.0.stats();
        stats.namespaces.get("tasks").map_or(0, |functions| functions["task"].lookup.count)
    }
}
