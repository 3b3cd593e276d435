//! Every option does what it says.

use std::time::Duration;

use cache_runtime::{Cache, Policy, cached};

use crate::{Failed, Runs, is_about};

#[tokio::test]
async fn when_leaves_a_call_uncached() {
    static RUNS: Runs = Runs::none();
    #[cached(ns = "options", when = *limit <= 10 && !name.is_empty())]
    async fn page(limit: &u32, name: String) -> u32 {
        drop(name);
        *limit + RUNS.next()
    }
    assert_eq!((page(&1, "a".into()).await, page(&1, "a".into()).await), (2, 2));
    assert_eq!((page(&11, "a".into()).await, page(&11, "a".into()).await), (13, 14));
}

#[tokio::test]
async fn unless_and_ttl_with_ask_the_value() {
    static RUNS: Runs = Runs::none();
    #[cached(
        ns = "options",
        unless = |value| value.len() < 2,
        ttl_with = |value| Duration::from_secs(value.len() as u64),
    )]
    async fn text(n: usize) -> Result<String, Failed> {
        RUNS.next();
        Ok("x".repeat(n))
    }
    text(0).await.unwrap();
    text(0).await.unwrap();
    assert_eq!(RUNS.count(), 2);
    text(50).await.unwrap();
    text(50).await.unwrap();
    assert_eq!(RUNS.count(), 3);
    // a ttl is spread a little, so that entries made together do not end together
    assert!(is_about(text_entry(50).ttl().await, 50));
}

struct Rules;

impl Rules {
    const LIMIT: Duration = Duration::from_secs(3);
    const POLICY: Policy = Policy::DAY;

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)]
    fn is_draft(value: &Option<u32>) -> bool {
        value.is_none()
    }

    #[cached(
        ns = "options",
        ttl = Self::POLICY,
        none = "cache",
        unless = Self::is_draft,
        load_timeout = Rules::LIMIT,
        schema = 2,
        codec = "json",
        l1 = "off",
        crate = ::cache_runtime,
    )]
    async fn constant(n: u32) -> Option<u32> {
        (n > 0).then_some(n)
    }

    #[cached(ns = "options", codec = cache_runtime::__private::Json, l1 = "validate", ttl = "never", load_timeout = "5s")]
    async fn typed(n: u32) -> u32 {
        n
    }
}

#[tokio::test]
async fn options_may_be_constants_paths_and_types() {
    Rules::constant(0).await;
    Rules::constant(1).await;
    assert!(!Rules::constant_entry(0).exists().await && Rules::constant_entry(1).exists().await);
    Rules::typed(1).await;
    assert!(Rules::typed_entry(1).exists().await);
}

struct Owner {
    cache: Cache,
    runs: Runs,
}

impl Owner {
    #[cached(ns = "options", cache = self.cache)]
    async fn get(&self, id: u64) -> u64 {
        id + u64::from(self.runs.next())
    }

    #[cache_runtime::invalidates(self.get(id))]
    async fn change(&self, id: u64) -> u64 {
        let _ = self;
        id
    }
}

#[tokio::test]
async fn a_function_may_name_its_cache() {
    let owner = |cache| Owner { cache, runs: Runs::none() };
    let (one, two) = (owner(Cache::builder().build().unwrap()), owner(Cache::builder().build().unwrap()));
    assert_eq!((one.get(1).await, one.get(1).await, two.runs.count()), (2, 2, 0));
    assert!(one.get_entry(1).exists().await && !two.get_entry(1).exists().await);
    one.change(1).await;
    assert_eq!((one.get(1).await, one.runs.count()), (3, 2));
}

#[tokio::test]
async fn a_skipped_parameter_is_no_part_of_the_key() {
    #[cached(ns = "options", skip(db), version = 7)]
    async fn get(db: &mut u32, id: u32) -> u32 {
        *db += 1;
        id
    }
    let mut db = 0;
    for _ in 0..3 {
        assert_eq!(get(&mut db, 1).await, 1);
    }
    assert_eq!(db, 1);
    assert!(get_entry(1).key().ends_with("options:v7:get:1"));
}
