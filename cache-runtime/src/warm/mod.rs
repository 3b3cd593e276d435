//! Entries that are loaded before anyone asks for them.

mod chunk;

use crate::batch::{Holds, Many};
use crate::cache::Cache;
use crate::codec::Value;
use crate::entry::EntryRef;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Entries of one chunk, unless said.
const CHUNK: usize = 100;

/// What became of entries that were to be warmed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Warmed {
    /// Loaded, and stored.
    pub stored: usize,
    /// Left as they are: they have a value.
    pub fresh: usize,
    /// Left to others (who load, hold or invalidated them meanwhile), without a value to store, or named twice.
    pub skipped: usize,
    /// Not loaded: the load failed, or the store did.
    pub failed: usize,
}

impl Warmed {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.stored + self.fresh + self.skipped + self.failed
    }

    const fn and(self, other: Self) -> Self {
        Self {
            stored: self.stored + other.stored,
            fresh: self.fresh + other.fresh,
            skipped: self.skipped + other.skipped,
            failed: self.failed + other.failed,
        }
    }
}

/// What warms one chunk.
type Warm<'a, T> =
    Box<dyn Fn(Vec<T>) -> Pin<Box<dyn Future<Output = Warmed> + Send + 'a>> + Send + Sync + 'a>;

/// Entries to be warmed, as [`Cache::warm_with`] and [`Cache::warm`] make them.
#[must_use = "nothing is warmed until `run`"]
pub struct Warming<'a, T> {
    entries: Box<dyn Iterator<Item = T> + Send + 'a>,
    warm: Warm<'a, T>,
    chunk: usize,
    concurrency: usize,
    rate: Option<u32>,
    progress: Box<dyn FnMut(Warmed) + Send + 'a>,
}

impl<T: Send> Warming<'_, T> {
    /// How many entries are looked up, and loaded, together; 100 unless said.
    pub fn chunk(self, entries: usize) -> Self {
        Self { chunk: entries.max(1), ..self }
    }

    /// How many chunks are under way at once; one unless said.
    pub fn concurrency(self, chunks: usize) -> Self {
        Self { concurrency: chunks.max(1), ..self }
    }

    /// How many entries at most are begun in a second; a chunk is never longer than that.
    pub fn rate(self, per_second: u32) -> Self {
        Self { rate: Some(per_second.max(1)), ..self }
    }

    /// Warms them, and tells what became of them.
    ///
    /// # Cancel safety
    /// Dropped before its end, it gives its leases back in the background; what was stored stays.
    pub async fn run(mut self) -> Warmed {
        let per_second = self.rate.map_or(usize::MAX, |rate| usize::try_from(rate).unwrap_or(usize::MAX));
        let chunk = self.chunk.min(per_second);
        let mut warmed = Warmed::default();
        let mut next = Instant::now();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.concurrency {
                let entries: Vec<T> = self.entries.by_ref().take(chunk).collect();
                if entries.is_empty() {
                    break;
                }
                let begin = next;
                if let Some(rate) = self.rate {
                    let length = u32::try_from(entries.len()).unwrap_or(u32::MAX);
                    next = begin.max(Instant::now()) + Duration::from_secs(1) * length / rate;
                }
                let warm = (self.warm)(entries);
                running.push(async move {
                    sleep_until(begin).await;
                    warm.await
                });
            }
            let Some(more) = running.next().await else { return warmed };
            warmed = warmed.and(more);
            (self.progress)(warmed);
        }
    }
}

impl<'a, T> Warming<'a, T> {
    /// What is told after each chunk: the sum up to then.
    pub fn on_progress(self, progress: impl FnMut(Warmed) + Send + 'a) -> Self {
        Self { progress: Box::new(progress), ..self }
    }

    fn of(entries: impl Iterator<Item = T> + Send + 'a, warm: Warm<'a, T>) -> Self {
        let (entries, progress) = (Box::new(entries), Box::new(|_| {}));
        Self { entries, warm, chunk: CHUNK, concurrency: 1, rate: None, progress }
    }
}

impl<T> std::fmt::Debug for Warming<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { chunk, concurrency, rate, .. } = self;
        let mut shown = f.debug_struct("Warming");
        shown
            .field("chunk", chunk)
            .field("concurrency", concurrency)
            .field("rate", rate)
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// Loads the entries of `ids` that have no value, chunk by chunk: `entry` names the entry of one id, `load` loads several.
    ///
    /// The leases are taken before a chunk is loaded, so that no value is stored that was invalidated meanwhile; what has a value, or is
    /// loaded or held by others, is left as it is. `load` returns what a [`cached_many`](crate::cached_many) function returns, and calls
    /// of cached functions in it run their bodies; its errors are counted. Within a load or a transaction nothing is warmed.
    ///
    /// # Examples
    /// ```
    /// use cache_runtime::{Cache, cached};
    /// use std::collections::HashMap;
    ///
    /// #[cached(ns = "doc", ttl = "short")]
    /// async fn square(n: u64) -> u64 {
    ///     n * n
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let cache = Cache::in_process();
    /// let load = async |ids: Vec<u64>| ids.into_iter().map(|n| (n, n * n)).collect::<HashMap<_, _>>();
    /// let warmed = cache.warm_with(1..=250, |n| square_entry(*n), load).rate(10_000).run().await;
    /// assert_eq!((warmed.stored, warmed.total()), (250, 250));
    /// # }
    /// ```
    pub fn warm_with<'a, K, V, O, F>(
        &self,
        ids: impl IntoIterator<Item = K, IntoIter: Send + 'a>,
        entry: impl Fn(&K) -> EntryRef<V> + Send + Sync + 'a,
        load: impl Fn(Vec<K>) -> F + Send + Sync + 'a,
    ) -> Warming<'a, K>
    where
        K: Clone + Send + Sync + 'a,
        V: Value + Holds<O::Item>,
        O: Many<K>,
        O::Item: Send,
        O::Error: Send,
        F: Future<Output = O> + Send + 'a,
    {
        let (cache, source) = (self.clone(), Arc::new((entry, load)));
        let warm = move |ids: Vec<K>| {
            let (cache, source) = (cache.clone(), source.clone());
            let warmed = async move { chunk::load(ids, &source.0, &source.1).await };
            Box::pin(cache.scope_for(warmed)) as Pin<Box<dyn Future<Output = Warmed> + Send + 'a>>
        };
        Warming::of(ids.into_iter(), Box::new(warm))
    }

    /// Makes values at hand the entries that have none.
    ///
    /// What has a value, or is loaded or held by others, is left as it is. A value must be current when it is stored: one that was read
    /// before an invalidation is stored all the same, and served until its ttl ends. [`warm_with`](Self::warm_with) has no such gap.
    ///
    /// # Examples
    /// ```
    /// use cache_runtime::{Cache, cached};
    ///
    /// #[cached(ns = "doc", ttl = "short")]
    /// async fn price(article: u64) -> u64 {
    ///     unreachable!("it is stored")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let cache = Cache::in_process();
    /// let entries = || [(1, 250), (2, 900)].map(|(article, cents)| (price_entry(article), cents));
    /// cache.scope_for(async {
    ///     let warmed = cache.warm(entries()).run().await;
    ///     assert_eq!((warmed.stored, price(2).await), (2, 900));
    /// }).await;
    /// # }
    /// ```
    pub fn warm<'a, V: Value>(
        &self,
        values: impl IntoIterator<Item = (EntryRef<V>, V), IntoIter: Send + 'a>,
    ) -> Warming<'a, (EntryRef<V>, V)> {
        let cache = self.clone();
        let warm = move |values| {
            let warmed = cache.scope_for(chunk::store(values));
            Box::pin(warmed) as Pin<Box<dyn Future<Output = Warmed> + Send + 'a>>
        };
        Warming::of(values.into_iter(), Box::new(warm))
    }
}
