//! A module in which every name that an expansion might use means something else.
#![allow(dead_code, unused_macros, clippy::too_many_arguments)]

use cache_runtime::{cached as memo, invalidates as forgets, updates as writes};

pub(crate) struct Result;
pub(crate) struct Some;
pub(crate) struct None;
pub(crate) struct Ok;
pub(crate) struct Err;
pub(crate) struct Option;
pub(crate) struct Box;
pub(crate) struct Vec;
pub(crate) struct String;
pub(crate) struct Duration;
pub(crate) struct Kind;
pub(crate) struct Site;
pub(crate) struct Policy;
pub(crate) trait Clone {}
pub(crate) trait Send {}
pub(crate) trait Iterator {}
pub(crate) trait Future {}
pub(crate) trait Fallible {}
pub(crate) trait AnyKind {}
pub(crate) trait Becomes {}
pub(crate) trait ToOwned {}
pub(crate) trait Borrow {}
pub(crate) struct Mutation;
pub(crate) struct Deferred;
pub(crate) struct TagWriter;

mod core {}
mod std {}
mod cache_runtime_ {}

macro_rules! unreachable {
    () => {
        compile_error!("another macro")
    };
}
static RUNS: crate::Runs = crate::Runs::none();

#[memo(ns = "hostile", ttl = "90s", l1 = "5s", load_timeout = "1s")]
pub(crate) async fn get(
    key: u8,
    cache: u8,
    site: u8,
    result: u8,
    call: u8,
    returned: u8,
    mutation: u8,
    never: u8,
    succeeded: u8,
) -> ::core::result::Result<::core::option::Option<u32>, u8> {
    RUNS.next();
    if never > 100 {
        return ::core::result::Result::Err(key);
    }
    let sum = [key, cache, site, result, call, returned, mutation, never, succeeded]
        .into_iter()
        .map(u32::from)
        .sum();
    ::core::result::Result::Ok(::core::option::Option::Some(sum))
}

#[memo(ns = "hostile")]
async fn plain(key: u8) -> u8 {
    key
}

#[forgets(get(key, cache, site, result, call, returned, mutation, never, succeeded))]
pub(crate) async fn change(
    key: u8,
    cache: u8,
    site: u8,
    result: u8,
    call: u8,
    returned: u8,
    mutation: u8,
    never: u8,
    succeeded: u8,
) -> ::core::result::Result<u8, u8> {
    let _ = (key, cache, site, result, call, returned, mutation, never, succeeded);
    ::core::result::Result::Ok(key)
}

#[forgets(each key in result => plain(key), plain(returned))]
pub(crate) async fn change_plain(
    keys: &[u8],
    returned: u8,
) -> ::core::result::Result<::std::vec::Vec<u8>, u8> {
    let _ = returned;
    ::core::result::Result::Ok(keys.to_vec())
}

#[derive(::std::clone::Clone)]
struct This;

impl This {
    #[memo(
        ns = "hostile",
        tags = ["key:{key}", "both:{result}"],
        swr = "1s",
        refresh = "early",
        stale_if_error("1s", |error| *error > 1),
        never_stale = |value| *value == 1,
    )]
    async fn background(
        &self,
        key: u8,
        tags: &str,
        value: &[u8],
        kept0: u8,
        call: u8,
    ) -> ::core::result::Result<u8, u8> {
        let _ = (self, tags, value, kept0, call);
        ::core::result::Result::Ok(key)
    }

    #[writes(
        Self::background(key, tags, value, kept0, call),
        tags("hostile", "key:{update}:{result}"),
        namespace("hostile.none"),
        on_unreachable = "error",
        cache = ::cache_runtime::Cache::builder().build().unwrap()
    )]
    async fn update(
        &self,
        key: u8,
        tags: &str,
        value: &[u8],
        kept0: u8,
        call: u8,
        update: u8,
    ) -> ::core::result::Result<u8, Error> {
        let _ = (self, tags, value, kept0, call, update);
        ::core::result::Result::Ok(key + 1)
    }

    #[forgets(tags("hostile", "key:{value}", "both:{result}"), deferred)]
    async fn deferred(&self, value: u8) -> ::core::result::Result<u8, u8> {
        let _ = self;
        ::core::result::Result::Ok(value)
    }
}

#[derive(Debug)]
pub(crate) struct Error;

impl ::core::convert::From<::cache_runtime::Undone> for Error {
    fn from(_: ::cache_runtime::Undone) -> Self {
        Self
    }
}

#[derive(cache_runtime::KeyPart)]
struct Parts {
    key: u8,
    t: u8,
}

#[derive(cache_runtime::KeyPart)]
enum Named {
    Some,
    None { key: u8 },
    Ok(u8, u8),
}

#[memo(ns = "hostile")]
async fn by_parts(parts: Parts, named: Named) -> u8 {
    let Named::Ok(..) = named else { return 0 };
    parts.key
}

mod without_prelude {
    #![no_implicit_prelude]

    use ::cache_runtime::{cached, invalidates, updates};

    #[cached(ns = "bare", key = "{id}", unless = |value| !value.is_some())]
    pub(crate) async fn get(id: u8) -> ::core::option::Option<u8> {
        ::core::option::Option::Some(id)
    }

    #[cached(ns = "bare", tags = ["{id}", "{result}"], swr = "1s")]
    pub(crate) async fn background(id: u8) -> ::core::option::Option<u8> {
        ::core::option::Option::Some(id)
    }

    #[updates(background(id), tags("bare", "{id}", "{result}"))]
    pub(crate) async fn update(id: u8) -> u8 {
        id
    }

    #[invalidates(each id in ids => get(id))]
    pub(crate) async fn change(ids: ::std::vec::Vec<u8>) {
        ::core::mem::drop(ids);
    }
}

#[tokio::test]
async fn it_works_where_every_name_is_taken() {
    let sum = ::core::result::Result::Ok(::core::option::Option::Some(45));
    assert_eq!(get(1, 2, 3, 4, 5, 6, 7, 8, 9).await, sum);
    assert_eq!(get(1, 2, 3, 4, 5, 6, 7, 8, 9).await, sum);
    assert_eq!(RUNS.count(), 1);
    assert!(get_entry(1, 2, 3, 4, 5, 6, 7, 8, 9).exists().await);
    change(1, 2, 3, 4, 5, 6, 7, 8, 9).await.unwrap();
    assert!(!get_entry(1, 2, 3, 4, 5, 6, 7, 8, 9).exists().await);

    assert_eq!((plain(1).await, plain(2).await, plain(3).await), (1, 2, 3));
    change_plain(&[1, 2], 3).await.unwrap();
    for key in 1..=3 {
        assert!(!plain_entry(key).exists().await, "{key}");
    }
    assert_eq!(by_parts(Parts { key: 1, t: 2 }, Named::Ok(1, 2)).await, 1);
    assert!(by_parts_entry(Parts { key: 1, t: 2 }, Named::Ok(1, 2)).exists().await);
    assert!(!by_parts_entry(Parts { key: 1, t: 2 }, Named::None { key: 1 }).exists().await);
}

#[tokio::test]
async fn all_the_rest_works_there_too() {
    assert!(This.background(1, "", &[], 2, 3).await.is_ok());
    assert!(This::background_entry(1, "", &[], 2, 3).exists().await);
    This.deferred(1).await.unwrap().fire().await;
    assert!(!This::background_entry(1, "", &[], 2, 3).exists().await);
    This.update(1, "", &[], 2, 3, 4).await.unwrap();
    assert!(This::background_entry(1, "", &[], 2, 3).exists().await);
}

#[tokio::test]
async fn it_works_without_a_prelude() {
    without_prelude::update(2).await;
    without_prelude::background(2).await;
    assert!(without_prelude::background_entry(2).exists().await);
    without_prelude::get(1).await;
    assert!(without_prelude::get_entry(1).exists().await);
    without_prelude::change(::std::vec![1]).await;
    assert!(!without_prelude::get_entry(1).exists().await);
}
