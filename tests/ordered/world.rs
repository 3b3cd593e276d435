//! Several "processes" (caches) over one store, whose answers a test can hold back.

use bytes::Bytes;
use cache_runtime::store::{
    Cursor, Direct, Generation, Lease, Leased, Lifetime, Listener, Memory, Redis, Scanned, Store,
    StoreFuture, Tag, Token,
};
use cache_runtime::{Cache, Key, NotReady, Outcome, StoreError, cached, observed};
use cache_tests::gate::{Counter, Gate, GatedLoad};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::within;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Where processes meet.
pub(crate) enum World {
    Memory(Arc<Memory>),
    Redis(RedisServer),
}

impl World {
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(memory) => memory.clone(),
            Self::Redis(server) => {
                let store = Redis::connect(&server.url()).expect("a good url");
                store.ready(Duration::from_secs(10)).await.expect("the server is up");
                Arc::new(store)
            }
        }
    }

    /// A process with its own view of the store.
    pub(crate) async fn process(&self) -> Process {
        Process::over(self.store().await)
    }

    /// A process whose store does what the spy says.
    pub(crate) async fn spied(&self, spy: &Spy) -> Process {
        Self::spying(self.store().await, spy)
    }

    /// A process over `store` that does what the spy says.
    pub(crate) fn spying(store: Arc<dyn Store>, spy: &Spy) -> Process {
        Process::over(spy.over(store))
    }
}

/// Runs `scenario` over each kind of store.
pub(crate) async fn everywhere(scenario: impl AsyncFn(&World)) {
    scenario(&World::Memory(Arc::default())).await;
    scenario(&World::Redis(RedisServer::start())).await;
}

/// One cache, as one process would have it.
#[derive(Clone)]
pub(crate) struct Process(pub(crate) Cache);

impl Process {
    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        Self(Cache::builder().store(store).build().expect("a good configuration"))
    }

    /// Calls the cached function, in a task of its own.
    pub(crate) fn spawn_read(&self, id: u64, load: &GatedLoad<u64>) -> Read {
        self.spawn(read(id, load.clone()))
    }

    /// Runs a cached call, in a task of its own.
    pub(crate) fn spawn<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> Read<T> {
        let cache = self.0.clone();
        Read(tokio::spawn(async move { cache.scope_for(observed(call)).await }.map_outcome()))
    }

    pub(crate) async fn read(&self, id: u64, load: &GatedLoad<u64>) -> (u64, Outcome) {
        self.spawn_read(id, load).end().await
    }

    /// Invalidates the cached function's entry; returns when that is acknowledged.
    pub(crate) async fn invalidate(&self, id: u64) {
        let outcome = self.0.scope_for(async { read_entry(id).invalidate().await }).await;
        assert_eq!(outcome, cache_runtime::Invalidation::Applied);
    }
}

trait MapOutcome<T>: Future<Output = (T, cache_runtime::Report)> + Sized {
    async fn map_outcome(self) -> (T, Outcome) {
        let (value, report) = self.await;
        (value, report.outcome().expect("it was a cached call"))
    }
}

impl<T, F: Future<Output = (T, cache_runtime::Report)>> MapOutcome<T> for F {}

/// A call under way.
pub(crate) struct Read<T = u64>(pub(crate) JoinHandle<(T, Outcome)>);

impl<T> Read<T> {
    pub(crate) async fn end(self) -> (T, Outcome) {
        within("the call to end", self.0).await.expect("it neither panics nor is cancelled")
    }
}

/// The cached function of these tests: every answer comes from the store.
#[cached(ns = "ordered", ttl = "medium", l1 = "off", skip(load))]
pub(crate) async fn read(id: u64, load: GatedLoad<u64>) -> u64 {
    load.load().await
}

/// What a process's store does besides answering.
#[derive(Clone, Default)]
pub(crate) struct Spy {
    /// Fills that the store has executed.
    pub(crate) fills: Counter,
    /// GETs that the store has executed.
    pub(crate) gets: Counter,
    /// Leases that were asked for.
    pub(crate) leases: Counter,
    /// The tags that were last to be invalidated.
    pub(crate) tags: Arc<Mutex<Vec<Tag>>>,
    /// Lookups that asked for generations.
    pub(crate) generations: Counter,
    /// Holds back the answers of fills, after they were executed.
    pub(crate) fill_answers: Option<Gate>,
    /// Holds back fills, before they are executed.
    pub(crate) fills_sent: Option<Gate>,
    /// Fails invalidations, as if they had run into their deadline unexecuted.
    pub(crate) no_invalidations: Arc<AtomicBool>,
    /// Holds back the answers of GETs, after they were executed.
    pub(crate) get_answers: Option<Gate>,
    /// Holds back the answers of GETs that found a value, after they were executed.
    pub(crate) value_answers: Option<Gate>,
    /// Holds back invalidations of keys, before they are executed.
    pub(crate) invalidations_sent: Option<Gate>,
    /// Holds back the answers of holds, after they were executed.
    pub(crate) hold_answers: Option<Gate>,
    /// Holds back the ends of holds, before they are executed.
    pub(crate) hold_ends_sent: Option<Gate>,
    /// Holds back plain sets, before they are executed.
    pub(crate) sets_sent: Option<Gate>,
    /// What plain operations that change something end with, one after the other: after they were executed, unless the store is said to
    /// have refused them.
    pub(crate) direct_errors: Arc<Mutex<Vec<StoreError>>>,
    /// Plain operations that were to change something.
    pub(crate) changes: Counter,
    /// Stores whatever a fill brings: the guard removed.
    pub(crate) blind: bool,
    /// How far this process's clock is ahead (ms).
    pub(crate) clock_ahead_ms: i64,
    /// Tells of invalidations instead of the store.
    pub(crate) feed: Option<Arc<dyn Store>>,
}

impl Spy {
    /// For a process that hears of no invalidation but its own.
    pub(crate) fn unfed() -> Self {
        Self { feed: Some(Arc::<Memory>::default()), ..Self::default() }
    }

    /// What a process sees of `store`.
    pub(crate) fn over(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Spied { store, spy: self.clone() })
    }
}

struct Spied {
    store: Arc<dyn Store>,
    spy: Spy,
}

async fn held<T>(gate: Option<&Gate>, answer: T) -> T {
    if let Some(gate) = gate {
        gate.wait().await;
    }
    answer
}

impl Spied {
    async fn change<T>(&self, change: StoreFuture<'_, T>) -> Result<T, StoreError> {
        let error = self.spy.direct_errors.lock().expect("no panic").pop();
        self.spy.changes.add();
        if error == Some(StoreError::Unavailable) {
            return Err(StoreError::Unavailable);
        }
        let changed = change.await;
        error.map_or(changed, Err)
    }
}

impl Direct for Spied {
    fn is_up(&self) -> bool {
        self.store.is_up()
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Bytes, ttl: Option<Duration>) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            held(self.spy.sets_sent.as_ref(), ()).await;
            self.change(self.store.set(key, entry, ttl)).await
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(self.change(self.store.replace(key, seen, entry, ttl)))
    }

    fn increment<'a>(&'a self, key: &'a Key, by: i64, ttl: Option<Duration>) -> StoreFuture<'a, i64> {
        Box::pin(self.change(self.store.increment(key, by, ttl)))
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

impl Store for Spied {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(async {
            let answer = self.store.get(key).await;
            self.spy.gets.add();
            let found = matches!(&answer, Ok(Some(entry)) if entry.starts_with(b"V"));
            let gate = self.spy.value_answers.as_ref().filter(|_| found);
            held(gate.or(self.spy.get_answers.as_ref()), answer).await
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
        self.spy.leases.add();
        self.store.lease(key, lease, term, instead_of)
    }

    fn fill<'a>(
        &'a self,
        key: &'a Key,
        token: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            held(self.spy.fills_sent.as_ref(), ()).await;
            let filled = if self.spy.blind {
                let holder = Token::random();
                let keys = std::slice::from_ref(key);
                self.store.unhold(keys, holder).await?;
                self.store.hold(keys, holder, Duration::from_secs(1)).await?;
                self.store.put(key, holder, entry, ttl).await
            } else {
                self.store.fill(key, token, entry, ttl).await
            };
            self.spy.fills.add();
            held(self.spy.fill_answers.as_ref(), filled).await
        })
    }

    fn renew<'a>(&'a self, key: &'a Key, token: Token, term: Duration) -> StoreFuture<'a, bool> {
        self.store.renew(key, token, term)
    }

    fn release<'a>(&'a self, key: &'a Key, token: Token) -> StoreFuture<'a, bool> {
        self.store.release(key, token)
    }

    fn refresh<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        mine: Token,
        term: Duration,
    ) -> StoreFuture<'a, bool> {
        self.store.refresh(key, seen, mine, term)
    }

    fn invalidate<'a>(&'a self, keys: &'a [Key]) -> StoreFuture<'a, ()> {
        Box::pin(async {
            held(self.spy.invalidations_sent.as_ref(), ()).await;
            if self.spy.no_invalidations.load(Ordering::SeqCst) {
                return Err(StoreError::Timeout);
            }
            self.store.invalidate(keys).await
        })
    }

    fn generations<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, Vec<Option<Generation>>> {
        self.spy.generations.add();
        self.store.generations(tags)
    }

    fn capture<'a>(&'a self, tags: &'a [Tag], ttl: Option<Duration>) -> StoreFuture<'a, Vec<Generation>> {
        self.store.capture(tags, ttl)
    }

    fn invalidate_tags<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        *self.spy.tags.lock().expect("no panic") = tags.to_vec();
        self.store.invalidate_tags(tags)
    }

    fn hold<'a>(&'a self, keys: &'a [Key], holder: Token, term: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let answer = self.store.hold(keys, holder, term).await;
            held(self.spy.hold_answers.as_ref(), answer).await
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
            held(self.spy.hold_ends_sent.as_ref(), ()).await;
            self.store.put(key, holder, entry, ttl).await
        })
    }

    fn unhold<'a>(&'a self, keys: &'a [Key], holder: Token) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            held(self.spy.hold_ends_sent.as_ref(), ()).await;
            self.store.unhold(keys, holder).await
        })
    }

    fn invalidate_durably<'a>(
        &'a self,
        keys: &'a [Key],
        tags: &'a [Tag],
        replicas: u32,
        patience: Duration,
    ) -> StoreFuture<'a, u32> {
        self.store.invalidate_durably(keys, tags, replicas, patience)
    }

    fn listen(&self, app: &str, listener: Arc<dyn Listener>) {
        self.spy.feed.as_ref().unwrap_or(&self.store).listen(app, listener);
    }

    fn settling(&self) -> Duration {
        self.store.settling()
    }

    fn now_ms(&self) -> u64 {
        self.store.now_ms().saturating_add_signed(self.spy.clock_ahead_ms)
    }

    fn ready(&self, timeout: Duration) -> Pin<Box<dyn Future<Output = Result<(), NotReady>> + Send + '_>> {
        self.store.ready(timeout)
    }
}
