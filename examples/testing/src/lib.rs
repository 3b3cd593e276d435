//! How to test one's own cached code: each test in a cache of its own, outcomes asserted, time paused.

use cache_runtime::{cached, invalidates};
use std::collections::HashMap;
use std::sync::Mutex;

/// Prices in cents.
#[derive(Debug, Default)]
pub struct Prices(Mutex<HashMap<String, u64>>);

impl Prices {
    /// The price of an article; that there is none is remembered for 10 s.
    #[cached(ns = "prices", ttl = "short", none = "10s")]
    pub async fn of(&self, article: &str) -> Option<u64> {
        self.0.lock().ok()?.get(article).copied()
    }

    /// Sets a price.
    #[invalidates(Self::of(article))]
    pub async fn set(&self, article: &str, cents: u64) {
        if let Ok(mut prices) = self.0.lock() {
            prices.insert(article.to_owned(), cents);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Prices;
    use cache_runtime::{Cache, Outcome, observed};
    use std::time::Duration;

    /// Runs a test in a cache of its own, so that tests running beside it do not see its entries.
    async fn alone<T>(test: impl Future<Output = T>) -> T {
        Cache::in_process().scope_for(test).await
    }

    async fn outcome<T>(call: impl Future<Output = T>) -> Option<Outcome> {
        observed(call).await.1.outcome()
    }

    #[tokio::test]
    async fn a_price_is_cached_until_it_is_set() {
        alone(async {
            let prices = Prices::default();
            prices.set("tea", 250).await;
            assert_eq!(outcome(prices.of("tea")).await, Some(Outcome::Loaded));
            assert!(matches!(outcome(prices.of("tea")).await, Some(Outcome::Hit(_))));
            prices.set("tea", 260).await;
            assert_eq!(prices.of("tea").await, Some(260));
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_price_is_remembered_for_ten_seconds() {
        alone(async {
            let prices = Prices::default();
            assert_eq!(outcome(prices.of("tea")).await, Some(Outcome::Loaded));
            tokio::time::advance(Duration::from_secs(8)).await;
            assert!(matches!(outcome(prices.of("tea")).await, Some(Outcome::Hit(_))));
            tokio::time::advance(Duration::from_secs(3)).await;
            assert_eq!(outcome(prices.of("tea")).await, Some(Outcome::Loaded));
        })
        .await;
    }

    #[test]
    fn everything_cached_is_invalidated() {
        assert_eq!(cache_runtime::catalog().findings(), []);
    }

    #[tokio::test]
    async fn a_body_can_be_tested_without_any_cache() {
        let prices = Prices::default();
        let twice = async { (outcome(prices.of("tea")).await, outcome(prices.of("tea")).await) };
        let bypassed = Some(Outcome::Bypassed);
        assert_eq!(Cache::disabled().scope_for(twice).await, (bypassed, bypassed));
    }
}
