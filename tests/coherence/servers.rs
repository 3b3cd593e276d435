//! What everything runs over: one Redis, or a cluster, and what goes wrong with the latter alone.

use crate::checker::Event;
use crate::driver::Cluster;
use crate::faults::Fault;
use crate::measure::{MS, Random, now};
use cache_tests::redis_cluster::RedisCluster;
use cache_tests::redis_process::RedisServer;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::sleep;

/// One server, or three masters with a replica each.
pub(crate) enum Servers {
    One(RedisServer),
    Many(RedisCluster),
}

impl Servers {
    pub(crate) fn start(many: bool) -> Self {
        if many { Self::Many(RedisCluster::start(3, 1)) } else { Self::One(RedisServer::start()) }
    }

    /// The only one; what is done to it is not done to a cluster.
    pub(crate) fn one(&self) -> &RedisServer {
        match self {
            Self::One(server) => server,
            Self::Many(_) => unreachable!("the faults of one server are not drawn"),
        }
    }

    fn many(&self) -> &RedisCluster {
        match self {
            Self::Many(cluster) => cluster,
            Self::One(_) => unreachable!("the faults of a cluster are not drawn"),
        }
    }

    pub(crate) fn all(&self) -> &[RedisServer] {
        match self {
            Self::One(server) => std::slice::from_ref(server),
            Self::Many(cluster) => &cluster.servers,
        }
    }
}

/// Does `fault` to the cluster, and waits until all agree again.
pub(crate) async fn break_cluster(cluster: &Cluster, fault: Fault, random: &mut Random) {
    let servers = cluster.servers.many();
    match fault {
        Fault::Reshard => block_in_place(|| reshard(servers, random)),
        Fault::Failover => {
            let replica = *random.pick(&block_in_place(|| servers.replicas()));
            block_in_place(|| {
                // It may be refused while the last one is not over.
                let _ = servers.servers[replica].try_cli(&["CLUSTER", "FAILOVER"]);
                servers.settled();
            });
        }
        _ => replace(cluster, servers, fault, random).await,
    }
    block_in_place(|| servers.settled());
}

/// Moves slots that have something in them, step by step.
fn reshard(servers: &RedisCluster, random: &mut Random) {
    let masters = servers.masters();
    let from = *random.pick(&masters);
    let keys = servers.servers[from].cli(&["KEYS", "*"]);
    let keys: Vec<&str> = keys.lines().collect();
    for _ in 0..random.between(2, 12) {
        if keys.is_empty() {
            return;
        }
        let slot = servers.slot(random.pick::<&str>(&keys));
        let to = *random.pick(&masters);
        if servers.owner(slot) != to {
            servers.move_slot(slot, to, || std::thread::sleep(random.millis(0, 40)));
        }
    }
}

/// A master dies, or stands still, perhaps until its replica has taken its place; what it had not passed on is lost then.
async fn replace(cluster: &Cluster, servers: &RedisCluster, fault: Fault, random: &mut Random) {
    let master = *random.pick(&block_in_place(|| servers.masters()));
    let slot = block_in_place(|| servers.slot_of(master));
    let begun = now();
    if fault == Fault::MasterKill {
        servers.servers[master].kill();
        block_in_place(|| servers.taken_over(slot, master));
    } else {
        block_in_place(|| servers.servers[master].freeze());
        sleep(random.millis(100, 4_000)).await;
        block_in_place(|| servers.servers[master].thaw());
        sleep(Duration::from_millis(500)).await;
    }
    if block_in_place(|| servers.owner(slot)) != master {
        cluster.tell(Event::Restored { saved: begun.saturating_sub(500 * MS), up: now() }).await;
    }
    if fault == Fault::MasterKill {
        sleep(random.millis(0, 500)).await;
        block_in_place(|| servers.servers[master].restart());
    }
}
