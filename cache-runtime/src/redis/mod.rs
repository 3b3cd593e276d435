//! The store over Redis or Valkey.

mod address;
mod bare;
mod batch;
mod channels;
#[cfg(feature = "cluster")]
mod cluster;
mod connect;
mod connection;
mod direct;
mod durably;
mod fed;
mod feed;
mod guard;
mod health;
mod journal;
mod lifetime;
mod member;
mod open;
mod place;
mod reads;
mod reply;
mod rights;
mod script;
#[cfg(feature = "sentinel")]
mod sentinel;
mod tls;
mod turns;

#[cfg(any(feature = "cluster", feature = "sentinel"))]
pub(crate) use self::address::joined;
#[cfg(feature = "cluster")]
pub use self::cluster::RedisCluster;
pub(crate) use self::open::{Upkeep, open};
#[cfg_attr(not(feature = "tls"), expect(unreachable_pub, reason = "it is public with the feature"))]
pub use self::tls::Tls;

use self::address::Address;
use self::batch::{each, for_each, invalidate, invalidate_tags};
use self::channels::Ears;
use self::connection::{Link, Supervisor};
use self::fed::Announced;
use self::feed::Feed;
use self::journal::Writer;
use self::place::Place;
use self::reads::Reads;
use self::script::{CAPTURE, FILL, HOLD, LEASE, REFRESH, RELEASE, RENEW, Script, UNHOLD, ttl_argument};
use crate::error::{ConfigError, NotReady, StoreError};
use crate::key::Key;
use crate::store::{
    Channels, FEED_LEASE, Found, Gathering, Journal, KeyCounts, Lease, Leased, Lifetime, Listener, Store,
    StoreFuture, StoreHealth, Token,
};
use crate::tag::{Generation, Tag};
use crate::time::{millis, wall_ms};
use ::redis::{Cmd, Value, cmd};
use bytes::Bytes;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Unsent invalidations in one trip.
const INVALIDATE_BATCH: usize = 512;
/// How long a reader waits for one answer.
const READ: Duration = Duration::from_millis(100);
/// How long a writer waits for one answer.
const WRITE: Duration = Duration::from_millis(250);

/// A [`Store`] over one Redis or Valkey server, by one shared connection that reconnects by itself.
pub struct Redis {
    place: Place,
    link: Arc<Link>,
    reads: Reads,
    _supervisor: Supervisor,
    feeds: Mutex<Vec<Supervisor>>,
    ears: Ears,
    writer: Writer,
}

impl Redis {
    /// Begins to connect; waits for nothing.
    ///
    /// # Errors
    /// If `url` is not one of Redis, or one of a cluster.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        let address = Address::parse(url, "redis url", None)?;
        let place =
            Place::of(&address).ok_or_else(|| ConfigError::new("redis url", "is one of a cluster"))?;
        Ok(Self::at(place, Upkeep::default()))
    }

    /// The same, doing at each connect what has to be done before anything is read.
    fn at(place: Place, upkeep: Upkeep) -> Self {
        let link = Arc::new(Link::limited(upkeep.operations));
        let supervisor = connect::supervise(place.clone(), link.clone(), upkeep);
        let reads = Reads::over(link.clone());
        let (feeds, ears, writer) = (Mutex::default(), Ears::default(), Writer::default());
        Self { place, link, reads, _supervisor: supervisor, feeds, ears, writer }
    }

    /// Sends one command.
    async fn command(&self, deadline: Duration, command: &Cmd) -> Result<Value, StoreError> {
        let mut connected = self.link.connected()?;
        self.link.within(connected.number, deadline, pin!(connected.send(command))).await
    }

    /// Runs a script: by its hash, and with its text where the server does not know it.
    async fn script(
        &self,
        deadline: Duration,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<Value, StoreError> {
        let mut connected = self.link.connected()?;
        let number = connected.number;
        let run = async move {
            match connected.send(&script.by_hash(keys, args)).await {
                Err(error) if reply::is_no_script(&error) => {
                    connected.send(&script.by_text(keys, args)).await
                }
                reply => reply,
            }
        };
        self.link.within(number, deadline, pin!(run)).await
    }
}

impl Store for Redis {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(async {
            let beside = key.beside();
            let names = beside.iter().chain([key.bytes()]).collect::<Vec<_>>();
            let mut values = self.reads.read(&names).await?.into_iter();
            Ok(bare::entry(key, &mut values, self.now_ms()))
        })
    }

    fn look_up<'a>(&'a self, key: &'a Key, tags: &'a [Tag]) -> StoreFuture<'a, Found> {
        Box::pin(async move {
            let beside = key.beside();
            let names = beside.iter().chain([key.bytes()]).chain(tags.iter().map(Tag::bytes));
            let mut values = self.reads.read(&names.collect::<Vec<_>>()).await?.into_iter();
            let entry = bare::entry(key, &mut values, self.now_ms());
            Ok((entry, reply::generations_of(values)))
        })
    }

    fn gather(&self) -> Gathering {
        self.reads.gather()
    }

    fn head<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Bytes> {
        Box::pin(async {
            if key.is_bare() {
                return self.bare_head(key).await;
            }
            let head = self.command(READ, cmd("GETRANGE").arg(key.name()).arg(0).arg(16)).await?;
            Ok(reply::bytes(head)?.unwrap_or_default())
        })
    }

    fn lifetime<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Lifetime>> {
        Box::pin(lifetime::of(self, key))
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        lease: Lease,
        term: Duration,
        instead_of: Option<Token>,
    ) -> StoreFuture<'a, Leased> {
        Box::pin(async move {
            if key.is_bare() {
                return self.bare_lease(key, lease, term, instead_of).await;
            }
            let (blob, term) = (lease.to_bytes(), millis(term));
            let native = instead_of.is_none() && self.link.connected()?.sets_and_gets;
            let reply = if native {
                let mut set = cmd("SET");
                set.arg(key.name()).arg(&blob[..]).arg("NX").arg("GET").arg("PX").arg(term);
                self.command(READ, &set).await?
            } else {
                let seen = instead_of.as_ref().map_or(&[][..], |token| token.as_bytes());
                self.script(READ, &LEASE, &[key.name()], &[&blob, term.to_string().as_bytes(), seen]).await?
            };
            Ok(reply::bytes(reply)?.map_or(Leased::Granted, Leased::Denied))
        })
    }

    fn fill<'a>(
        &'a self,
        key: &'a Key,
        token: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            if key.is_bare() {
                return self.bare_fill(key, token, &entry, ttl).await;
            }
            let args = [token.as_bytes(), &entry[..], ttl_argument(ttl).as_bytes()].map(<[u8]>::to_vec);
            let args = [&args[0][..], &args[1], &args[2]];
            reply::yes(&self.script(WRITE, &FILL, &[key.name()], &args).await?)
        })
    }

    fn renew<'a>(&'a self, key: &'a Key, token: Token, term: Duration) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let term = millis(term).to_string();
            reply::yes(&self.script_at(WRITE, &RENEW, key, &[token.as_bytes(), term.as_bytes()]).await?)
        })
    }

    fn release<'a>(&'a self, key: &'a Key, token: Token) -> StoreFuture<'a, bool> {
        Box::pin(async move { reply::yes(&self.script_at(WRITE, &RELEASE, key, &[token.as_bytes()]).await?) })
    }

    fn refresh<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        mine: Token,
        term: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let term = millis(term).to_string();
            let args = [&seen.as_bytes()[..], mine.as_bytes(), term.as_bytes()];
            reply::yes(&self.script_at(READ, &REFRESH, key, &args).await?)
        })
    }

    fn invalidate<'a>(&'a self, keys: &'a [Key]) -> StoreFuture<'a, ()> {
        Box::pin(self.announce(Announced::Keys(keys)))
    }

    fn generations<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, Vec<Option<Generation>>> {
        Box::pin(async move {
            let names = tags.iter().map(Tag::bytes).collect::<Vec<_>>();
            Ok(reply::generations_of(self.reads.read(&names).await?))
        })
    }

    fn capture<'a>(&'a self, tags: &'a [Tag], ttl: Option<Duration>) -> StoreFuture<'a, Vec<Generation>> {
        Box::pin(async move {
            let names: Vec<_> = tags.iter().map(Tag::name).collect();
            let (fresh, ttl) = (crate::tag::fresh(), ttl_argument(ttl));
            let reply = self.script(READ, &CAPTURE, &names, &[&fresh, ttl.as_bytes()]).await?;
            reply::generations(reply)?.into_iter().collect::<Option<_>>().ok_or(StoreError::Other)
        })
    }

    fn invalidate_tags<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        Box::pin(self.announce(Announced::Tags(tags)))
    }

    fn hold<'a>(&'a self, keys: &'a [Key], holder: Token, term: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let term = millis(term).to_string();
            let mut connected = self.link.connected()?;
            let number = connected.number;
            let args = [&holder.as_bytes()[..], term.as_bytes()];
            self.link.within(number, WRITE, pin!(for_each(&mut connected, keys, &HOLD, &args))).await
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        holder: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            if key.is_bare() {
                return self.bare_put(key, holder, &entry, ttl).await;
            }
            let ttl = ttl_argument(ttl);
            let args = [&holder.as_bytes()[..], &entry, ttl.as_bytes()];
            let mut connected = self.link.connected()?;
            let number = connected.number;
            let put = each(&mut connected, std::slice::from_ref(key), &UNHOLD, &args);
            self.link
                .within(number, WRITE, pin!(put))
                .await?
                .first()
                .map_or(Err(StoreError::Other), reply::yes)
        })
    }

    fn unhold<'a>(&'a self, keys: &'a [Key], holder: Token) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connected = self.link.connected()?;
            let number = connected.number;
            let args = [&holder.as_bytes()[..], b"", b"0"];
            self.link.within(number, WRITE, pin!(for_each(&mut connected, keys, &UNHOLD, &args))).await
        })
    }

    fn invalidate_durably<'a>(
        &'a self,
        keys: &'a [Key],
        tags: &'a [Tag],
        replicas: u32,
        patience: Duration,
    ) -> StoreFuture<'a, u32> {
        Box::pin(async move { durably::invalidate(self, keys, tags, replicas, patience).await })
    }

    fn listen(&self, app: &str, listener: Arc<dyn Listener>) {
        let feed = Feed::new(self.place.clone(), self.link.clone(), app.to_owned(), &listener);
        let running = Supervisor(tokio::spawn(feed.run()));
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).push(running);
    }

    fn channels(&self) -> Option<&dyn Channels> {
        Some(self)
    }

    fn journal(&self) -> Option<&dyn Journal> {
        Some(self)
    }

    /// The L1 lease with 2 % for clocks that run apart, and an event loop's cycle of the server.
    fn settling(&self) -> Duration {
        FEED_LEASE + FEED_LEASE / 50 + Duration::from_millis(10)
    }

    fn now_ms(&self) -> u64 {
        wall_ms().saturating_add_signed(self.link.clock_offset_ms())
    }

    fn health<'a>(&'a self, app: &'a str) -> Pin<Box<dyn Future<Output = StoreHealth> + Send + 'a>> {
        Box::pin(health::examine(&self.link, app))
    }

    fn key_counts<'a>(&'a self, app: &'a str, most: usize) -> StoreFuture<'a, KeyCounts> {
        Box::pin(health::key_counts(&self.link, app, most))
    }

    fn ready(&self, timeout: Duration) -> Pin<Box<dyn Future<Output = Result<(), NotReady>> + Send + '_>> {
        Box::pin(self.link.ready(timeout))
    }
}
