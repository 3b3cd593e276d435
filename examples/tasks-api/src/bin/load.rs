//! Measures the service over real HTTP, four ways side by side.
//!
//! `cargo run --release -p tasks-api --bin load -- [rounds] [seconds]` starts the service four times in this process
//! (without a cache, with one in the process, with one in Redis, with a Redis that is not there) and lets 64 clients
//! with a connection each ask every one of them in turns, so that whatever else the machine does falls on all alike.
//! `DATABASE_URL` is obeyed; `CACHE_URL` names the Redis, and without it a `redis-server` is started on a free port.
//! Service and clients share the machine: the ratios are worth more than the numbers, and understate the difference.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cache_runtime::Cache;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tasks_api::{Config, IN_MEMORY, Running, start};
use tokio::net::TcpStream;

type Failure = Box<dyn Error + Send + Sync>;

const CLIENTS: u64 = 64;

/// What a client asks for next.
type Choice = fn(&mut Dice) -> Ask;

/// What clients ask for; the small numbers are asked for more often, as in life.
const ENDPOINTS: [(&str, Choice); 5] = [
    ("task by id", |dice| Ask::Get(format!("/tasks/{}", dice.skewed(20_000)))),
    ("a user's tasks", |dice| Ask::Get(format!("/users/{}/tasks?status=open", dice.skewed(500)))),
    ("pending", |dice| {
        Ask::Get(format!("/tasks/pending?priority={}", ["low", "normal", "high"][dice.below(3)]))
    }),
    ("statistics", |_| Ask::Get("/stats".to_owned())),
    ("all, 5 % writes", |dice| match dice.below(20) {
        0 => Ask::Rename(format!("/tasks/{}", dice.skewed(20_000))),
        1..=12 => Ask::Get(format!("/tasks/{}", dice.skewed(20_000))),
        13..=16 => Ask::Get(format!("/users/{}/tasks?status=open", dice.skewed(500))),
        17 | 18 => Ask::Get("/tasks/pending".to_owned()),
        _ => Ask::Get("/stats".to_owned()),
    }),
];

enum Ask {
    Get(String),
    Rename(String),
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end).unwrap_or(0)
    }

    /// 1 to `last`, half of them within its first quarter.
    fn skewed(&mut self, last: u64) -> usize {
        let one = self.below(last);
        one * self.below(last) / usize::try_from(last).unwrap_or(1) + 1
    }
}

/// What was measured of one variant at one endpoint.
#[derive(Default)]
struct Measured {
    micros: Vec<u32>,
    hits: usize,
    per_second: Vec<f64>,
}

struct Variant {
    name: &'static str,
    service: Running,
    measured: [Measured; ENDPOINTS.len()],
}

struct Redis {
    url: String,
    server: Option<Child>,
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let rounds: u32 = arguments.next().map_or(Ok(5), |word| word.parse())?;
    let seconds: f64 = arguments.next().map_or(Ok(1.0), |word| word.parse())?;
    let burst = Duration::from_secs_f64(seconds);

    let redis = redis()?;
    let absent = format!("redis://127.0.0.1:{}/", free_port()?);
    let shared = Cache::builder().redis(&redis.url).app("tasks-load").build()?;
    shared.ready(Duration::from_secs(5)).await?;
    let mut variants = Vec::new();
    for (name, cache) in [
        ("no cache", Cache::disabled()),
        ("in process", Cache::in_process()),
        ("Redis", shared),
        ("Redis is down", Cache::builder().redis(absent).build()?),
    ] {
        let database_url = std::env::var("DATABASE_URL").unwrap_or_else(|_| IN_MEMORY.to_owned());
        let config = Config { cache, database_url, ..Config::default() };
        variants.push(Variant { name, service: start(config).await?, measured: Default::default() });
    }

    println!(
        "{CLIENTS} clients, {rounds} rounds of {seconds} s for each line, after one that is not counted\n"
    );
    for round in 0..=rounds {
        for (position, (_, ask)) in ENDPOINTS.into_iter().enumerate() {
            for variant in &mut variants {
                let mut sample = Measured::default();
                run(variant.service.addr, ask, burst, round, &mut sample).await?;
                if round > 0 {
                    let measured = &mut variant.measured[position];
                    measured.micros.append(&mut sample.micros);
                    measured.hits += sample.hits;
                    measured.per_second.append(&mut sample.per_second);
                }
            }
        }
    }
    print(&mut variants);
    for variant in variants {
        variant.service.shutdown().await;
    }
    Ok(())
}

/// One burst of all clients against one service.
async fn run(
    addr: SocketAddr,
    ask: Choice,
    burst: Duration,
    round: u32,
    sample: &mut Measured,
) -> Result<(), Failure> {
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        connections.push(sender);
    }
    let begun = Instant::now();
    let clients: Vec<_> = (1_u64..)
        .zip(connections)
        .map(|(number, sender)| {
            let dice = Dice((number << 32 | u64::from(round) << 8 | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            tokio::spawn(client(sender, addr, ask, dice, begun + burst))
        })
        .collect();
    for client in clients {
        let (micros, hits) = client.await??;
        sample.micros.extend(micros);
        sample.hits += hits;
    }
    let asked = u32::try_from(sample.micros.len())?;
    sample.per_second.push(f64::from(asked) / begun.elapsed().as_secs_f64());
    Ok(())
}

async fn client(
    mut sender: SendRequest<Full<Bytes>>,
    addr: SocketAddr,
    ask: Choice,
    mut dice: Dice,
    end: Instant,
) -> Result<(Vec<u32>, usize), Failure> {
    let (mut micros, mut hits) = (Vec::new(), 0);
    while Instant::now() < end {
        let (method, path, body) = match ask(&mut dice) {
            Ask::Get(path) => ("GET", path, Bytes::new()),
            Ask::Rename(path) => ("PATCH", path, Bytes::from_static(br#"{"title":"Another title"}"#)),
        };
        let request = Request::builder()
            .method(method)
            .uri(&path)
            .header("host", addr.to_string())
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        let asked = Instant::now();
        let response = sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(format!("{method} {path}: {}", response.status()).into());
        }
        let cached =
            response.headers().get("x-cache").is_some_and(|word| word.as_bytes().starts_with(b"hit"));
        response.into_body().collect().await?;
        micros.push(u32::try_from(asked.elapsed().as_micros())?);
        hits += usize::from(cached);
    }
    Ok((micros, hits))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few minutes")]
fn print(variants: &mut [Variant]) {
    println!("| endpoint | variant | requests/s | p50 ms | p99 ms | hits | times no cache |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    for (position, (endpoint, _)) in ENDPOINTS.into_iter().enumerate() {
        let base = variants[0].measured[position].per_second.clone();
        for Variant { name, measured, .. } in &mut *variants {
            let Measured { micros, hits, per_second } = &mut measured[position];
            micros.sort_unstable();
            let quantile = |percent: usize| f64::from(micros[(micros.len() - 1) * percent / 100]) / 1e3;
            let ratios = per_second.iter().zip(&base).map(|(one, without)| one / without).collect();
            println!(
                "| {endpoint} | {name} | {:.0} | {:.2} | {:.2} | {:.0} % | {:.2} |",
                median(per_second.clone()),
                quantile(50),
                quantile(99),
                *hits as f64 / micros.len() as f64 * 100.0,
                median(ratios),
            );
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The Redis of `CACHE_URL`, else one of this run's own.
fn redis() -> Result<Redis, Failure> {
    if let Ok(url) = std::env::var("CACHE_URL") {
        return Ok(Redis { url, server: None });
    }
    let port = free_port()?;
    let server = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("redis-server does not start ({error}); give a Redis as CACHE_URL"))?;
    Ok(Redis { url: format!("redis://127.0.0.1:{port}/"), server: Some(server) })
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
