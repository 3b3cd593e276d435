//! A cached function and a mutation, without any server: miss, hit, invalidated, miss.

use cache_runtime::{cached, invalidates, observed};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Task {
    id: u64,
    title: String,
}

/// A table whose queries take 20 ms.
#[derive(Default)]
struct Tasks(Mutex<HashMap<u64, Task>>);

impl Tasks {
    /// The key is `tasks:v1:get:42`; an entry lives for 300 s.
    #[cached(ns = "tasks", ttl = "medium")]
    async fn get(&self, id: u64) -> Option<Task> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.0.lock().expect("no panics").get(&id).cloned()
    }

    /// Runs, then removes the entry that it made untrue; the compiler checks that there is a `get(id)`.
    #[invalidates(Self::get(id))]
    async fn rename(&self, id: u64, title: &str) {
        self.0.lock().expect("no panics").insert(id, Task { id, title: title.to_owned() });
    }
}

/// Reads a task and prints how it was answered.
async fn show(tasks: &Tasks) {
    let started = Instant::now();
    let (task, report) = observed(tasks.get(42)).await;
    let title = task.map_or_else(|| "nothing".to_owned(), |task| task.title);
    let outcome = report.outcome().expect("get is cached");
    println!("{:<8} {:>10.1?}  {title}", outcome.as_str(), started.elapsed());
}

#[tokio::main]
async fn main() {
    let tasks = Tasks::default();
    tasks.rename(42, "write the readme").await;
    show(&tasks).await;
    show(&tasks).await;
    tasks.rename(42, "write it better").await;
    println!("invalidated");
    show(&tasks).await;
    show(&tasks).await;
}
