//! The store slow, frozen, gone, or back with what it had: slower, never wrong, never an error.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

use cache_runtime::{Cache, Invalidation, Outcome, cached, invalidates, observed, updates};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::proxy::{Direction, Proxy};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::task::Poll;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

#[cached(ns = "outage", ttl = "medium", l1 = "off", skip(source))]
async fn read(id: u64, source: &GatedLoad<u64>) -> u64 {
    source.load().await
}

#[invalidates(read(id))]
async fn write(id: u64, value: u64, source: &GatedLoad<u64>) {
    source.set(value);
}

fn over(url: &str) -> Cache {
    Cache::builder().redis(url).build().expect("a good url")
}

async fn connected(url: &str) -> Cache {
    let cache = over(url);
    cache.ready(PATIENCE).await.expect("the server is up");
    cache
}

async fn outcome(cache: &Cache, id: u64, source: &GatedLoad<u64>) -> (u64, Outcome) {
    let (value, report) = cache.scope_for(observed(read(id, source))).await;
    (value, report.outcome().expect("a cached call"))
}

async fn written(cache: &Cache, id: u64, value: u64, source: &GatedLoad<u64>) -> Vec<Invalidation> {
    let ((), report) = cache.scope_for(observed(write(id, value, source))).await;
    report.invalidations().to_vec()
}

/// Reads until the answer comes from the store's value, and checks that it is the right one all along.
async fn served_again(cache: &Cache, id: u64, source: &GatedLoad<u64>, value: u64) {
    until("entries are served again", async || {
        let (read, outcome) = outcome(cache, id, source).await;
        assert_eq!(read, value);
        matches!(outcome, Outcome::Hit(_))
    })
    .await;
}

#[tokio::test]
async fn a_cache_is_built_and_works_while_its_server_is_not_there() {
    let server = RedisServer::start();
    server.kill();
    let cache = over(&server.url());
    let source = GatedLoad::open(1);
    assert_eq!(outcome(&cache, 1, &source).await, (1, Outcome::Bypassed));
    assert_eq!(written(&cache, 1, 2, &source).await, [Invalidation::Queued]);
    assert_eq!(outcome(&cache, 1, &source).await, (2, Outcome::Bypassed));
    let error = cache.ready(Duration::from_millis(200)).await.expect_err("nobody is there").to_string();
    assert!(error.contains("not ready after 200ms"), "{error}");
    server.restart();
    cache.ready(PATIENCE).await.expect("it is there now");
    served_again(&cache, 1, &source, 2).await;
    assert_eq!(cache.stats().pending_invalidations, 0);
}

#[tokio::test]
async fn a_killed_server_costs_loads_and_comes_back() {
    let server = RedisServer::start();
    let cache = connected(&server.url()).await;
    let source = GatedLoad::open(1);
    served_again(&cache, 1, &source, 1).await;
    server.kill();
    for value in 2..50 {
        written(&cache, 1, value, &source).await;
        assert_eq!(outcome(&cache, 1, &source).await, (value, Outcome::Bypassed));
    }
    server.restart();
    cache.ready(PATIENCE).await.expect("it is back");
    served_again(&cache, 1, &source, 49).await;
}

/// The server comes back with the old value still in it: what was queued reaches it before anyone reads.
#[tokio::test]
async fn an_invalidation_made_while_the_server_was_away_is_sent_before_it_is_read_again() {
    let server = RedisServer::start();
    let cache = connected(&server.url()).await;
    let source = GatedLoad::open(1);
    served_again(&cache, 1, &source, 1).await;
    server.save_snapshot();
    server.kill();
    assert_eq!(written(&cache, 1, 2, &source).await, [Invalidation::Queued]);
    server.restart();
    let raw = server.cli(&["EXISTS", "outage:v1:read:1"]);
    cache.ready(PATIENCE).await.expect("it is back");
    assert_eq!(cache.stats().pending_invalidations, 0, "nobody can have read before it was sent");
    assert_eq!(outcome(&cache, 1, &source).await.0, 2, "the old value was there again: {raw}");
    served_again(&cache, 1, &source, 2).await;
}

/// The connection breaks during a load: what it leaves behind keeps nobody waiting until it lapses.
#[tokio::test]
async fn a_lease_whose_end_could_not_be_sent_is_given_back_with_the_next_connection() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (cut, other) = (connected(&proxy.url()).await, connected(&server.url()).await);
    let source = GatedLoad::new(1);
    let started = Instant::now();
    let (loaded, joined, ()) = tokio::join!(outcome(&cut, 1, &source), outcome(&cut, 1, &source), async {
        source.gate.arrived().await;
        proxy.refuse().await;
        proxy.reset_all();
        until("the connection is lost", async || cut.ready(Duration::ZERO).await.is_err()).await;
        source.gate.open();
    });
    assert_eq!((loaded.0, joined.0), (1, 1));
    assert!([loaded.1, joined.1].contains(&Outcome::Loaded), "{loaded:?} {joined:?}");
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "joiners do not wait for it: {:?}",
        started.elapsed()
    );
    assert!(server.cli(&["GET", "outage:v1:read:1"]).starts_with('L'), "the fill did not get through");
    proxy.accept().await;
    let started = Instant::now();
    assert_eq!(outcome(&other, 1, &source).await, (1, Outcome::Loaded));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

/// One invalidation runs into its deadline while the connection lives: this process reads past its key until it is sent.
#[tokio::test]
async fn a_queued_invalidation_is_sent_again_on_a_living_connection() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let cache = connected(&proxy.url()).await;
    let (source, other) = (GatedLoad::open(1), GatedLoad::open(7));
    served_again(&cache, 1, &source, 1).await;
    served_again(&cache, 2, &other, 7).await;
    proxy.stall(Direction::ToServer);
    assert_eq!(written(&cache, 1, 2, &source).await, [Invalidation::Queued]);
    assert_eq!(outcome(&cache, 1, &source).await, (2, Outcome::Bypassed));
    proxy.resume();
    served_again(&cache, 2, &other, 7).await;
    served_again(&cache, 1, &source, 2).await;
    until("the queue is empty", async || cache.stats().pending_invalidations == 0).await;
}

#[tokio::test]
async fn a_frozen_server_costs_one_deadline_in_a_while() {
    let server = RedisServer::start();
    let cache = connected(&server.url()).await;
    let source = GatedLoad::open(1);
    served_again(&cache, 1, &source, 1).await;
    server.freeze();
    let mut slow = 0;
    for value in 2..200 {
        let started = Instant::now();
        assert_eq!(outcome(&cache, 1, &source).await.0, 1);
        let waited = started.elapsed();
        assert!(waited < Duration::from_millis(250), "call {value} took {waited:?}");
        slow += u32::from(waited > Duration::from_millis(50));
    }
    assert!((1..=3).contains(&slow), "{slow} slow calls");
    let started = Instant::now();
    assert_eq!(written(&cache, 1, 2, &source).await, [Invalidation::Queued]);
    assert!(started.elapsed() < Duration::from_millis(300));
    assert_eq!(outcome(&cache, 1, &source).await.0, 2);
    server.thaw();
    cache.ready(PATIENCE).await.expect("it answers again");
    served_again(&cache, 1, &source, 2).await;
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_and_replaced() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let cache = connected(&proxy.url()).await;
    let source = GatedLoad::open(1);
    served_again(&cache, 1, &source, 1).await;
    proxy.half_open();
    for _ in 0..5 {
        assert_eq!(outcome(&cache, 1, &source).await.0, 1);
    }
    proxy.resume();
    served_again(&cache, 1, &source, 1).await;
}

#[tokio::test]
async fn a_reset_connection_is_replaced() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let cache = connected(&proxy.url()).await;
    let source = GatedLoad::open(1);
    served_again(&cache, 1, &source, 1).await;
    for value in 2..6 {
        proxy.reset_all();
        written(&cache, 1, value, &source).await;
        assert_eq!(outcome(&cache, 1, &source).await.0, value);
        served_again(&cache, 1, &source, value).await;
    }
}

/// The server dies while bodies run: they end as if nothing had happened.
#[tokio::test]
async fn a_server_that_dies_during_a_load_costs_nothing() {
    let server = RedisServer::start();
    let cache = connected(&server.url()).await;
    let source = GatedLoad::new(1);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (cache, source) = (cache.clone(), source.clone());
            tokio::spawn(async move { outcome(&cache, 1, &source).await.0 })
        })
        .collect();
    source.gate.arrived().await;
    server.kill();
    source.gate.open();
    for call in calls {
        assert_eq!(call.await.expect("no panic"), 1);
    }
}

/// A process that ends while invalidations are pending ends like any other.
#[test]
fn a_runtime_ends_while_invalidations_are_pending() {
    let server = RedisServer::start();
    for threads in [1, 2] {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            let cache = connected(&server.url()).await;
            server.kill();
            until("it is queued", async || {
                written(&cache, 1, 1, &GatedLoad::open(1)).await == [Invalidation::Queued]
            })
            .await;
        });
        drop(runtime);
        server.restart();
    }
}

#[cached(ns = "outage", ttl = "medium", l1 = "off", skip(source), tags = ["owner:{owner}"])]
async fn owned(owner: u64, source: &GatedLoad<u64>) -> u64 {
    source.load().await
}

async fn loss_noticed(cache: &Cache, source: &GatedLoad<u64>) {
    until("the loss is noticed", async || outcome(cache, 3, source).await.1 == Outcome::Bypassed).await;
}

/// A server that comes back from a snapshot has forgotten what it acknowledged; whoever was told so tells it once more.
#[tokio::test]
async fn an_acknowledged_invalidation_outlives_a_restart_from_an_older_snapshot() {
    let server = RedisServer::start();
    let cache = connected(&server.url()).await;
    let (source, other) = (GatedLoad::open(1), GatedLoad::open(7));
    let owned = async |cache: &Cache| cache.scope_for(observed(owned(5, &source))).await;
    served_again(&cache, 1, &source, 1).await;
    until("it is stored", async || owned(&cache).await.1.outcome().is_some_and(|it| it != Outcome::Loaded))
        .await;
    server.save_snapshot();
    assert_eq!(written(&cache, 1, 2, &source).await, [Invalidation::Applied]);
    assert_eq!(cache.invalidate_tag("outage", "owner:5").await, Invalidation::Applied);
    server.kill();
    loss_noticed(&cache, &other).await;
    server.restart();
    cache.ready(PATIENCE).await.expect("it is back");
    let reader = connected(&server.url()).await;
    assert_eq!(outcome(&reader, 1, &source).await.0, 2);
    assert_eq!(owned(&reader).await.0, 2);
}

/// The answer is read only when the server that gave it is gone, and its successor was connected to.
#[tokio::test]
async fn an_invalidation_is_remembered_before_its_answer_is_read() {
    let server = RedisServer::start();
    let cache = connected(&server.url()).await;
    let (source, other) = (GatedLoad::open(1), GatedLoad::open(7));
    served_again(&cache, 1, &source, 1).await;
    server.save_snapshot();
    let mut write = Box::pin(written(&cache, 1, 2, &source));
    let sent = std::future::poll_fn(|context| Poll::Ready(write.as_mut().poll(context).is_pending()));
    assert!(sent.await, "it waits for the answer");
    until("the store has executed it", async || server.cli(&["EXISTS", "outage:v1:read:1"]) == "0").await;
    server.kill();
    loss_noticed(&cache, &other).await;
    server.restart();
    cache.ready(PATIENCE).await.expect("it is back");
    assert_eq!(write.await, [Invalidation::Applied]);
    let reader = connected(&server.url()).await;
    assert_eq!(outcome(&reader, 1, &source).await.0, 2);
}

#[invalidates(read(id), hold_after = "50ms")]
async fn write_held(id: u64, value: u64, source: &GatedLoad<u64>) {
    source.set(value);
}

/// A hold in place of an invalidation is forgotten by such a server, too.
#[tokio::test]
async fn a_hold_in_place_of_an_invalidation_outlives_a_restart_from_an_older_snapshot() {
    let server = RedisServer::start();
    let cache = connected(&server.url()).await;
    let (source, other) = (GatedLoad::open(1), GatedLoad::open(7));
    served_again(&cache, 1, &source, 1).await;
    server.save_snapshot();
    let ((), report) = cache.scope_for(observed(write_held(1, 2, &source))).await;
    assert_eq!(report.invalidations(), [Invalidation::Applied]);
    server.kill();
    loss_noticed(&cache, &other).await;
    server.restart();
    cache.ready(PATIENCE).await.expect("it is back");
    let reader = connected(&server.url()).await;
    assert_eq!(outcome(&reader, 1, &source).await.0, 2);
}

#[updates(read(id), hold = "60s")]
async fn update(id: u64, value: u64, source: &GatedLoad<u64>, committed: &Gate) -> u64 {
    source.set(value);
    committed.wait().await;
    value
}

/// From the commit on the older value is not read, though only a hold has removed it so far.
#[tokio::test]
async fn an_updates_hold_outlives_a_restart_from_an_older_snapshot() {
    let server = RedisServer::start();
    let cache = connected(&server.url()).await;
    let (source, other, committed) = (GatedLoad::open(1), GatedLoad::open(7), Gate::default());
    served_again(&cache, 1, &source, 1).await;
    server.save_snapshot();
    let meanwhile = async {
        committed.arrived().await;
        server.kill();
        loss_noticed(&cache, &other).await;
        server.restart();
        cache.ready(PATIENCE).await.expect("it is back");
        let reader = connected(&server.url()).await;
        assert_eq!(outcome(&reader, 1, &source).await.0, 2);
        committed.open();
    };
    tokio::join!(cache.scope_for(update(1, 2, &source, &committed)), meanwhile);
}
