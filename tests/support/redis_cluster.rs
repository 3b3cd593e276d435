//! A Redis Cluster of real servers on free loopback ports.

use crate::certificates::Certificates;
use crate::redis_process::{RedisServer, free_port};
use crate::wait::until_blocking;

/// Slots of a cluster.
const SLOTS: usize = 16_384;

/// Masters with an equal share of the slots each, and a replica of each if asked for.
#[derive(Debug)]
pub struct RedisCluster {
    /// The masters at the start, and then their replicas in the same order.
    pub servers: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts `masters` masters with `replicas` (0 or 1) replicas each, and waits until all agree.
    #[must_use]
    pub fn start(masters: usize, replicas: usize) -> Self {
        Self::with(masters, replicas, &[])
    }

    /// The same with further options for each server.
    #[must_use]
    pub fn with(masters: usize, replicas: usize, options: &[&str]) -> Self {
        Self::of(masters, (0..masters * (1 + replicas)).map(|_| member(options)).collect())
    }

    /// Masters that speak TLS as well, at the ports that are told.
    #[must_use]
    pub fn secure(masters: usize, certificates: &Certificates) -> (Self, Vec<u16>) {
        let ports: Vec<_> = (0..masters).map(|_| free_port()).collect();
        let servers = ports.iter().map(|port| {
            let options = certificates.options(*port, false);
            let mut options: Vec<&str> = options.iter().map(String::as_str).collect();
            options.extend(["--tls-cluster", "yes"]);
            member(&options)
        });
        (Self::of(masters, servers.collect()), ports)
    }

    fn of(masters: usize, servers: Vec<RedisServer>) -> Self {
        let cluster = Self { servers };
        for (at, server) in cluster.servers.iter().enumerate() {
            server.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]);
            if at < masters {
                let (first, last) = (at * SLOTS / masters, (at + 1) * SLOTS / masters - 1);
                server.cli(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            }
        }
        for server in &cluster.servers[1..] {
            cluster.meet(server);
        }
        for at in masters..cluster.servers.len() {
            let master = cluster.id(at - masters);
            let replica = &cluster.servers[at];
            let done = until_blocking(|| replica.try_cli(&["CLUSTER", "REPLICATE", &master]).is_ok());
            assert!(done, "{}", replica.cli(&["CLUSTER", "NODES"]));
        }
        cluster.settled();
        cluster
    }

    /// Adds a master without slots, and returns its number.
    pub fn join(&mut self) -> usize {
        self.servers.push(member(&[]));
        self.meet(&self.servers[self.servers.len() - 1]);
        self.settled();
        self.servers.len() - 1
    }

    /// Starts a master that nobody else knows yet, and returns its number.
    pub fn join_apart(&mut self) -> usize {
        self.servers.push(member(&[]));
        self.servers.len() - 1
    }

    /// Makes it and those whose slots it may get known to each other, as soon as that is possible.
    pub fn acquaint(&self, at: usize) {
        self.meet(&self.servers[at]);
        let ids: Vec<_> = (0..self.servers.len()).map(|at| self.id(at)).collect();
        let knows = |server: &RedisServer, id: &String| {
            let nodes = server.cli(&["CLUSTER", "NODES"]);
            nodes.lines().any(|line| line.starts_with(id.as_str()) && !line.contains("handshake"))
        };
        let all_know = || {
            self.servers.iter().all(|server| knows(server, &ids[at]))
                && ids.iter().all(|id| knows(&self.servers[at], id))
        };
        assert!(until_blocking(all_know), "{}", self.servers[0].cli(&["CLUSTER", "NODES"]));
    }

    /// The url of the whole.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> =
            self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// The id of a server.
    #[must_use]
    pub fn id(&self, at: usize) -> String {
        self.servers[at].cli(&["CLUSTER", "MYID"])
    }

    /// The slot of `key`.
    #[must_use]
    pub fn slot(&self, key: &str) -> u16 {
        let said = self.any().cli(&["CLUSTER", "KEYSLOT", key]);
        said.parse().expect("a number")
    }

    /// The number of the server that has `slot`, by its own account.
    #[must_use]
    pub fn owner(&self, slot: u16) -> usize {
        let mut owner = None;
        let found = until_blocking(|| {
            owner = (0..self.servers.len()).find(|at| self.owns(*at, slot));
            owner.is_some()
        });
        assert!(found, "nobody has slot {slot}");
        owner.expect("found")
    }

    /// The masters that have slots, by their own accounts.
    #[must_use]
    pub fn masters(&self) -> Vec<usize> {
        (0..self.servers.len()).filter(|at| !self.ranges(*at).is_empty()).collect()
    }

    /// The replicas that run.
    #[must_use]
    pub fn replicas(&self) -> Vec<usize> {
        let is_replica = |at: &usize| {
            let nodes = self.servers[*at].try_cli(&["CLUSTER", "NODES"]).unwrap_or_default();
            nodes.contains("myself,slave")
        };
        (0..self.servers.len()).filter(is_replica).collect()
    }

    /// The first slot of a master.
    #[must_use]
    pub fn slot_of(&self, master: usize) -> u16 {
        self.ranges(master).first().expect("it has slots").0
    }

    /// Waits until another one than `master` has `slot`.
    pub fn taken_over(&self, slot: u16, master: usize) {
        let other = || (0..self.servers.len()).any(|at| at != master && self.owns(at, slot));
        assert!(until_blocking(other) || until_blocking(other), "nobody took over slot {slot}");
    }

    fn owns(&self, at: usize, slot: u16) -> bool {
        self.ranges(at).iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }

    /// What a server says that it has.
    fn ranges(&self, at: usize) -> Vec<(u16, u16)> {
        let nodes = self.servers[at].try_cli(&["CLUSTER", "NODES"]).unwrap_or_default();
        let own = nodes.lines().find(|line| line.contains("myself,master")).unwrap_or_default();
        let ranges = own.split(' ').skip(8).filter(|range| !range.starts_with('[') && !range.is_empty());
        let number = |text: &str| text.trim().parse::<u16>().expect("a slot");
        let range = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            (number(first), number(last))
        };
        ranges.map(range).collect()
    }

    /// Moves one slot with what stands in it, as `redis-cli --cluster reshard` does; `between` runs when both know of it, and then after
    /// each step.
    pub fn move_slot(&self, slot: u16, to: usize, mut between: impl FnMut()) {
        let from = self.owner(slot);
        let (source, target) = (self.id(from), self.id(to));
        let slot = slot.to_string();
        self.servers[to].cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]);
        self.servers[from].cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]);
        between();
        loop {
            let keys = self.servers[from].cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]);
            let port = self.servers[to].port().to_string();
            if keys.is_empty() {
                break;
            }
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "REPLACE", "KEYS"];
            migrate.extend(keys.lines());
            self.servers[from].cli(&migrate);
            between();
        }
        for at in [to, from].into_iter().chain(0..self.servers.len()) {
            // Those who are replicas, or gone, learn it from the others.
            let _ = self.servers[at].try_cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
            between();
        }
    }

    /// Waits until every server that runs knows every other, and all slots are served.
    pub fn settled(&self) {
        let known = format!("cluster_known_nodes:{}\r", self.servers.len());
        let good = |server: &RedisServer| {
            let info = server.cli(&["CLUSTER", "INFO"]);
            let nodes = server.cli(&["CLUSTER", "NODES"]);
            let strange = ["handshake", "fail", "noaddr"].iter().any(|word| nodes.contains(word));
            let info_ok = info.contains("cluster_state:ok") && info.contains(&known) && !strange;
            info_ok && !server.cli(&["INFO", "replication"]).contains("master_link_status:down")
        };
        let settled = until_blocking(|| self.servers.iter().all(good))
            || until_blocking(|| self.servers.iter().all(good));
        assert!(settled, "{}", self.servers[0].cli(&["CLUSTER", "NODES"]));
    }

    fn any(&self) -> &RedisServer {
        let runs = |server: &&RedisServer| server.try_cli(&["PING"]).is_ok();
        self.servers.iter().find(runs).expect("one runs")
    }

    fn meet(&self, server: &RedisServer) {
        let bus = server.cli(&["CONFIG", "GET", "cluster-port"]);
        let bus = bus.lines().last().expect("a value").to_owned();
        self.servers[0].cli(&["CLUSTER", "MEET", "127.0.0.1", &server.port().to_string(), &bus]);
    }
}

fn member(options: &[&str]) -> RedisServer {
    let bus = free_port().to_string();
    let own = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
    let replicas = ["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"];
    RedisServer::with(&[&own[..], &replicas, options].concat())
}
