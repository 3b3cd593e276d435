//! What goes wrong, in an order that the seed decides.

use crate::Options;
use crate::broken::Broken;
use crate::checker::Event;
use crate::driver::{Cluster, Place, sleep_until};
use crate::measure::{MS, Nanos, Random, now};
use crate::servers::break_cluster;
use cache_tests::proxy::Direction;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::sleep;

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident $name:literal),* $(,)?) => {
        /// One kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Fault { $($(#[$doc])* $fault),* }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$(Self::$fault),*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$fault => $name),* }
            }
        }
    };
}

faults! {
    /// Redis is killed and comes back empty.
    Kill "kill",
    /// Redis is killed and comes back with an old snapshot.
    Snapshot "snapshot",
    /// Redis stands still.
    Freeze "freeze",
    WorkerFreeze "worker-freeze",
    WorkerKill "worker-kill",
    /// A worker dies between a commit and its invalidation.
    CommitKill "commit-kill",
    Latency "latency",
    /// One direction of a worker's connections stands still.
    Stall "stall",
    HalfOpen "half-open",
    Reset "reset",
    /// What a worker's feed brings comes late; its other connections are well.
    FeedDelay "feed-delay",
    /// The same, and it brings nothing at all.
    FeedStall "feed-stall",
    ClientKill "client-kill",
    Flush "flush",
    ScriptFlush "script-flush",
    /// Redis is full and evicts whatever it likes.
    Evict "evict",
    /// Redis is full and refuses to store.
    Full "full",
    /// A worker stands still during a load that outlasts its lease.
    SlowLoad "slow-load",
    /// Slots move from one master of a cluster to another.
    Reshard "reshard",
    /// A master gives way to its replica.
    Failover "failover",
    /// A master dies, and its replica takes its place.
    MasterKill "master-kill",
    /// A master stands still, perhaps for so long that its replica takes its place.
    MasterFreeze "master-freeze",
}

impl Fault {
    /// Those that one word of `--faults` means.
    pub(crate) fn named(word: &str) -> Option<Vec<Self>> {
        use Fault::{Freeze, HalfOpen, Kill, Latency, Reset, Snapshot, Stall};
        match word {
            "all" => Some(Self::ALL.to_vec()),
            "none" => Some(Vec::new()),
            "proxy" => Some(vec![Latency, Stall, HalfOpen, Reset]),
            "feed" => Some(vec![Self::FeedDelay, Self::FeedStall]),
            "redis" => Some(vec![Kill, Snapshot, Freeze]),
            "worker" => Some(vec![Self::WorkerFreeze, Self::WorkerKill, Self::CommitKill]),
            "memory" => Some(vec![Self::Evict, Self::Full]),
            "cluster" => Some(vec![Self::Reshard, Self::Failover, Self::MasterKill, Self::MasterFreeze]),
            _ => Self::ALL.iter().find(|fault| fault.name() == word).map(|fault| vec![*fault]),
        }
    }

    /// Whether it can be done to one server, or to a cluster.
    pub(crate) fn concerns(self, cluster: bool) -> bool {
        use Fault::{ClientKill, CommitKill, Flush, ScriptFlush, SlowLoad, WorkerFreeze, WorkerKill};
        let of_cluster = self.is_of_cluster();
        let of_any = matches!(
            self,
            ClientKill | CommitKill | Flush | ScriptFlush | SlowLoad | WorkerFreeze | WorkerKill
        );
        of_any || of_cluster == cluster
    }

    fn is_of_cluster(self) -> bool {
        matches!(self, Self::Reshard | Self::Failover | Self::MasterKill | Self::MasterFreeze)
    }

    /// Whether Redis answers nobody meanwhile.
    pub(crate) fn stops_redis(self) -> bool {
        matches!(self, Self::Kill | Self::Snapshot | Self::Freeze)
    }

    /// Whether Redis may lose what it has been told.
    pub(crate) fn forgets(self) -> bool {
        use Fault::{Evict, Flush, Full, Kill, MasterFreeze, MasterKill, Snapshot};
        matches!(self, Kill | Snapshot | Flush | Evict | Full | MasterKill | MasterFreeze)
    }

    /// Whether it is done to a worker's feed alone.
    pub(crate) fn is_of_feed(self) -> bool {
        matches!(self, Self::FeedDelay | Self::FeedStall)
    }

    /// Whether it is done to one worker, or its proxy, alone.
    pub(crate) fn is_local(self) -> bool {
        use Fault::{CommitKill, HalfOpen, Latency, Reset, SlowLoad, Stall, WorkerFreeze, WorkerKill};
        matches!(self, Latency | Stall | HalfOpen | Reset | WorkerFreeze | WorkerKill | CommitKill | SlowLoad)
            || self.is_of_feed()
    }
}

/// Does what the options ask for until `end`.
pub(crate) async fn inject(cluster: &mut Cluster, options: &Options, mut random: Random, end: Nanos) {
    if options.faults.is_empty() {
        return;
    }
    let calm_ms = if options.broken.is_some() { (200, 600) } else { (1_500, 7_000) };
    let mut deck = Vec::new();
    // No fault takes longer than this.
    while now() + 9_000 * MS < end {
        sleep(random.millis(calm_ms.0, calm_ms.1)).await;
        let fault = draw(&mut deck, &options.faults, &mut random);
        let place = usize::try_from(random.between(0, cluster.places.len() as u64 - 1)).unwrap_or_default();
        cluster.tell(Event::Begun { fault, place, at: now() }).await;
        one(cluster, fault, place, &mut random, options.broken).await;
        cluster.tell(Event::Ended { at: now() }).await;
    }
    sleep_until(end).await;
}

/// Each fault comes once before any comes again.
fn draw(deck: &mut Vec<Fault>, faults: &[Fault], random: &mut Random) -> Fault {
    if deck.is_empty() {
        deck.extend_from_slice(faults);
    }
    let fault = *random.pick(deck);
    deck.retain(|other| *other != fault);
    fault
}

async fn one(cluster: &mut Cluster, fault: Fault, place: usize, random: &mut Random, broken: Option<Broken>) {
    match fault {
        Fault::Reshard | Fault::Failover | Fault::MasterKill | Fault::MasterFreeze => {
            break_cluster(cluster, fault, random).await;
        }
        Fault::Kill => {
            block_in_place(|| cluster.servers.one().kill());
            sleep(random.millis(100, 2_000)).await;
            block_in_place(|| cluster.servers.one().restart());
        }
        Fault::Snapshot => snapshot(cluster, place, random, broken).await,
        Fault::Freeze => {
            block_in_place(|| cluster.servers.one().freeze());
            sleep(random.millis(100, 5_000)).await;
            block_in_place(|| cluster.servers.one().thaw());
        }
        Fault::WorkerFreeze => freeze(cluster, place, random.millis(100, 5_000)).await,
        Fault::WorkerKill => {
            cluster.kill(place).await;
            sleep(random.millis(0, 1_000)).await;
            cluster.spawn(place).await;
        }
        Fault::CommitKill => {
            let process = cluster.places[place].process;
            let doomed = tokio::time::timeout(Duration::from_secs(3), cluster.source.doom(process)).await;
            cluster.source.spare();
            if doomed.is_ok() {
                cluster.kill(place).await;
                sleep(random.millis(500, 1_500)).await;
                cluster.spawn(place).await;
            }
        }
        Fault::Evict | Fault::Full => fill_up(cluster, fault, random).await,
        Fault::Flush => order(cluster, &["FLUSHALL"]),
        Fault::ScriptFlush => order(cluster, &["SCRIPT", "FLUSH"]),
        Fault::ClientKill => order(cluster, &["CLIENT", "KILL", "TYPE", "normal"]),
        Fault::SlowLoad => slow_load(cluster, place, random).await,
        Fault::FeedDelay => {
            let proxy = &cluster.places[place].proxy;
            proxy.set_feed_latency(random.millis(5, 600));
            sleep(random.millis(2_000, 5_000)).await;
            proxy.set_feed_latency(Duration::ZERO);
        }
        Fault::Latency | Fault::Stall | Fault::HalfOpen | Fault::Reset | Fault::FeedStall => {
            break_proxy(&cluster.places[place], fault, random).await;
        }
    }
}

async fn break_proxy(place: &Place, fault: Fault, random: &mut Random) {
    let proxy = &place.proxy;
    match fault {
        Fault::Latency => {
            proxy.set_latency(random.millis(0, 15), random.millis(0, 30));
            sleep(random.millis(1_000, 4_000)).await;
            proxy.set_latency(Duration::ZERO, Duration::ZERO);
        }
        Fault::Stall => {
            proxy.stall(*random.pick(&[Direction::ToServer, Direction::ToClient, Direction::Both]));
            sleep(random.millis(50, 3_000)).await;
        }
        Fault::FeedStall => {
            proxy.stall_feed();
            sleep(random.millis(1_000, 4_000)).await;
        }
        Fault::HalfOpen => {
            proxy.half_open();
            sleep(random.millis(300, 2_500)).await;
        }
        _ => {
            for _ in 0..random.between(1, 5) {
                proxy.reset_all();
                sleep(random.millis(0, 200)).await;
            }
        }
    }
    proxy.resume();
}

async fn freeze(cluster: &mut Cluster, place: usize, length: Duration) {
    let Some(worker) = cluster.places[place].worker.as_mut() else { return };
    block_in_place(|| worker.freeze());
    sleep(length).await;
    block_in_place(|| worker.thaw());
}

/// What is saved, mutated and lost; half of the time a mutator is dead when it would have to repeat its invalidations.
async fn snapshot(cluster: &mut Cluster, place: usize, random: &mut Random, broken: Option<Broken>) {
    let saved = now();
    block_in_place(|| cluster.servers.one().save_snapshot());
    let file = dump(cluster);
    sleep(random.millis(200, 2_000)).await;
    let mutator_dies = broken == Some(Broken::LostWrites) || random.chance(500);
    if mutator_dies {
        cluster.kill(place).await;
    }
    block_in_place(|| cluster.servers.one().kill());
    sleep(random.millis(0, 500)).await;
    block_in_place(|| cluster.servers.one().restart());
    cluster.tell(Event::Restored { saved, up: now() }).await;
    // Else every later restart would bring it back.
    std::fs::remove_file(file).expect("the server wrote it");
    if mutator_dies {
        cluster.spawn(place).await;
    }
}

fn dump(cluster: &Cluster) -> PathBuf {
    let reply = block_in_place(|| cluster.servers.one().cli(&["CONFIG", "GET", "dir"]));
    let folder = reply.lines().last().expect("the server has a folder");
    Path::new(folder).join("dump.rdb")
}

/// A holder stands still while its lease lapses, another one loads, and a mutation comes.
async fn slow_load(cluster: &mut Cluster, place: usize, random: &mut Random) {
    let read = json!({ "slow": "read", "random": random.next() >> 8 });
    for at in (place..cluster.places.len()).chain(0..place) {
        if let Some(worker) = cluster.places[at].worker.as_mut() {
            worker.send(read.clone()).await;
        }
        if at == place {
            sleep(Duration::from_millis(300)).await;
        }
    }
    let length = random.millis(3_200, 4_500);
    let other = (place + 1) % cluster.places.len();
    let write = json!({ "slow": "write", "random": random.next() >> 8 });
    let mutates = random.chance(700) && other != place;
    if let Some(worker) = cluster.places[other].worker.as_mut().filter(|_| mutates) {
        sleep(random.millis(0, 500)).await;
        worker.send(write).await;
    }
    freeze(cluster, place, length).await;
}

async fn fill_up(cluster: &mut Cluster, fault: Fault, random: &mut Random) {
    let policy = if fault == Fault::Evict { "allkeys-random" } else { "noeviction" };
    let megabytes = random.between(2, 5).to_string() + "mb";
    order(cluster, &["CONFIG", "SET", "maxmemory-policy", policy, "maxmemory", &megabytes]);
    let end = now() + random.between(1_000, 4_000) * MS;
    let mut filled = 0;
    while now() < end {
        filled += 1;
        let script =
            "for i = 1, 100 do redis.call('SET', ARGV[1] .. ':' .. i, string.rep('x', 4000), 'PX', 8000) end";
        order(cluster, &["EVAL", script, "0", &format!("filler:{filled}")]);
        sleep(Duration::from_millis(20)).await;
    }
    order(cluster, &["CONFIG", "SET", "maxmemory", "0"]);
}

/// Tells the servers something that they may refuse, being full, just started, or replicas.
fn order(cluster: &Cluster, words: &[&str]) {
    for server in cluster.servers.all() {
        let _ = block_in_place(|| -> redis::RedisResult<redis::Value> {
            let patience = Duration::from_secs(2);
            let mut connection = redis::Client::open(server.url())?.get_connection_with_timeout(patience)?;
            connection.set_read_timeout(Some(patience))?;
            redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
        });
    }
}
