//! A TCP proxy between a client and a local server, whose faults are switched while it runs.

use crate::wait::until;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server: requests.
    ToServer,
    /// From the server to the client: replies.
    ToClient,
    /// Both ways.
    Both,
}

/// What a connection that listens to invalidations says first.
const FEED: &[u8] = b"TRACKING";

/// What the proxy does now; counts tell a connection what has happened since it began.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    latency: Duration,
    jitter: Duration,
    /// What feeds have on top of it.
    feed_latency: Duration,
    feed_stalled: bool,
    /// Requests and replies, as `Direction` counts.
    stalled: [bool; 2],
    half_open: bool,
    losses: u64,
    resets: u64,
}

impl Faults {
    fn latency(&self, feed: &AtomicBool) -> Duration {
        let of_feed = if feed.load(Ordering::Relaxed) { self.feed_latency } else { Duration::ZERO };
        self.latency + of_feed
    }

    fn stalls(&self, direction: Direction, feed: &AtomicBool) -> bool {
        self.stalled[direction as usize] || self.feed_stalled && feed.load(Ordering::Relaxed)
    }
}

/// How many connections there were, and are.
#[derive(Debug, Default)]
struct Connections {
    accepted: AtomicUsize,
    open: AtomicUsize,
}

/// A running proxy; a server that is down shows as connections closed at once; dropping it closes them all.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    server: AtomicU16,
    faults: watch::Sender<Faults>,
    connections: Arc<Connections>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

impl Proxy {
    /// A proxy without faults on a free port, for the server on `port` of 127.0.0.1.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let own = listener.local_addr().expect("a bound listener has an address").port();
        let (faults, connections) = (watch::Sender::default(), Arc::default());
        let proxy =
            Self { port: own, server: AtomicU16::new(port), faults, connections, acceptor: Mutex::default() };
        proxy.serve(listener);
        proxy
    }

    /// The port that clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of the server's database 0 through the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// How many connections were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.connections.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.connections.open.load(Ordering::SeqCst)
    }

    /// Delays each chunk in each direction by `latency` and up to `jitter` more (the same in each run), in order.
    pub fn set_latency(&self, latency: Duration, jitter: Duration) {
        self.faults.send_modify(|faults| (faults.latency, faults.jitter) = (latency, jitter));
    }

    /// Delays each chunk of feeds alone (connections that said `CLIENT TRACKING`), in each direction, by `latency` more.
    pub fn set_feed_latency(&self, latency: Duration) {
        self.faults.send_modify(|faults| faults.feed_latency = latency);
    }

    /// Keeps the bytes of feeds alone back, in both directions, until `resume`.
    pub fn stall_feed(&self) {
        self.faults.send_modify(|faults| faults.feed_stalled = true);
    }

    /// Keeps the bytes of `direction` back until `resume`.
    pub fn stall(&self, direction: Direction) {
        self.faults.send_modify(|faults| {
            faults.stalled[0] |= direction != Direction::ToClient;
            faults.stalled[1] |= direction != Direction::ToServer;
        });
    }

    /// Delivers what a stall kept back, and serves new connections again after `half_open`.
    pub fn resume(&self) {
        self.faults.send_modify(|faults| {
            (faults.stalled, faults.feed_stalled, faults.half_open) = ([false; 2], false, false);
        });
    }

    /// Loses every connection, those there are and new ones, for good: bytes are taken and nothing ever comes.
    pub fn half_open(&self) {
        self.faults.send_modify(|faults| (faults.half_open, faults.losses) = (true, faults.losses + 1));
    }

    /// Resets (RST) every open connection, on both sides; new ones work.
    pub fn reset_all(&self) {
        self.faults.send_modify(|faults| faults.resets += 1);
    }

    /// Stops listening, so that connecting is refused; open connections go on.
    pub async fn refuse(&self) {
        let acceptor = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(acceptor) = acceptor {
            acceptor.abort();
            let _ = acceptor.await;
        }
    }

    /// Leads new connections to the server on `port`; open ones stay where they are.
    pub async fn redirect(&self, port: u16) {
        self.server.store(port, Ordering::Relaxed);
        self.accept().await;
    }

    /// Listens again after `refuse`, on the same port.
    pub async fn accept(&self) {
        self.refuse().await;
        let mut listener = None;
        until(format!("the proxy's port {} is taken", self.port), async || {
            listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.ok();
            listener.is_some()
        })
        .await;
        self.serve(listener.expect("it was waited for"));
    }

    fn serve(&self, listener: TcpListener) {
        let (server, faults) = (self.server.load(Ordering::Relaxed), self.faults.subscribe());
        let connections = Arc::clone(&self.connections);
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = connections.accepted.fetch_add(1, Ordering::SeqCst) as u64;
                connections.open.fetch_add(1, Ordering::SeqCst);
                let (faults, connections) = (faults.clone(), Arc::clone(&connections));
                tokio::spawn(async move {
                    carry(client, server, faults, number << 32).await;
                    connections.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        *self.acceptor.lock().unwrap_or_else(PoisonError::into_inner) = Some(acceptor);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let acceptor = self.acceptor.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(acceptor) = acceptor {
            acceptor.abort();
        }
    }
}

/// One connection, until a side closes it, it is reset, or the proxy is dropped.
async fn carry(mut client: TcpStream, server: u16, faults: watch::Receiver<Faults>, seed: u64) {
    let born = *faults.borrow();
    let mut server = match TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await {
        Ok(server) if client.set_nodelay(true).and(server.set_nodelay(true)).is_ok() => server,
        _ => return,
    };
    let (mut lost, feed) = (born.half_open, AtomicBool::new(false));
    loop {
        let (client_side, server_side) = (client.split(), server.split());
        let pumps = async {
            if lost {
                tokio::join!(swallow(client_side.0), swallow(server_side.0));
            } else {
                let up = pump(client_side.0, server_side.1, Direction::ToServer, faults.clone(), &feed, seed);
                let down =
                    pump(server_side.0, client_side.1, Direction::ToClient, faults.clone(), &feed, !seed);
                let _ = tokio::try_join!(up, down);
            }
        };
        let mut changes = faults.clone();
        let fault = changes.wait_for(|now| now.resets > born.resets || !lost && now.losses > born.losses);
        tokio::select! {
            biased; // a fault before the bytes: closing must not let go what a stall keeps back
            now = fault => match now.map(|now| now.resets > born.resets) {
                Ok(false) => lost = true,
                Ok(true) => {
                    let _ = client.set_zero_linger().and(server.set_zero_linger());
                    return;
                }
                Err(_) => return,
            },
            () = pumps => return,
        }
    }
}

/// Takes bytes for ever, as a peer does that is no longer there.
async fn swallow(mut from: ReadHalf<'_>) {
    while from.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {}
    std::future::pending::<()>().await;
}

/// Carries the bytes of one direction: each chunk is due at its time, and after the chunk before it.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    mut faults: watch::Receiver<Faults>,
    feed: &AtomicBool,
    mut seed: u64,
) -> io::Result<()> {
    let (queue, mut chunks) = mpsc::unbounded_channel();
    let now = faults.clone();
    let read = async move {
        loop {
            let mut chunk = vec![0; 16 * 1024];
            let length = from.read(&mut chunk).await?;
            chunk.truncate(length);
            if chunk.windows(FEED.len()).any(|words| words == FEED) && direction == Direction::ToServer {
                feed.store(true, Ordering::Relaxed);
            }
            let faults = *now.borrow();
            let due = Instant::now() + faults.latency(feed) + faults.jitter.mul_f64(fraction(&mut seed));
            if length == 0 || queue.send((due, chunk)).is_err() {
                return Ok(());
            }
        }
    };
    let write = async {
        while let Some((due, chunk)) = chunks.recv().await {
            tokio::time::sleep_until(due).await;
            let _ = faults.wait_for(|now| !now.stalls(direction, feed)).await;
            to.write_all(&chunk).await?;
        }
        let _ = faults.wait_for(|now| !now.stalls(direction, feed)).await;
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(|_| ())
}

/// The next of a fixed sequence of numbers in 0..1 (`SplitMix64`).
fn fraction(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ *seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    f64::from((mixed >> 32) as u32) / f64::from(u32::MAX)
}
