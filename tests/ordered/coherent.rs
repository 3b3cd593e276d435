//! The coherent L1: hits without asking, and what ends them.

use super::fed::clients;
use super::world::{Process, Spy, World, everywhere, read_entry};
use cache_runtime::store::{Memory, Redis, Store};
use cache_runtime::{Cache, Outcome, Tier, cached};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::proxy::{Direction, Proxy};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::{real_time, until};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cached(ns = "ordered", ttl = "medium", skip(load))]
async fn coherent(id: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

const L1: Outcome = Outcome::Hit(Tier::L1);
/// How long after an acknowledged invalidation another process may serve the old value.
const DELTA: Duration = Duration::from_millis(1_010);

async fn call(process: &Process, source: &GatedLoad<u64>) -> (u64, Outcome) {
    process.spawn(coherent(1, source.clone())).end().await
}

async fn invalidate(process: &Process) {
    process.0.scope_for(async { coherent_entry(1).invalidate().await }).await;
}

/// Reads until L1 answers, with `value` all along.
async fn settled(process: &Process, source: &GatedLoad<u64>, value: u64) {
    until("L1 answers", async || {
        let (read, outcome) = call(process, source).await;
        assert_eq!(read, value);
        outcome == L1
    })
    .await;
}

/// Reads `value` from now on, but for reads that begin within the bound.
async fn read_within_the_bound(process: &Process, source: &GatedLoad<u64>, value: u64) {
    let acknowledged = Instant::now();
    let mut stale = Duration::ZERO;
    until("the new value is read", async || {
        let started = acknowledged.elapsed();
        let new = call(process, source).await.0 == value;
        if !new {
            stale = started;
        }
        new
    })
    .await;
    assert!(stale < DELTA, "the old value was read {stale:?} after the invalidation");
}

/// The feed tells of their end. Where nothing may be old, every lookup asks for them.
#[tokio::test]
async fn generations_are_asked_for_once() {
    everywhere(async |world| {
        let spy = Spy::default();
        let (writer, reader) = (world.process().await, world.spied(&spy).await);
        let source = GatedLoad::open(1);
        settled(&reader, &source, 1).await;
        let mut known = None;
        for id in 2..6 {
            let read = async |process: &Process| process.spawn(coherent(id, source.clone())).end().await.1;
            assert_eq!(read(&writer).await, Outcome::Loaded);
            until("it is stored", async || {
                writer.0.scope_for(async { coherent_entry(id).exists().await }).await
            })
            .await;
            assert_eq!(read(&reader).await, Outcome::Hit(Tier::L2));
            assert_eq!(spy.generations.get(), *known.get_or_insert(spy.generations.get()));
        }
        writer.read(1, &source).await;
        until("it is stored", async || writer.0.scope_for(async { read_entry(1).exists().await }).await)
            .await;
        let before = spy.generations.get();
        for _ in 0..3 {
            assert_eq!(reader.read(1, &source).await.1, Outcome::Hit(Tier::L2));
        }
        assert_eq!(spy.generations.get(), before + 3);
    })
    .await;
}

#[tokio::test]
async fn hits_are_served_without_asking_the_store() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(1);
        settled(&process, &source, 1).await;
        for _ in 0..10 {
            assert_eq!(call(&process, &source).await, (1, L1));
        }
        assert_eq!(source.loads.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_of_ones_own_process_is_seen_at_once() {
    everywhere(async |world| {
        let process = world.process().await;
        let source = GatedLoad::open(0);
        for value in 1..50 {
            settled(&process, &source, value - 1).await;
            source.set(value);
            invalidate(&process).await;
            assert_eq!(call(&process, &source).await.0, value);
        }
    })
    .await;
}

#[tokio::test]
async fn over_one_in_process_store_every_cache_sees_an_invalidation_at_once() {
    let store = Arc::<Memory>::default();
    let (one, other) = (Process::over(store.clone()), Process::over(store));
    let source = GatedLoad::open(0);
    for value in 1..50 {
        settled(&one, &source, value - 1).await;
        settled(&other, &source, value - 1).await;
        source.set(value);
        invalidate(&one).await;
        assert_eq!(call(&other, &source).await.0, value);
    }
}

#[tokio::test]
async fn another_processs_invalidation_is_pushed() {
    let world = World::Redis(RedisServer::start());
    let (one, other) = (world.process().await, world.process().await);
    let source = GatedLoad::open(0);
    for value in 1..20 {
        settled(&other, &source, value - 1).await;
        source.set(value);
        invalidate(&one).await;
        read_within_the_bound(&other, &source, value).await;
    }
}

/// An answer of the store that was overtaken by a push never becomes a hit.
#[tokio::test]
async fn an_answer_asked_for_before_a_push_does_not_stay_in_l1() {
    let world = World::Redis(RedisServer::start());
    let (writer, source) = (world.process().await, GatedLoad::open(1));
    call(&writer, &source).await;
    let answers = Gate::default();
    answers.open();
    let reader = world.spied(&Spy { get_answers: Some(answers.clone()), ..Spy::default() }).await;
    settled(&reader, &source, 1).await;
    invalidate(&writer).await;
    until("it is stored again", async || call(&writer, &source).await.0 == 1).await;
    answers.close();
    let early = reader.spawn(coherent(1, source.clone()));
    answers.arrived_times(2).await;
    source.set(2);
    invalidate(&writer).await;
    real_time(Duration::from_millis(100)).await;
    answers.open();
    early.end().await;
    assert_eq!(call(&reader, &source).await.0, 2);
}

/// A reader whose feed alone goes through a proxy.
async fn with_feed_through(server: &RedisServer, proxy: &Proxy) -> Process {
    let store = |url: String| async move {
        let store = Redis::connect(&url).expect("a good url");
        store.ready(Duration::from_secs(10)).await.expect("the server is up");
        Arc::new(store) as Arc<dyn Store>
    };
    let feed = Some(store(proxy.url()).await);
    World::spying(store(server.url()).await, &Spy { feed, ..Spy::default() })
}

#[tokio::test]
async fn while_pushes_are_delayed_nothing_is_served_beyond_the_bound() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let reader = with_feed_through(&server, &proxy).await;
    let world = World::Redis(server);
    let writer = world.process().await;
    let source = GatedLoad::open(1);
    settled(&reader, &source, 1).await;
    proxy.stall(Direction::ToClient);
    source.set(2);
    invalidate(&writer).await;
    let acknowledged = Instant::now();
    let mut stale = Duration::ZERO;
    while acknowledged.elapsed() < 2 * DELTA {
        let started = acknowledged.elapsed();
        if call(&reader, &source).await.0 == 1 {
            stale = started;
        }
    }
    assert!(stale < DELTA, "the old value was read {stale:?} after the invalidation");
    assert!(stale > Duration::from_millis(200), "the push was not delayed: {stale:?}");
    proxy.resume();
    settled(&reader, &source, 2).await;
}

#[tokio::test]
async fn a_lost_feed_empties_l1_and_comes_back() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let reader = with_feed_through(&server, &proxy).await;
    let world = World::Redis(server);
    let writer = world.process().await;
    let source = GatedLoad::open(1);
    settled(&reader, &source, 1).await;
    proxy.refuse().await;
    proxy.reset_all();
    until("the loss is noticed", async || call(&reader, &source).await.1 != L1).await;
    source.set(2);
    invalidate(&writer).await;
    assert_eq!(call(&reader, &source).await.0, 2);
    proxy.accept().await;
    settled(&reader, &source, 2).await;
}

#[tokio::test]
async fn a_flushed_server_empties_l1() {
    let server = RedisServer::start();
    let flush = |command: &[&str]| server.cli(command);
    let store = Redis::connect(&server.url()).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    let process = Process::over(Arc::new(store));
    let source = GatedLoad::open(0);
    for (value, command) in [(1, ["FLUSHALL"]), (2, ["FLUSHDB"])] {
        settled(&process, &source, value - 1).await;
        source.set(value);
        flush(&command);
        until("it is read anew", async || call(&process, &source).await.0 == value).await;
    }
}

/// Without the right to `CLIENT TRACKING`, entries are bounded by time.
#[tokio::test]
async fn without_a_feed_l1_is_bounded_to_a_second() {
    let server = RedisServer::start();
    server.cli(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-client|tracking"]);
    let url = server.url().replace("redis://", "redis://app:secret@");
    let reader = Process(Cache::builder().redis(&url).build().expect("a good url"));
    reader.0.ready(Duration::from_secs(10)).await.expect("the server is up");
    let world = World::Redis(server);
    let writer = world.process().await;
    let source = GatedLoad::open(1);
    settled(&reader, &source, 1).await;
    source.set(2);
    invalidate(&writer).await;
    read_within_the_bound(&reader, &source, 2).await;
    settled(&reader, &source, 2).await;
}

/// The address leads to another server by now (a failover behind a name): the feed follows the data.
#[tokio::test]
async fn the_feed_follows_the_data_to_another_server() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let to_old = Proxy::to(old.port()).await;
    let data = Redis::connect(&to_old.url()).expect("a good url");
    data.ready(Duration::from_secs(10)).await.expect("the server is up");
    let reader = Process::over(Arc::new(data));
    let source = GatedLoad::open(1);
    settled(&reader, &source, 1).await;
    to_old.redirect(new.port()).await;
    // The data connection alone breaks; the feed stays with the old server, which goes on answering it.
    for client in clients(&old).iter().filter(|client| !client.is_pushed_to) {
        old.cli(&["CLIENT", "KILL", "ID", &client.id]);
    }
    let writer = World::Redis(new);
    let writer = writer.process().await;
    settled(&reader, &source, 1).await;
    source.set(2);
    invalidate(&writer).await;
    read_within_the_bound(&reader, &source, 2).await;
    settled(&reader, &source, 2).await;
}
