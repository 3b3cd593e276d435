//! Batches, calls for one id and mutations in any order, on several threads.

use super::world::{World, everywhere};
use cache_runtime::{cached, cached_many};
use cache_tests::wait::within;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use tokio::task::{JoinSet, yield_now};

const IDS: u64 = 24;
const ROUNDS: u64 = 60;

/// The source: a version for each id, and what was acknowledged of it.
#[derive(Default)]
struct Source {
    versions: [AtomicU64; 24],
    acknowledged: [AtomicU64; 24],
}

/// Where an id is in the source.
fn at(id: u64) -> usize {
    usize::try_from(id).expect("a small number")
}

impl Source {
    async fn load(&self, ids: &[u64]) -> HashMap<u64, u64> {
        let found = ids.iter().map(|id| (*id, self.versions[at(*id)].load(SeqCst))).collect();
        yield_now().await;
        found
    }
}

#[cached(ns = "random", ttl = "medium", skip(source))]
async fn one(id: u64, source: &Source) -> u64 {
    source.load(&[id]).await[&id]
}

#[cached_many(one, each = ids)]
async fn many(ids: &[u64], source: &Source) -> Vec<Option<u64>> {
    let found = source.load(ids).await;
    ids.iter().map(|id| found.get(id).copied()).collect()
}

/// xorshift64
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

async fn worker(source: Arc<Source>, mut random: Random) {
    for _ in 0..ROUNDS {
        match random.next(4) {
            0 => {
                let id = random.next(IDS);
                let version = source.versions[at(id)].fetch_add(1, SeqCst) + 1;
                one_entry(id).invalidate().await;
                source.acknowledged[at(id)].fetch_max(version, SeqCst);
            }
            1 => {
                let id = random.next(IDS);
                let least = source.acknowledged[at(id)].load(SeqCst);
                assert!(one(id, &source).await >= least, "{id} is older than its last mutation");
            }
            _ => {
                let ids: Vec<u64> = (0..=random.next(16)).map(|_| random.next(IDS)).collect();
                let least: Vec<u64> =
                    ids.iter().map(|id| source.acknowledged[at(*id)].load(SeqCst)).collect();
                let found = many(&ids, &source).await;
                for ((id, least), found) in ids.iter().zip(least).zip(found) {
                    assert!(
                        found.is_some_and(|found| found >= least),
                        "{id} in a batch: {found:?} < {least}"
                    );
                }
            }
        }
        if random.next(8) == 0 {
            // A batch that is dropped somewhere on its way.
            let ids: Vec<u64> = (0..8).map(|_| random.next(IDS)).collect();
            tokio::select! {
                biased;
                _ = many(&ids, &source) => {}
                () = async { for _ in 0..random.next(6) { yield_now().await } } => {}
            }
        }
    }
}

async fn scenario(world: &World) {
    let seed: Option<u64> = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| std::process::id().into()) | 1;
    println!("SEED={seed}");
    let process = world.process().await;
    let source = Arc::<Source>::default();
    let mut workers = JoinSet::new();
    for number in 1..=8 {
        let random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number));
        let worker = worker(source.clone(), random);
        workers.spawn(process.0.scope_for(worker));
    }
    while let Some(ended) = within(format!("the workers of SEED={seed} to end"), workers.join_next()).await {
        ended.expect("it neither panics nor is cancelled");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_batch_ends_and_none_is_older_than_a_mutation_before_it() {
    everywhere(async |world| scenario(world).await).await;
}
