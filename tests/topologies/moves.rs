//! Slots that move and masters that change while everything runs.

use super::cluster::connected;
use super::{DELTA, PATIENCE, acknowledged, call, far, late, near, settled, update, write, write_all};
use cache_runtime::{Cache, Invalidation, observed};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_cluster::RedisCluster;
use cache_tests::wait::{DEADLINE, until, within_time};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, block_in_place};

/// How often is looked for masters.
const LOOK: Duration = Duration::from_millis(2_350);

/// Registers that are written and read all the time, and what was seen.
struct Load {
    ends: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    reads: AtomicU64,
    hits: AtomicU64,
    applied: AtomicU64,
    queued: AtomicU64,
    /// Milliseconds after the acknowledgement.
    stalest: AtomicU64,
    stale: AtomicU64,
}

/// One register: what was acknowledged last, and when.
struct Register {
    id: u64,
    source: GatedLoad<u64>,
    acknowledged: std::sync::Mutex<(u64, Instant)>,
}

impl Load {
    /// Each of `ids` is written by one of `caches` and read by all, near and far.
    fn on(ids: &[u64], caches: &[Cache]) -> Self {
        let (ends, seen) = (Arc::<AtomicBool>::default(), Arc::<Seen>::default());
        let mut tasks = Vec::new();
        for (at, id) in ids.iter().copied().enumerate() {
            let acknowledged = std::sync::Mutex::new((0, Instant::now()));
            let register = Arc::new(Register { id, source: GatedLoad::open(0), acknowledged });
            let writer = caches[at % caches.len()].clone();
            tasks.push(tokio::spawn(register.clone().write(writer, ends.clone(), seen.clone())));
            for cache in caches {
                for is_near in [true, false] {
                    let (ends, seen) = (ends.clone(), seen.clone());
                    tasks.push(tokio::spawn(register.clone().read(cache.clone(), is_near, ends, seen)));
                }
            }
        }
        Self { ends, tasks, seen }
    }

    /// Ends it; tells what was seen.
    async fn end(self) -> Arc<Seen> {
        self.ends.store(true, Ordering::SeqCst);
        for task in self.tasks {
            within_time(DEADLINE, "a caller to end", task).await.expect("no panic");
        }
        self.seen
    }
}

impl Register {
    async fn write(self: Arc<Self>, cache: Cache, ends: Arc<AtomicBool>, seen: Arc<Seen>) {
        let mut value = 0;
        while !ends.load(Ordering::SeqCst) {
            value += 1;
            let report = if value % 5 == 0 {
                cache.scope_for(observed(update(self.id, value, &self.source))).await.1
            } else {
                cache.scope_for(observed(write(self.id, value, &self.source))).await.1
            };
            // An update does not name the near function.
            let applied = report.invalidations().iter().all(|one| *one == Invalidation::Applied);
            if applied && value % 5 == 0 {
                let also = cache.scope_for(async { super::near_entry(self.id).invalidate().await }).await;
                if also == Invalidation::Applied {
                    *self.acknowledged.lock().expect("not poisoned") = (value, Instant::now());
                }
            } else if applied {
                *self.acknowledged.lock().expect("not poisoned") = (value, Instant::now());
            }
            let count = if applied { &seen.applied } else { &seen.queued };
            count.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    async fn read(self: Arc<Self>, cache: Cache, is_near: bool, ends: Arc<AtomicBool>, seen: Arc<Seen>) {
        while !ends.load(Ordering::SeqCst) {
            let (least, since) = *self.acknowledged.lock().expect("not poisoned");
            let age = since.elapsed();
            let (value, outcome) = if is_near {
                call(&cache, near(self.id, &self.source)).await
            } else {
                call(&cache, far(self.id, &self.source)).await
            };
            seen.reads.fetch_add(1, Ordering::SeqCst);
            if matches!(outcome, cache_runtime::Outcome::Hit(_)) {
                seen.hits.fetch_add(1, Ordering::SeqCst);
            }
            if value < least {
                assert!(is_near, "{} read {value} from {outcome:?}, {age:?} after {least}", self.id);
                seen.stale.fetch_add(1, Ordering::SeqCst);
                let age = u64::try_from(age.as_millis()).expect("short");
                seen.stalest.fetch_max(age, Ordering::SeqCst);
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
}

impl Seen {
    fn told(&self, what: &str, bound: Duration) {
        let [reads, hits, applied, queued, stalest, stale] =
            [&self.reads, &self.hits, &self.applied, &self.queued, &self.stalest, &self.stale]
                .map(|count| count.load(Ordering::SeqCst));
        println!(
            "{what}: {reads} reads, {hits} hits, {applied} applied, {queued} queued, {stale} stale, up to {stalest} ms"
        );
        assert!(applied > 50 && hits > 100, "{what}: too little happened");
        assert!(Duration::from_millis(stalest) < bound, "{what}: {stalest} ms");
    }
}

/// Ids whose near entries stand in one slot's master, and the slots.
fn of_master(cluster: &RedisCluster, master: usize, count: usize) -> Vec<u64> {
    let home = |id: &u64| cluster.owner(cluster.slot(&format!("near:v1:near:{id}"))) == master;
    (0..).filter(home).take(count).collect()
}

fn slots(cluster: &RedisCluster, ids: &[u64]) -> Vec<u16> {
    let names = |id: &u64| ["near", "far"].map(|name| format!("{name}:v1:{name}:{id}"));
    let tags = ["cache:tag:{near}:*", "cache:tag:{far}:*"].map(str::to_owned);
    let mut slots: Vec<_> = ids.iter().flat_map(names).chain(tags).map(|name| cluster.slot(&name)).collect();
    slots.dedup();
    slots
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move_under_load() {
    let cluster = RedisCluster::start(3, 0);
    let caches = [connected(&cluster).await, connected(&cluster).await];
    let ids = of_master(&cluster, 0, 6);
    let load = Load::on(&ids, &caches);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for to in [1, 2, 0] {
        for slot in slots(&cluster, &ids) {
            // Each step is in force for a while.
            let pause = || std::thread::sleep(Duration::from_millis(40));
            block_in_place(|| cluster.move_slot(slot, to, pause));
        }
    }
    let seen = load.end().await;
    seen.told("slots moved", DELTA);
    let [queued, applied] = [&seen.queued, &seen.applied].map(|count| count.load(Ordering::SeqCst));
    assert!(queued * 20 < applied, "invalidations found their way, but for what a busy machine lets wait");
}

/// What a slot that moves refuses for two keys at once is done one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_protocol_runs_while_all_its_slots_are_on_their_way() {
    let cluster = RedisCluster::start(3, 0);
    let (one, other) = (connected(&cluster).await, connected(&cluster).await);
    let source = GatedLoad::open(0);
    for id in 0..4 {
        settled(&one, id, &source, 0).await;
        settled(&other, id, &source, 0).await;
        call(&other, far(id, &source)).await;
    }
    let names = ["near", "far", "late"].map(|name| (0..4).map(move |id| format!("{name}:v1:{name}:{id}")));
    let tags = ["near", "far", "late"].map(|name| format!("cache:tag:{{{name}}}:*"));
    for name in names.into_iter().flatten().chain(tags) {
        let slot = cluster.slot(&name);
        let from = cluster.owner(slot);
        let to = (from + 1) % 3;
        let (slot, source, target) = (slot.to_string(), cluster.id(from), cluster.id(to));
        cluster.servers[to].cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]);
        cluster.servers[from].cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]);
    }
    for step in 1..4 {
        for id in 0..4 {
            let value = step * 10 + id;
            acknowledged(&one, async || write(id, value, &source).await).await;
            assert_eq!(call(&other, far(id, &source)).await.0, value);
            super::read_within(&other, id, &source, value, DELTA).await;
            acknowledged(&one, async || update(id, value + 5, &source).await).await;
            assert_eq!(call(&other, far(id, &source)).await.0, value + 5);
            acknowledged(&one, async || write_all(value + 6, &source).await).await;
            assert_eq!(call(&other, far(id, &source)).await.0, value + 6);
            super::read_within(&other, id, &source, value + 6, DELTA).await;
            assert_eq!(call(&other, late(id, &source)).await.0, value + 6);
        }
    }
}

/// A slot goes to a master that nobody knows yet, and its entry is invalidated there before anybody does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_unknown_master_announced_is_not_served() {
    let mut cluster = RedisCluster::start(3, 0);
    let id = of_master(&cluster, 0, 1)[0];
    let key = format!("near:v1:near:{id}");
    let slot = cluster.slot(&key);
    let new = block_in_place(|| cluster.join_apart());
    let reader = connected(&cluster).await;
    let source = GatedLoad::open(1);
    settled(&reader, id, &source, 1).await;
    let looks = || {
        let stats = cluster.servers[1].cli(&["INFO", "commandstats"]);
        stats.lines().find(|line| line.starts_with("cmdstat_cluster|nodes")).map(str::to_owned)
    };
    let before = looks();
    until("the reader has just looked", async || block_in_place(looks) != before).await;
    block_in_place(|| {
        cluster.acquaint(new);
        // What another process does that knows it already; of its fence the reader cannot hear.
        cluster.servers[0].cli(&["UNLINK", &key]);
        cluster.move_slot(slot, new, || {});
        source.set(2);
    });
    let acknowledged = Instant::now();
    let mut stale = Duration::ZERO;
    while acknowledged.elapsed() < LOOK + DELTA + Duration::from_secs(1) {
        let age = acknowledged.elapsed();
        if call(&reader, near(id, &source)).await.0 == 1 {
            stale = age;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("the old value was read for {stale:?}");
    assert!(stale < LOOK, "{stale:?}");
    settled(&reader, id, &source, 2).await;
}

/// A master that joins, and gets slots while it is not known yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move_to_a_new_master_under_load() {
    let mut cluster = RedisCluster::start(3, 0);
    let caches = [connected(&cluster).await, connected(&cluster).await];
    let ids = of_master(&cluster, 0, 6);
    let load = Load::on(&ids, &caches);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let new = block_in_place(|| cluster.join());
    for slot in slots(&cluster, &ids) {
        block_in_place(|| cluster.move_slot(slot, new, || {}));
    }
    tokio::time::sleep(LOOK).await;
    load.end().await.told("slots moved to a new master", LOOK + DELTA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_gives_way_to_its_replica_under_load() {
    let cluster = RedisCluster::start(3, 1);
    let caches = [connected(&cluster).await, connected(&cluster).await];
    let ids = of_master(&cluster, 0, 6);
    let load = Load::on(&ids, &caches);
    tokio::time::sleep(Duration::from_millis(500)).await;
    block_in_place(|| cluster.servers[3].cli(&["CLUSTER", "FAILOVER"]));
    let slot = cluster.slot(&format!("near:v1:near:{}", ids[0]));
    until("it has taken over", async || block_in_place(|| cluster.owner(slot)) == 3).await;
    tokio::time::sleep(LOOK).await;
    for cache in &caches {
        cache.ready(PATIENCE).await.expect("all masters are up");
    }
    load.end().await.told("failover", LOOK + DELTA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_dies_under_load() {
    let cluster = RedisCluster::start(3, 1);
    let caches = [connected(&cluster).await, connected(&cluster).await];
    let ids = of_master(&cluster, 0, 6);
    let slot = cluster.slot(&format!("near:v1:near:{}", ids[0]));
    let load = Load::on(&ids, &caches);
    tokio::time::sleep(Duration::from_millis(500)).await;
    cluster.servers[0].kill();
    until("its replica has taken over", async || block_in_place(|| cluster.owner(slot)) == 3).await;
    for cache in &caches {
        cache.ready(PATIENCE).await.expect("all masters are up");
    }
    tokio::time::sleep(LOOK).await;
    let seen = load.end().await;
    seen.told("a master died", LOOK + DELTA);
    for cache in &caches {
        until("everything is sent", async || cache.stats().pending_invalidations == 0).await;
    }
}

/// An acknowledged invalidation that the new master never heard of is sent to it before it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failover_lost_is_sent_again() {
    let cluster = RedisCluster::start(3, 1);
    let (writer, reader) = (connected(&cluster).await, connected(&cluster).await);
    let source = GatedLoad::open(1);
    let id = of_master(&cluster, 0, 1)[0];
    let slot = cluster.slot(&format!("near:v1:near:{id}"));
    settled(&writer, id, &source, 1).await;
    let key = format!("near:v1:near:{id}");
    let replica = &cluster.servers[3];
    until("the replica has it", async || !replica.cli(&["KEYS", &key]).is_empty()).await;
    block_in_place(|| replica.freeze());
    let old = cluster.servers[0].cli(&["GET", &key]);
    cluster.servers[0].cli(&["CLIENT", "KILL", "TYPE", "replica"]);
    acknowledged(&writer, async || write(id, 2, &source).await).await;
    cluster.servers[0].kill();
    block_in_place(|| replica.thaw());
    until("the replica has taken over", async || block_in_place(|| cluster.owner(slot)) == 3).await;
    until("the old value is gone", async || {
        assert_eq!(call(&writer, near(id, &source)).await.0, 2);
        block_in_place(|| replica.cli(&["GET", &key])) != old
    })
    .await;
    reader.ready(PATIENCE).await.expect("all masters are up");
    settled(&reader, id, &source, 2).await;
}
