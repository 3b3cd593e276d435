//! The port's promises, over every adapter.

use super::{World, everywhere};
use bytes::Bytes;
use cache_runtime::store::{Book, Journal, Store, StoreFuture, Taken, Token};
use cache_runtime::{Cache, Key, StoreError, WriteBehindOptions};
use cache_tests::gate::Counter;
use cache_tests::redis_process::RedisServer;
use std::sync::Arc;
use std::time::Duration;

const NEVER: Duration = Duration::from_secs(1_000);

/// One journal, and the book in it.
struct At {
    store: Arc<dyn Store>,
    book: Book,
}

impl At {
    async fn over(world: &World) -> Self {
        Self { store: world.store().await, book: Book::named("cache:behind:{journals}") }
    }

    fn journal(&self) -> &dyn Journal {
        self.store.journal().expect("it has journals")
    }

    async fn append(&self, entry: &str, write: &'static str) -> u64 {
        let write = Bytes::from_static(write.as_bytes());
        let appended = self.journal().append(&self.book, &Key::new(entry), write, 100).await;
        appended.expect("the store answers").expect("room")
    }

    async fn written(&self, entry: &str) -> Option<Bytes> {
        self.journal().written(&self.book, &Key::new(entry)).await.expect("the store answers")
    }

    async fn take(&self, worker: Token, most: usize, idle: Duration) -> Vec<Taken> {
        self.journal().take(&self.book, worker, most, idle).await.expect("the store answers")
    }

    async fn keep(&self, worker: Token, taken: &[Taken]) -> Vec<bool> {
        self.journal().keep(&self.book, worker, taken).await.expect("the store answers")
    }

    async fn done(&self, worker: Token, taken: &[Taken]) {
        self.journal().done(&self.book, worker, taken).await.expect("the store answers");
    }

    async fn left(&self) -> usize {
        self.journal().left(&self.book).await.expect("the store answers")
    }
}

fn seen(taken: &[Taken]) -> Vec<(&[u8], &[u8])> {
    taken.iter().map(|taken| (&taken.entry[..], &taken.write[..])).collect()
}

#[tokio::test]
async fn places_are_given_in_order_once_with_the_newest_write() {
    everywhere(async |world| {
        let at = At::over(world).await;
        let (one, other) = (Token::random(), Token::random());
        assert_eq!((at.take(one, 10, NEVER).await, at.left().await), (vec![], 0));
        let first = at.append("a", "a1").await;
        assert!(at.append("b", "b1").await > first);
        assert!(at.append("a", "a2").await > first + 1);
        at.append("c", "c1").await;
        assert_eq!((at.written("a").await, at.written("x").await), (Some("a2".into()), None));
        assert_eq!(at.left().await, 3);
        let mine = at.take(one, 2, NEVER).await;
        assert_eq!(seen(&mine), [(&b"a"[..], &b"a2"[..]), (b"b", b"b1")]);
        let others = at.take(other, 10, NEVER).await;
        assert_eq!(seen(&others), [(&b"c"[..], &b"c1"[..])]);
        at.done(one, &mine).await;
        at.done(other, &others).await;
        assert_eq!((at.left().await, at.written("a").await), (0, None));
        assert_eq!(at.take(one, 10, Duration::ZERO).await, []);
    })
    .await;
}

#[tokio::test]
async fn what_is_written_while_it_is_saved_gets_a_new_place_afterwards() {
    everywhere(async |world| {
        let at = At::over(world).await;
        let (one, other) = (Token::random(), Token::random());
        at.append("a", "a1").await;
        let mine = at.take(one, 10, NEVER).await;
        at.append("a", "a2").await;
        assert_eq!(at.take(other, 10, NEVER).await, [], "one worker at a time");
        at.done(one, &mine).await;
        assert_eq!((at.left().await, at.written("a").await), (1, Some("a2".into())));
        let others = at.take(other, 10, NEVER).await;
        assert_eq!(seen(&others), [(&b"a"[..], &b"a2"[..])]);
        assert!(others[0].number > mine[0].number);
        at.done(other, &others).await;
        assert_eq!(at.left().await, 0);
    })
    .await;
}

#[tokio::test]
async fn who_gives_no_sign_of_life_loses_the_place_and_cannot_end_it() {
    everywhere(async |world| {
        let at = At::over(world).await;
        let (one, other) = (Token::random(), Token::random());
        at.append("a", "a1").await;
        let mine = at.take(one, 10, NEVER).await;
        assert_eq!(at.keep(one, &mine).await, [true]);
        assert_eq!(at.keep(other, &mine).await, [false], "a stranger's sign is none");
        let others = at.take(other, 10, Duration::ZERO).await;
        assert_eq!(seen(&others), [(&b"a"[..], &b"a1"[..])]);
        assert_eq!((at.keep(one, &mine).await, at.keep(other, &others).await), (vec![false], vec![true]));
        at.append("a", "a2").await;
        at.done(one, &mine).await;
        assert_eq!(at.take(one, 10, NEVER).await, [], "its late end gives nobody a new place");
        at.done(other, &others).await;
        at.done(other, &others).await;
        let again = at.take(one, 10, NEVER).await;
        assert_eq!(seen(&again), [(&b"a"[..], &b"a2"[..])]);
        at.done(one, &again).await;
        assert_eq!(at.left().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_sign_of_life_counts_from_when_it_is_given() {
    everywhere(async |world| {
        let at = At::over(world).await;
        let (one, other) = (Token::random(), Token::random());
        at.append("a", "a1").await;
        let mine = at.take(one, 10, NEVER).await;
        let idle = Duration::from_millis(300);
        for _ in 0..3 {
            cache_tests::wait::real_time(Duration::from_millis(150)).await;
            assert_eq!(at.keep(one, &mine).await, [true]);
            assert_eq!(at.take(other, 10, idle).await, []);
        }
        cache_tests::wait::real_time(Duration::from_millis(350)).await;
        assert_eq!(seen(&at.take(other, 10, idle).await), [(&b"a"[..], &b"a1"[..])]);
    })
    .await;
}

#[tokio::test]
async fn a_full_journal_takes_newer_writes_of_what_it_has() {
    everywhere(async |world| {
        let at = At::over(world).await;
        let append = async |entry: &str| {
            let appended = at.journal().append(&at.book, &Key::new(entry), Bytes::new(), 2).await;
            appended.expect("the store answers").is_some()
        };
        assert_eq!([append("a").await, append("b").await, append("c").await], [true, true, false]);
        assert!(append("a").await);
        assert_eq!(at.left().await, 2);
        let worker = Token::random();
        let taken = at.take(worker, 1, NEVER).await;
        at.done(worker, &taken).await;
        assert!(append("c").await);
    })
    .await;
}

/// An old connection may deliver what was sent on it after a new one has been used.
#[tokio::test]
async fn a_write_by_a_connection_that_is_gone_is_not_taken() {
    let server = RedisServer::start();
    let script = include_str!("../../cache-runtime/src/redis/scripts/append.lua");
    let append = |connection: &str, write: &str| {
        let keys = ["{x}:queue", "{x}:writes", "{x}:writer"];
        let args = ["a", write, connection, "10"];
        server.cli(&[&["EVAL", script, "3"], &keys[..], &args].concat())
    };
    assert_ne!(append("2", "new"), "-1");
    assert_eq!(append("1", "late"), "-1");
    assert!(server.cli(&["HGET", "{x}:writes", "a"]).ends_with("new"));
    assert_ne!(append("2", "newer"), "-1");
}

#[tokio::test]
async fn numbers_go_on_after_the_server_has_lost_everything() {
    let server = RedisServer::start();
    let world = World::Redis(server);
    let at = At::over(&world).await;
    let World::Redis(server) = &world else { unreachable!() };
    let before = at.append("a", "a1").await;
    server.cli(&["FLUSHALL"]);
    assert!(at.append("a", "a2").await > before);
}

/// Who crashed is not remembered for ever.
#[tokio::test]
async fn workers_that_are_gone_are_forgotten_when_their_places_are_taken() {
    let world = World::Redis(RedisServer::start());
    let at = At::over(&world).await;
    let World::Redis(server) = &world else { unreachable!() };
    for _ in 0..5 {
        at.append("a", "a").await;
        let _ = at.take(Token::random(), 10, Duration::ZERO).await;
    }
    let workers = server.cli(&["XINFO", "CONSUMERS", "cache:behind:{journals}:queue", "writers"]);
    assert!(workers.matches("pending").count() <= 2, "{workers}");
}

/// The rights of page *redis*, and no others.
#[tokio::test]
async fn the_documented_rights_are_enough() {
    let server = RedisServer::start();
    let user = ["ACL", "SETUSER", "shop", "on", ">secret", "resetchannels", "-@all"];
    let names = ["~shop:*", "~cache:fence:{shop:*", "~cache:tag:{shop:*", "~cache:behind:{shop:*"];
    let rights = ["+hello", "+select", "+ping", "+get", "+set", "+getrange", "+setrange", "+mget", "+del"];
    let more = ["+unlink", "+pttl", "+pexpire", "+persist", "+time", "+eval", "+evalsha", "+script|load"];
    let most =
        ["+info", "+client|tracking", "+wait", "+hget", "+hset", "+hdel", "+hlen", "+hexists", "+exists"];
    let streams = ["+xadd", "+xack", "+xdel", "+xautoclaim", "+xclaim", "+xreadgroup", "+xpending"];
    let groups = ["+xgroup|create", "+xgroup|delconsumer", "+xinfo|consumers"];
    server.cli(&[&user[..], &names, &rights, &more, &most, &streams, &groups].concat());
    let url = server.url().replace("redis://", "redis://shop:secret@");
    let cache = Cache::builder().redis(url).app("shop").build().expect("a good url");
    cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    let options = WriteBehindOptions::<u64, u64>::default().claim_after(Duration::from_millis(1));
    let behind = cache.write_behind("views", options, |_| async { Ok::<(), String>(()) });
    for value in 0..20 {
        let write = async { behind.write(&super::views_entry(1), 1, value).await };
        cache.scope_for(write).await.expect("written");
    }
    assert_eq!(behind.flush(Duration::from_secs(10)).await, Ok(0));
    let log = server.cli(&["ACL", "LOG"]);
    assert!(log.is_empty(), "{log}");
}

/// A journal that does not answer.
pub(super) struct Broken;

impl Journal for Broken {
    fn append<'a>(&'a self, _: &'a Book, _: &'a Key, _: Bytes, _: usize) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async { Err(StoreError::Timeout) })
    }

    fn written<'a>(&'a self, _: &'a Book, _: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(async { Err(StoreError::Timeout) })
    }

    fn take<'a>(&'a self, _: &'a Book, _: Token, _: usize, _: Duration) -> StoreFuture<'a, Vec<Taken>> {
        Box::pin(async { Err(StoreError::Timeout) })
    }

    fn keep<'a>(&'a self, _: &'a Book, _: Token, _: &'a [Taken]) -> StoreFuture<'a, Vec<bool>> {
        Box::pin(async { Err(StoreError::Timeout) })
    }

    fn done<'a>(&'a self, _: &'a Book, _: Token, _: &'a [Taken]) -> StoreFuture<'a, ()> {
        Box::pin(async { Err(StoreError::Timeout) })
    }

    fn left<'a>(&'a self, _: &'a Book) -> StoreFuture<'a, usize> {
        Box::pin(async { Err(StoreError::Timeout) })
    }
}

/// A journal that hears no signs of life.
pub(super) struct Silent {
    pub(super) store: Arc<dyn Store>,
    /// How often it was asked for what is to be saved.
    pub(super) takes: Counter,
}

impl Silent {
    fn journal(&self) -> &dyn Journal {
        self.store.journal().expect("it has journals")
    }
}

impl Journal for Silent {
    fn append<'a>(
        &'a self,
        book: &'a Book,
        entry: &'a Key,
        write: Bytes,
        most: usize,
    ) -> StoreFuture<'a, Option<u64>> {
        self.journal().append(book, entry, write, most)
    }

    fn written<'a>(&'a self, book: &'a Book, entry: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        self.journal().written(book, entry)
    }

    fn take<'a>(
        &'a self,
        book: &'a Book,
        worker: Token,
        most: usize,
        _: Duration,
    ) -> StoreFuture<'a, Vec<Taken>> {
        self.takes.add();
        self.journal().take(book, worker, most, NEVER)
    }

    /// A sign of life of a stranger: it says whose the place is, and keeps nothing.
    fn keep<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, Vec<bool>> {
        let _ = worker;
        self.journal().keep(book, Token::random(), taken)
    }

    fn done<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, ()> {
        self.journal().done(book, worker, taken)
    }

    fn left<'a>(&'a self, book: &'a Book) -> StoreFuture<'a, usize> {
        self.journal().left(book)
    }
}
