//! Values: set, read, deleted, by whatever process.

use super::{Spy, becomes, everywhere, in_l1, set};
use cache_runtime::codec::{Codec, CodecError, Json};
use cache_runtime::store::{Lifetime, Memory};
use cache_runtime::{Cache, Invalidation, KeyPart, Outcome, Policy, Put, StoreError, observed};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(KeyPart)]
struct SessionId(u64);

#[tokio::test]
async fn a_value_is_set_read_and_deleted() {
    everywhere(async |world| {
        let cache = world.process().await.0;
        let name = || ("sessions", SessionId(42));
        assert_eq!(cache.get::<String>(name()).await, Ok(None));
        assert_eq!(cache.exists(name()).await, Ok(false));
        assert_eq!(cache.ttl(name()).await, Ok(None));
        assert_eq!(cache.set(name(), &"ann".to_owned(), Policy::LONG).await, Ok(Put::Stored));
        assert_eq!(cache.get::<String>(name()).await, Ok(Some("ann".to_owned())));
        assert_eq!(cache.get::<String>("sessions:42").await, Ok(Some("ann".to_owned())), "its name");
        assert_eq!(cache.exists(name()).await, Ok(true));
        let Ok(Some(Lifetime::Left(left))) = cache.ttl(name()).await else { panic!("it has a ttl") };
        assert!((890..=900).contains(&left.as_secs()), "{left:?}");
        assert_eq!(cache.delete(name()).await, Ok(Invalidation::Applied));
        assert_eq!(cache.get::<String>(name()).await, Ok(None));
        assert_eq!(cache.exists(name()).await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn never_is_said_by_name() {
    everywhere(async |world| {
        let cache = world.process().await.0;
        cache.set("sessions:1", &1, Policy::NEVER).await.expect("stored");
        assert_eq!(cache.ttl("sessions:1").await, Ok(Some(Lifetime::Unbounded)));
    })
    .await;
}

#[tokio::test]
async fn what_one_process_sets_or_deletes_the_others_l1_gives_up() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        set(&one, "sessions:1", 1).await;
        in_l1(&other, "sessions:1", 1).await;
        in_l1(&one, "sessions:1", 1).await;
        set(&one, "sessions:1", 2).await;
        assert_eq!(one.get::<u64>("sessions:1").await, Ok(Some(2)), "at once in its own process");
        becomes(&other, "sessions:1", Some(2)).await;
        in_l1(&other, "sessions:1", 2).await;
        one.delete("sessions:1").await.expect("a legal key");
        assert_eq!(one.get::<u64>("sessions:1").await, Ok(None));
        becomes(&other, "sessions:1", None).await;
    })
    .await;
}

#[tokio::test]
async fn validated_reads_see_at_once_what_no_feed_told() {
    everywhere(async |world| {
        let (writer, unfed) = (world.process().await.0, world.spied(&Spy::unfed()).await.0);
        let validated = || unfed.values::<Json>().validated().get::<u64>("sessions:1");
        set(&writer, "sessions:1", 1).await;
        in_l1(&unfed, "sessions:1", 1).await;
        assert_eq!(validated().await, Ok(Some(1)));
        assert_eq!(validated().await, Ok(Some(1)));
        set(&writer, "sessions:1", 2).await;
        assert_eq!(unfed.get::<u64>("sessions:1").await, Ok(Some(1)), "what the feed is for");
        assert_eq!(validated().await, Ok(Some(2)));
    })
    .await;
}

#[tokio::test]
async fn a_value_of_another_type_is_a_miss_in_every_tier() {
    everywhere(async |world| {
        let cache = world.process().await.0;
        set(&cache, "sessions:1", 7).await;
        assert_eq!(cache.get::<String>("sessions:1").await, Ok(None), "in the store");
        in_l1(&cache, "sessions:1", 7).await;
        assert_eq!(cache.get::<String>("sessions:1").await, Ok(None), "in L1");
        in_l1(&cache, "sessions:1", 7).await;
        cache.set("sessions:1", &"text".to_owned(), Policy::LONG).await.expect("stored");
        assert_eq!(cache.get::<u64>("sessions:1").await, Ok(None));
    })
    .await;
}

/// JSON that a person can read in the store.
struct Pretty;

impl Codec for Pretty {
    const ID: u8 = 64;
    fn encode<V: serde::Serialize>(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer_pretty(out, value).map_err(CodecError::new)
    }
    fn decode<V: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
        serde_json::from_slice(bytes).map_err(CodecError::new)
    }
}

#[tokio::test]
async fn what_another_codec_wrote_is_a_miss() {
    everywhere(async |world| {
        let (cache, other) = (world.process().await.0, world.process().await.0);
        cache.values::<Pretty>().set("sessions:1", &1, Policy::LONG).await.expect("stored");
        assert_eq!(other.get::<i32>("sessions:1").await, Ok(None));
        assert_eq!(other.values::<Pretty>().get::<i32>("sessions:1").await, Ok(Some(1)));
    })
    .await;
}

#[tokio::test]
async fn a_value_that_cannot_be_written_changes_nothing() {
    everywhere(async |world| {
        let cache = world.process().await.0;
        set(&cache, "sessions:1", 1).await;
        let unwritable = BTreeMap::from([(vec![1_u8], 1)]);
        let put = cache.set("sessions:1", &unwritable, Policy::LONG).await;
        assert_eq!(put, Err(StoreError::NotStorable));
        assert_eq!(cache.get::<u64>("sessions:1").await, Ok(Some(1)));
    })
    .await;
}

#[tokio::test]
async fn what_names_nothing_is_an_error_and_still_loads() {
    let cache = Cache::in_process();
    let illegal = Err(StoreError::IllegalKey);
    assert_eq!(cache.get::<u64>("Sessions:1").await, illegal);
    assert_eq!(cache.set("", &1, Policy::LONG).await, Err(StoreError::IllegalKey));
    assert_eq!(cache.delete("cache:guard:").await, Err(StoreError::IllegalKey));
    assert_eq!(cache.increment("a b:1", 1, Policy::LONG).await, Err(StoreError::IllegalKey));
    assert_eq!(cache.get_or_load("{}", Policy::LONG, async { Ok::<_, ()>(1) }).await, Ok(1));
}

#[tokio::test]
async fn a_namespace_clears_the_values_in_it() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        for key in ["sessions:1", "sessions:2", "rates:1"] {
            set(&one, key, 1).await;
            in_l1(&other, key, 1).await;
        }
        one.clear_namespace("sessions").await;
        assert_eq!(one.get::<u64>("sessions:1").await, Ok(None));
        assert_eq!(one.exists("sessions:2").await, Ok(false));
        becomes(&other, "sessions:1", None).await;
        becomes(&other, "sessions:2", None).await;
        assert_eq!(other.get::<u64>("rates:1").await, Ok(Some(1)));
    })
    .await;
}

#[tokio::test]
async fn one_load_answers_all_who_ask_and_becomes_the_entry() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        let load = cache_tests::gate::GatedLoad::new(5);
        let ask = |cache: &Cache| {
            let (cache, load) = (cache.clone(), load.clone());
            tokio::spawn(async move {
                let loaded =
                    cache.get_or_load("rates:1", Policy::LONG, async { Ok::<u64, ()>(load.load().await) });
                observed(loaded).await
            })
        };
        let first = ask(&one);
        load.gate.arrived().await;
        let rest = [ask(&one), ask(&other)];
        load.gate.open();
        let (value, report) = first.await.expect("no panic");
        assert_eq!((value, report.outcome()), (Ok(5), Some(Outcome::Loaded)));
        for call in rest {
            assert_eq!(call.await.expect("no panic").0, Ok(5));
        }
        assert_eq!(load.loads.get(), 1);
        becomes(&other, "rates:1", Some(5)).await;
        let failed = one.get_or_load("rates:2", Policy::LONG, async { Err::<u64, _>("down") }).await;
        assert_eq!(failed, Err("down"));
        assert_eq!(one.exists("rates:2").await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn in_a_scope_an_entry_is_removed_now_and_after_the_commit() {
    everywhere(async |world| {
        let (cache, other) = (world.process().await.0, world.process().await.0);
        set(&cache, "sessions:1", 1).await;
        set(&cache, "sessions:2", 1).await;
        let ended: Result<(), ()> = cache
            .scope(async |scope| {
                assert_eq!(cache.set("sessions:1", &2, Policy::LONG).await, Ok(Put::Removed));
                assert_eq!(cache.delete("sessions:2").await, Ok(Invalidation::Applied));
                let elsewhere = tokio::spawn({
                    let other = other.clone();
                    async move {
                        assert_eq!(other.get::<u64>("sessions:1").await, Ok(None));
                        assert_eq!(other.set("sessions:1", &1_u64, Policy::LONG).await, Ok(Put::Stored));
                        assert_eq!(other.get::<u64>("sessions:2").await, Ok(Some(1)), "nothing is committed");
                    }
                });
                elsewhere.await.expect("no panic");
                let loaded = cache.get_or_load("sessions:2", Policy::LONG, async { Ok::<u64, ()>(9) }).await;
                assert_eq!(loaded, Ok(9), "the transaction's own rows");
                scope.commit_with(async || Ok(())).await
            })
            .await;
        assert_eq!(ended, Ok(()));
        becomes(&other, "sessions:1", None).await;
        becomes(&other, "sessions:2", None).await;
    })
    .await;
}

#[tokio::test]
async fn a_lifetime_is_made_longer_and_shorter() {
    everywhere(async |world| {
        let (one, other) = (world.process().await.0, world.process().await.0);
        assert_eq!(one.expire("sessions:1", Policy::DAY).await, Ok(false), "nothing stands there");
        one.set("sessions:1", &1_u64, Policy::SHORT).await.expect("stored");
        assert_eq!(one.expire("sessions:1", Policy::DAY).await, Ok(true));
        let Ok(Some(Lifetime::Left(left))) = one.ttl("sessions:1").await else { panic!("it has a ttl") };
        assert!(left > Duration::from_secs(86_000), "{left:?}");
        assert_eq!(one.expire("sessions:1", Policy::NEVER).await, Ok(true));
        assert_eq!(one.ttl("sessions:1").await, Ok(Some(Lifetime::Unbounded)));
        in_l1(&one, "sessions:1", 1).await;
        in_l1(&other, "sessions:1", 1).await;
        let brief = Policy::fresh_for(Duration::from_millis(300));
        assert_eq!(one.expire("sessions:1", brief).await, Ok(true));
        assert_eq!(one.get::<u64>("sessions:1").await, Ok(Some(1)), "still");
        becomes(&one, "sessions:1", None).await;
        becomes(&other, "sessions:1", None).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_generation_of_a_namespace_lives_as_long_as_what_was_prolonged() {
    let memory = Arc::new(Memory::default());
    let over = |memory| Cache::builder().store(memory).build().expect("a good configuration");
    // One remembers the generation, the other asks for it.
    let (cache, other) = (over(memory.clone()), over(memory));
    cache.set("sessions:1", &1, Policy::SHORT).await.expect("stored");
    assert_eq!(cache.expire("sessions:1", Policy::DAY).await, Ok(true));
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(other.get::<i32>("sessions:1").await, Ok(Some(1)));
}

#[tokio::test]
async fn a_disabled_cache_has_nothing() {
    let cache = Cache::disabled();
    assert_eq!(cache.set("sessions:1", &1, Policy::LONG).await, Ok(Put::Removed));
    assert_eq!(cache.get::<i32>("sessions:1").await, Ok(None));
    assert_eq!(cache.get_or_load("sessions:1", Policy::LONG, async { Ok::<_, ()>(2) }).await, Ok(2));
    assert_eq!(cache.exists("sessions:1").await, Ok(false));
    assert_eq!(cache.delete("sessions:1").await, Ok(Invalidation::Applied));
}

/// What servers spawn has to be `Send`.
#[tokio::test]
async fn operations_run_in_tasks() {
    let cache = Cache::in_process();
    let task = tokio::spawn(async move {
        cache.set(("sessions", 1), &1, Policy::LONG).await.expect("stored");
        cache.expire(("sessions", 1), Policy::SHORT).await.expect("there");
        cache.increment("calls:1", 1, Policy::SHORT).await.expect("counted");
        cache.set_many([("sessions:2".to_owned(), 2)], Policy::SHORT).await;
        cache.delete_many(["sessions:2"]).await.expect("legal");
        cache.get_or_load("sessions:1", Policy::LONG, async { Err::<i32, ()>(()) }).await.expect("there");
        cache.get_many::<i32>([("sessions", 1), ("sessions", 2)]).await
    });
    assert_eq!(task.await.expect("no panic"), [Ok(Some(1)), Ok(None)]);
}
