//! A service in Rust and one in Python that share a namespace: each reads what the other stored, and sees what it removed.
//!
//! `pip install redis; CACHE_URL=redis://127.0.0.1/ cargo run -p two-languages`

use cache_runtime::{Cache, cached, invalidates, observed};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

#[derive(Clone, Serialize, Deserialize)]
struct Task {
    id: u64,
    title: String,
}

/// Stands as bare JSON at `shop:tasks:v1:task_1`.
#[cached(ns = "tasks", key = "task_{id}", ttl = "5m", layout = "plain")]
async fn task(id: u64) -> Task {
    println!("rust    loads   it from its database");
    Task { id, title: "tea".to_owned() }
}

#[invalidates(task(id))]
async fn rename(id: u64) {
    println!("rust    renames task {id} in its database");
}

async fn read() {
    let (task, report) = observed(task(1)).await;
    println!("rust    reads   {:?}: {}", task.title, report.outcome().expect("it is cached"));
}

/// Has the other service do something (`service.py`).
async fn python(url: &str, words: &[&str]) -> std::io::Result<()> {
    let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("service.py");
    let ended = Command::new("python3").arg(service).arg(url).args(words).status().await?;
    if ended.success() { Ok(()) } else { Err(std::io::Error::other("the service in Python failed")) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(url) = std::env::var("CACHE_URL") else {
        return Err("set CACHE_URL, for example to redis://127.0.0.1/".into());
    };
    let cache = Cache::builder().redis(&url).app("shop").build()?;
    cache.ready(Duration::from_secs(2)).await?;
    cache.install();

    task_entry(1).invalidate().await;
    read().await;
    python(&url, &["read"]).await?;
    python(&url, &["store", "rum"]).await?;
    read().await;
    python(&url, &["remove"]).await?;
    read().await;
    rename(1).await;
    python(&url, &["read"]).await?;
    Ok(())
}
