//! Entries by what their names look like: all that are meant, wherever they are, and no others.

use super::{Spy, World, becomes, everywhere, in_l1, set};
use bytes::Bytes;
use cache_runtime::store::{Cursor, Direct, Memory, Store, StoreFuture};
use cache_runtime::{Cache, Invalidation, Key, Policy, StoreError, Swept, cached, escape_pattern, observed};
use cache_tests::gate::GatedLoad;
use cache_tests::proxy::Proxy;
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A cache of the application `shop`.
async fn shop(world: &World) -> Cache {
    app(world.store().await, "shop")
}

fn app(store: Arc<dyn Store>, name: &str) -> Cache {
    Cache::builder().store(store).app(name).build().expect("a good configuration")
}

fn applied(keys: u64) -> impl Fn(Result<Swept, StoreError>) {
    move |swept| {
        let swept = swept.expect("the store answers");
        assert_eq!((swept.keys, swept.invalidation), (keys, Invalidation::Applied));
    }
}

#[tokio::test]
async fn what_begins_with_a_prefix_falls_in_all_tiers_of_all_processes() {
    everywhere(async |world| {
        let (one, other) = (shop(world).await, shop(world).await);
        for key in ["tasks:7:a", "tasks:7:b", "tasks:70:a", "users:7:a"] {
            set(&one, key, 1).await;
            in_l1(&one, key, 1).await;
            in_l1(&other, key, 1).await;
        }
        one.increment("tasks:7:views", 1, Policy::LONG).await.expect("counted");
        let mut told = Vec::new();
        applied(3)(one.invalidate_prefix("tasks:7:").on_progress(|keys| told.push(keys)).await);
        assert_eq!(told.last(), Some(&3));
        for (key, left) in
            [("tasks:7:a", None), ("tasks:7:b", None), ("tasks:70:a", Some(1)), ("users:7:a", Some(1))]
        {
            assert_eq!(one.get::<u64>(key).await, Ok(left), "{key}");
            becomes(&other, key, left).await;
        }
        assert_eq!(one.count("tasks:7:views").await, Ok(None));
        applied(0)(one.invalidate_prefix("tasks:7:").await);
    })
    .await;
}

#[tokio::test]
async fn what_matches_a_pattern_falls() {
    everywhere(async |world| {
        let (one, other) = (shop(world).await, shop(world).await);
        let keys = ["tasks:v1:by_owner:1", "tasks:v1:get:1", "lists:v1:by_owner:2", "lists:v1:by_owner:*"];
        let left = async |pattern: &str, keys_found| {
            for key in keys {
                set(&one, key, 1).await;
                in_l1(&other, key, 1).await;
            }
            applied(keys_found)(one.invalidate_pattern(pattern).await);
            let mut left = Vec::new();
            for (at, key) in keys.iter().enumerate() {
                let value = one.get::<u64>(key).await.expect("the store answers");
                becomes(&other, key, value).await;
                left.extend(value.map(|_| at));
            }
            left
        };
        assert_eq!(left("tasks:*:by_owner:*", 1).await, [1, 2, 3]);
        assert_eq!(left("*:by_owner:*", 3).await, [1]);
        assert_eq!(left("t?sks:v[0-9]:get:1", 1).await, [0, 2, 3]);
        assert_eq!(left(&format!("lists:*:{}", escape_pattern("*")), 1).await, [0, 1, 2]);
        assert_eq!(left("owner:*", 0).await, [0, 1, 2, 3]);
    })
    .await;
}

#[cached(ns = "tasks", ttl = "medium", skip(source))]
async fn by_owner(owner: u64, page: u64, source: GatedLoad<u64>) -> u64 {
    source.load().await
}

#[tokio::test]
async fn entries_of_functions_and_loads_under_way_fall_too() {
    everywhere(async |world| {
        let (one, other) = (shop(world).await, shop(world).await);
        let source = GatedLoad::open(1);
        let read =
            async |cache: &Cache, owner, page| cache.scope_for(by_owner(owner, page, source.clone())).await;
        read(&other, 7, 0).await;
        read(&other, 8, 0).await;
        until("they are stored", async || {
            other
                .scope_for(async {
                    by_owner_entry(7, 0).exists().await && by_owner_entry(8, 0).exists().await
                })
                .await
        })
        .await;
        source.gate.close();
        let slow = tokio::spawn({
            let (other, source) = (other.clone(), source.clone());
            async move { other.scope_for(by_owner(7, 1, source)).await }
        });
        source.gate.arrived_times(3).await;
        source.set(2);
        applied(2)(one.invalidate_prefix("tasks:v1:by_owner:7:").await);
        source.gate.open();
        assert_eq!(slow.await.expect("no panic"), 1, "it came before");
        for page in [0, 1] {
            assert_eq!(read(&one, 7, page).await, 2);
            until("the new value is read", async || read(&other, 7, page).await == 2).await;
        }
        assert_eq!(read(&other, 8, 0).await, 1);
        assert_eq!(source.loads.get(), 5);
    })
    .await;
}

/// The store loses what stands at `name`, as it does by eviction: nobody is told.
async fn evict(world: &World, name: &str) {
    match world {
        World::Redis(server) => assert_eq!(server.cli(&["DEL", name]), "1"),
        World::Memory(memory) => {
            let mut others = 0;
            // Looking through it is no use of what it has.
            while !names(&**memory, name).await.is_empty() {
                assert!(others < 10_000, "it is not evicted");
                for _ in 0..500 {
                    others += 1;
                    // What is used stays: the namespace is one that the store knows.
                    memory.get(&Key::new("cache:tag:{shop:tasks}:*")).await.expect("it answers");
                    let other = Key::new(format!("other:{others}"));
                    memory.set(&other, vec![b'V'; 1_000].into(), None).await.expect("it answers");
                    memory.get(&other).await.expect("it answers");
                }
            }
        }
    }
}

/// What was evicted is found by no scan, and may still stand in the memory of some process.
#[tokio::test]
async fn what_the_store_has_lost_falls_too() {
    let small = World::Memory(Arc::new(Memory::with_capacity(1 << 20)));
    for world in [small, World::Redis(RedisServer::start())] {
        let (one, other) = (shop(&world).await, shop(&world).await);
        for pattern in ["tasks:7:", "tasks:7:*", "*:7:*"] {
            for key in ["tasks:7:a", "tasks:8:a"] {
                set(&one, key, 1).await;
                in_l1(&one, key, 1).await;
                in_l1(&other, key, 1).await;
            }
            evict(&world, "shop:tasks:7:a").await;
            let swept = match pattern.strip_suffix(':') {
                Some(_) => one.invalidate_prefix(pattern).await,
                None => one.invalidate_pattern(pattern).await,
            };
            applied(0)(swept);
            assert_eq!(one.get::<u64>("tasks:7:a").await, Ok(None), "{pattern}");
            becomes(&other, "tasks:7:a", None).await;
            if let World::Redis(_) = world {
                assert_eq!(other.get::<u64>("tasks:8:a").await, Ok(Some(1)), "entries that stay are valid");
            }
        }
    }
}

#[tokio::test]
async fn ones_own_sweep_of_any_namespace_empties_ones_own_memory_at_once() {
    let world = World::Redis(RedisServer::start());
    let cache = app(Spy::unfed().over(world.store().await), "shop");
    for swept in [cache.invalidate_pattern("*:1"), cache.clear()] {
        set(&cache, "tasks:1", 1).await;
        in_l1(&cache, "tasks:1", 1).await;
        evict(&world, "shop:tasks:1").await;
        evict(&world, "cache:tag:{shop:tasks}:*").await;
        assert_eq!(cache.get::<u64>("tasks:1").await, Ok(Some(1)), "still in memory");
        applied(0)(swept.await);
        assert_eq!(cache.get::<u64>("tasks:1").await, Ok(None));
    }
}

#[tokio::test]
async fn a_hold_outlives_a_sweep_and_puts_nothing() {
    everywhere(async |world| {
        let (one, other) = (shop(world).await, shop(world).await);
        one.scope_for(async {
            let source = GatedLoad::open(3);
            let entry = by_owner_entry(7, 0);
            let hold = entry.hold().await;
            applied(1)(other.invalidate_prefix("tasks:v1:").await);
            assert_eq!(hold.put(1).await, cache_runtime::Put::Removed);
            assert_eq!(by_owner(7, 0, source.clone()).await, 3);
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn thousands_of_keys_fall_in_steps() {
    everywhere(async |world| {
        let cache = shop(world).await;
        let all = cache.set_many((0..5_000_u64).map(|id| (("tasks", id), id)), Policy::LONG).await;
        assert!(all.iter().all(Result::is_ok));
        let mut told = Vec::new();
        applied(5_000)(cache.invalidate_prefix("tasks:").on_progress(|keys| told.push(keys)).await);
        assert!(told.len() > 5 && told.is_sorted() && told.last() == Some(&5_000), "{told:?}");
        assert!(
            cache
                .get_many::<u64>((0..5_000_u64).map(|id| ("tasks", id)))
                .await
                .iter()
                .all(|got| *got == Ok(None))
        );
    })
    .await;
}

/// A name longer than 200 bytes is a hash behind its first 96.
#[tokio::test]
async fn a_shortened_name_falls_with_every_prefix_that_it_may_have() {
    everywhere(async |world| {
        let cache = shop(world).await;
        for boundary in [85, 86, 87, 88, 89, 90, 91] {
            let long = format!("tasks:{}%2F{}", "a".repeat(boundary), "ü".repeat(150));
            let other = format!("tasks:{}{}", "a".repeat(boundary), "b".repeat(300));
            for end in long.char_indices().map(|(at, _)| at).filter(|at| (80..110).contains(at)) {
                set(&cache, &long, 1).await;
                set(&cache, &other, 1).await;
                let prefix = &long[..end];
                cache.invalidate_prefix(prefix).await.expect("the store answers");
                assert_eq!(cache.get::<u64>(&long).await, Ok(None), "{end} of {long}");
                // What is beyond the shown part is not told apart.
                if end > boundary + 6 && boundary + 6 < 96 {
                    assert_eq!(cache.get::<u64>(&other).await, Ok(Some(1)), "{end} of {long}");
                }
            }
        }
    })
    .await;
}

fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            3 => prop::sample::select(vec!["*", "?", "[", "]", "\\", "^", "-", ":", "{", "}", "#", "%", "a", "b"])
                .prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ],
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

/// What a store answers, in time or when it is asked once more.
async fn answer<'s, T>(ask: impl Fn() -> StoreFuture<'s, T>) -> T {
    loop {
        match ask().await {
            Err(StoreError::Timeout) => {}
            answer => return answer.expect("the store answers"),
        }
    }
}

/// The names in a store that `pattern` is of.
async fn names(store: &dyn Store, pattern: &str) -> BTreeSet<Bytes> {
    let (mut names, mut from) = (BTreeSet::new(), Some(Cursor::default()));
    while let Some(at) = from {
        let found;
        (found, from) = answer(|| store.scan(pattern.as_bytes(), at)).await;
        names.extend(found);
    }
    names
}

#[test]
fn what_users_write_never_widens_a_prefix() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (worlds, _guard) =
        ([World::Memory(Arc::default()), World::Redis(RedisServer::start())], runtime.enter());
    for world in worlds {
        let store = runtime.block_on(world.store());
        let cache = app(store.clone(), "shop");
        proptest!(ProptestConfig::with_cases(100), |(texts in prop::collection::vec(hostile(), 8), prefix in hostile())| {
            runtime.block_on(async {
                let keys = texts.iter().map(|text| format!("notes:{text}"));
                cache.set_many(keys.map(|key| (key, 1)), Policy::LONG).await;
                // As the names stand in the store.
                let escape = |text: &str| text.replace('{', "%7B").replace('}', "%7D").replace('#', "%23");
                let prefix = format!("notes:{prefix}");
                let before = names(&*store, "shop:notes:*").await;
                let begins = format!("shop:{}", escape(&prefix));
                let kept: BTreeSet<_> = before.iter().filter(|name| !name.starts_with(begins.as_bytes())).cloned().collect();
                applied((before.len() - kept.len()) as u64)(cache.invalidate_prefix(&*prefix).await);
                assert_eq!(names(&*store, "shop:notes:*").await, kept);
            });
        });
    }
}

#[test]
fn both_stores_match_names_alike() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let worlds = [World::Memory(Arc::default()), World::Redis(RedisServer::start())];
    let stores = worlds.each_ref().map(|world| runtime.block_on(world.store()));
    let texts = prop::collection::vec("[ab*?^-]{0,4}", 20);
    let pattern = r"([ab*?^-]|\\|\[|\]|\[[ab^-]{1,3}\]){0,6}";
    proptest!(ProptestConfig::with_cases(200), |(texts in texts, pattern in pattern)| {
        runtime.block_on(async {
            let mut found = Vec::new();
            for store in &stores {
                for text in &texts {
                    let key = Key::new(format!("shop:{text}"));
                    answer(|| store.set(&key, vec![b'V'; 20].into(), None)).await;
                }
                found.push(names(&**store, &format!("shop:{pattern}")).await);
            }
            assert_eq!(found[0], found[1], "{pattern}");
        });
    });
}

#[tokio::test]
async fn a_prefix_that_cannot_be_looked_for_takes_its_namespace() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let over = |url: String| Cache::builder().redis(url).app("shop").build().expect("a good url");
    let (cache, other) = (over(proxy.url()), over(server.url()));
    for cache in [&cache, &other] {
        cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    }
    for key in ["tasks:7:a", "tasks:8:a", "users:7:a"] {
        set(&cache, key, 1).await;
    }
    proxy.refuse().await;
    proxy.reset_all();
    until("the connection is gone", async || cache.exists("tasks:7:a").await.is_err()).await;
    let (swept, report) = observed(cache.invalidate_prefix("tasks:7:").into_future()).await;
    assert_eq!(swept.map(|swept| swept.invalidation), Ok(Invalidation::Queued));
    assert_eq!(report.invalidations(), [Invalidation::Queued]);
    for unknown in [cache.invalidate_prefix("ta"), cache.invalidate_pattern("t*:7:*"), cache.clear()] {
        assert_eq!(unknown.await, Err(StoreError::Unreachable), "nothing can be queued");
    }
    assert_eq!(cache.get::<u64>("tasks:8:a").await, Ok(None));
    proxy.accept().await;
    cache.ready(Duration::from_secs(10)).await.expect("it is back");
    assert_eq!(
        other.get_many::<u64>(["tasks:7:a", "tasks:8:a", "users:7:a"]).await,
        [Ok(None), Ok(None), Ok(Some(1))]
    );
    // And without the right to look.
    server.cli(&["ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", "-scan"]);
    let limited = over(server.url().replace("redis://", "redis://limited:secret@"));
    limited.ready(Duration::from_secs(10)).await.expect("the server is up");
    set(&limited, "tasks:8:a", 1).await;
    assert_eq!(
        limited.invalidate_prefix("tasks:7:").await.map(|swept| swept.invalidation),
        Ok(Invalidation::Applied)
    );
    assert_eq!(other.get::<u64>("tasks:8:a").await, Ok(None));
    assert_eq!(limited.clear().await, Err(StoreError::Denied));
}

#[tokio::test]
async fn in_a_scope_namespaces_fall_after_the_commit() {
    everywhere(async |world| {
        let (cache, other) = (shop(world).await, shop(world).await);
        for key in ["tasks:7:a", "users:7:a", "rates:1"] {
            set(&other, key, 1).await;
        }
        let sweep = |names: &str| if names == "*" { cache.clear() } else { cache.invalidate_prefix(names) };
        for (names, left) in [("tasks:7:", [None, Some(1), Some(1)]), ("users", [None; 3]), ("*", [None; 3])]
        {
            let committed: Result<(), ()> = cache
                .scope(async |scope| {
                    assert_eq!(sweep(names).await.map(|swept| swept.keys), Ok(0));
                    let keys = ["tasks:7:a", "users:7:a", "rates:1"];
                    let before = cache.get_many::<u64>(keys).await;
                    scope.commit_with(async || Ok(())).await?;
                    assert_ne!(cache.get_many::<u64>(keys).await, before);
                    assert_eq!(cache.get_many::<u64>(keys).await, left.map(Ok));
                    Ok(())
                })
                .await;
            assert_eq!(committed, Ok(()));
            if left == [None; 3] {
                for key in ["tasks:7:a", "users:7:a", "rates:1"] {
                    set(&other, key, 1).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn without_an_application_only_namespaces_are_looked_for() {
    everywhere(async |world| {
        let (cache, other) = (world.process().await.0, app(world.store().await, "tasks2"));
        set(&cache, "tasks:7:a", 1).await;
        set(&other, "tasks:7:a", 1).await;
        applied(1)(cache.invalidate_prefix("tasks:").await);
        for all in [cache.invalidate_prefix("tasks"), cache.invalidate_pattern("*"), cache.clear()] {
            assert_eq!(all.await, Err(StoreError::NoApplication));
        }
        for odd in ["cache:", "Tasks:", ":", "{a}:"] {
            assert_eq!(cache.invalidate_prefix(odd).await, Err(StoreError::IllegalKey), "{odd}");
            assert_eq!(cache.invalidate_pattern(odd).await, Err(StoreError::IllegalKey), "{odd}");
        }
        assert_eq!(other.get::<u64>("tasks:7:a").await, Ok(Some(1)));
        applied(0)(Cache::disabled().invalidate_prefix("tasks:").await);
    })
    .await;
}

#[tokio::test]
async fn clearing_removes_everything_of_the_application_and_nothing_else() {
    everywhere(async |world| {
        let (one, other) = (shop(world).await, shop(world).await);
        let mut foreign = Vec::new();
        for name in ["shop2", "sho", "other"] {
            foreign.push(app(world.store().await, name));
        }
        let source = GatedLoad::open(1);
        for cache in foreign.iter().chain([&one]) {
            set(cache, "tasks:7:a", 1).await;
            set(cache, "users:7:a", 1).await;
            cache.increment("calls:1", 1, Policy::LONG).await.expect("counted");
            cache.scope_for(tagged(7, source.clone())).await;
            until("it is stored", async || cache.scope_for(async { tagged_entry(7).exists().await }).await)
                .await;
        }
        in_l1(&one, "tasks:7:a", 1).await;
        in_l1(&other, "tasks:7:a", 1).await;
        let plain = ["plain", "shop", "shopping:1", "cache:tag:x", "cache:tag:{shop2}:*"].map(Key::new);
        let store = world.store().await;
        for key in &plain {
            store.increment(key, 1, None).await.expect("it answers");
        }
        applied(4)(one.clear().await);
        assert_eq!(one.get::<u64>("tasks:7:a").await, Ok(None));
        becomes(&other, "tasks:7:a", None).await;
        assert_eq!(one.count("calls:1").await, Ok(None));
        let (_, report) = one.scope_for(observed(tagged(7, source.clone()))).await;
        assert_eq!(report.outcome(), Some(cache_runtime::Outcome::Loaded));
        until("it is stored", async || one.scope_for(async { tagged_entry(7).exists().await }).await).await;
        applied(1)(other.clear().await);
        for pattern in ["shop:*", "cache:*:{shop:*"] {
            let left = names(&*store, pattern).await;
            let own = left.iter().filter(|name| !String::from_utf8_lossy(name).contains("canary"));
            assert_eq!(own.count(), 0, "{pattern}: {left:?}");
        }
        for key in &plain {
            assert_eq!(
                store.count(key).await.map(|count| count.map(|(count, _)| count)),
                Ok(Some(1)),
                "{key}"
            );
        }
        for cache in &foreign {
            assert_eq!(cache.get_many::<u64>(["tasks:7:a", "users:7:a"]).await, [Ok(Some(1)), Ok(Some(1))]);
            assert_eq!(cache.count("calls:1").await, Ok(Some(1)));
            assert!(cache.scope_for(async { tagged_entry(7).exists().await }).await);
        }
    })
    .await;
}

#[cached(ns = "tagged", ttl = "medium", tags = ["owner:{owner}"], skip(source))]
async fn tagged(owner: u64, source: GatedLoad<u64>) -> u64 {
    source.load().await
}
