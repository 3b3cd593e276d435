//! What stands at a key and is no value for its reader.

use super::world::{Process, everywhere, read_entry};
use cache_runtime::store::{Redis, Store};
use cache_runtime::{Key, Outcome, cached};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_process::RedisServer;
use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "ordered:v1:read:1";

async fn redis_world() -> (RedisServer, Process) {
    let server = RedisServer::start();
    let store = Redis::connect(&server.url()).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    (server, Process::over(Arc::new(store)))
}

fn undecodable(process: &Process) -> u64 {
    process.0.stats().namespaces["ordered"]["read"].undecodable
}

#[tokio::test]
async fn corrupt_and_truncated_entries_are_loaded_counted_and_replaced() {
    let (server, process) = redis_world().await;
    let source = GatedLoad::open(1);
    let mut connection = server.connection().await;
    process.read(1, &source).await;
    cache_tests::wait::until("it is stored", async || {
        process.0.scope_for(async { read_entry(1).exists().await }).await
    })
    .await;
    let frame: Vec<u8> = connection.get(NAME).await.expect("a frame");
    for (count, at) in [1, 45, 60, 66, frame.len() - 1].into_iter().enumerate() {
        let mut corrupt = frame.clone();
        corrupt[at] ^= 0x10;
        let _: () = connection.set(NAME, corrupt).await.expect("written");
        assert_eq!(process.read(1, &source).await, (1, Outcome::Loaded), "byte {at}");
        assert_eq!(undecodable(&process), 2 * count as u64 + 1);
        cache_tests::wait::until("it is replaced", async || {
            process.read(1, &source).await.1 != Outcome::Loaded
        })
        .await;
        let _: () = connection.set(NAME, &frame[..frame.len() - 1]).await.expect("written");
        assert_eq!(process.read(1, &source).await, (1, Outcome::Loaded), "truncated");
    }
}

#[tokio::test]
async fn foreign_things_are_loaded_past_and_left_alone() {
    let (server, process) = redis_world().await;
    let source = GatedLoad::open(1);
    let mut connection = server.connection().await;
    let _: () = connection.set(NAME, "somebody else's").await.expect("written");
    assert_eq!(process.read(1, &source).await, (1, Outcome::Bypassed));
    let left: String = connection.get(NAME).await.expect("still there");
    assert_eq!(left, "somebody else's");
    let _: () = connection.del(NAME).await.expect("removed");
    let _: () = connection.rpush(NAME, "x").await.expect("written");
    assert_eq!(process.read(1, &source).await, (1, Outcome::Bypassed));
    assert_eq!(process.0.stats().namespaces["ordered"]["read"].errors["foreign_type"], 1);
}

#[tokio::test]
async fn another_keys_frame_is_a_miss() {
    let (server, process) = redis_world().await;
    let mut connection = server.connection().await;
    process.read(2, &GatedLoad::open(22)).await;
    cache_tests::wait::until("it is stored", async || {
        process.0.scope_for(async { read_entry(2).exists().await }).await
    })
    .await;
    let frame: Vec<u8> = connection.get("ordered:v1:read:2").await.expect("a frame");
    let _: () = connection.set(NAME, frame).await.expect("written");
    assert_eq!(process.read(1, &GatedLoad::open(1)).await.0, 1);
    assert_eq!(undecodable(&process), 1);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Old {
    id: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct New {
    id: u64,
    title: Option<String>,
}

#[cached(ns = "ordered", key = "versioned:{id}", skip(load), l1 = "off")]
async fn by_the_old_binary(id: u64, load: GatedLoad<u64>) -> Old {
    Old { id: load.load().await }
}

/// One program has no two functions with one key, so this one is given the word that makes it so.
#[cached(ns = "ordered", key = "{word}:{id}", skip(load), l1 = "off", schema = 1)]
async fn by_the_new_binary(word: &str, id: u64, load: GatedLoad<u64>) -> New {
    New { id: load.load().await, title: None }
}

#[tokio::test]
async fn an_old_binary_does_not_replace_what_a_newer_one_stored() {
    everywhere(async |world| {
        let (old, new) = (world.process().await, world.process().await);
        let source = GatedLoad::open(1);
        let read_old = || old.spawn(by_the_old_binary(1, source.clone())).end();
        let read_new = || new.spawn(by_the_new_binary("versioned", 1, source.clone())).end();
        assert_eq!(read_old().await, (Old { id: 1 }, Outcome::Loaded));
        assert_eq!(read_new().await.1, Outcome::Loaded, "the newer one replaces");
        assert_eq!(read_old().await, (Old { id: 1 }, Outcome::Bypassed), "the older one loads past it");
        assert_ne!(read_new().await.1, Outcome::Loaded);
        source.set(2);
        old.0.scope_for(async { by_the_old_binary_entry(1).invalidate().await }).await;
        assert_eq!(read_new().await.0.id, 2, "either one invalidates for both");
    })
    .await;
}

/// The same schema and another type: nobody raised it.
#[cached(ns = "ordered", key = "typed:{id}", skip(load))]
async fn as_it_was(id: u64, load: GatedLoad<u64>) -> Old {
    Old { id: load.load().await }
}

#[cached(ns = "ordered", key = "{word}ed:{id}", skip(load))]
async fn as_it_is(word: &str, id: u64, load: GatedLoad<u64>) -> New {
    renumbered(load.load().await)
}

/// What the old type could be read from, with another meaning.
fn renumbered(id: u64) -> New {
    New { id: id + 1_000, title: None }
}

/// Each replaces what it cannot read; L1 keeps both from doing so at each call, and invalidations reach both.
#[tokio::test]
async fn two_types_under_one_schema_replace_each_other_and_are_never_mistaken() {
    everywhere(async |world| {
        let (old, new) = (world.process().await, world.process().await);
        let source = GatedLoad::open(0);
        let read_old = || old.spawn(as_it_was(1, source.clone())).end();
        let read_new = || new.spawn(as_it_is("typ", 1, source.clone())).end();
        for value in 1..5 {
            source.set(value);
            if value % 2 == 0 {
                old.0.scope_for(async { as_it_was_entry(1).invalidate().await }).await;
            } else {
                new.0.scope_for(async { as_it_is_entry("typ", 1).invalidate().await }).await;
            }
            let hear = async || read_old().await.0.id == value && read_new().await.0 == renumbered(value);
            cache_tests::wait::until("both have the new value", hear).await;
            let left_in_peace = async || {
                let loads = source.loads.get();
                for _ in 0..10 {
                    assert_eq!(read_old().await.0, Old { id: value });
                    assert_eq!(read_new().await.0, renumbered(value));
                }
                source.loads.get() == loads
            };
            cache_tests::wait::until("L1 answers for both", left_in_peace).await;
        }
    })
    .await;
}

/// In one process, too: who joins a load of the other type loads for itself.
#[tokio::test]
async fn two_types_at_one_key_share_no_load() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::new(1);
        let one: Vec<_> = (0..3).map(|_| process.spawn(as_it_was(1, source.clone()))).collect();
        source.gate.arrived().await;
        let other: Vec<_> = (0..3).map(|_| process.spawn(as_it_is("typ", 1, source.clone()))).collect();
        tokio::task::yield_now().await;
        source.gate.open();
        for call in one {
            assert_eq!(call.end().await.0, Old { id: 1 });
        }
        for call in other {
            assert_eq!(call.end().await.0, renumbered(1));
        }
    })
    .await;
}

#[tokio::test]
async fn a_long_key_is_compared_whole() {
    #[cached(ns = "ordered", skip(load), l1 = "off")]
    async fn search(text: &str, load: GatedLoad<u64>) -> u64 {
        load.load().await
    }
    let server = RedisServer::start();
    let store: Arc<dyn Store> = Arc::new(Redis::connect(&server.url()).expect("a good url"));
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    let process = Process::over(store.clone());
    let (one, other) = ("é:".repeat(200), "é:".repeat(200) + "!");
    let call =
        |text: String, value| process.spawn(async move { search(&text, GatedLoad::open(value)).await }).end();
    assert_eq!(call(one.clone(), 1).await, (1, Outcome::Loaded));
    assert_eq!(call(other.clone(), 2).await, (2, Outcome::Loaded));
    let names = process
        .0
        .scope_for(async { [search_entry(&one).key(), search_entry(&other).key()] })
        .await
        .map(Key::new);
    cache_tests::wait::until("both are stored", async || {
        store.get(&names[1]).await.is_ok_and(|entry| entry.is_some_and(|entry| entry[0] == b'V'))
    })
    .await;
    let frame = store.get(&names[0]).await.expect("answers").expect("a frame");
    let mut connection = server.connection().await;
    let _: () = connection.set(names[1].name(), &frame[..]).await.expect("as if the hashes were equal");
    assert_eq!(call(other, 2).await, (2, Outcome::Loaded));
}
