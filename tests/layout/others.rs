//! A service in another language, by its own client.

use super::{HEADER, KEY, RUM, Shop, TEA, task_entry, titled};
use cache_runtime::{Outcome, Tier, cached};
use cache_tests::gate::GatedLoad;

const NOTE: &str = "shop:tasks:v1:note_1";

#[cached(ns = "tasks", key = "note_{id}", layout = "plain", none = "cache", skip(source))]
async fn note(id: u64, source: GatedLoad<Option<String>>) -> Option<String> {
    source.load().await
}

#[tokio::test]
async fn what_we_store_is_the_bare_json_that_another_language_reads() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded);
    shop.has(TEA).await;
    assert_eq!(shop.python(&["get", KEY]).await, r#"{"id": 1, "owner": "ann", "title": "tea"}"#);
    let (read, answer) = service.read(&source).await;
    assert_eq!((read, answer.outcome), (titled("tea"), Outcome::Hit(Tier::L2)));
    assert!(answer.age.is_some(), "we know when it was loaded");
}

#[tokio::test]
async fn what_another_language_stores_changes_and_deletes_is_seen() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    for title in ["rum", "gin"] {
        shop.python(&["set", KEY, &format!(r#"{{"title":"{title}","owner":"bob","id":1}}"#)]).await;
        let (read, answer) = service.read(&source).await;
        assert_eq!((&read.title[..], answer.outcome), (title, Outcome::Hit(Tier::L2)));
        assert_eq!(answer.age, None, "nobody says when it was made");
    }
    assert_eq!(source.loads.get(), 0);
    shop.python(&["delete", KEY]).await;
    assert_eq!(service.read(&source).await.0, titled("tea"));
    shop.has(TEA).await;
    // In place of ours, whose header stays behind.
    shop.python(&["set", KEY, RUM]).await;
    assert!(shop.exists(HEADER));
    let (read, answer) = service.read(&source).await;
    assert_eq!((read, answer.age), (titled("rum"), None), "our header says nothing of it");
    shop.python(&["delete", KEY]).await;
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded, "what stays of ours keeps nobody");
    assert_eq!(source.loads.get(), 2);
}

#[tokio::test]
async fn what_another_language_stores_during_a_load_wins() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    // Once, so that nothing is new to the server that this process would hear of.
    service.read(&source).await;
    shop.has(TEA).await;
    shop.python(&["delete", KEY]).await;
    source.gate.close();
    let leader = service.spawn_read(&source);
    source.gate.arrived_times(2).await;
    assert!(!shop.exists(KEY), "nothing of ours stands where others read");
    shop.python(&["set", KEY, RUM]).await;
    // It came after that, and joins the load that began before.
    let lookups = service.stats("task").lookup.count;
    let joiner = service.spawn_read(&source);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.stats("task").lookup.count, lookups, "it has not asked");
    source.gate.open();
    assert_eq!(leader.await.expect("it ends").0, titled("tea"));
    assert_eq!(joiner.await.expect("it ends").0, titled("rum"));
    assert_eq!(service.stats("task").fills_refused, 1);
    assert_eq!(service.read(&source).await.0, titled("rum"));
    assert!(!shop.exists(HEADER), "the lease is given back");
    assert_eq!(source.loads.get(), 2);
}

#[tokio::test]
async fn an_absent_value_is_null() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(None));
    let read = async || service.spawn_call(note(1, source.clone())).await.expect("it ends");
    assert_eq!(read().await.0, None);
    assert_eq!(read().await.1.outcome, Outcome::Hit(Tier::L2));
    assert_eq!(shop.python(&["get", NOTE]).await, "null");
    shop.python(&["set", NOTE, "\"milk\""]).await;
    assert_eq!(read().await.0.as_deref(), Some("milk"));
    shop.python(&["set", NOTE, "null"]).await;
    let (value, answer) = read().await;
    assert_eq!((value, answer.outcome), (None, Outcome::Hit(Tier::L2)));
    assert_eq!(source.loads.get(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_left_alone_and_counted() {
    let shop = Shop::open();
    let (service, source) = (shop.service().await, GatedLoad::open(titled("tea")));
    for (count, value) in [r#"{"id":1}"#, "", "Verse", "Lease", "Hold"].into_iter().enumerate() {
        shop.set(value);
        let (read, answer) = service.read(&source).await;
        assert_eq!((read, answer.outcome), (titled("tea"), Outcome::Bypassed));
        assert_eq!(service.stats("task").undecodable, count as u64 + 1);
        assert_eq!((shop.get(KEY), shop.exists(HEADER)), (value.to_owned(), false));
        assert_eq!(service.0.scope_for(async { task_entry(1).peek().await }).await, None);
    }
    service.invalidate().await;
    assert_eq!(service.read(&source).await.1.outcome, Outcome::Loaded);
    shop.has(TEA).await;
}
