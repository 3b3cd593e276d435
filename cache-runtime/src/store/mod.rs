//! The store port: what the protocol needs of an L2, and nothing else.

pub(crate) mod channels;
mod direct;
mod journal;

use crate::{error::StoreError, key::Key};
use bytes::Bytes;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use tokio::time::Instant;

pub use self::channels::{Attending, Channels, LINGER, Publication, Seen, State};
pub(crate) use self::direct::integer;
pub use self::direct::{Cursor, Direct, Scanned};
pub(crate) use self::journal::Write;
pub use self::journal::{Book, Journal, Taken};
pub use crate::frame::{Lease, Token};
pub use crate::health::{KeyCounts, StoreHealth};
pub use crate::memory::Memory;
#[cfg(feature = "redis")]
pub use crate::redis::Redis;
#[cfg(feature = "cluster")]
pub use crate::redis::RedisCluster;
pub use crate::tag::{Generation, Tag};

/// The future of a store's operation.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What stands at a key, and the generations of its tags.
pub type Found = (Option<Bytes>, Vec<Option<Generation>>);

/// Where entries live that all processes share.
///
/// Each operation happens at once for its key (no other operation sees half of it). An operation sends its command when its future
/// is first polled (one that only reads may wait for others to go with it; where the number of operations is limited, all wait for their
/// turns in the order of these polls), and operations sent by one process happen in the order they were sent. Every operation ends within
/// a deadline; an error may mean that it was executed all the same. Implemented over Redis and in-process; tests wrap either to
/// place faults. What plain operations need besides is in [`Direct`].
pub trait Store: Direct + Send + Sync + 'static {
    /// What stands at `key`.
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Bytes>>;

    /// The same together with the [`generations`](Self::generations) of `tags`.
    fn look_up<'a>(&'a self, key: &'a Key, tags: &'a [Tag]) -> StoreFuture<'a, Found> {
        Box::pin(async move {
            let (entry, generations) = tokio::join!(biased; self.get(key), self.generations(tags));
            Ok((entry?, generations?))
        })
    }

    /// Lets reads that begin while the answer is kept go out together, where the store can do that.
    fn gather(&self) -> Gathering {
        Gathering::default()
    }

    /// The first 17 bytes (kind and token) of what stands at `key`; empty when nothing does.
    fn head<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Bytes>;

    /// How much longer the *value* at `key` lives; `None` when no value stands there.
    fn lifetime<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Lifetime>>;

    /// Takes the right to load `key` for `term`: granted where nothing stands, or the value with the token `instead_of`.
    fn lease<'a>(
        &'a self,
        key: &'a Key,
        lease: Lease,
        term: Duration,
        instead_of: Option<Token>,
    ) -> StoreFuture<'a, Leased>;

    /// Stores `entry` for `ttl` (`None`: for ever) if the lease, or the refresh lease, with `token` is still there; tells whether.
    fn fill<'a>(
        &'a self,
        key: &'a Key,
        token: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool>;

    /// Lets the lease live for another `term`; tells whether it is still there.
    fn renew<'a>(&'a self, key: &'a Key, token: Token, term: Duration) -> StoreFuture<'a, bool>;

    /// Gives the lease back; tells whether it was still there.
    fn release<'a>(&'a self, key: &'a Key, token: Token) -> StoreFuture<'a, bool>;

    /// Takes the right to reload the value with the token `seen` while it goes on answering; tells whether it was granted.
    fn refresh<'a>(&'a self, key: &'a Key, seen: Token, mine: Token, term: Duration)
    -> StoreFuture<'a, bool>;

    /// Removes values and leases, marks holds as shared, and announces it.
    fn invalidate<'a>(&'a self, keys: &'a [Key]) -> StoreFuture<'a, ()>;

    /// The generations of `tags`; `None` for a tag that has none, whose entries are all invalid.
    fn generations<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, Vec<Option<Generation>>>;

    /// The generations of `tags` of one namespace, made where there are none, that live at least for `ttl` (`None`: for ever).
    ///
    /// A store that does not do this in one step reads the first tag last; [`invalidate_tags`](Self::invalidate_tags) removes it first.
    fn capture<'a>(&'a self, tags: &'a [Tag], ttl: Option<Duration>) -> StoreFuture<'a, Vec<Generation>>;

    /// Ends the generations of `tags`, and announces it.
    fn invalidate_tags<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()>;

    /// Lets nothing be stored at `keys` for `term`, as one of possibly several holders.
    fn hold<'a>(&'a self, keys: &'a [Key], holder: Token, term: Duration) -> StoreFuture<'a, ()>;

    /// Ends the hold by storing `entry`, if the holder was alone all the time; tells whether it was stored.
    fn put<'a>(
        &'a self,
        key: &'a Key,
        holder: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool>;

    /// Ends the holds and leaves nothing behind.
    fn unhold<'a>(&'a self, keys: &'a [Key], holder: Token) -> StoreFuture<'a, ()>;

    /// Invalidates `keys` and `tags`, waits up to `patience` until `replicas` copies of the store have done so, and tells how many have.
    ///
    /// A store without copies, as this default, has nothing to wait for.
    fn invalidate_durably<'a>(
        &'a self,
        keys: &'a [Key],
        tags: &'a [Tag],
        replicas: u32,
        patience: Duration,
    ) -> StoreFuture<'a, u32> {
        let _ = patience;
        Box::pin(async move {
            self.invalidate(keys).await?;
            self.invalidate_tags(tags).await?;
            Ok(replicas)
        })
    }

    /// Tells `listener` of every invalidation of the application `app`, by whatever process, from now on.
    ///
    /// A store that cannot says so through [`Listener::unavailable`], as this default does.
    fn listen(&self, app: &str, listener: Arc<dyn Listener>) {
        let _ = app;
        listener.unavailable();
    }

    /// How long after an acknowledged invalidation the last listener has heard of it, or has stopped serving.
    fn settling(&self) -> Duration {
        Duration::ZERO
    }

    /// The channels of this store; one without them, as this default, publishes nothing.
    fn channels(&self) -> Option<&dyn Channels> {
        None
    }

    /// The journals of this store; one without them, as this default, takes no writes behind.
    fn journal(&self) -> Option<&dyn Journal> {
        None
    }

    /// The store's clock in milliseconds since the Unix epoch, as well as this process knows it.
    fn now_ms(&self) -> u64;

    /// How the store is for the application `app`, told within a second or so.
    ///
    /// A store that knows nothing else of itself, as this default, is as it is [`ready`](Self::ready).
    fn health<'a>(&'a self, app: &'a str) -> Pin<Box<dyn Future<Output = StoreHealth> + Send + 'a>> {
        let _ = app;
        Box::pin(async {
            match self.ready(Duration::from_millis(500)).await {
                Ok(()) => StoreHealth::reachable("store"),
                Err(error) => StoreHealth::unreachable("store", error.reason),
            }
        })
    }

    /// How many keys the namespaces of `app` have, as far as looking at about `most` keys of the store tells.
    ///
    /// A store that cannot tell, as this default, answers with an error.
    fn key_counts<'a>(&'a self, app: &'a str, most: usize) -> StoreFuture<'a, KeyCounts> {
        let _ = (app, most);
        Box::pin(std::future::ready(Err(StoreError::Other)))
    }

    /// Waits until the store serves.
    ///
    /// # Errors
    /// Why it does not, after `timeout`.
    fn ready(
        &self,
        timeout: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<(), crate::error::NotReady>> + Send + '_>>;
}

/// Many reads are about to begin, until this is dropped.
#[must_use]
#[derive(Debug, Default)]
pub struct Gathering(Vec<Arc<AtomicUsize>>);

impl Gathering {
    /// Counts as one more read that waits.
    pub fn by(waiting: Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(vec![waiting])
    }

    /// All of `gatherings` together.
    pub fn all(gatherings: impl IntoIterator<Item = Self>) -> Self {
        Self(gatherings.into_iter().flat_map(|mut gathering| std::mem::take(&mut gathering.0)).collect())
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        for waiting in &self.0 {
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How long hits may be served after the last sign of life of a feed.
pub const FEED_LEASE: Duration = Duration::from_secs(1);

/// What hears of invalidations: the in-process tier of one cache.
///
/// Calls come in the order of the events, except for what the store's user sent itself, which comes when it is acknowledged;
/// [`alive`](Self::alive) may be called only when every invalidation that was acknowledged before `until` less [`FEED_LEASE`] has been told.
pub trait Listener: Send + Sync {
    /// The entry with this name (without the application) is not true any more.
    fn invalidated(&self, name: &[u8]);

    /// The entries with the tag of this name (without `cache:tag:{` and the application) are not true any more.
    fn tag_invalidated(&self, name: &[u8]);

    /// Nothing is known to be true any more.
    fn flushed(&self);

    /// Hits may be served until then; `None`: until further notice.
    fn alive(&self, until: Option<Instant>);

    /// The feed broke: invalidations may be missed from now on.
    fn lost(&self);

    /// There is no feed, and there will be none for now: entries are bounded by time instead.
    fn unavailable(&self);
}

/// The answer to [`Store::lease`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    /// The caller loads.
    Granted,
    /// Something else stands there.
    Denied(Bytes),
}

/// How much longer a value lives in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is invalidated or evicted.
    Unbounded,
    /// For this long.
    Left(Duration),
}
