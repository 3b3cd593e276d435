//! Runs in which an assumption or a guard is missing, which the checker must notice.

use crate::log::Way;
use bytes::Bytes;
use cache_runtime::store::{
    Cursor, Direct, Generation, Lease, Leased, Lifetime, Listener, Redis, Scanned, Store, StoreFuture, Tag,
    Token,
};
use cache_runtime::{Key, NotReady};
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Broken {
    /// A1: loads see the source as it was 100 ms ago.
    OldSnapshot,
    /// A2: the invalidation comes before the commit.
    EarlyInvalidation,
    /// A3: a commit without an invalidation.
    PastTheLibrary,
    /// A4: Redis comes back with what it had before mutations that it acknowledged.
    LostWrites,
    /// A5: all leases of a process have one token.
    OneToken,
    /// A6: a register under two keys, of which mutations name one.
    TwoKeys,
    /// A7: each process's clock runs at a fifth of its speed.
    SlowClock,
    /// The guard of fills: the store takes whatever a fill brings.
    BlindFill,
    /// The lease: whoever asks may load.
    NoLease,
    /// The deadlines: an answer may take a second and a half.
    NoDeadline,
    /// The end of what L1 may serve without a sign of life: five seconds later than it is.
    LongLease,
    /// An invalidated tag: nobody else hears of it.
    LostTags,
    /// The clock of a namespace: it stands when a tag falls.
    StandingClock,
    /// The holds: they are granted and not there.
    NoHold,
    /// The order of a transaction: what it makes untrue falls before it commits.
    EarlyScope,
    /// The bypass of a transaction's reads: they are made outside of it.
    LostScope,
}

impl Broken {
    pub(crate) const ALL: [Self; 16] = [
        Self::OldSnapshot,
        Self::EarlyInvalidation,
        Self::PastTheLibrary,
        Self::LostWrites,
        Self::OneToken,
        Self::TwoKeys,
        Self::SlowClock,
        Self::BlindFill,
        Self::NoLease,
        Self::NoDeadline,
        Self::LongLease,
        Self::LostTags,
        Self::StandingClock,
        Self::NoHold,
        Self::EarlyScope,
        Self::LostScope,
    ];

    /// What the checker must say, in a violation or in a column.
    pub(crate) fn caught_by(self) -> &'static str {
        match self {
            Self::LostWrites => "W6",
            Self::NoLease => "two loads",
            Self::NoDeadline => "too long",
            Self::LostScope => "past its transaction",
            _ => "stale",
        }
    }

    /// Whether it is about tags, so that all calls are.
    pub(crate) fn is_of_tags(self) -> bool {
        matches!(self, Self::LostTags | Self::StandingClock)
    }

    /// How registers are mutated without it.
    pub(crate) fn ways(self) -> &'static [Way] {
        match self {
            Self::LostTags | Self::StandingClock => &[Way::Tag, Way::TagOfResult, Way::TagByHand],
            Self::NoHold => &[Way::Around, Way::Updates],
            Self::EarlyScope | Self::LostScope => &[Way::Scope],
            _ => &[Way::After],
        }
    }

    fn is_of_the_store(self) -> bool {
        use Broken::{BlindFill, LongLease, LostTags, NoDeadline, NoHold, NoLease, OneToken, StandingClock};
        matches!(
            self,
            OneToken | BlindFill | NoLease | NoDeadline | LongLease | LostTags | StandingClock | NoHold
        )
    }
}

/// The store without its guard, where that is what is missing.
pub(crate) fn tampered(redis: &str, broken: Option<Broken>) -> Option<Arc<dyn Store>> {
    let broken = broken.filter(|broken| broken.is_of_the_store())?;
    let store = Redis::connect(redis).expect("the driver gives a good url");
    Some(Arc::new(Tampered { store, broken, token: Token::random(), ears: Mutex::default() }))
}

struct Tampered {
    store: Redis,
    broken: Broken,
    token: Token,
    ears: Mutex<Vec<Arc<dyn Listener>>>,
}

impl Tampered {
    fn token(&self, given: Token) -> Token {
        if self.broken == Broken::OneToken { self.token } else { given }
    }
}

impl Direct for Tampered {
    fn is_up(&self) -> bool {
        self.store.is_up()
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Bytes, ttl: Option<Duration>) -> StoreFuture<'a, bool> {
        self.store.set(key, entry, ttl)
    }

    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        self.store.replace(key, seen, entry, ttl)
    }

    fn increment<'a>(&'a self, key: &'a Key, by: i64, ttl: Option<Duration>) -> StoreFuture<'a, i64> {
        self.store.increment(key, by, ttl)
    }

    fn count<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<(i64, Lifetime)>> {
        self.store.count(key)
    }

    fn scan<'a>(&'a self, pattern: &'a [u8], from: Cursor) -> StoreFuture<'a, Scanned> {
        self.store.scan(pattern, from)
    }

    fn touch<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        self.store.touch(tags)
    }
}

impl Store for Tampered {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            if self.broken == Broken::NoDeadline {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
            }
            self.store.get(key).await
        })
    }

    fn head<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Bytes> {
        self.store.head(key)
    }

    fn lifetime<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Lifetime>> {
        self.store.lifetime(key)
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        lease: Lease,
        term: Duration,
        instead_of: Option<Token>,
    ) -> StoreFuture<'a, Leased> {
        Box::pin(async move {
            let lease = Lease { token: self.token(lease.token), ..lease };
            match self.store.lease(key, lease, term, instead_of).await {
                Ok(Leased::Denied(_)) if self.broken == Broken::NoLease => Ok(Leased::Granted),
                leased => leased,
            }
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
            if self.broken != Broken::BlindFill {
                return self.store.fill(key, self.token(token), entry, ttl).await;
            }
            self.store.invalidate(std::slice::from_ref(key)).await?;
            let lease = Lease { token, expected: Duration::ZERO, acquired_ms: self.now_ms() };
            self.store.lease(key, lease, Duration::from_secs(1), None).await?;
            self.store.fill(key, token, entry, ttl).await
        })
    }

    fn renew<'a>(&'a self, key: &'a Key, token: Token, term: Duration) -> StoreFuture<'a, bool> {
        self.store.renew(key, self.token(token), term)
    }

    fn release<'a>(&'a self, key: &'a Key, token: Token) -> StoreFuture<'a, bool> {
        self.store.release(key, self.token(token))
    }

    fn refresh<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        mine: Token,
        term: Duration,
    ) -> StoreFuture<'a, bool> {
        self.store.refresh(key, seen, self.token(mine), term)
    }

    fn invalidate<'a>(&'a self, keys: &'a [Key]) -> StoreFuture<'a, ()> {
        self.store.invalidate(keys)
    }

    fn generations<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, Vec<Option<Generation>>> {
        self.store.generations(tags)
    }

    fn capture<'a>(&'a self, tags: &'a [Tag], ttl: Option<Duration>) -> StoreFuture<'a, Vec<Generation>> {
        self.store.capture(tags, ttl)
    }

    fn invalidate_tags<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let reached = |tag: &&Tag| match self.broken {
                Broken::LostTags => false,
                Broken::StandingClock => !tag.name().ends_with(b"}:@"),
                _ => true,
            };
            let tags: Vec<_> = tags.iter().filter(reached).cloned().collect();
            self.store.invalidate_tags(&tags).await
        })
    }

    fn hold<'a>(&'a self, keys: &'a [Key], holder: Token, term: Duration) -> StoreFuture<'a, ()> {
        let keys = if self.broken == Broken::NoHold { &[] } else { keys };
        self.store.hold(keys, holder, term)
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        holder: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        self.store.put(key, holder, entry, ttl)
    }

    fn unhold<'a>(&'a self, keys: &'a [Key], holder: Token) -> StoreFuture<'a, ()> {
        self.store.unhold(keys, holder)
    }

    fn listen(&self, app: &str, listener: Arc<dyn Listener>) {
        if self.broken == Broken::LongLease {
            let late: Arc<dyn Listener> = Arc::new(Late(listener));
            self.store.listen(app, Arc::clone(&late));
            // The feed keeps none alive.
            self.ears.lock().unwrap_or_else(PoisonError::into_inner).push(late);
        } else {
            self.store.listen(app, listener);
        }
    }

    fn now_ms(&self) -> u64 {
        self.store.now_ms()
    }

    fn ready(&self, timeout: Duration) -> Pin<Box<dyn Future<Output = Result<(), NotReady>> + Send + '_>> {
        self.store.ready(timeout)
    }
}

/// A listener that believes signs of life for longer than it should.
struct Late(Arc<dyn Listener>);

impl Listener for Late {
    fn invalidated(&self, name: &[u8]) {
        self.0.invalidated(name);
    }

    fn tag_invalidated(&self, name: &[u8]) {
        self.0.tag_invalidated(name);
    }

    fn flushed(&self) {
        self.0.flushed();
    }

    fn alive(&self, until: Option<Instant>) {
        self.0.alive(until.map(|until| until + Duration::from_secs(5)));
    }

    fn lost(&self) {
        self.0.lost();
    }

    fn unavailable(&self) {
        self.0.unavailable();
    }
}
