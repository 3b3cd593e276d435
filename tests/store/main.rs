//! The store port's promises, over every adapter.

use bytes::Bytes;
use cache_runtime::Key;
use cache_runtime::store::{self, Lease, Leased, Lifetime, Memory, Redis, Store, Token};
use cache_tests::redis_cluster::RedisCluster;
use cache_tests::redis_process::RedisServer;
use std::slice;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

mod lapsing;
mod redis_faults;

const TERM: Duration = Duration::from_secs(3);
const LONG: Option<Duration> = Some(Duration::from_secs(100));

/// One key of one store.
struct At {
    store: Arc<dyn Store>,
    key: Key,
}

impl At {
    async fn get(&self) -> Option<Bytes> {
        self.store.get(&self.key).await.expect("the store answers")
    }

    async fn lease(&self, token: Token) -> Leased {
        self.lease_instead_of(token, None).await
    }

    async fn lease_instead_of(&self, token: Token, seen: Option<Token>) -> Leased {
        self.store.lease(&self.key, lease(token), TERM, seen).await.expect("the store answers")
    }

    async fn fill(&self, token: Token, entry: &Bytes) -> bool {
        self.store.fill(&self.key, token, entry.clone(), LONG).await.expect("the store answers")
    }

    async fn invalidate(&self) {
        self.store.invalidate(slice::from_ref(&self.key)).await.expect("the store answers");
    }

    async fn hold(&self, holder: Token) {
        self.store.hold(slice::from_ref(&self.key), holder, TERM).await.expect("the store answers");
    }

    async fn put(&self, holder: Token, entry: &Bytes) -> bool {
        self.store.put(&self.key, holder, entry.clone(), LONG).await.expect("the store answers")
    }

    async fn unhold(&self, holder: Token) {
        self.store.unhold(slice::from_ref(&self.key), holder).await.expect("the store answers");
    }

    async fn lifetime(&self) -> Option<Lifetime> {
        self.store.lifetime(&self.key).await.expect("the store answers")
    }

    async fn release(&self, token: Token) -> bool {
        self.store.release(&self.key, token).await.expect("the store answers")
    }

    async fn renew(&self, token: Token, term: Duration) -> bool {
        self.store.renew(&self.key, token, term).await.expect("the store answers")
    }

    async fn refresh(&self, seen: Token, mine: Token) -> bool {
        self.store.refresh(&self.key, seen, mine, TERM).await.expect("the store answers")
    }
}

fn lease(token: Token) -> Lease {
    Lease { token, expected: Duration::from_millis(20), acquired_ms: 1 }
}

/// A value as far as a store looks at it: kind, token, no refresh lease, something more.
fn value(token: Token, text: &str) -> Bytes {
    [b"V", &token.as_bytes()[..], &[0; 24], text.as_bytes()].concat().into()
}

/// One for all, since it takes a while to agree.
static CLUSTER: LazyLock<RedisCluster> = LazyLock::new(|| RedisCluster::start(3, 0));

/// Runs `check` at a fresh key of the in-process store, of a Redis, of a cluster, and of a Valkey where there is one.
async fn everywhere(name: &str, check: impl AsyncFn(&At)) {
    let at = |store: Arc<dyn Store>| At { store, key: Key::new(format!("store:v1:{name}")) };
    check(&at(Arc::new(Memory::default()))).await;
    let servers = [Some(RedisServer::start()), RedisServer::valkey()];
    for server in servers.iter().flatten() {
        let store = Redis::connect(&server.url()).expect("a good url");
        store.ready(Duration::from_secs(10)).await.expect("the server is up");
        check(&at(Arc::new(store))).await;
    }
    let store = store::RedisCluster::connect(&CLUSTER.url()).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("the cluster is up");
    check(&at(Arc::new(store))).await;
}

fn tokens<const N: usize>() -> [Token; N] {
    std::array::from_fn(|_| Token::random())
}

#[tokio::test]
async fn a_lease_is_granted_once() {
    everywhere("granted", async |at| {
        let [one, other] = tokens();
        assert_eq!(at.get().await, None);
        assert_eq!(at.lease(one).await, Leased::Granted);
        assert_eq!(at.lease(other).await, Leased::Denied(lease(one).to_bytes().to_vec().into()));
        assert_eq!(at.get().await.as_deref(), Some(&lease(one).to_bytes()[..]));
        assert_eq!(at.lifetime().await, None, "a lease is no value");
    })
    .await;
}

#[tokio::test]
async fn a_fill_needs_its_lease() {
    everywhere("fill", async |at| {
        let [mine, other] = tokens();
        let entry = value(mine, "mine");
        assert!(!at.fill(mine, &entry).await, "nothing stands there");
        at.lease(other).await;
        assert!(!at.fill(mine, &entry).await, "another's lease stands there");
        assert!(at.fill(other, &value(other, "other")).await);
        assert!(!at.fill(mine, &entry).await, "another's value stands there");
        assert!(!at.fill(other, &value(other, "again")).await, "its lease is used up");
        assert_eq!(at.get().await, Some(value(other, "other")));
        assert!(matches!(at.lifetime().await, Some(Lifetime::Left(left)) if left > Duration::from_secs(50)));
        assert_eq!(at.store.head(&at.key).await.expect("answers"), value(other, "")[..17]);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_kills_a_load_under_way() {
    everywhere("invalidate", async |at| {
        let [token] = tokens();
        at.lease(token).await;
        at.invalidate().await;
        assert!(!at.fill(token, &value(token, "old")).await);
        assert_eq!(at.get().await, None);
        at.lease(token).await;
        assert!(at.fill(token, &value(token, "new")).await);
        at.invalidate().await;
        assert_eq!(at.get().await, None);
        at.invalidate().await;
    })
    .await;
}

#[tokio::test]
async fn many_keys_are_invalidated_in_one_call() {
    everywhere("many", async |at| {
        let [token] = tokens();
        let keys: Vec<Key> = (0..300).map(|n| Key::new(format!("store:v1:many:{n}"))).collect();
        for key in &keys {
            at.store.lease(key, lease(token), TERM, None).await.expect("answers");
        }
        at.store.invalidate(&keys).await.expect("answers");
        for key in &keys {
            assert_eq!(at.store.get(key).await.expect("answers"), None);
        }
    })
    .await;
}

#[tokio::test]
async fn an_expired_lease_neither_fills_nor_blocks() {
    everywhere("expired", async |at| {
        let [slow, next] = tokens();
        let term = Duration::from_millis(30);
        at.store.lease(&at.key, lease(slow), term, None).await.expect("answers");
        cache_tests::wait::until("the lease has expired", async || at.get().await.is_none()).await;
        assert!(!at.fill(slow, &value(slow, "late")).await);
        assert!(!at.renew(slow, TERM).await);
        assert_eq!(at.lease(next).await, Leased::Granted);
    })
    .await;
}

#[tokio::test]
async fn a_renewed_lease_lives_on() {
    everywhere("renew", async |at| {
        let [mine, other] = tokens();
        at.store.lease(&at.key, lease(mine), Duration::from_millis(200), None).await.expect("answers");
        assert!(at.renew(mine, Duration::from_secs(20)).await);
        assert!(!at.renew(other, TERM).await);
        cache_tests::wait::real_time(Duration::from_millis(300)).await;
        assert!(at.fill(mine, &value(mine, "done")).await);
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_released_by_its_owner_only() {
    everywhere("release", async |at| {
        let [mine, other] = tokens();
        at.lease(mine).await;
        assert!(!at.release(other).await);
        assert!(at.release(mine).await);
        assert!(!at.release(mine).await);
        assert_eq!(at.lease(other).await, Leased::Granted);
        assert!(at.fill(other, &value(other, "v")).await);
        assert!(!at.release(other).await, "a value is not released");
        assert!(at.get().await.is_some());
    })
    .await;
}

#[tokio::test]
async fn an_unusable_value_is_replaced_once() {
    everywhere("replace", async |at| {
        let [old, one, other] = tokens();
        at.lease(old).await;
        at.fill(old, &value(old, "old")).await;
        assert_eq!(at.lease_instead_of(one, Some(other)).await, Leased::Denied(value(old, "old")));
        assert_eq!(at.lease_instead_of(one, Some(old)).await, Leased::Granted);
        assert!(matches!(at.lease_instead_of(other, Some(old)).await, Leased::Denied(_)));
        assert!(at.fill(one, &value(one, "new")).await);
        assert_eq!(at.lease_instead_of(other, Some(old)).await, Leased::Denied(value(one, "new")));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_replaces_the_value_it_saw() {
    everywhere("refresh", async |at| {
        let [old, one, other] = tokens();
        assert!(!at.refresh(old, one).await, "nothing stands there");
        at.lease(old).await;
        at.fill(old, &value(old, "old")).await;
        assert!(!at.refresh(other, one).await, "another value was seen");
        assert!(at.refresh(old, one).await);
        assert!(!at.refresh(old, other).await, "one refresh at a time");
        assert!(at.get().await.expect("answers meanwhile").ends_with(b"old"));
        assert!(!at.fill(other, &value(other, "other")).await);
        assert!(at.fill(one, &value(one, "new")).await);
        assert_eq!(at.get().await, Some(value(one, "new")));
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_kills_a_refresh() {
    everywhere("refresh-invalidate", async |at| {
        let [old, one] = tokens();
        at.lease(old).await;
        at.fill(old, &value(old, "old")).await;
        assert!(at.refresh(old, one).await);
        at.invalidate().await;
        assert!(!at.fill(one, &value(one, "stale")).await);
        assert_eq!(at.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn an_entry_without_ttl_stays() {
    everywhere("never", async |at| {
        let [token] = tokens();
        at.lease(token).await;
        at.store.fill(&at.key, token, value(token, "v"), None).await.expect("answers");
        assert_eq!(at.lifetime().await, Some(Lifetime::Unbounded));
    })
    .await;
}

#[tokio::test]
async fn a_lone_holder_stores_its_value() {
    everywhere("put", async |at| {
        let [loader, writer] = tokens();
        at.lease(loader).await;
        at.hold(writer).await;
        assert!(!at.fill(loader, &value(loader, "old")).await, "a hold kills leases");
        assert!(matches!(at.lease(loader).await, Leased::Denied(hold) if hold[0] == b'H'));
        assert!(at.put(writer, &value(writer, "new")).await);
        assert_eq!(at.get().await, Some(value(writer, "new")));
        assert!(matches!(at.lifetime().await, Some(Lifetime::Left(_))));
    })
    .await;
}

#[tokio::test]
async fn of_two_holders_neither_stores() {
    everywhere("two-holders", async |at| {
        let [one, other] = tokens();
        at.hold(one).await;
        at.hold(other).await;
        assert!(!at.put(one, &value(one, "one")).await);
        assert!(at.get().await.is_some_and(|hold| hold[0] == b'H'), "the other still holds");
        assert!(!at.put(other, &value(other, "other")).await, "alone now, but not all the time");
        assert_eq!(at.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn holding_twice_is_holding_once() {
    everywhere("hold-twice", async |at| {
        let [writer] = tokens();
        at.hold(writer).await;
        at.hold(writer).await;
        assert!(at.put(writer, &value(writer, "new")).await);
    })
    .await;
}

#[tokio::test]
async fn an_invalidation_during_a_hold_forbids_the_put() {
    everywhere("hold-invalidate", async |at| {
        let [writer] = tokens();
        at.hold(writer).await;
        at.invalidate().await;
        assert!(at.get().await.is_some_and(|hold| hold[0] == b'H'), "the hold stays");
        assert!(!at.put(writer, &value(writer, "old")).await);
        assert_eq!(at.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_put_after_the_hold_lapsed_removes_what_is_there() {
    everywhere("lapsed", async |at| {
        let [writer, loader] = tokens();
        at.hold(writer).await;
        at.unhold(writer).await;
        at.lease(loader).await;
        at.fill(loader, &value(loader, "meanwhile")).await;
        assert!(!at.put(writer, &value(writer, "late")).await);
        assert_eq!(at.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_put_that_meets_anothers_hold_forbids_that_ones_put() {
    everywhere("foreign-hold", async |at| {
        let [lapsed, other] = tokens();
        at.hold(other).await;
        assert!(!at.put(lapsed, &value(lapsed, "late")).await);
        assert!(!at.put(other, &value(other, "older")).await);
        assert_eq!(at.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_hold_lapses_by_itself() {
    everywhere("hold-lapses", async |at| {
        let [writer] = tokens();
        at.store.hold(slice::from_ref(&at.key), writer, Duration::from_millis(30)).await.expect("answers");
        cache_tests::wait::until("the hold lapsed", async || at.get().await.is_none()).await;
    })
    .await;
}
