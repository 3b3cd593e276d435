//! Invalidations go out on the connection on which their pushes come back.

use super::world::{Process, World, read_entry};
use cache_runtime::store::{Redis, Store};
use cache_runtime::{Cache, Invalidation, Outcome};
use cache_tests::gate::GatedLoad;
use cache_tests::proxy::Proxy;
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What `CLIENT LIST` says of one connection.
pub(crate) struct Client {
    pub(crate) id: String,
    /// Its last command.
    command: String,
    pub(crate) is_pushed_to: bool,
}

/// Everybody but who asks.
pub(crate) fn clients(server: &RedisServer) -> Vec<Client> {
    let clients = server.cli(&["CLIENT", "LIST", "TYPE", "normal"]);
    let client = |line: &str| {
        let field =
            |name: &str| line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        let [id, command, flags] =
            ["id", "cmd", "flags"].map(|name| field(name).expect("it is said").to_owned());
        Client { id, command, is_pushed_to: flags.contains('t') }
    };
    clients.lines().map(client).filter(|client| client.command != "client|list").collect()
}

/// Sends invalidations until one was the last command of the feed's connection, which is returned.
async fn sent_by_the_feed(cache: &Cache, server: &RedisServer) -> Client {
    let mut feed = None;
    // The next sign of life may come in between.
    until("the feed has sent it", async || {
        assert_eq!(invalidate(cache).await, Invalidation::Applied);
        feed = clients(server).into_iter().find(|client| client.is_pushed_to && client.command == "evalsha");
        feed.is_some()
    })
    .await;
    feed.expect("it is there")
}

async fn invalidate(cache: &Cache) -> Invalidation {
    cache.scope_for(async { read_entry(1).invalidate().await }).await
}

#[tokio::test]
async fn an_invalidation_goes_by_the_connection_of_the_feed() {
    let world = World::Redis(RedisServer::start());
    let process = world.process().await;
    let World::Redis(server) = &world else { unreachable!("it is") };
    sent_by_the_feed(&process.0, server).await;
    until("and that of a tag", async || {
        assert_eq!(process.0.invalidate_tag("ordered", "x").await, Invalidation::Applied);
        clients(server).iter().any(|client| client.is_pushed_to && client.command == "del")
    })
    .await;
}

#[tokio::test]
async fn without_its_connection_it_goes_by_the_other() {
    let world = World::Redis(RedisServer::start());
    let process = world.process().await;
    let World::Redis(server) = &world else { unreachable!("it is") };
    for _ in 0..3 {
        let feed = sent_by_the_feed(&process.0, server).await;
        server.cli(&["CLIENT", "KILL", "ID", &feed.id]);
        assert_eq!(invalidate(&process.0).await, Invalidation::Applied);
        assert_eq!(process.0.invalidate_tag("ordered", "x").await, Invalidation::Applied);
    }
}

/// The address leads to another server by now, and the feed has not noticed yet.
#[tokio::test]
async fn a_feed_that_is_elsewhere_sends_nothing() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let to_old = Proxy::to(old.port()).await;
    let data = Redis::connect(&to_old.url()).expect("a good url");
    data.ready(Duration::from_secs(10)).await.expect("the server is up");
    let process = Process::over(Arc::new(data));
    sent_by_the_feed(&process.0, &old).await;
    to_old.redirect(new.port()).await;
    for client in clients(&old).iter().filter(|client| !client.is_pushed_to) {
        old.cli(&["CLIENT", "KILL", "ID", &client.id]);
    }
    let world = World::Redis(new);
    let source = GatedLoad::open(1);
    assert_eq!(world.process().await.read(1, &source).await.1, Outcome::Loaded);
    let World::Redis(new) = &world else { unreachable!("it is") };
    let key = read_entry(1).key();
    until("it is stored", async || new.cli(&["EXISTS", &key]) == "1").await;
    until("the data goes to the other server", async || {
        invalidate(&process.0).await == Invalidation::Applied
    })
    .await;
    assert_eq!(new.cli(&["EXISTS", &key]), "0");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_waited_for_once() {
    let world = World::Redis(RedisServer::start());
    let process = world.process().await;
    let World::Redis(server) = &world else { unreachable!("it is") };
    sent_by_the_feed(&process.0, server).await;
    server.cli(&["CLIENT", "PAUSE", "1500", "ALL"]);
    let started = Instant::now();
    assert_eq!(invalidate(&process.0).await, Invalidation::Queued);
    let waited = started.elapsed();
    assert!((240..450).contains(&waited.as_millis()), "{waited:?}");
    until("it is sent", async || process.0.stats().pending_invalidations == 0).await;
}
