//! The algorithm: who loads, who waits, what is stored, what is dropped. Over ports only, and over bytes and erased futures only.

mod age;
mod background;
mod batch;
mod behind;
mod heat;
mod hold;
mod invalidate;
mod load;
mod local;
mod plain;
mod prolong;
mod read;
mod refresh;
mod retry;
mod sweep;
mod tags;
mod warm;

pub(crate) use self::batch::Batch;
pub(crate) use self::behind::Unsaved;
pub(crate) use self::hold::HeldEntry;
pub use self::hold::Put;
pub(crate) use self::local::Take;
pub(crate) use self::retry::Again;
pub use self::sweep::Swept;
pub(crate) use self::sweep::{Meant, with_clocks};
pub(crate) use self::warm::Warmth;

use self::batch::Admitted;

use crate::codec::Compression;
use crate::error::StoreError;
use crate::flight::{Flights, Shared, Trailing, Waits};
use crate::frame::{Tags, Token, Value};
use crate::health::{Health, StoreHealth};
use crate::key::{Args, Key, KeyBuf};
use crate::local::{CallRef, Local};
use crate::observe::{Counters, Outcome, Stats};
use crate::pending::Pending;
use crate::policy::{Policy, Term};
use crate::settings::Settings;
use crate::site::Site;
use crate::store::Store;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a lease lives without being renewed: what a crashed loader blocks its key.
const LEASE: Duration = Duration::from_secs(3);
/// How long a hold lives: longer than any `put` takes.
const HOLD: Duration = Duration::from_secs(10);
/// How long a store may take to say how it is.
const HEALTH: Duration = Duration::from_secs(2);
/// Bodies that run at once although others would have to be waited for, or shared with.
const FALLBACKS: usize = 128;

/// One cache: a store, this process's tier, and the loads between them.
pub(crate) struct Engine {
    id: usize,
    pub(crate) app: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) enabled: bool,
    local: Arc<Local>,
    flights: Flights,
    trailing: Trailing,
    waits: Waits,
    pending: Arc<Pending>,
    draining: AtomicBool,
    fallbacks: Arc<Semaphore>,
    /// Bodies that run at once in a namespace, in the order they came.
    loads: usize,
    /// Bytes of the largest value that is stored.
    largest: usize,
    admission: Mutex<BTreeMap<&'static str, Arc<Semaphore>>>,
    background: background::Background,
    heat: heat::Heat,
    pub(crate) settings: Settings,
    journals: behind::Journals,
    counters: Mutex<BTreeMap<(&'static str, &'static str), Arc<Counters>>>,
}

/// How a call was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) outcome: Outcome,
    pub(crate) age: Option<Duration>,
    /// Whether the value is to be reloaded in the background.
    pub(crate) due: bool,
}

impl Answered {
    fn by(outcome: Outcome) -> Self {
        Self { outcome, age: None, due: false }
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) site: &'static Site,
    /// The site's, except where one site serves many.
    pub(crate) namespace: &'a str,
    pub(crate) policy: Policy,
    pub(crate) key: &'a KeyBuf,
    pub(crate) args: &'a Args,
    /// The texts of the tags that the arguments tell.
    pub(crate) tags: &'a [Bytes],
    /// Whether values bring tags of their own.
    pub(crate) tags_with: bool,
    /// How long generations have to live: as long as the entry.
    pub(crate) tag_ttl: Option<Duration>,
    /// The lookups that have one body together with this one.
    pub(crate) batch: Option<&'a Batch>,
}

impl<'a> Request<'a> {
    fn call(&self) -> CallRef<'a> {
        CallRef { site: self.site, args: self.args }
    }
}

/// The typed place of an answer.
pub(crate) trait Answer: Send {
    /// Takes the value of a frame as the answer.
    fn decode(&mut self, value: &Value<'_>) -> Result<(), Unreadable>;
    /// Takes a shared value as the answer, if it is of the right type.
    fn adopt(&mut self, value: &Shared) -> bool;
    /// A clone of the answer, for others.
    fn share(&self) -> Option<Shared>;
    /// The texts of the tags that the answer brings.
    fn tags(&self) -> Vec<Bytes>;
    /// The answer as a frame; `None` when it cannot be written, or takes more than `most` bytes.
    fn frame(&self, key: &Key, stored: Stamped<'_>, compression: Compression, most: usize) -> Option<Framed>;
}

/// The typed side of one call: it runs the body and keeps the answer; the engine decides what becomes of it.
pub(crate) trait Call: Answer {
    /// What becomes of the answer it has.
    fn has_answer(&self) -> Loaded;
    /// Runs the body.
    fn poll_load(&mut self, context: &mut Context<'_>) -> Poll<Loaded>;
    /// Whether a stale value may answer instead of the error that the body ended with.
    fn forgives(&self) -> bool;
    /// Takes back the error: a stale value is the answer.
    fn forget_error(&mut self);
    /// Takes a shared error as the answer, if it is of the right type.
    fn adopt_error(&mut self, error: &Shared) -> bool;
}

/// What the body gave, as far as the engine cares.
pub(crate) enum Loaded {
    /// A value to be stored.
    Store(Term),
    /// A value that is not stored, by the function's own rules.
    Keep,
    /// An error, where it can be shared.
    Failed(Option<Shared>),
}

/// Why a frame's value is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Written for a newer type, or by somebody else; not to be replaced by this binary.
    Newer,
    /// Anything else; to be replaced.
    Broken,
}

/// What the engine adds to a value in its frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamped<'a> {
    pub(crate) token: Token,
    pub(crate) tags: Tags<'a>,
    pub(crate) created_ms: u64,
    pub(crate) soft: Option<Duration>,
    pub(crate) delta: Duration,
}

/// A value as it stands in the store.
pub(crate) struct Framed {
    pub(crate) bytes: Vec<u8>,
    /// Bytes of its payload before it was compressed.
    pub(crate) raw_len: usize,
}

/// What an engine is made of.
pub(crate) struct Parts {
    pub(crate) app: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) local: Arc<Local>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) enabled: bool,
    pub(crate) loads: usize,
    pub(crate) settings: Settings,
    pub(crate) largest: usize,
}

impl Engine {
    pub(crate) fn new(parts: Parts) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            app: parts.app,
            store: parts.store,
            enabled: parts.enabled,
            local: parts.local,
            flights: Flights::default(),
            trailing: Trailing::default(),
            waits: Waits::default(),
            pending: parts.pending,
            draining: AtomicBool::new(false),
            fallbacks: Arc::new(Semaphore::new(FALLBACKS)),
            loads: parts.loads,
            largest: parts.largest,
            admission: Mutex::default(),
            background: background::Background::default(),
            heat: heat::Heat::default(),
            settings: parts.settings,
            journals: behind::Journals::default(),
            counters: Mutex::default(),
        }
    }

    pub(crate) fn key(&self, key: &KeyBuf) -> Key {
        Key::of(&self.app, key)
    }

    pub(crate) fn key_of(&self, request: &Request<'_>) -> Key {
        let key = self.key(request.key);
        if request.site.is_bare { key.bare() } else { key }
    }

    pub(crate) fn counters(&self, site: &'static Site) -> crate::site::SiteCounters<'static> {
        site.counters(self.id, || {
            let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
            counters.entry((site.namespace, site.function)).or_default().clone()
        })
    }

    #[inline]
    pub(crate) fn count(&self, site: &'static Site, outcome: Outcome) {
        match site.known_counters(self.id) {
            Some(counters) => counters.answered(outcome),
            None => self.count_first(site, outcome),
        }
    }

    /// Where this cache and this site have not met, or the site has met another first.
    #[cold]
    fn count_first(&self, site: &'static Site, outcome: Outcome) {
        self.counters(site).answered(outcome);
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for (&(namespace, function), counters) in
            self.counters.lock().unwrap_or_else(PoisonError::into_inner).iter()
        {
            stats.namespaces.entry(namespace).or_default().insert(function, counters.read());
        }
        (stats.local_entries, stats.local_bytes) = self.local.size();
        stats.pending_invalidations = self.pending.len();
        (stats.up, stats.feed) = (self.store.is_up(), self.local.feed());
        stats
    }

    pub(crate) async fn health(&self) -> Health {
        let store = tokio::time::timeout(HEALTH, self.store.health(&self.app)).await;
        let store = store.unwrap_or_else(|_| StoreHealth::unreachable("store", "it does not answer"));
        Health::of(store, self.local.feed(), self.pending.len())
    }

    /// Waits for this namespace's turn to load, as long as a joiner waits for a load; from then on, for a place among the fallbacks.
    async fn admitted(&self, request: &Request<'_>) -> Option<Admitted> {
        let site = request.site;
        let admitted = async {
            let turn = self.admission(site).acquire_owned();
            match tokio::time::timeout(site.load_timeout + LEASE, turn).await {
                Ok(permit) => permit,
                // Loads that do not end, or one that waits for this one without knowing it.
                Err(_) => self.fallbacks.clone().acquire_owned().await,
            }
        };
        request.admitted(admitted).await
    }

    /// Whether this namespace's turn would come at once.
    fn admits(&self, site: &'static Site) -> bool {
        self.admission(site).available_permits() > 0
    }

    fn admission(&self, site: &'static Site) -> Arc<Semaphore> {
        let mut admissions = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        let admission = admissions.entry(site.namespace);
        admission.or_insert_with(|| Arc::new(Semaphore::new(self.loads))).clone()
    }

    /// Counts and logs a fault of the store.
    fn fault(&self, site: &'static Site, error: StoreError) {
        self.counters(site).failed(error);
        tracing::debug!(namespace = site.namespace, function = site.function, %error, "the store failed");
    }
}

/// Polls `operation` once, so that its command is sent now, and leaves the rest to a task.
fn detach(operation: impl Future<Output = ()> + Send + 'static) {
    let mut operation = Box::pin(operation);
    let mut context = Context::from_waker(std::task::Waker::noop());
    if operation.as_mut().poll(&mut context).is_pending() {
        detach_later(operation);
    }
}

/// Leaves `operation` to a task, if there is a runtime left to run it; to be used where things are dropped.
fn detach_later(operation: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(operation);
    }
}
