//! The source of truth: a map of registers in the driver, which the loaders and mutations of all workers reach by a socket.

use crate::checker::Event;
use crate::log::{Key, Way};
use crate::measure::{MS, Nanos, now};
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{Notify, mpsc, oneshot};

/// A request, or a connection's first message.
pub(crate) type Message = [u64; 4];

const LOAD: u64 = 0;
const COMMIT: u64 = 1;
const HOLD: u64 = 2;

/// Versions that a register remembers, for loads of an old snapshot.
const REMEMBERED: usize = 64;

/// Sends one message.
pub(crate) async fn send(stream: &mut (impl AsyncWriteExt + Unpin), message: Message) -> std::io::Result<()> {
    let bytes: Vec<u8> = message.iter().flat_map(|word| word.to_le_bytes()).collect();
    stream.write_all(&bytes).await
}

/// Receives one message.
pub(crate) async fn receive(stream: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Message> {
    let mut message = Message::default();
    for word in &mut message {
        *word = stream.read_u64_le().await?;
    }
    Ok(message)
}

/// The driver's side.
#[derive(Debug)]
pub(crate) struct Source {
    registers: Mutex<HashMap<Key, VecDeque<(Nanos, u64)>>>,
    /// How old the snapshot is that loads see; 0: they see every commit.
    lag: Nanos,
    /// The process that gets no answer to its next commit.
    doomed: AtomicU32,
    doom: Notify,
    events: mpsc::Sender<Event>,
}

impl Source {
    pub(crate) fn new(lag_ms: u64, events: mpsc::Sender<Event>) -> Self {
        let (registers, doomed, doom) = Default::default();
        Self { registers, lag: lag_ms * MS, doomed, doom, events }
    }

    /// Lets the next commit of `process` be its last: it is made and never answered. Returns when that happened.
    pub(crate) async fn doom(&self, process: u32) {
        self.doomed.store(process, Ordering::SeqCst);
        self.doom.notified().await;
    }

    /// Takes back what `doom` said.
    pub(crate) fn spare(&self) {
        self.doomed.store(0, Ordering::SeqCst);
    }

    /// Answers one worker until it is gone.
    pub(crate) async fn serve(&self, stream: UnixStream, process: u32) {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        while let Ok([number, operation, word, held]) = receive(&mut reader).await {
            let (key, way) = (Key::from_word(word), Way::of_word(word));
            let version = match operation {
                COMMIT => {
                    let (version, at) = self.commit(key);
                    let event = Event::Commit { process, key, way, version, at, held };
                    if self.events.send(event).await.is_err() {
                        return;
                    }
                    if self.doomed.compare_exchange(process, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                        self.doom.notify_one();
                        continue;
                    }
                    version
                }
                HOLD => {
                    if self.events.send(Event::Holding { process, key, at: now() }).await.is_err() {
                        return;
                    }
                    0
                }
                _ => self.load(key),
            };
            if send(&mut writer, [number, version, 0, 0]).await.is_err() {
                return;
            }
        }
    }

    fn commit(&self, key: Key) -> (u64, Nanos) {
        let mut registers = self.registers.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = registers.entry(key).or_default();
        let next = (now(), versions.back().map_or(0, |last| last.1) + 1);
        versions.push_back(next);
        if versions.len() > REMEMBERED {
            versions.pop_front();
        }
        (next.1, next.0)
    }

    fn load(&self, key: Key) -> u64 {
        let registers = self.registers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(versions) = registers.get(&key) else { return 0 };
        let seen = now().saturating_sub(self.lag);
        let oldest = versions.front().map_or(0, |first| first.1 - 1);
        versions.iter().rev().find(|(at, _)| self.lag == 0 || *at <= seen).map_or(oldest, |found| found.1)
    }
}

/// A worker's side.
#[derive(Debug)]
pub(crate) struct Client {
    requests: mpsc::UnboundedSender<Message>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<u64>>>,
    next: AtomicU64,
}

impl Client {
    /// Connects; the process ends when the driver does.
    pub(crate) async fn connect(socket: &Path, hello: Message) -> Arc<Self> {
        let mut stream = UnixStream::connect(socket).await.expect("the driver listens");
        send(&mut stream, hello).await.expect("the driver reads");
        let (reader, mut writer) = stream.into_split();
        let (requests, mut queue) = mpsc::unbounded_channel();
        let client = Arc::new(Self { requests, waiting: Mutex::default(), next: AtomicU64::new(0) });
        tokio::spawn(async move {
            while let Some(request) = queue.recv().await {
                if send(&mut writer, request).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(Arc::clone(&client).deliver(reader));
        client
    }

    async fn deliver(self: Arc<Self>, reader: OwnedReadHalf) {
        let mut reader = BufReader::new(reader);
        while let Ok([number, version, ..]) = receive(&mut reader).await {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            // Who was cancelled needs no answer.
            let _ = waiting.map(|waiting| waiting.send(version));
        }
        std::process::exit(0);
    }

    async fn ask(&self, operation: u64, word: u64, held: Nanos) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(number, answer);
        let _ = self.requests.send([number, operation, word, held]);
        answered.await.expect("the process ends with the driver")
    }

    /// The newest version.
    pub(crate) async fn load(&self, key: Key) -> u64 {
        self.ask(LOAD, key.to_word(), 0).await
    }

    /// Writes the next version and tells which it is; `held`: since when nothing can be stored, 0 if that is not sure.
    pub(crate) async fn commit(&self, key: Key, way: Way, held: Nanos) -> u64 {
        self.ask(COMMIT, way.to_word(key), held).await
    }

    /// Tells that a register is about to be held.
    pub(crate) async fn hold(&self, key: Key) {
        self.ask(HOLD, key.to_word(), 0).await;
    }
}
