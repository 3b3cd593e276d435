//! The masters of a cluster, each with its own connection, and the watch over who has which slot.

use super::chorus::Chorus;
use super::slots::{Host, Topology, known, slot};
use crate::breaker::Backoff;
use crate::error::{NotReady, StoreError};
use crate::pending::Pending;
use crate::redis::address::{Address, Manner};
use crate::redis::connect;
use crate::redis::connection::{Connected, client_error, in_time, plain};
use crate::redis::member::{Member, Neighbours};
use crate::redis::place::Place;
use crate::redis::{READ, Redis, Upkeep};
use crate::store::Listener;
use ::redis::{RedisError, RedisResult, cmd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Between two looks at who has which slot.
const LOOK: Duration = Duration::from_secs(2);
/// The same while a master cannot be reached: it may have been replaced.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Between two looks at the least, however often servers refer to others.
const REST: Duration = Duration::from_millis(20);
/// How long a server that there is no connection to may take to connect, and then to answer.
const STRANGER: Duration = Duration::from_millis(500);
/// How long others are waited for once one has answered.
const OTHERS: Duration = Duration::from_millis(100);

/// The masters.
pub(super) struct Nodes {
    manner: Manner,
    pending: Arc<Pending>,
    /// What each connection owes.
    upkeep: Upkeep,
    /// How often it was found that the cluster had changed.
    changes: AtomicU64,
    map: watch::Sender<Map>,
    choruses: Mutex<Vec<Arc<Chorus>>>,
    /// Somebody was referred to another server.
    doubted: Notify,
    /// Somebody has to be sent what another one was sent before.
    replayed: Notify,
    /// Servers that can be asked when none of the masters answers.
    known: Mutex<Vec<Host>>,
    last: AtomicU64,
    own: Weak<Self>,
}

/// One master.
pub(super) struct Node {
    /// Never given to another one.
    pub(super) number: u64,
    pub(super) store: Redis,
}

/// Who has which slot, and how they are reached.
#[derive(Default)]
struct Map {
    topology: Topology,
    /// In the order of the topology's masters.
    nodes: Vec<Arc<Node>>,
    /// Why there is nobody.
    reason: String,
}

impl Map {
    fn owner(&self, name: &[u8]) -> Option<&Arc<Node>> {
        let owner = self.topology.owner(slot(name))?;
        self.nodes.get(self.topology.masters.iter().position(|master| master == owner)?)
    }

    /// Where the node with this number is.
    fn host(&self, number: u64) -> Option<&Host> {
        let at = self.nodes.iter().position(|node| node.number == number)?;
        Some(&self.topology.masters.get(at)?.host)
    }
}

impl Nodes {
    pub(super) fn new(address: Address, upkeep: Upkeep) -> Arc<Self> {
        let known = address.hosts.iter().map(|(ip, port)| Host::new(ip, *port)).collect();
        let map = Map { reason: "not connected yet".to_owned(), ..Map::default() };
        Arc::new_cyclic(|own| Self {
            manner: address.manner,
            pending: upkeep.pending.clone(),
            upkeep,
            changes: AtomicU64::new(0),
            map: watch::Sender::new(map),
            choruses: Mutex::default(),
            doubted: Notify::new(),
            replayed: Notify::new(),
            known: Mutex::new(known),
            last: AtomicU64::new(0),
            own: own.clone(),
        })
    }

    /// The master that has `name`.
    pub(super) fn of(&self, name: &[u8]) -> Result<Arc<Node>, StoreError> {
        self.map.borrow().owner(name).cloned().ok_or(StoreError::Unreachable)
    }

    /// All masters in one order, for as long as the number beside them is the same.
    pub(super) fn numbered(&self) -> (usize, Vec<Arc<Node>>) {
        let map = self.map.borrow();
        (usize::try_from(self.changes.load(Relaxed)).unwrap_or(usize::MAX), map.nodes.clone())
    }

    pub(super) fn all(&self) -> Vec<Arc<Node>> {
        self.map.borrow().nodes.clone()
    }

    /// How far the clock of the first master is ahead of this machine's.
    pub(super) fn clock_offset_ms(&self) -> i64 {
        self.map.borrow().nodes.first().map_or(0, |node| node.store.link.clock_offset_ms())
    }

    /// Waits until every master that has slots can be used.
    pub(super) async fn ready(&self, patience: Duration) -> Result<(), NotReady> {
        let end = Instant::now() + patience;
        let mut maps = self.map.subscribe();
        let found = timeout(patience, maps.wait_for(|map| !map.topology.is_empty())).await.is_ok();
        if !found {
            return Err(NotReady { waited: patience, reason: self.map.borrow().reason.clone() });
        }
        loop {
            maps.mark_unchanged();
            let is_awaited =
                |node: &Arc<Node>| node.store.link.number().is_none() && self.has_slots(node.number);
            let Some(node) = self.all().into_iter().find(is_awaited) else { return Ok(()) };
            let left = end.saturating_duration_since(Instant::now());
            tokio::select! {
                ready = node.store.link.ready(left) => {
                    ready.map_err(|error| NotReady { waited: patience, ..error })?;
                }
                // It may have been replaced.
                _ = maps.changed() => {}
            }
        }
    }

    pub(super) fn listen(&self, app: &str, listener: &Arc<dyn Listener>) {
        let chorus = Arc::new(Chorus::new(app, listener));
        // Under the lock no look can fall in between.
        let mut choruses = self.choruses();
        let nodes = self.all();
        if !nodes.is_empty() {
            chorus.attend(&nodes);
        }
        choruses.push(chorus);
    }

    /// Looks again and again who has which slot; runs for as long as the store.
    pub(super) async fn watch(self: Arc<Self>) {
        let mut backoff = Backoff::default();
        loop {
            let pause = match self.look().await {
                Ok(views) => {
                    backoff = Backoff::default();
                    *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known(&views);
                    self.adopt(Topology::of(&views));
                    if self.all().iter().all(|node| node.store.link.number().is_some()) {
                        LOOK
                    } else {
                        LOOK_AGAIN
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "the cluster cannot be reached");
                    self.map.send_if_modified(|map| {
                        map.reason = error.to_string();
                        false
                    });
                    backoff.pause()
                }
            };
            self.choruses().retain(|chorus| chorus.is_heard());
            tokio::select! {
                () = sleep(pause) => {}
                () = self.doubted.notified() => sleep(REST).await,
            }
        }
    }

    /// What the masters say, all that answer; or if none does, what anybody says who was ever heard of.
    async fn look(&self) -> RedisResult<Vec<(String, String)>> {
        let mut asked = JoinSet::new();
        let masters = self.map.borrow().topology.masters.clone();
        for (node, master) in self.all().into_iter().zip(masters) {
            asked.spawn(async move {
                let said = node.store.command(READ, cmd("CLUSTER").arg("NODES")).await;
                let said = said.map_err(|_| client_error("it does not say where the others are"))?;
                Ok((master.host.ip.to_string(), ::redis::from_redis_value(said)?))
            });
        }
        match gather(asked).await {
            Ok(views) => return Ok(views),
            Err(error) => tracing::debug!(%error, "no master says where the others are"),
        }
        let mut asked = JoinSet::new();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for host in known {
            let client = self.client(&host);
            asked.spawn(async move {
                let config = plain();
                let client = client?;
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                let mut connection = in_time(STRANGER, connection).await?;
                let mut ask = cmd("CLUSTER");
                ask.arg("NODES");
                let said = in_time(STRANGER, connection.send_packed_command(&ask)).await?.extract_error()?;
                Ok((host.ip.to_string(), ::redis::from_redis_value(said)?))
            });
        }
        gather(asked).await
    }

    /// Goes by `topology` from now on.
    fn adopt(&self, topology: Topology) {
        let before = self.map.borrow().topology.clone();
        if before == topology {
            return;
        }
        let choruses = self.choruses();
        let strangers: Vec<_> =
            topology.masters.iter().filter(|master| !before.masters.contains(master)).collect();
        if !strangers.is_empty() {
            // They may have had slots for a while, and announced what nobody here heard.
            choruses.iter().for_each(|chorus| chorus.interrupt());
            tracing::info!(masters = topology.masters.len(), "the cluster has changed");
        }
        // One with a new claim may have its slots from another one, which knew more.
        self.pending
            .replay(|name| topology.owner(slot(name)).is_some_and(|owner| strangers.contains(&owner)));
        self.changes.fetch_add(1, Relaxed);
        // A new connection waits here until it can tell what is to be sent on it.
        self.map.send_modify(|map| {
            let nodes = topology.masters.iter().map(|master| {
                let known = map.topology.masters.iter().position(|other| other.host == master.host);
                known.map_or_else(|| self.node(&master.host), |at| Ok(map.nodes[at].clone()))
            });
            match nodes.collect::<RedisResult<Vec<_>>>() {
                Ok(nodes) => *map = Map { nodes, topology, reason: String::new() },
                Err(error) => map.reason = error.to_string(),
            }
        });
        let nodes = self.all();
        choruses.iter().for_each(|chorus| chorus.attend(&nodes));
        self.replayed.notify_one();
    }

    /// Sends what is pending to those who can be reached, whoever else cannot; runs for as long as the store, and beside
    /// [`watch`](Self::watch), which may not have to wait for a server.
    pub(super) async fn drain(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = self.replayed.notified() => {}
            }
            for node in self.all() {
                if self.pending.is_empty() {
                    break;
                }
                let Ok(mut connected) = node.store.link.connected() else { continue };
                let mine = |name: &[u8]| self.owns(node.number, name);
                // What fails stays pending.
                let _ = connect::drain(&mut connected, &self.pending, mine).await;
            }
        }
    }

    fn node(&self, host: &Host) -> RedisResult<Arc<Node>> {
        let number = self.last.fetch_add(1, Relaxed);
        let neighbours: Weak<dyn Neighbours> = self.own.clone();
        let upkeep = Upkeep { member: Some(Arc::new(Member { number, neighbours })), ..self.upkeep.clone() };
        let place = Place::Server(Box::new(self.client(host)?));
        Ok(Arc::new(Node { number, store: Redis::at(place, upkeep) }))
    }

    fn client(&self, host: &Host) -> RedisResult<::redis::Client> {
        let name = host.name.as_ref().filter(|_| self.manner.is_secure());
        self.manner.client_at(name.unwrap_or(&host.ip), host.port)
    }

    fn choruses(&self) -> MutexGuard<'_, Vec<Arc<Chorus>>> {
        self.choruses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Neighbours for Nodes {
    fn owns(&self, number: u64, name: &[u8]) -> bool {
        self.map.borrow().owner(name).is_some_and(|owner| owner.number == number)
    }

    fn has_slots(&self, number: u64) -> bool {
        let map = self.map.borrow();
        map.host(number).is_some_and(|host| map.topology.has_slots(host))
    }

    fn referred(&self, number: u64, refusal: &RedisError) -> Option<Connected> {
        if refusal.code() == Some("MOVED") {
            self.doubted.notify_one();
        }
        let (address, _) = refusal.redirect_node()?;
        let (host, port) = address.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let map = self.map.borrow();
        // Without a host it is the one that says so, at another port.
        let host = if host.is_empty() { &*map.host(number)?.ip } else { host };
        let at = map.topology.masters.iter().position(|master| master.host.is(host, port))?;
        map.nodes.get(at)?.store.link.connected().ok()
    }
}

/// The answers of all who give one soon.
async fn gather(mut asked: JoinSet<RedisResult<(String, String)>>) -> RedisResult<Vec<(String, String)>> {
    let mut last = client_error("there is nobody to be asked");
    let mut views = Vec::new();
    while let Some(answer) = asked.join_next().await {
        match answer {
            Ok(Ok(view)) => {
                views.push(view);
                break;
            }
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    if views.is_empty() {
        return Err(last);
    }
    let rest = async {
        while let Some(answer) = asked.join_next().await {
            views.extend(answer.into_iter().flatten());
        }
    };
    // Who is late is asked again next time.
    let _ = timeout(OTHERS, rest).await;
    Ok(views)
}
