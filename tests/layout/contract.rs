//! The store port's promises at a key whose value stands bare.

use super::{HEADER, KEY, RUM, Shop, TEA, task, titled};
use bytes::Bytes;
use cache_runtime::store::{Lease, Leased, Lifetime, Memory, Redis, Store, Token};
use cache_runtime::{Cache, Key, StoreError};
use cache_tests::gate::GatedLoad;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

const TERM: Duration = Duration::from_secs(3);
const LONG: Option<Duration> = Some(Duration::from_secs(100));

/// The bare key of one store.
struct At {
    store: Redis,
    key: Key,
    /// A value of it, as the algorithm hands it over.
    frame: Bytes,
}

impl At {
    async fn of(shop: &Shop) -> Self {
        let store = Redis::connect(&shop.server.url()).expect("a good url");
        store.ready(Duration::from_secs(10)).await.expect("the server is up");
        let (key, memory) = (Key::new(KEY).bare(), Arc::<Memory>::default());
        let cache = Cache::builder().store(memory.clone()).app("shop").build().expect("good");
        cache.scope_for(task(1, GatedLoad::open(titled("tea")))).await;
        let frame = memory.get(&key).await.expect("it answers").expect("a value");
        assert_eq!(frame[0], b'V');
        Self { store, key, frame }
    }

    async fn get(&self) -> Option<Bytes> {
        self.store.get(&self.key).await.expect("the store answers")
    }

    async fn lease(&self, token: Token) -> Leased {
        self.store.lease(&self.key, lease(token), TERM, None).await.expect("the store answers")
    }

    async fn fill(&self, token: Token) -> bool {
        self.store.fill(&self.key, token, self.frame.clone(), LONG).await.expect("the store answers")
    }

    async fn invalidate(&self) {
        self.store.invalidate(slice::from_ref(&self.key)).await.expect("the store answers");
    }

    async fn hold(&self, holder: Token) {
        self.store.hold(slice::from_ref(&self.key), holder, TERM).await.expect("the store answers");
    }

    async fn put(&self, holder: Token) -> bool {
        self.store.put(&self.key, holder, self.frame.clone(), LONG).await.expect("the store answers")
    }

    async fn unhold(&self, holder: Token) {
        self.store.unhold(slice::from_ref(&self.key), holder).await.expect("the store answers");
    }

    async fn release(&self, token: Token) -> bool {
        self.store.release(&self.key, token).await.expect("the store answers")
    }

    async fn lifetime(&self) -> Option<Lifetime> {
        self.store.lifetime(&self.key).await.expect("the store answers")
    }
}

fn lease(token: Token) -> Lease {
    Lease { token, expected: Duration::from_millis(20), acquired_ms: 1 }
}

fn blob(token: Token) -> Bytes {
    lease(token).to_bytes().to_vec().into()
}

fn tokens<const N: usize>() -> [Token; N] {
    std::array::from_fn(|_| Token::random())
}

#[tokio::test]
async fn a_lease_stands_beside_the_key_and_is_granted_once() {
    let shop = Shop::open();
    let (at, [one, other]) = (At::of(&shop).await, tokens());
    assert_eq!((at.get().await, at.lifetime().await), (None, None));
    assert_eq!(at.lease(one).await, Leased::Granted);
    assert_eq!(at.lease(other).await, Leased::Denied(blob(one)));
    assert_eq!((at.get().await, at.lifetime().await), (Some(blob(one)), None));
    assert!(!shop.exists(KEY));
    assert!(at.store.renew(&at.key, one, Duration::from_secs(50)).await.expect("answers"));
    assert!(!at.store.renew(&at.key, other, TERM).await.expect("answers"));
    assert!(shop.server.cli(&["PTTL", HEADER]).parse::<u64>().expect("a number") > 40_000);
    assert!(!at.release(other).await && at.release(one).await);
    assert_eq!(at.lease(other).await, Leased::Granted);
}

#[tokio::test]
async fn a_fill_needs_its_lease() {
    let shop = Shop::open();
    let (at, [mine, other]) = (At::of(&shop).await, tokens());
    assert!(!at.fill(mine).await, "nothing stands there");
    at.lease(other).await;
    assert!(!at.fill(mine).await, "another's lease stands there");
    assert!(at.fill(other).await);
    assert!(!at.fill(other).await, "its lease is used up");
    assert_eq!((shop.get(KEY), at.get().await), (TEA.to_owned(), Some(at.frame.clone())));
    assert!(matches!(at.lifetime().await, Some(Lifetime::Left(left)) if left > Duration::from_secs(50)));
    assert_eq!(at.store.head(&at.key).await.expect("answers"), at.frame[..17]);
    assert_eq!(at.lease(mine).await, Leased::Denied(at.frame.clone()));
    assert!(!at.release(other).await, "a value is not released");
    assert_eq!(at.store.look_up(&at.key, &[]).await, Ok((Some(at.frame.clone()), Vec::new())));
}

#[tokio::test]
async fn an_entry_without_ttl_stays() {
    let shop = Shop::open();
    let (at, [token]) = (At::of(&shop).await, tokens());
    at.lease(token).await;
    assert!(at.store.fill(&at.key, token, at.frame.clone(), None).await.expect("answers"));
    assert_eq!(at.lifetime().await, Some(Lifetime::Unbounded));
    assert_eq!(shop.server.cli(&["PTTL", HEADER]), "-1");
}

#[tokio::test]
async fn somebody_elses_value_is_neither_leased_nor_filled_over_nor_certified() {
    let shop = Shop::open();
    let (at, [mine, other]) = (At::of(&shop).await, tokens());
    for round in 0..2 {
        at.lease(mine).await;
        shop.set(RUM);
        let found = at.get().await.expect("it answers at once");
        assert!(found.starts_with(b"V") && found.ends_with(RUM.as_bytes()));
        assert!(matches!(at.lease(other).await, Leased::Denied(value) if value.ends_with(RUM.as_bytes())));
        assert_eq!(at.lifetime().await, Some(Lifetime::Unbounded));
        if round == 0 {
            assert!(!at.fill(mine).await);
        } else {
            assert!(!at.release(mine).await, "who joined the load may have come after it");
        }
        assert_eq!((shop.get(KEY), shop.exists(HEADER)), (RUM.to_owned(), false));
        assert!(matches!(at.lease(other).await, Leased::Denied(value) if value.ends_with(RUM.as_bytes())));
        assert_eq!(shop.get(KEY), RUM);
        shop.server.cli(&["DEL", KEY]);
    }
    assert_eq!(at.lease(other).await, Leased::Granted);
}

#[tokio::test]
async fn an_invalidation_kills_loads_and_values_of_whoever() {
    let shop = Shop::open();
    let (at, [token]) = (At::of(&shop).await, tokens());
    at.lease(token).await;
    at.invalidate().await;
    assert!(!at.fill(token).await);
    at.lease(token).await;
    assert!(at.fill(token).await);
    at.invalidate().await;
    assert!(!shop.exists(KEY) && !shop.exists(HEADER));
    shop.set(RUM);
    at.invalidate().await;
    assert_eq!((at.get().await, shop.exists(KEY)), (None, false));
}

#[tokio::test]
async fn keys_of_both_layouts_are_invalidated_in_one_call() {
    let shop = Shop::open();
    let (at, [token]) = (At::of(&shop).await, tokens());
    let key = |n: usize| Key::new(format!("shop:tasks:v1:many_{n}"));
    let keys: Vec<_> = (0..300).map(|n| if n % 2 == 0 { key(n) } else { key(n).bare() }).collect();
    for key in &keys {
        at.store.lease(key, lease(token), TERM, None).await.expect("answers");
    }
    at.store.invalidate(&keys).await.expect("answers");
    for key in &keys {
        assert_eq!(at.store.get(key).await.expect("answers"), None);
    }
}

#[tokio::test]
async fn a_lone_holder_stores_its_value() {
    let shop = Shop::open();
    let (at, [loader, one, other]) = (At::of(&shop).await, tokens());
    at.lease(loader).await;
    shop.set(RUM);
    at.hold(one).await;
    assert!(!shop.exists(KEY), "what stood there may be untrue soon");
    assert!(!at.fill(loader).await, "a hold kills leases");
    assert!(matches!(at.lease(loader).await, Leased::Denied(hold) if hold[0] == b'H'));
    assert!(at.put(one).await);
    assert_eq!((shop.get(KEY), at.get().await), (TEA.to_owned(), Some(at.frame.clone())));
    assert!(matches!(at.lifetime().await, Some(Lifetime::Left(left)) if left > Duration::from_secs(50)));
    // Of two holders neither stores, nor does one who meets an invalidation.
    at.hold(one).await;
    at.hold(other).await;
    assert!(!at.put(one).await && !at.put(other).await);
    at.hold(one).await;
    at.invalidate().await;
    assert!(!at.put(one).await);
    at.hold(one).await;
    at.unhold(one).await;
    assert!(!shop.exists(KEY) && !shop.exists(HEADER));
}

#[tokio::test]
async fn what_is_written_under_a_hold_waits_for_its_end_and_goes_with_it() {
    let shop = Shop::open();
    let (at, [holder]) = (At::of(&shop).await, tokens());
    for ends_by_value in [true, false] {
        at.hold(holder).await;
        shop.set(RUM);
        assert!(at.get().await.is_some_and(|hold| hold[0] == b'H'));
        assert!(matches!(at.lease(holder).await, Leased::Denied(hold) if hold[0] == b'H'));
        assert_eq!(at.lifetime().await, None);
        if ends_by_value {
            assert!(!at.put(holder).await);
        } else {
            at.unhold(holder).await;
        }
        assert!(!shop.exists(KEY) && !shop.exists(HEADER));
    }
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let shop = Shop::open();
    let (at, [token]) = (At::of(&shop).await, tokens());
    shop.server.cli(&["SCRIPT", "FLUSH"]);
    at.lease(token).await;
    shop.server.cli(&["SCRIPT", "FLUSH"]);
    assert!(at.fill(token).await);
    shop.server.cli(&["SCRIPT", "FLUSH"]);
    at.hold(token).await;
    shop.server.cli(&["SCRIPT", "FLUSH"]);
    assert!(at.put(token).await);
}

#[tokio::test]
async fn under_oom_nothing_is_stored_and_everything_can_be_removed() {
    let shop = Shop::open();
    let (at, [token]) = (At::of(&shop).await, tokens());
    at.lease(token).await;
    assert!(at.fill(token).await);
    shop.server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    at.invalidate().await;
    assert!(!shop.exists(KEY) && !shop.exists(HEADER));
    let refused = at.store.lease(&at.key, lease(token), TERM, None).await;
    assert_eq!(refused, Err(StoreError::OutOfMemory));
    shop.server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    at.hold(token).await;
    shop.server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(!at.put(token).await, "a value that does not fit is not stored");
    assert!(!shop.exists(KEY) && !shop.exists(HEADER));
}

/// As the manual says.
#[tokio::test]
async fn the_rights_of_one_application_are_enough() {
    let shop = Shop::open();
    let (at, [token]) = (At::of(&shop).await, tokens());
    let rights = "ACL SETUSER shop on >secret resetchannels -@all ~shop:* ~cache:fence:{shop:* ~cache:tag:{shop:* \
                  ~cache:meta:{shop:* +hello +select +ping +get +set +getrange +setrange +mget +del +unlink +pttl \
                  +pexpire +persist +time +eval +evalsha +script|load +info +client|tracking +wait";
    shop.server.cli(&rights.split_whitespace().collect::<Vec<_>>());
    let url = shop.server.url().replace("127.0.0.1", "shop:secret@127.0.0.1");
    let store = Redis::connect(&url).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    let at = At { store, ..at };
    for ends_by_value in [true, false] {
        at.lease(token).await;
        assert!(at.store.renew(&at.key, token, TERM).await.expect("answers") && at.fill(token).await);
        assert!(at.lifetime().await.is_some());
        at.hold(token).await;
        if ends_by_value {
            assert!(at.put(token).await);
        } else {
            at.unhold(token).await;
        }
        at.invalidate().await;
        at.lease(token).await;
        assert!(at.release(token).await);
    }
}

#[tokio::test]
async fn another_type_is_left_alone_until_it_is_invalidated() {
    let shop = Shop::open();
    let (at, [token]) = (At::of(&shop).await, tokens());
    shop.server.cli(&["RPUSH", KEY, "x"]);
    let leased = at.store.lease(&at.key, lease(token), TERM, None).await;
    assert_eq!(leased, Err(StoreError::ForeignType));
    let filled = at.store.fill(&at.key, token, at.frame.clone(), LONG).await;
    assert_eq!(filled, Err(StoreError::ForeignType));
    at.invalidate().await;
    assert_eq!(at.lease(token).await, Leased::Granted);
}
