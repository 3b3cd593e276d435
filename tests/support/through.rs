//! A store that passes everything on, for tests that change a part of it.

use bytes::Bytes;
use cache_runtime::store::{
    Channels, Cursor, Direct, Generation, Journal, Lease, Leased, Lifetime, Listener, Scanned, Store,
    StoreFuture, Tag, Token,
};
use cache_runtime::{Key, NotReady};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A store like `store`, with the parts that are given in place of its own.
pub struct Through {
    /// What answers.
    pub store: Arc<dyn Store>,
    /// Its channels; none with `false`.
    pub channels: bool,
    /// Its journal, where it is another.
    pub journal: Option<Box<dyn Journal>>,
}

type Ready<'a> = Pin<Box<dyn Future<Output = Result<(), NotReady>> + Send + 'a>>;

macro_rules! passed_on {
    ($(fn $name:ident($($parameter:ident: $ty:ty),*) -> $output:ty;)*) => {$(
        fn $name<'a>(&'a self, $($parameter: $ty),*) -> StoreFuture<'a, $output> {
            self.store.$name($($parameter),*)
        }
    )*};
}

impl Direct for Through {
    fn is_up(&self) -> bool {
        self.store.is_up()
    }

    passed_on! {
        fn set(key: &'a Key, entry: Bytes, ttl: Option<Duration>) -> bool;
        fn replace(key: &'a Key, seen: Token, entry: Bytes, ttl: Option<Duration>) -> bool;
        fn increment(key: &'a Key, by: i64, ttl: Option<Duration>) -> i64;
        fn count(key: &'a Key) -> Option<(i64, Lifetime)>;
        fn scan(pattern: &'a [u8], from: Cursor) -> Scanned;
        fn touch(tags: &'a [Tag]) -> ();
    }
}

impl Store for Through {
    passed_on! {
        fn get(key: &'a Key) -> Option<Bytes>;
        fn head(key: &'a Key) -> Bytes;
        fn lifetime(key: &'a Key) -> Option<Lifetime>;
        fn lease(key: &'a Key, lease: Lease, term: Duration, instead_of: Option<Token>) -> Leased;
        fn fill(key: &'a Key, token: Token, entry: Bytes, ttl: Option<Duration>) -> bool;
        fn renew(key: &'a Key, token: Token, term: Duration) -> bool;
        fn release(key: &'a Key, token: Token) -> bool;
        fn refresh(key: &'a Key, seen: Token, mine: Token, term: Duration) -> bool;
        fn invalidate(keys: &'a [Key]) -> ();
        fn generations(tags: &'a [Tag]) -> Vec<Option<Generation>>;
        fn capture(tags: &'a [Tag], ttl: Option<Duration>) -> Vec<Generation>;
        fn invalidate_tags(tags: &'a [Tag]) -> ();
        fn hold(keys: &'a [Key], holder: Token, term: Duration) -> ();
        fn put(key: &'a Key, holder: Token, entry: Bytes, ttl: Option<Duration>) -> bool;
        fn unhold(keys: &'a [Key], holder: Token) -> ();
        fn invalidate_durably(keys: &'a [Key], tags: &'a [Tag], replicas: u32, patience: Duration) -> u32;
    }

    fn listen(&self, app: &str, listener: Arc<dyn Listener>) {
        self.store.listen(app, listener);
    }

    fn settling(&self) -> Duration {
        self.store.settling()
    }

    fn channels(&self) -> Option<&dyn Channels> {
        self.store.channels().filter(|_| self.channels)
    }

    fn journal(&self) -> Option<&dyn Journal> {
        self.journal.as_deref().or_else(|| self.store.journal())
    }

    fn now_ms(&self) -> u64 {
        self.store.now_ms()
    }

    fn ready(&self, timeout: Duration) -> Ready<'_> {
        self.store.ready(timeout)
    }
}
