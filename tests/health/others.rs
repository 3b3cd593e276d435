//! A store of somebody's own, which implements what the port asks for and nothing more.

use bytes::Bytes;
use cache_runtime::health::{Feed, Status, StoreHealth};
use cache_runtime::store::{
    Cursor, Direct, Generation, Lease, Leased, Lifetime, Scanned, Store, StoreFuture, Tag, Token,
};
use cache_runtime::{Cache, Key, NotReady, StoreError};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

struct Own {
    hangs: bool,
}

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[rustfmt::skip]
impl Direct for Own {
    fn is_up(&self) -> bool { true }
    fn set<'a>(&'a self, _: &'a Key, _: Bytes, _: Option<Duration>) -> StoreFuture<'a, bool> { unimplemented!() }
    fn replace<'a>(&'a self, _: &'a Key, _: Token, _: Bytes, _: Option<Duration>) -> StoreFuture<'a, bool> { unimplemented!() }
    fn increment<'a>(&'a self, _: &'a Key, _: i64, _: Option<Duration>) -> StoreFuture<'a, i64> { unimplemented!() }
    fn count<'a>(&'a self, _: &'a Key) -> StoreFuture<'a, Option<(i64, Lifetime)>> { unimplemented!() }
    fn scan<'a>(&'a self, _: &'a [u8], _: Cursor) -> StoreFuture<'a, Scanned> { unimplemented!() }
    fn touch<'a>(&'a self, _: &'a [Tag]) -> StoreFuture<'a, ()> { unimplemented!() }
}

#[rustfmt::skip]
impl Store for Own {
    fn get<'a>(&'a self, _: &'a Key) -> StoreFuture<'a, Option<Bytes>> { unimplemented!() }
    fn head<'a>(&'a self, _: &'a Key) -> StoreFuture<'a, Bytes> { unimplemented!() }
    fn lifetime<'a>(&'a self, _: &'a Key) -> StoreFuture<'a, Option<Lifetime>> { unimplemented!() }
    fn lease<'a>(&'a self, _: &'a Key, _: Lease, _: Duration, _: Option<Token>) -> StoreFuture<'a, Leased> { unimplemented!() }
    fn fill<'a>(&'a self, _: &'a Key, _: Token, _: Bytes, _: Option<Duration>) -> StoreFuture<'a, bool> { unimplemented!() }
    fn renew<'a>(&'a self, _: &'a Key, _: Token, _: Duration) -> StoreFuture<'a, bool> { unimplemented!() }
    fn release<'a>(&'a self, _: &'a Key, _: Token) -> StoreFuture<'a, bool> { unimplemented!() }
    fn refresh<'a>(&'a self, _: &'a Key, _: Token, _: Token, _: Duration) -> StoreFuture<'a, bool> { unimplemented!() }
    fn invalidate<'a>(&'a self, _: &'a [Key]) -> StoreFuture<'a, ()> { unimplemented!() }
    fn generations<'a>(&'a self, _: &'a [Tag]) -> StoreFuture<'a, Vec<Option<Generation>>> { unimplemented!() }
    fn capture<'a>(&'a self, _: &'a [Tag], _: Option<Duration>) -> StoreFuture<'a, Vec<Generation>> { unimplemented!() }
    fn invalidate_tags<'a>(&'a self, _: &'a [Tag]) -> StoreFuture<'a, ()> { unimplemented!() }
    fn hold<'a>(&'a self, _: &'a [Key], _: Token, _: Duration) -> StoreFuture<'a, ()> { unimplemented!() }
    fn put<'a>(&'a self, _: &'a Key, _: Token, _: Bytes, _: Option<Duration>) -> StoreFuture<'a, bool> { unimplemented!() }
    fn unhold<'a>(&'a self, _: &'a [Key], _: Token) -> StoreFuture<'a, ()> { unimplemented!() }
    fn now_ms(&self) -> u64 { unimplemented!() }

    fn ready(&self, _: Duration) -> Later<'_, Result<(), NotReady>> {
        if self.hangs { Box::pin(std::future::pending()) } else { Box::pin(std::future::ready(Ok(()))) }
    }
}

fn over(store: Own) -> Cache {
    Cache::builder().store(Arc::new(store)).build().expect("nothing can be wrong")
}

#[tokio::test]
async fn a_store_that_says_nothing_of_itself_is_as_it_is_ready() {
    let cache = over(Own { hangs: false });
    let mut health = cache.health().await;
    assert_eq!((health.status, health.feed), (Status::Impaired, Feed::Unavailable));
    assert_eq!(health.store.findings.len(), 1, "it offers no feed: {health}");
    health.store.findings.clear();
    assert_eq!(health.store, StoreHealth::reachable("store"));
    assert_eq!(cache.key_counts(10).await, Err(StoreError::Other));
    assert!(cache.stats().up);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_waited_for_two_seconds() {
    let begun = Instant::now();
    let health = over(Own { hangs: true }).health().await;
    assert_eq!((health.status, begun.elapsed().as_millis()), (Status::Unreachable, 2_000));
    assert_eq!(health.store, StoreHealth::unreachable("store", "it does not answer"));
}
