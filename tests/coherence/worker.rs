//! A worker process: many callers at once, each of whose calls it tells the driver.

use crate::broken::Broken;
use crate::contestants::{self, Contestant, Probe, table};
use crate::log::{How, Kind, Record, Recorder};
use crate::measure::{MS, Random, now};
use crate::registers::{LONGEST_MS, SLOW, SLOW_MS, register, way};
use crate::source::{Client, send};
use cache_tests::wait::real_time;
use cache_tests::worker::Parent;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// What a connection is for.
pub(crate) const TO_SOURCE: u64 = 1;
/// What a connection is for.
pub(crate) const TO_LOG: u64 = 2;

/// What a worker is told when it is spawned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) process: u32,
    pub(crate) seed: u64,
    pub(crate) redis: String,
    pub(crate) socket: PathBuf,
    pub(crate) contestants: Vec<usize>,
    /// The longest pause between the calls of a reader.
    pub(crate) pace_ms: u64,
    pub(crate) broken: Option<Broken>,
}

struct Worker {
    config: Config,
    source: Arc<Client>,
    recorder: Arc<Recorder>,
    contestants: Vec<(u8, bool, Arc<dyn Contestant>)>,
    queued: mpsc::UnboundedSender<Record>,
}

/// Serves until the driver is gone.
pub(crate) async fn run(parent: Parent) {
    let config: Config = parent.config();
    if config.broken == Some(Broken::SlowClock) {
        std::thread::spawn(|| slowly(work(config, parent)));
        std::future::pending::<()>().await;
    } else {
        work(config, parent).await;
    }
}

/// Runs `work` by a clock with a fifth of the true speed.
fn slowly(work: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().expect("a runtime starts");
    runtime.block_on(async {
        // While this runs, the paused clock does not jump to the next timer.
        tokio::task::spawn_blocking(std::thread::park);
        tokio::spawn(async {
            loop {
                real_time(Duration::from_millis(5)).await;
                tokio::time::advance(Duration::from_millis(1)).await;
            }
        });
        work.await;
    });
}

async fn work(config: Config, mut parent: Parent) {
    let recorder = Arc::new(Recorder::default());
    tell_panics(&recorder);
    let hello = |purpose| [purpose, u64::from(config.process), 0, 0];
    let mut log = UnixStream::connect(&config.socket).await.expect("the driver listens");
    send(&mut log, hello(TO_LOG)).await.expect("the driver reads");
    let sender = Arc::clone(&recorder);
    tokio::spawn(async move { sender.send_to(log).await });
    let source = Client::connect(&config.socket, hello(TO_SOURCE)).await;
    let measuring = Arc::clone(&recorder);
    std::thread::spawn(move || gaps(&measuring));
    let (queued, unsent) = mpsc::unbounded_channel();
    let cache = contestants::cache(&config.redis, config.broken);
    tokio::spawn(contestants::watch(cache, Arc::clone(&recorder), unsent));
    let (link, rows) = (contestants::link(&config.redis), table());
    let numbered = |&number: &usize| {
        Some((u8::try_from(number).ok()?, rows[number].ours, contestants::contestant(number, &link)))
    };
    let contestants = config.contestants.iter().filter_map(numbered).collect();
    let worker = Arc::new(Worker { config, source, recorder, contestants, queued });
    for at in 0..worker.contestants.len() {
        for caller in 0..3 {
            let random = worker.random(at as u64 * 3 + caller);
            match caller {
                0 => tokio::spawn(Arc::clone(&worker).write_often(at, random)),
                _ => tokio::spawn(Arc::clone(&worker).read_often(at, random)),
            };
        }
    }
    while let Some(question) = parent.question().await {
        for at in (0..worker.contestants.len()).filter(|at| worker.contestants[*at].1) {
            let random = worker.random(question["random"].as_u64().unwrap_or_default() + at as u64);
            match question["slow"].as_str() {
                Some("read") => drop(tokio::spawn(Arc::clone(&worker).read(at, SLOW, random))),
                _ => drop(tokio::spawn(Arc::clone(&worker).write(at, SLOW, random))),
            }
        }
    }
}

impl Worker {
    fn random(&self, purpose: u64) -> Random {
        Random::new(self.config.seed, u64::from(self.config.process) << 32 | purpose)
    }

    async fn read_often(self: Arc<Self>, at: usize, mut random: Random) {
        loop {
            let id = self.register(at, &mut random);
            let burst = random.between(1, 8);
            let calls: Vec<_> = (0..burst)
                .map(|_| {
                    let id = if random.chance(600) { id } else { self.register(at, &mut random) };
                    let random = Random::new(random.next(), 1);
                    tokio::spawn(Arc::clone(&self).read(at, id, random))
                })
                .collect();
            for call in calls {
                // The panic hook tells of panics.
                let _ = call.await;
            }
            tokio::time::sleep(random.millis(0, self.config.pace_ms)).await;
        }
    }

    async fn write_often(self: Arc<Self>, at: usize, mut random: Random) {
        loop {
            let other = random
                .chance(200)
                .then(|| Arc::clone(&self).write(at, self.register(at, &mut random), random.clone()));
            let other = other.map(tokio::spawn);
            let id = self.register(at, &mut random);
            let own = tokio::spawn(Arc::clone(&self).write(at, id, random.clone()));
            let _ = own.await;
            if let Some(other) = other {
                let _ = other.await;
            }
            tokio::time::sleep(random.millis(0, self.config.pace_ms)).await;
        }
    }

    async fn read(self: Arc<Self>, at: usize, id: u16, mut random: Random) {
        let probe = self.probe(at, id, &mut random);
        let start = now();
        let call = self.contestants[at].2.read(id, &probe);
        let (how, value) = if random.chance(15) {
            tokio::time::timeout(random.millis(0, 12), call).await.unwrap_or((How::Cancelled, None))
        } else {
            call.await
        };
        let how = if value.is_some_and(|value| value.id != id) { How::Foreign } else { how };
        let version = value.map_or(0, |value| value.version);
        self.recorder.push(probe.record(Kind::Read, how, id, version, start));
    }

    async fn write(self: Arc<Self>, at: usize, id: u16, mut random: Random) {
        let mut probe = self.probe(at, id, &mut random);
        if self.contestants[at].1 {
            probe.way = way(&mut random, id, self.config.broken);
        }
        if probe.way.holds() {
            self.source.hold(probe.key(id)).await;
        }
        let start = self.recorder.begin_write();
        let call = self.contestants[at].2.write(id, &probe);
        let how = if random.chance(30) {
            tokio::time::timeout(random.millis(0, 4), call).await.unwrap_or(How::Cancelled)
        } else {
            call.await
        };
        let record = probe.record(Kind::Write, how, id, probe.version.load(Relaxed), start);
        self.recorder.end_write(record);
        let seen = probe.seen_inside.load(Relaxed);
        if seen > 0 {
            let read = Record::of(Kind::Read, start, record.end);
            self.recorder.push(Record { how: How::Inside, key: record.key, version: seen, ..read });
        }
        if how == How::Queued && self.contestants[at].1 {
            // The receiver lives as long as the process.
            let _ = self.queued.send(record);
        }
    }

    fn probe(&self, at: usize, id: u16, random: &mut Random) -> Probe {
        let delays = if id == SLOW {
            [Duration::from_millis(SLOW_MS - 10), Duration::ZERO]
        } else if random.chance(30) {
            [random.millis(0, LONGEST_MS / 2), random.millis(0, LONGEST_MS / 2)]
        } else {
            [random.millis(0, 3), random.millis(0, 5)]
        };
        let probe = Probe::new(Arc::clone(&self.source), self.contestants[at].0, self.config.broken);
        let alias = self.config.broken == Some(Broken::TwoKeys) && random.chance(500);
        Probe { delays, fails: random.chance(5), alias, ..probe }
    }

    fn register(&self, at: usize, random: &mut Random) -> u16 {
        let tagged = match self.config.broken {
            Some(broken) => broken.is_of_tags(),
            None => self.contestants[at].1 && random.chance(350),
        };
        register(random, tagged)
    }
}

impl Probe {
    /// What the call did, which has ended now.
    fn record(&self, kind: Kind, how: How, id: u16, version: u64, start: u64) -> Record {
        let end = now();
        let load_start = self.load_start.load(Relaxed);
        let load_end = match self.load_end.load(Relaxed) {
            0 if load_start > 0 => end,
            load_end => load_end,
        };
        let key = self.key(id);
        Record { kind, how, way: self.way, key, version, start, end, load_start, load_end }
    }
}

/// Tells when this process got no processor for a while.
pub(crate) fn gaps(recorder: &Recorder) {
    loop {
        let before = now();
        std::thread::sleep(Duration::from_millis(5));
        let after = now();
        if after - before > 20 * MS {
            recorder.push(Record::of(Kind::Gap, before, after));
        }
    }
}

fn tell_panics(recorder: &Arc<Recorder>) {
    let (recorder, usual) = (Arc::clone(recorder), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        recorder.push(Record::of(Kind::Panic, now(), now()));
    }));
}
