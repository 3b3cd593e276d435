//! Two processes over one Redis: what one invalidates, the other does not read again.
//!
//! `CACHE_URL=redis://127.0.0.1/ cargo run -p over-redis`

use cache_runtime::{Cache, cached, invalidates, observed};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The source of truth.
static VISITS: AtomicU64 = AtomicU64::new(0);

#[cached(ns = "visits", ttl = "1m")]
async fn visits(page: &str) -> u64 {
    println!("  (the body of `visits` runs for {page})");
    VISITS.load(Ordering::Relaxed)
}

#[invalidates(visits(page))]
async fn visit(page: &str) {
    VISITS.fetch_add(1, Ordering::Relaxed);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(url) = std::env::var("CACHE_URL") else {
        return Err("set CACHE_URL, for example to redis://127.0.0.1/".into());
    };
    // Two caches with a connection each are to Redis what two processes are.
    let one = Cache::builder().redis(&url).app("over-redis").build()?;
    let other = Cache::builder().redis(&url).app("over-redis").build()?;
    one.ready(Duration::from_secs(2)).await?;
    other.ready(Duration::from_secs(2)).await?;

    for name in ["first", "second"] {
        println!("the {name} round");
        one.scope_for(visit("/home")).await;
        for (process, cache) in [("one", &one), ("other", &other), ("one", &one)] {
            let (visits, report) = cache.scope_for(observed(visits("/home"))).await;
            println!("  process {process:<5} reads {visits}: {}", report.outcome().expect("it is cached"));
        }
    }
    println!("{}", serde_json::to_string_pretty(&other.stats())?);
    Ok(())
}
