//! One run: a Redis, a source of truth, workers behind their proxies, faults, and the checker that hears of everything.

use crate::Options;
use crate::broken::Broken;
use crate::checker::{Checker, Event};
use crate::faults;
use crate::log::{Kind, Record, Recorder, SIZE};
use crate::measure::{MS, Random, now};
use crate::servers::Servers;
use crate::source::{Source, receive};
use crate::worker::{Config, TO_SOURCE, gaps};
use cache_tests::proxy::Proxy;
use cache_tests::worker::Worker;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// The role of a worker process.
pub(crate) const ROLE: &str = "coherence";

/// What faults are done to.
pub(crate) struct Cluster {
    pub(crate) servers: Servers,
    pub(crate) source: Arc<Source>,
    pub(crate) places: Vec<Place>,
    pub(crate) events: mpsc::Sender<Event>,
    config: Config,
}

/// A worker's place: its proxy stays when the worker is killed and another one comes.
pub(crate) struct Place {
    pub(crate) proxy: Proxy,
    pub(crate) worker: Option<Worker>,
    pub(crate) process: u32,
}

impl Cluster {
    /// Tells the checker.
    pub(crate) async fn tell(&self, event: Event) {
        self.events.send(event).await.expect("the checker lives as long as the run");
    }

    /// Starts a new worker in `place`.
    pub(crate) async fn spawn(&mut self, place: usize) {
        self.config.process += 1;
        let process = self.config.process;
        self.tell(Event::Born { process, place }).await;
        let redis = match &self.servers {
            Servers::One(_) => self.places[place].proxy.url(),
            // Its servers say where they are, and no proxy is there.
            Servers::Many(cluster) => cluster.url(),
        };
        let worker = Worker::spawn(ROLE, Config { redis, ..self.config.clone() }).await;
        (self.places[place].worker, self.places[place].process) = (Some(worker), process);
    }

    /// Kills the worker in `place`, if there is one.
    pub(crate) async fn kill(&mut self, place: usize) {
        let process = self.places[place].process;
        self.tell(Event::Condemned { process }).await;
        if let Some(mut worker) = self.places[place].worker.take() {
            worker.kill();
        }
    }
}

/// Runs everything for as long as the options say.
pub(crate) async fn run(options: &Options) -> Checker {
    let (events, mut heard) = mpsc::channel(1 << 14);
    let started = now();
    let faults_from = started + options.healthy_seconds() * 1_000 * MS;
    let mut checker = Checker::new(started, faults_from);
    let checking = std::thread::spawn(move || {
        while let Some(event) = heard.blocking_recv() {
            checker.hear(event);
        }
        checker.end();
        checker
    });
    let folder = Folder::new();
    let lag_ms = if options.broken == Some(Broken::OldSnapshot) { 100 } else { 0 };
    let source = Arc::new(Source::new(lag_ms, events.clone()));
    let listener = UnixListener::bind(folder.socket()).expect("its folder is new");
    let accepting = tokio::spawn(accept(listener, Arc::clone(&source), events.clone()));
    let measuring = tokio::spawn(tell_gaps(events.clone()));
    let config = Config {
        process: 0,
        seed: options.seed,
        redis: String::new(),
        socket: folder.socket(),
        contestants: options.contestants.clone(),
        pace_ms: options.pace_ms,
        broken: options.broken,
    };
    let servers = Servers::start(options.cluster);
    let mut cluster = Cluster { servers, source, places: Vec::new(), events, config };
    for place in 0..options.workers {
        let proxy = Proxy::to(cluster.servers.all()[0].port()).await;
        cluster.places.push(Place { proxy, worker: None, process: 0 });
        cluster.spawn(place).await;
    }
    sleep_until(faults_from).await;
    let end = started + options.seconds * 1_000 * MS;
    faults::inject(&mut cluster, options, Random::new(options.seed, 0), end).await;
    sleep_until(end).await;
    for place in 0..options.workers {
        cluster.kill(place).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    accepting.abort();
    measuring.abort();
    // The tasks of connections end with their workers; what they still send is of no interest.
    cluster.tell(Event::End).await;
    drop(cluster);
    checking.join().expect("the checker does not panic")
}

/// Sleeps until a time of `now`.
pub(crate) async fn sleep_until(time: u64) {
    tokio::time::sleep(Duration::from_nanos(time.saturating_sub(now()))).await;
}

async fn accept(listener: UnixListener, source: Arc<Source>, events: mpsc::Sender<Event>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let (source, events) = (Arc::clone(&source), events.clone());
        tokio::spawn(async move {
            let Ok([purpose, process, ..]) = receive(&mut stream).await else { return };
            let process = u32::try_from(process).expect("processes are counted from 1");
            match purpose {
                TO_SOURCE => source.serve(stream, process).await,
                _ => hear(stream, process, events).await,
            }
        });
    }
}

/// Passes on what one worker tells.
async fn hear(stream: UnixStream, process: u32, events: mpsc::Sender<Event>) {
    let mut stream = BufReader::with_capacity(1 << 16, stream);
    let (mut records, mut bytes) = (Vec::new(), [0; SIZE]);
    while stream.read_exact(&mut bytes).await.is_ok() {
        let record = Record::from_bytes(&bytes);
        if record.kind == Kind::Watermark {
            let (records, watermark) = (std::mem::take(&mut records), record.start);
            if events.send(Event::Batch { process, records, watermark }).await.is_err() {
                return;
            }
        } else {
            records.push(record);
        }
    }
    // At the end of the run nobody listens any more.
    let _ = events.send(Event::Died { process, at: now() }).await;
}

/// Tells when this process, through which everything goes, got no processor.
async fn tell_gaps(events: mpsc::Sender<Event>) {
    let recorder = Arc::new(Recorder::default());
    let measuring = Arc::clone(&recorder);
    std::thread::spawn(move || gaps(&measuring));
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if events.send(Event::Gaps(recorder.take())).await.is_err() {
            return;
        }
    }
}

/// A folder for the socket, which goes with the run.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("coherence-{}-{}", std::process::id(), now()));
        std::fs::create_dir(&folder).expect("the temporary folder is writable");
        Self(folder)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is a temporary folder; whoever cleans those up finds it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
