//! What a cache does for its source and its server: few loads at once, and nothing from before a restart.

use super::{becomes, read, read_entry, value, write};
use cache_runtime::{Cache, OnRestart, Outcome, cached, observed};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_process::RedisServer;
use std::sync::Arc;
use std::time::Duration;

/// After a namespace fell, its loads are limited in number, and all are answered.
#[tokio::test]
async fn a_cleared_namespace_is_loaded_again_a_few_at_a_time() {
    #[cached(ns = "crowded", ttl = "medium", skip(running))]
    async fn crowded(id: u64, running: &Running) -> u64 {
        running.enter().await;
        id
    }
    let cache = Cache::builder().loads(4).build().expect("a good configuration");
    let running = Running::default();
    for _ in 0..2 {
        let calls = (0..200).map(|id| {
            let (cache, running) = (cache.clone(), running.clone());
            tokio::spawn(async move { cache.scope_for(crowded(id, &running)).await })
        });
        for (id, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(call.await.expect("no panic"), id as u64);
        }
        cache.clear_namespace("crowded").await;
    }
    let (most, all) = *running.0.lock().expect("no panic");
    assert_eq!((most, all), (4, 400));
}

/// Counts the bodies that run at once, and all of them.
#[derive(Clone, Default)]
struct Running(Arc<std::sync::Mutex<(usize, usize)>>, Arc<std::sync::atomic::AtomicUsize>);

impl Running {
    async fn enter(&self) {
        use std::sync::atomic::Ordering::SeqCst;
        let now = self.1.fetch_add(1, SeqCst) + 1;
        tokio::task::yield_now().await;
        let mut seen = self.0.lock().expect("no panic");
        *seen = (seen.0.max(now), seen.1 + 1);
        self.1.fetch_sub(1, SeqCst);
    }
}

/// The server is restored from before an acknowledged invalidation, and the process that made it is gone.
async fn after_a_restore(on_restart: OnRestart) -> u64 {
    let server = RedisServer::start();
    let connect = || async {
        let cache = Cache::builder().redis(server.url()).on_restart(on_restart).app("shop").build();
        let cache = cache.expect("a good url");
        cache.ready(Duration::from_secs(10)).await.expect("the server is up");
        cache
    };
    let source = GatedLoad::open(1);
    let (writer, reader) = (connect().await, connect().await);
    becomes(&writer, 1, &source, 1).await;
    cache_tests::wait::until("it is stored", async || {
        writer.scope_for(async { read_entry(1).exists().await }).await
    })
    .await;
    server.save_snapshot();
    writer.scope_for(write(1, 2, &source)).await.expect("written");
    drop(writer);
    server.kill();
    server.restart();
    reader.ready(Duration::from_secs(10)).await.expect("it is back");
    cache_tests::wait::until("the reader is back", async || {
        let (_, report) = reader.scope_for(observed(read(1, &source))).await;
        report.outcome() != Some(Outcome::Bypassed)
    })
    .await;
    value(&reader, 1, &source).await
}

#[tokio::test]
async fn with_a_flush_no_entry_outlives_a_restart() {
    assert_eq!(after_a_restore(OnRestart::Flush).await, 2);
    assert_eq!(after_a_restore(OnRestart::Replay).await, 1, "the window that the guard closes");
}

/// A process that may not remove generations reads nothing, and leaves the server unknown to those who may.
#[tokio::test]
async fn who_cannot_flush_a_restored_server_does_not_read_it() {
    const NAMESPACES: usize = 40;
    let server = RedisServer::start();
    let connect = |url: String| {
        let cache = Cache::builder().redis(url).on_restart(OnRestart::Flush).app("shop").build();
        cache.expect("a good url")
    };
    let source = GatedLoad::open(1);
    let writer = connect(server.url());
    writer.ready(Duration::from_secs(10)).await.expect("the server is up");
    becomes(&writer, 1, &source, 1).await;
    cache_tests::wait::until("it is stored", async || {
        writer.scope_for(async { read_entry(1).exists().await }).await
    })
    .await;
    // More than one step of a scan looks through.
    server.cli(&["EVAL", "for i = 1, 20000 do redis.call('SET', 'other:' .. i, '') end", "0"]);
    let names: Vec<_> = (0..NAMESPACES).map(|it| format!("cache:tag:{{shop:n{it}}}:*")).collect();
    for name in &names {
        server.cli(&["SET", name, "12345678"]);
    }
    server.save_snapshot();
    writer.scope_for(write(1, 2, &source)).await.expect("written");
    drop(writer);
    server.kill();
    server.restart();
    server.cli(&["ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", "-unlink"]);
    let limited = connect(server.url().replace("redis://", "redis://limited:secret@"));
    cache_tests::wait::until("it is denied", async || {
        assert_eq!(value(&limited, 1, &source).await, 2, "it reads beside the store");
        server.cli(&["ACL", "LOG"]).contains("unlink")
    })
    .await;
    assert_eq!(value(&limited, 1, &source).await, 2, "it goes on beside the store");
    let other = connect(server.url());
    other.ready(Duration::from_secs(10)).await.expect("the server is up");
    assert_eq!(value(&other, 1, &source).await, 2);
    let left: Vec<_> = names.iter().filter(|name| server.cli(&["EXISTS", name]) != "0").collect();
    assert!(left.is_empty(), "{left:?}");
}
