//! What happens when others write while we do.

use super::{HEADER, KEY, RUM, Shop, TEA, rename, task, task_entry, titled};
use cache_runtime::{Cache, Outcome};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::wait::until;
use std::convert::Infallible;

const GIN: &str = r#"{"id":1,"owner":"ann","title":"gin"}"#;

#[tokio::test]
async fn a_load_that_an_invalidation_overtook_stores_nothing() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::new(titled("tea")));
    let load = service.spawn_read(&source);
    source.gate.arrived().await;
    source.set(titled("rum"));
    service.invalidate().await;
    source.gate.open();
    assert_eq!(load.await.expect("it ends").0, titled("tea"));
    until("the fill is refused", async || service.stats("task").fills_refused == 1).await;
    assert!(!shop.exists(KEY) && !shop.exists(HEADER));
    assert_eq!(service.read(&source).await.0, titled("rum"));
}

/// A window: what was not there cannot be seen to go.
#[tokio::test]
async fn a_delete_during_a_load_leaves_no_trace() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::new(titled("tea")));
    let load = service.spawn_read(&source);
    source.gate.arrived().await;
    source.set(titled("rum"));
    shop.server.cli(&["DEL", KEY]);
    source.gate.open();
    load.await.expect("it ends");
    shop.has(TEA).await;
}

#[tokio::test]
async fn what_somebody_else_wrote_over_an_invalid_value_is_not_removed() {
    let shop = Shop::open();
    let service = shop.service_with(Cache::builder().loads(1)).await;
    let (source, busy) = (GatedLoad::open(titled("tea")), GatedLoad::new(titled("busy")));
    service.read(&source).await;
    shop.has(TEA).await;
    service.0.invalidate_tag("tasks", "owner:ann").await;
    let other = service.spawn_call(task(2, busy.clone()));
    busy.gate.arrived().await;
    // It finds the old value, and waits for its turn to load.
    let lookups = service.stats("task").lookup.count;
    let read = service.spawn_read(&source);
    until("the old value was found", async || service.stats("task").lookup.count > lookups).await;
    shop.set(RUM);
    busy.gate.open();
    assert_eq!(read.await.expect("it ends").0, titled("rum"));
    other.await.expect("it ends");
    assert_eq!((shop.get(KEY), source.loads.get()), (RUM.to_owned(), 1));
}

#[tokio::test]
async fn a_value_that_is_reloaded_answers_until_then() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    service.read(&source).await;
    shop.has(TEA).await;
    let (again, reload) = reload(&service, "rum");
    again.gate.arrived().await;
    assert_eq!((shop.get(KEY), service.read(&source).await.0), (TEA.to_owned(), titled("tea")));
    again.gate.open();
    assert_eq!(reload.await.expect("it ends"), titled("rum"));
    shop.has(RUM).await;
    service.0.invalidate_tag("tasks", "owner:ann").await;
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded, "it is one of ours");
}

#[tokio::test]
async fn a_reload_gives_way_to_what_others_do_meanwhile() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    for meanwhile in [Some(GIN), None] {
        service.invalidate().await;
        service.read(&source).await;
        shop.has(TEA).await;
        let refused = service.stats("task").fills_refused;
        let (again, reload) = reload(&service, "rum");
        again.gate.arrived().await;
        match meanwhile {
            Some(value) => shop.set(value),
            None => drop(shop.server.cli(&["DEL", KEY])),
        }
        again.gate.open();
        assert_eq!(reload.await.expect("it ends"), titled("rum"));
        until("it is refused", async || service.stats("task").fills_refused > refused).await;
        assert_eq!(shop.get(KEY), meanwhile.unwrap_or_default());
    }
}

#[tokio::test]
async fn a_reload_leaves_somebody_elses_value_alone() {
    let shop = Shop::open();
    let service = shop.service().await;
    shop.set(GIN);
    let (again, reload) = reload(&service, "rum");
    again.gate.open();
    assert_eq!(reload.await.expect("it ends"), titled("rum"));
    assert_eq!((shop.get(KEY), shop.exists(HEADER)), (GIN.to_owned(), false));
}

/// Reloads the entry by a load behind a gate.
fn reload(
    service: &super::Service,
    title: &str,
) -> (GatedLoad<super::Task>, tokio::task::JoinHandle<super::Task>) {
    let (load, cache) = (GatedLoad::new(titled(title)), service.0.clone());
    let loading = load.clone();
    let reload = tokio::spawn(async move {
        let loaded = async { Ok::<_, Infallible>(loading.load().await) };
        cache.scope_for(async { task_entry(1).refresh(loaded).await }).await.expect("it does not fail")
    });
    (load, reload)
}

#[tokio::test]
async fn what_others_write_during_a_mutation_answers_nobody_and_ends_with_it() {
    let shop = Shop::open();
    let (service, source, gate) = (shop.service().await, GatedLoad::open(titled("tea")), Gate::default());
    let update = tokio::spawn({
        let (service, gate) = (service.clone(), gate.clone());
        async move { service.0.scope_for(rename(1, "rum", &gate)).await }
    });
    gate.arrived().await;
    shop.set(GIN);
    let (read, answer) = service.read(&source).await;
    assert_eq!((read, answer.outcome), (titled("tea"), Outcome::Bypassed));
    gate.open();
    update.await.expect("it ends");
    assert!(!shop.exists(KEY) && !shop.exists(HEADER), "nobody knows which is newer");
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded);
}
