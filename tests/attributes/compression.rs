//! Values that are compressed in the store.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::store::{Memory, Redis, Store};
use cache_runtime::{Cache, Compression, Key, Outcome, Tier, cached, observed};
use cache_tests::redis_process::RedisServer;

const BIG: Compression = Compression::zstd().above(100_000);

#[cached(ns = "packed", l1 = "off", compress = "lz4")]
async fn fast(lines: usize) -> String {
    "the same line, again and again\n".repeat(lines)
}

#[cached(ns = "packed", l1 = "off", compress = "zstd")]
async fn small(lines: usize) -> String {
    "the same line, again and again\n".repeat(lines)
}

#[cached(ns = "packed", l1 = "off", compress = BIG)]
async fn big(lines: usize) -> String {
    "the same line, again and again\n".repeat(lines)
}

#[cached(ns = "said", l1 = "off")]
async fn said(lines: usize) -> String {
    "the same line, again and again\n".repeat(lines)
}

#[cached(ns = "said", l1 = "off", compress = "off")]
async fn never(lines: usize) -> String {
    "the same line, again and again\n".repeat(lines)
}

async fn stored(store: &dyn Store, key: &str) -> usize {
    store.get(&Key::new(key)).await.expect("the store answers").expect("a value").len()
}

/// What is stored, and whether it is read again as it was.
async fn check(cache: &Cache, store: &dyn Store) {
    let lengths = cache.scope_for(async {
        for _ in 0..2 {
            let again = (fast(1_000).await, small(1_000).await, big(1_000).await, fast(2).await);
            assert_eq!(
                [again.0.len(), again.1.len(), again.2.len(), again.3.len()],
                [31_000, 31_000, 31_000, 62]
            );
        }
        let (_, report) = observed(async { (fast(1_000).await, small(1_000).await) }).await;
        assert!(report.answers().iter().all(|answer| answer.outcome == Outcome::Hit(Tier::L2)), "{report:?}");
        [
            stored(store, "packed:v1:fast:1000").await,
            stored(store, "packed:v1:small:1000").await,
            stored(store, "packed:v1:big:1000").await,
            stored(store, "packed:v1:fast:2").await,
        ]
    });
    let [fast, small, big, short] = lengths.await;
    assert!(fast < 2_000 && small < fast, "{fast} {small}");
    assert!(big > 32_000, "below its threshold: {big}");
    assert!(short > 62, "below 1 KiB: {short}");
    let stats = &cache.stats().namespaces["packed"];
    assert!(stats["fast"].raw_bytes > 32_000 && stats["fast"].stored_bytes < 3_000, "{stats:?}");
    assert!(stats["big"].stored_bytes > stats["big"].raw_bytes, "{stats:?}");
}

#[tokio::test]
async fn values_are_compressed_where_that_gains_something() {
    let store = Arc::<Memory>::default();
    check(&Cache::builder().store(store.clone()).build().expect("good"), &*store).await;
    let server = RedisServer::start();
    let (cache, store) = (Cache::builder().redis(server.url()).build(), Redis::connect(&server.url()));
    let (cache, store) = (cache.expect("a good url"), store.expect("a good url"));
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    check(&cache, &store).await;
}

#[tokio::test]
async fn what_is_said_of_a_namespace_counts_more_than_a_function_and_that_more_than_the_default() {
    let length = async |cache: Cache, store: Arc<Memory>| {
        let asked = cache.scope_for(async {
            said(1_000).await;
            never(1_000).await;
            [stored(&*store, "said:v1:said:1000").await, stored(&*store, "said:v1:never:1000").await]
        });
        asked.await.map(|length| length < 2_000)
    };
    let store = Arc::<Memory>::default();
    let plain = Cache::builder().store(store.clone()).build().expect("good");
    assert_eq!(length(plain, store).await, [false, false]);
    let store = Arc::<Memory>::default();
    let all = Cache::builder().store(store.clone()).compression(Compression::lz4()).build().expect("good");
    assert_eq!(length(all, store).await, [true, false]);
    let store = Arc::<Memory>::default();
    let one =
        Cache::builder().store(store.clone()).compress("said", Compression::zstd()).build().expect("good");
    assert_eq!(length(one, store).await, [true, true]);
}
