//! Invalidations go out on the connection on which others' pushes come in.

use super::world::{Process, Spy, World, read_entry};
use cache_runtime::store::{Listener, Redis, Store};
use cache_runtime::{Cache, Invalidation, Key, Outcome};
use cache_tests::gate::{Counter, GatedLoad};
use cache_tests::proxy::Proxy;
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::slice;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use tokio::time::Instant as TokioInstant;

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
        feed = clients(server).into_iter().find(|client| client.is_pushed_to && client.command == "del");
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
        let feed = clients(server).into_iter().find(|client| client.is_pushed_to).expect("there is one");
        if feed.command == "del" {
            return false;
        }
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

/// What a feed has told.
#[derive(Default)]
struct Heard {
    names: Mutex<Vec<String>>,
    /// When it was said to be alive, until when that was, and how often everything had been said to be unknown before.
    alive: Mutex<Vec<(TokioInstant, TokioInstant, usize)>>,
    flushes: Counter,
}

impl Heard {
    /// Listens to `store`; ready when its feed is the one that invalidations go by.
    async fn fed(store: &Arc<Redis>, server: &RedisServer) -> Arc<Self> {
        Self::fed_for("", store, server).await
    }

    /// The same for an application.
    async fn fed_for(app: &str, store: &Arc<Redis>, server: &RedisServer) -> Arc<Self> {
        let others: Vec<_> = clients(server).into_iter().map(|client| client.id).collect();
        let heard = Arc::new(Self::default());
        store.listen(app, heard.clone());
        until("its feed is the newest that is known", async || {
            store.invalidate(slice::from_ref(&Key::new("fed:v1:first"))).await.expect("the server answers");
            let is_used = |client: &Client| client.command == "del" && !others.contains(&client.id);
            clients(server).iter().any(|client| client.is_pushed_to && is_used(client))
        })
        .await;
        heard
    }

    fn times(&self, name: &str) -> usize {
        self.names.lock().expect("no panic").iter().filter(|heard| *heard == name).count()
    }

    fn add(&self, name: &[u8]) {
        self.names.lock().expect("no panic").push(name.escape_ascii().to_string());
    }

    /// When it was last said to be alive, and how often everything had been said to be unknown before.
    fn last_alive(&self) -> (TokioInstant, TokioInstant, usize) {
        *self.alive.lock().expect("no panic").last().expect("it was alive")
    }
}

impl Listener for Heard {
    fn invalidated(&self, name: &[u8]) {
        self.add(name);
    }

    fn tag_invalidated(&self, name: &[u8]) {
        self.add(name);
    }

    fn flushed(&self) {
        self.flushes.add();
    }

    fn alive(&self, until: Option<TokioInstant>) {
        let until = until.expect("a lease ends");
        self.alive.lock().expect("no panic").push((TokioInstant::now(), until, self.flushes.get()));
    }

    fn lost(&self) {}

    fn unavailable(&self) {}
}

/// A store with a server of its own.
async fn served() -> (RedisServer, Arc<Redis>) {
    let server = RedisServer::start();
    let store = Redis::connect(&server.url()).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    (server, Arc::new(store))
}

#[tokio::test]
async fn what_a_feed_sent_itself_it_tells_by_the_reply() {
    let (server, store) = served().await;
    let elsewhere = Heard::fed(&store, &server).await;
    let process = Process::over(Spy::unfed().over(store.clone()));
    let heard = Heard::fed(&store, &server).await;
    let names = ["ordered:v1:read:1", "ordered}:x"];
    // A tag has a generation while something carries it.
    server.cli(&["SET", "cache:tag:{ordered}:x", "sixteen bytes ..."]);
    for heard in [&heard, &elsewhere] {
        until("anybody's change is pushed", async || heard.times(names[1]) == 1).await;
    }
    assert_eq!(invalidate(&process.0).await, Invalidation::Applied);
    assert_eq!(process.0.invalidate_tag("ordered", "x").await, Invalidation::Applied);
    assert_eq!(names.map(|name| heard.times(name)), [1, 2]);
    // What the server had pushed before comes before this.
    let other = Redis::connect(&server.url()).expect("a good url");
    other.ready(Duration::from_secs(10)).await.expect("the server is up");
    other.invalidate(&[Key::new("fed:v1:last")]).await.expect("the server answers");
    for heard in [&heard, &elsewhere] {
        until("another's is pushed", async || heard.times("fed:v1:last") > 0).await;
    }
    assert_eq!(names.map(|name| heard.times(name)), [1, 2], "not by a push besides");
    assert_eq!(names.map(|name| elsewhere.times(name)), [1, 2], "the other feeds of the store by a push");
}

#[tokio::test]
async fn of_what_it_sent_a_feed_tells_what_is_its_applications() {
    let (server, store) = served().await;
    let heard = Heard::fed_for("shop", &store, &server).await;
    let keys = ["shop:fed:v1:a", "other:fed:v1:a", "fed:v1:a"].map(Key::new);
    store.invalidate(&keys).await.expect("the server answers");
    let told = ["fed:v1:a", "shop:fed:v1:a", "other:fed:v1:a"].map(|name| heard.times(name));
    assert_eq!(told, [1, 0, 0]);
}

/// It is executed after it was given up.
#[tokio::test]
async fn what_is_given_up_on_its_way_is_told_when_it_is_done() {
    let (server, store) = served().await;
    let spy = Spy::unfed();
    let process = Process::over(spy.over(store.clone()));
    let heard = Heard::fed(&store, &server).await;
    assert_eq!(process.0.invalidate_tag("ordered", "x").await, Invalidation::Applied);
    assert_eq!(heard.times("ordered}:x"), 1);
    let tags = spy.tags.lock().expect("no panic").clone();
    let keys = [Key::new("fed:v1:dropped")];
    server.cli(&["SET", "fed:v1:dropped", "x"]);
    let paused = Instant::now();
    server.cli(&["CLIENT", "PAUSE", "300", "ALL"]);
    for mut sending in [store.invalidate(&keys), store.invalidate_tags(&tags)] {
        assert!(sending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        // The task of the connection writes it.
        tokio::task::yield_now().await;
    }
    until("the key is told", async || heard.times("fed:v1:dropped") > 0).await;
    until("the tag is told", async || heard.times("ordered}:x") > 1).await;
    assert!(paused.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.cli(&["EXISTS", "fed:v1:dropped"]), "0");
}

/// It may have been pushed to all others in place of somebody else's.
#[tokio::test]
async fn while_what_was_sent_is_not_told_nothing_is_known_for_long() {
    let (server, store) = served().await;
    let heard = Heard::fed(&store, &server).await;
    server.cli(&["SET", "fed:v1:left", "x"]);
    let keys = [Key::new("fed:v1:left")];
    let (_, lease_ends, _) = heard.last_alive();
    let mut sending = store.invalidate(&keys);
    assert!(sending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    until("it is executed", async || server.cli(&["EXISTS", "fed:v1:left"]) == "0").await;
    let executed = TokioInstant::now();
    until("everything is unknown", async || heard.flushes.get() > 0).await;
    until("and can be served again", async || heard.last_alive().2 > 0).await;
    let signs = heard.alive.lock().expect("no panic").clone();
    let extended = |(said, until, flushes): &(TokioInstant, TokioInstant, usize)| {
        *said > executed + Duration::from_millis(250) && *until > lease_ends && *flushes == 0
    };
    assert!(!signs.iter().any(extended), "not before: {signs:?}");
    assert_eq!(heard.times("fed:v1:left"), 0);
    sending.await.expect("the server has answered");
    assert_eq!(heard.times("fed:v1:left"), 1);
    let (known, flushes) = (heard.alive.lock().expect("no panic").len(), heard.flushes.get());
    until("signs of life count", async || heard.alive.lock().expect("no panic").len() > known + 4).await;
    assert_eq!(heard.flushes.get(), flushes, "and leave what is known");
}

/// The commands with `name` that clients send during `call`.
async fn sent_during(call: impl Future<Output = ()>, name: &str, server: &RedisServer) -> Vec<String> {
    let mut connection = server.connection().await;
    server.cli(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    server.cli(&["SLOWLOG", "RESET"]);
    call.await;
    let slow: Vec<redis::Value> =
        redis::cmd("SLOWLOG").arg("GET").query_async(&mut connection).await.expect("a list");
    // What a script does has no client.
    let commands = slow.iter().map(|slow| format!("{slow:?}")).filter(|slow| !slow.contains("?:0"));
    commands.filter(|command| command.contains(name)).collect()
}

/// Without its header a value would be taken for somebody else's, which no tag reaches.
#[tokio::test]
async fn a_bare_value_and_its_header_go_in_one_step() {
    let (server, store) = served().await;
    let heard = Heard::fed(&store, &server).await;
    let key = Key::new("fed:v1:bare").bare();
    let invalidation = async { store.invalidate(slice::from_ref(&key)).await.expect("the server answers") };
    let of_header = sent_during(invalidation, "cache:meta:{fed:v1:bare}", &server).await;
    assert!(matches!(&of_header[..], [one] if one.contains("\"fed:v1:bare\"")), "{of_header:#?}");
    assert!(heard.times("fed:v1:bare") > 0);
}

#[tokio::test]
async fn what_the_server_refuses_goes_by_the_other_connection() {
    let (server, store) = served().await;
    let heard = Heard::fed(&store, &server).await;
    server.cli(&["SET", "fed:v1:refused", "x"]);
    server.cli(&["SCRIPT", "FLUSH"]);
    let invalidation =
        async || store.invalidate(&[Key::new("fed:v1:refused")]).await.expect("the server answers");
    invalidation().await;
    assert_eq!(server.cli(&["EXISTS", "fed:v1:refused"]), "0");
    until("it is told", async || heard.times("fed:v1:refused") > 0).await;
    let sent = sent_during(invalidation(), "fed:v1:refused", &server).await;
    assert_eq!(sent.len(), 1, "the next at once: {sent:#?}");
}
