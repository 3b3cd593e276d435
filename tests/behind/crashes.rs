//! Processes that are killed at every step of a write: what was acknowledged is saved by another.

use bytes::Bytes;
use cache_runtime::store::{Book, Journal, Redis, Store, StoreFuture, Taken, Token};
use cache_runtime::{Cache, Key, WriteBehind, WriteBehindOptions, WriteError, Written, cached};
use cache_tests::gate::Gate;
use cache_tests::redis_process::RedisServer;
use cache_tests::through::Through;
use cache_tests::wait::until;
use cache_tests::worker::{Worker, serve};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Where a process stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    AppendSent,
    AppendAnswered,
    TakeSent,
    TakeAnswered,
    SaveBegun,
    Saved,
    DoneSent,
    DoneAnswered,
}

/// Stops who comes to a step, and says so.
#[derive(Clone)]
struct Stop {
    at: Option<Step>,
    gate: Gate,
    stopped: UnboundedSender<Value>,
}

impl Stop {
    async fn pass(&self, step: Step) {
        if self.at == Some(step) {
            let _ = self.stopped.send(json!({ "stopped": step }));
            self.gate.wait().await;
        }
    }
}

/// A journal that is stopped before an operation is sent, or before its answer is given out.
struct Stopped {
    store: Arc<dyn Store>,
    stop: Stop,
}

impl Stopped {
    fn journal(&self) -> &dyn Journal {
        self.store.journal().expect("it has journals")
    }
}

impl Journal for Stopped {
    fn append<'a>(
        &'a self,
        book: &'a Book,
        entry: &'a Key,
        write: Bytes,
        most: usize,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.stop.pass(Step::AppendSent).await;
            let answer = self.journal().append(book, entry, write, most).await;
            self.stop.pass(Step::AppendAnswered).await;
            answer
        })
    }

    fn written<'a>(&'a self, book: &'a Book, entry: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        self.journal().written(book, entry)
    }

    fn take<'a>(
        &'a self,
        book: &'a Book,
        worker: Token,
        most: usize,
        idle: Duration,
    ) -> StoreFuture<'a, Vec<Taken>> {
        Box::pin(async move {
            if self.journal().left(book).await == Ok(0) {
                return Ok(Vec::new());
            }
            self.stop.pass(Step::TakeSent).await;
            let answer = self.journal().take(book, worker, most, idle).await;
            self.stop.pass(Step::TakeAnswered).await;
            answer
        })
    }

    fn keep<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, Vec<bool>> {
        self.journal().keep(book, worker, taken)
    }

    fn done<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.stop.pass(Step::DoneSent).await;
            let answer = self.journal().done(book, worker, taken).await;
            self.stop.pass(Step::DoneAnswered).await;
            answer
        })
    }

    fn left<'a>(&'a self, book: &'a Book) -> StoreFuture<'a, usize> {
        self.journal().left(book)
    }
}

#[cached(ns = "crashes", ttl = "medium", l1 = "off", skip(source))]
async fn row(id: u64, source: &MultiplexedConnection) -> Result<u64, Arc<RedisError>> {
    let row: Option<u64> = source.clone().hget("rows", id).await.map_err(Arc::new)?;
    Ok(row.unwrap_or(0))
}

/// A process, here or in a child.
struct Process {
    cache: Cache,
    behind: WriteBehind<u64, u64>,
    source: MultiplexedConnection,
}

impl Process {
    async fn start(url: &str, stop: Stop) -> Self {
        let store = Redis::connect(url).expect("a good url");
        store.ready(Duration::from_secs(10)).await.expect("the server is up");
        let store: Arc<dyn Store> = Arc::new(store);
        let journal = Some(Box::new(Stopped { store: store.clone(), stop: stop.clone() }) as _);
        let through = Arc::new(Through { store, channels: true, journal });
        let cache = Cache::builder().store(through).app("shop").build().expect("a good configuration");
        let client = redis::Client::open(url).expect("a good url");
        let source = client.get_multiplexed_async_connection().await.expect("the server is up");
        let options = WriteBehindOptions::default()
            .delay(Duration::from_millis(1))
            .claim_after(Duration::from_millis(200));
        let (rows, saving) = (source.clone(), stop);
        let save = move |batch| save(batch, rows.clone(), saving.clone());
        Self { behind: cache.write_behind("rows", options, save), cache, source }
    }

    /// Writes; the store may have been too busy to answer in time.
    async fn write(&self, id: u64, value: u64) -> Result<u64, WriteError> {
        self.cache.scope_for(async { self.behind.write(&row_entry(id), id, value).await }).await
    }

    async fn read(&self, id: u64) -> u64 {
        self.cache.scope_for(row(id, &self.source)).await.expect("the source answers")
    }
}

/// Refuses a number that is smaller than the last.
const KEEP_NEWEST: &str = "local last = redis.call('HGET', 'numbers', ARGV[1])
if last and tonumber(last) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', 'numbers', ARGV[1], ARGV[3])
return redis.call('HSET', 'rows', ARGV[1], ARGV[2])";

/// Saves a batch at once, and writes down what was saved in which order.
async fn save(
    batch: Vec<Written<u64, u64>>,
    mut rows: MultiplexedConnection,
    stop: Stop,
) -> Result<(), RedisError> {
    stop.pass(Step::SaveBegun).await;
    let mut all = redis::pipe();
    all.atomic();
    for Written { key, value, number, .. } in &batch {
        all.cmd("EVAL").arg(KEEP_NEWEST).arg(0).arg(key).arg(value).arg(number);
        all.rpush("log", format!("{key} {value} {number}"));
    }
    all.query_async::<()>(&mut rows).await?;
    stop.pass(Step::Saved).await;
    Ok(())
}

/// The child: writes what it is told to, and stops where it is told to.
pub(super) fn child() {
    serve("writer", async |mut parent| {
        let (url, at): (String, Option<Step>) = parent.config();
        let (stopped, mut stops) = unbounded_channel();
        let gate = Gate::default();
        let stop = Stop { at, gate: gate.clone(), stopped: stopped.clone() };
        let process = Arc::new(Process::start(&url, stop).await);
        parent.answer(&json!("started"));
        loop {
            let told: Option<Value> = tokio::select! {
                question = parent.question() => {
                    let Some(question) = question else { return };
                    if question == "go on" {
                        gate.open();
                        continue;
                    }
                    let [id, value] = [0, 1].map(|at| question[at].as_u64().expect("a number"));
                    let (process, written) = (process.clone(), stopped.clone());
                    tokio::spawn(async move {
                        let number = process.write(id, value).await;
                        let _ = written.send(match number {
                            Ok(number) => json!({ "written": number }),
                            Err(error) => json!({ "failed": error.to_string() }),
                        });
                    });
                    None
                }
                told = stops.recv() => told,
            };
            if let Some(told) = told {
                parent.answer(&told);
            }
        }
    });
}

/// For a process in the test's own.
fn stop(at: Option<Step>) -> Stop {
    Stop { at, gate: Gate::default(), stopped: unbounded_channel().0 }
}

async fn writer(server: &RedisServer, at: Option<Step>) -> Worker {
    let mut worker = Worker::spawn("writer", (server.url(), at)).await;
    assert_eq!(worker.receive().await, json!("started"));
    worker
}

/// What was saved, in order: key, value, number.
fn log(server: &RedisServer) -> Vec<[u64; 3]> {
    let log = server.cli(&["LRANGE", "log", "0", "-1"]);
    let line = |line: &str| {
        let numbers: Vec<_> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
        numbers.try_into().expect("three numbers")
    };
    log.lines().filter(|line| !line.is_empty()).map(line).collect()
}

/// Kills a writer of 20 at `step`, and gives what was saved in the end, with the number that was acknowledged.
async fn killed_at(step: Step) -> (Vec<[u64; 3]>, Option<u64>) {
    for _ in 0..5 {
        if let Some(ended) = try_killed_at(step).await {
            return ended;
        }
    }
    panic!("{step:?}: five times the store did not answer in time");
}

/// The same; `None` where the machine was too busy for the deadlines of the store.
async fn try_killed_at(step: Step) -> Option<(Vec<[u64; 3]>, Option<u64>)> {
    let server = RedisServer::start();
    server.cli(&["HSET", "rows", "1", "10"]);
    let reader = Process::start(&server.url(), stop(Some(Step::TakeSent))).await;
    assert_eq!(reader.read(1).await, 10);
    let mut doomed = writer(&server, Some(step)).await;
    doomed.send(json!([1, 20])).await;
    let both = !matches!(step, Step::AppendSent | Step::AppendAnswered);
    let mut told = Vec::new();
    while told.len() <= usize::from(both) {
        let next = doomed.receive().await;
        if next.get("failed").is_some() {
            return None;
        }
        told.push(next);
    }
    doomed.kill();
    assert!(told.contains(&json!({ "stopped": step })), "{told:?}");
    let acknowledged = told.iter().find_map(|told| told["written"].as_u64());

    let written = if step == Step::AppendSent { 10 } else { 20 };
    assert_eq!(reader.read(1).await, written, "{step:?}: what stood there is not read any more");
    let survivor = Process::start(&server.url(), stop(None)).await;
    let evict = || server.cli(&["DEL", "shop:crashes:v1:row:1"]);
    if acknowledged.is_some() {
        evict();
        assert_eq!(survivor.read(1).await, 20, "{step:?}: what was acknowledged is read");
    }
    assert_eq!(survivor.behind.flush(Duration::from_secs(10)).await, Ok(0), "{step:?}");
    let saved = log(&server);
    let row = if saved.is_empty() { 10 } else { 20 };
    assert_eq!(server.cli(&["HGET", "rows", "1"]), row.to_string());
    evict();
    assert_eq!(survivor.read(1).await, row, "{step:?}: what was saved is read");

    let next = survivor.write(1, 30).await.ok()?;
    assert!(saved.iter().all(|[.., number]| *number < next));
    assert_eq!(survivor.behind.flush(Duration::from_secs(10)).await, Ok(0), "{step:?}");
    assert_eq!(log(&server).last(), Some(&[1, 30, next]));
    Some((saved, acknowledged))
}

#[tokio::test]
async fn a_write_that_was_not_sent_is_not_there() {
    assert_eq!(killed_at(Step::AppendSent).await, (vec![], None));
}

#[tokio::test]
async fn a_write_that_was_sent_and_not_acknowledged_is_whole() {
    let (saved, acknowledged) = killed_at(Step::AppendAnswered).await;
    assert_eq!(acknowledged, None);
    assert!(!saved.is_empty() && saved.iter().all(|save| save[..2] == [1, 20]), "{saved:?}");
}

#[tokio::test]
async fn an_acknowledged_write_is_saved_once_by_another_process() {
    for step in [Step::TakeSent, Step::TakeAnswered, Step::SaveBegun, Step::DoneAnswered] {
        let (saved, acknowledged) = killed_at(step).await;
        assert_eq!(saved, [[1, 20, acknowledged.expect("acknowledged")]], "{step:?}");
    }
}

/// Nobody else can know that it was saved.
#[tokio::test]
async fn a_write_that_was_saved_and_not_ended_is_saved_again() {
    for step in [Step::Saved, Step::DoneSent] {
        let (saved, acknowledged) = killed_at(step).await;
        assert_eq!(saved, [[1, 20, acknowledged.expect("acknowledged")]; 2], "{step:?}");
    }
}

/// The gap in the order that a source closes by the number.
#[tokio::test]
async fn who_stood_still_in_a_save_comes_late_and_is_told_by_its_number() {
    let server = RedisServer::start();
    let mut frozen = writer(&server, Some(Step::SaveBegun)).await;
    frozen.send(json!([1, 20])).await;
    let told = [frozen.receive().await, frozen.receive().await];
    assert!(told.contains(&json!({ "stopped": Step::SaveBegun })), "{told:?}");
    frozen.freeze();
    let survivor = Process::start(&server.url(), stop(None)).await;
    assert_eq!(survivor.behind.flush(Duration::from_secs(10)).await, Ok(0), "it is taken over");
    until("30 is written", async || survivor.write(1, 30).await.is_ok()).await;
    assert_eq!(survivor.behind.flush(Duration::from_secs(10)).await, Ok(0));
    frozen.thaw();
    frozen.send(json!("go on")).await;
    until("the late save", async || log(&server).last().is_some_and(|last| last[1] == 20)).await;
    let saved = log(&server);
    assert!(saved[saved.len() - 1][2] < saved[saved.len() - 2][2], "{saved:?}");
    assert_eq!(server.cli(&["HGET", "rows", "1"]), "30");
    assert_eq!(survivor.read(1).await, 30);
}
