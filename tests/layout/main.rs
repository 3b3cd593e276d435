//! Values that stand bare in Redis (`layout = "plain"`), beside other programs that write and read them.

mod cluster;
mod contract;
mod others;
mod ours;
mod races;

use cache_runtime::{Answer, Cache, CacheBuilder, cached, observed, updates};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::{until, within};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tokio::task::JoinHandle;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Task {
    id: u64,
    owner: String,
    title: String,
}

fn titled(title: &str) -> Task {
    Task { id: 1, owner: "ann".to_owned(), title: title.to_owned() }
}

#[cached(
    ns = "tasks",
    key = "task_{id}",
    layout = "plain",
    ttl = "long",
    tags = ["owner:{result.owner}"],
    skip(source)
)]
async fn task(id: u64, source: GatedLoad<Task>) -> Task {
    source.load().await
}

#[updates(task(id))]
async fn rename(id: u64, title: &str, gate: &Gate) -> Task {
    gate.wait().await;
    Task { id, ..titled(title) }
}

/// Where the task number 1 stands, and what this library knows of it.
const KEY: &str = "shop:tasks:v1:task_1";
const HEADER: &str = "cache:meta:{shop:tasks:v1:task_1}";
const TEA: &str = r#"{"id":1,"owner":"ann","title":"tea"}"#;
const RUM: &str = r#"{"id":1,"owner":"ann","title":"rum"}"#;

/// A Redis that the services share.
struct Shop {
    server: RedisServer,
}

impl Shop {
    fn open() -> Self {
        Self { server: RedisServer::start() }
    }

    /// One process of the service that is written with this library.
    async fn service(&self) -> Service {
        self.service_with(Cache::builder()).await
    }

    async fn service_with(&self, builder: CacheBuilder) -> Service {
        let cache = builder.redis(self.server.url()).app("shop").build().expect("a good configuration");
        cache.ready(Duration::from_secs(10)).await.expect("the server is up");
        Service(cache)
    }

    /// What the service in another language prints (`client.py`).
    async fn python(&self, words: &[&str]) -> String {
        let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("layout/client.py");
        let mut python = Command::new("python3");
        python.arg("-B").arg(client).arg(self.server.port().to_string()).args(words);
        let output = within("the service in Python", python.output()).await;
        let output = output.expect("python3 plays a service in another language: install it");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints text").trim_end().to_owned()
    }

    /// What stands at a name; the empty text if nothing does.
    fn get(&self, name: &str) -> String {
        self.server.cli(&["GET", name])
    }

    fn set(&self, value: &str) {
        self.server.cli(&["SET", KEY, value]);
    }

    fn exists(&self, name: &str) -> bool {
        self.server.cli(&["EXISTS", name]) == "1"
    }

    /// Waits until that stands at the key, a fill being on its way when its call returns.
    async fn has(&self, value: &str) {
        until(format!("the key to hold {value:?}"), async || self.get(KEY) == value).await;
    }
}

#[derive(Clone)]
struct Service(Cache);

impl Service {
    async fn read(&self, source: &GatedLoad<Task>) -> (Task, Answer) {
        self.spawn_read(source).await.expect("a call does not panic")
    }

    /// Calls the cached function in a task of its own.
    fn spawn_read(&self, source: &GatedLoad<Task>) -> JoinHandle<(Task, Answer)> {
        self.spawn_call(task(1, source.clone()))
    }

    fn spawn_call<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<(T, Answer)> {
        let cache = self.0.clone();
        tokio::spawn(async move {
            let (value, report) = within("the call to end", cache.scope_for(observed(call))).await;
            (value, report.answers()[0])
        })
    }

    async fn invalidate(&self) {
        let outcome = self.0.scope_for(async { task_entry(1).invalidate().await }).await;
        assert_eq!(outcome, cache_runtime::Invalidation::Applied);
    }

    /// The numbers of a function.
    fn stats(&self, function: &str) -> cache_runtime::FunctionStats {
        self.0.stats().namespaces["tasks"][function].clone()
    }
}
