//! The store over a Redis Cluster: every operation goes to the master that has its key.

mod chorus;
mod direct;
mod health;
mod journal;
mod nodes;
mod slots;

use self::nodes::{Node, Nodes};
use super::address::{Address, Kind};
use super::connection::Supervisor;
use super::{Redis, Upkeep};
use crate::error::{ConfigError, NotReady, StoreError};
use crate::key::Key;
use crate::store::{
    Book, FEED_LEASE, Found, Gathering, Journal, KeyCounts, Lease, Leased, Lifetime, Listener, Store,
    StoreFuture, StoreHealth, Token,
};
use crate::tag::{Generation, Tag};
use crate::time::wall_ms;
use bytes::Bytes;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// A [`Store`] over a Redis Cluster: a connection and a feed to each master.
///
/// Operations on one key happen in the order they were sent, except while its slot moves.
pub struct RedisCluster {
    nodes: Arc<Nodes>,
    _running: [Supervisor; 2],
}

/// What each master has.
type Parts<T> = Vec<(Arc<Node>, Vec<T>)>;

impl RedisCluster {
    /// Begins to connect; waits for nothing.
    ///
    /// # Errors
    /// If `url` is not one of a cluster.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        let address = Address::parse(url, "redis url", None)?;
        if !matches!(address.kind, Kind::Cluster) {
            return Err(ConfigError::new("redis url", "is not one of a cluster"));
        }
        Ok(Self::at(address, Upkeep::default()))
    }

    pub(super) fn of(address: Address, setting: &str, upkeep: Upkeep) -> Result<Self, ConfigError> {
        if upkeep.guarded.is_some() {
            return Err(ConfigError::new(
                setting,
                "is one of a cluster, which `OnRestart::Flush` is not made for",
            ));
        }
        Ok(Self::at(address, upkeep))
    }

    fn at(address: Address, upkeep: Upkeep) -> Self {
        let nodes = Nodes::new(address, upkeep);
        let watch = Supervisor(tokio::spawn(nodes.clone().watch()));
        let drain = Supervisor(tokio::spawn(nodes.clone().drain()));
        Self { nodes, _running: [watch, drain] }
    }

    /// The tags of one namespace stand on one server.
    fn of_tags(&self, tags: &[Tag]) -> Result<Arc<Node>, StoreError> {
        tags.first().map_or(Err(StoreError::Other), |tag| self.nodes.of(tag.name()))
    }

    fn of_book(&self, book: &Book) -> Result<Arc<Node>, StoreError> {
        self.nodes.of(book.name().as_bytes())
    }

    /// Does `operation` with the part of `items` that each master has.
    async fn by_node<T: Clone + Send, R: Send>(
        &self,
        items: &[T],
        name: impl Fn(&T) -> &[u8],
        operation: impl for<'a> Fn(&'a Redis, &'a [T]) -> StoreFuture<'a, R> + Sync,
    ) -> Result<Vec<R>, StoreError> {
        let parts = self.parts(items, name)?;
        let operation = &operation;
        all(parts.into_iter().map(|(node, items)| async move { operation(&node.store, &items).await })).await
    }

    /// Which of `items` each master has, in the order they were given.
    fn parts<T: Clone>(&self, items: &[T], name: impl Fn(&T) -> &[u8]) -> Result<Parts<T>, StoreError> {
        let mut parts = Parts::new();
        for item in items {
            let node = self.nodes.of(name(item))?;
            match parts.iter_mut().find(|(other, _)| other.number == node.number) {
                Some((_, items)) => items.push(item.clone()),
                None => parts.push((node, vec![item.clone()])),
            }
        }
        Ok(parts)
    }
}

/// Waits for all of `operations`, which are sent together.
async fn all<R>(
    operations: impl Iterator<Item = impl Future<Output = Result<R, StoreError>>>,
) -> Result<Vec<R>, StoreError> {
    let mut running: Vec<_> = operations.map(|operation| (Box::pin(operation), None)).collect();
    poll_fn(|context| {
        let mut done = true;
        for (operation, answer) in &mut running {
            if answer.is_none() {
                match operation.as_mut().poll(context) {
                    Poll::Ready(ready) => *answer = Some(ready),
                    Poll::Pending => done = false,
                }
            }
        }
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, answer)| answer).collect()
}

impl Store for RedisCluster {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(async { self.nodes.of(key.name())?.store.get(key).await })
    }

    fn look_up<'a>(&'a self, key: &'a Key, tags: &'a [Tag]) -> StoreFuture<'a, Found> {
        Box::pin(async move {
            let node = self.nodes.of(key.name())?;
            if tags.is_empty() || self.of_tags(tags)?.number == node.number {
                return node.store.look_up(key, tags).await;
            }
            let (entry, generations) = tokio::join!(biased; node.store.get(key), self.generations(tags));
            Ok((entry?, generations?))
        })
    }

    fn head<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Bytes> {
        Box::pin(async { self.nodes.of(key.name())?.store.head(key).await })
    }

    fn lifetime<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Lifetime>> {
        Box::pin(async { self.nodes.of(key.name())?.store.lifetime(key).await })
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        lease: Lease,
        term: Duration,
        instead_of: Option<Token>,
    ) -> StoreFuture<'a, Leased> {
        Box::pin(async move { self.nodes.of(key.name())?.store.lease(key, lease, term, instead_of).await })
    }

    fn fill<'a>(
        &'a self,
        key: &'a Key,
        token: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.nodes.of(key.name())?.store.fill(key, token, entry, ttl).await })
    }

    fn renew<'a>(&'a self, key: &'a Key, token: Token, term: Duration) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.nodes.of(key.name())?.store.renew(key, token, term).await })
    }

    fn release<'a>(&'a self, key: &'a Key, token: Token) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.nodes.of(key.name())?.store.release(key, token).await })
    }

    fn refresh<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        mine: Token,
        term: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.nodes.of(key.name())?.store.refresh(key, seen, mine, term).await })
    }

    fn invalidate<'a>(&'a self, keys: &'a [Key]) -> StoreFuture<'a, ()> {
        Box::pin(
            async move { self.by_node(keys, Key::name, |node, keys| node.invalidate(keys)).await.map(drop) },
        )
    }

    fn generations<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, Vec<Option<Generation>>> {
        Box::pin(async move { self.of_tags(tags)?.store.generations(tags).await })
    }

    fn capture<'a>(&'a self, tags: &'a [Tag], ttl: Option<Duration>) -> StoreFuture<'a, Vec<Generation>> {
        Box::pin(async move {
            let node = self.of_tags(tags)?;
            match node.store.capture(tags, ttl).await {
                Err(StoreError::Unavailable) if tags.len() > 1 => {}
                captured => return captured,
            }
            // While their slot moves, one at a time; the first one, which may be the clock, last.
            let mut captured = Vec::new();
            for tag in tags.iter().rev() {
                captured.extend(node.store.capture(std::slice::from_ref(tag), ttl).await?);
            }
            captured.reverse();
            Ok(captured)
        })
    }

    fn invalidate_tags<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.by_node(tags, Tag::name, |node, tags| node.invalidate_tags(tags)).await.map(drop)
        })
    }

    fn hold<'a>(&'a self, keys: &'a [Key], holder: Token, term: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.by_node(keys, Key::name, |node, keys| node.hold(keys, holder, term)).await.map(drop)
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        holder: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.nodes.of(key.name())?.store.put(key, holder, entry, ttl).await })
    }

    fn unhold<'a>(&'a self, keys: &'a [Key], holder: Token) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.by_node(keys, Key::name, |node, keys| node.unhold(keys, holder)).await.map(drop)
        })
    }

    fn invalidate_durably<'a>(
        &'a self,
        keys: &'a [Key],
        tags: &'a [Tag],
        replicas: u32,
        patience: Duration,
    ) -> StoreFuture<'a, u32> {
        Box::pin(async move {
            let of_keys = self.by_node(keys, Key::name, |node, keys| {
                node.invalidate_durably(keys, &[], replicas, patience)
            });
            let of_tags = self.by_node(tags, Tag::name, |node, tags| {
                node.invalidate_durably(&[], tags, replicas, patience)
            });
            let (of_keys, of_tags) = tokio::join!(biased; of_keys, of_tags);
            Ok(of_keys?.into_iter().chain(of_tags?).min().unwrap_or(replicas))
        })
    }

    fn listen(&self, app: &str, listener: Arc<dyn Listener>) {
        self.nodes.listen(app, &listener);
    }

    fn settling(&self) -> Duration {
        FEED_LEASE + FEED_LEASE / 50 + Duration::from_millis(10)
    }

    fn gather(&self) -> Gathering {
        Gathering::all(self.nodes.all().iter().map(|node| node.store.gather()))
    }

    fn journal(&self) -> Option<&dyn Journal> {
        Some(self)
    }

    fn health<'a>(&'a self, app: &'a str) -> Pin<Box<dyn Future<Output = StoreHealth> + Send + 'a>> {
        Box::pin(self.examine(app))
    }

    fn key_counts<'a>(&'a self, app: &'a str, most: usize) -> StoreFuture<'a, KeyCounts> {
        Box::pin(self.counts(app, most))
    }

    /// By the clock of one of the masters.
    fn now_ms(&self) -> u64 {
        wall_ms().saturating_add_signed(self.nodes.clock_offset_ms())
    }

    fn ready(&self, timeout: Duration) -> Pin<Box<dyn Future<Output = Result<(), NotReady>> + Send + '_>> {
        Box::pin(self.nodes.ready(timeout))
    }
}
