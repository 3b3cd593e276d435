//! Plain operations, over the in-process store and over a real Redis, of one process and of several.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

mod counters;
mod many;
mod outage;
mod prefix;
mod races;
mod rights;
mod values;
#[allow(dead_code, reason = "shared with the tests of functions")]
#[path = "../ordered/world.rs"]
mod world;

use self::world::{Spy, World, everywhere};
use cache_runtime::{Cache, Policy, Put};
use cache_tests::wait::until;

/// How many plain reads L1 has answered.
fn hits_l1(cache: &Cache) -> u64 {
    let stats = cache.stats();
    stats.namespaces.get("(plain)").map_or(0, |sites| sites.values().map(|site| site.hits_l1).sum())
}

/// Reads until L1 answers, with `value` all along.
async fn in_l1(cache: &Cache, key: &str, value: u64) {
    until("L1 answers", async || {
        let before = hits_l1(cache);
        assert_eq!(cache.get::<u64>(key).await, Ok(Some(value)));
        hits_l1(cache) > before
    })
    .await;
}

/// Reads until `value` is what the cache has.
async fn becomes(cache: &Cache, key: &str, value: Option<u64>) {
    until(format!("{key} is {value:?}"), async || cache.get::<u64>(key).await == Ok(value)).await;
}

/// Sets a value; on a machine that is busy, more than once.
async fn set(cache: &Cache, key: &str, value: u64) {
    until("it is stored", async || cache.set(key, &value, Policy::LONG).await == Ok(Put::Stored)).await;
}
