//! When users were last seen, which is written behind.

mod support;

use std::time::Duration;

use cache_runtime::Cache;
use hyper::Method;
use sqlx::AnyPool;
use support::Service;
use support::redis::Redis;
use tasks_api::Config;

/// A database in a file of this test's own.
struct File {
    directory: std::path::PathBuf,
    url: String,
}

impl File {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("tasks-api-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        Self { url: format!("sqlite:{}", directory.join("tasks.db").display()), directory }
    }

    /// What the database says of user 7.
    async fn saved(&self) -> Option<i64> {
        sqlx::any::install_default_drivers();
        let pool = AnyPool::connect(&self.url).await.expect("the same file");
        let query = sqlx::query_scalar("SELECT seen_at FROM last_seen WHERE owner = 7");
        let saved = query.fetch_optional(&pool).await.expect("the table is there");
        pool.close().await;
        saved
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test]
async fn what_is_noted_is_seen_at_once_and_saved_at_the_latest_at_the_end() {
    let file = File::new("seen");
    let service = Service::start(Config { database_url: file.url.clone(), ..Config::default() }).await;
    assert_eq!(service.get("/users/7/seen").await.status, 404);
    let mut last = 0;
    for _ in 0..20 {
        assert_eq!(service.send(Method::POST, "/users/7/seen", None).await.status, 204);
        let seen = service.read("/users/7/seen").await.as_i64().expect("a time");
        assert!(seen >= last);
        last = seen;
    }
    service.stop().await;
    assert_eq!(file.saved().await, Some(last));
}

#[tokio::test]
async fn what_one_service_noted_is_seen_by_another() {
    let Some(redis) = Redis::start() else { return };
    let file = File::new("shared");
    let config = || {
        let cache = Cache::builder().redis(&redis.url).app("tasks").build().expect("a good url");
        Config { cache, database_url: file.url.clone(), ..Config::default() }
    };
    let one = Service::start(config()).await;
    let other = Service::start(config()).await;
    for service in [&one, &other] {
        service.until("/healthz", |answer| answer.json["cache"] == "ok").await;
    }
    assert_eq!(other.get("/users/7/seen").await.status, 404);
    assert_eq!(one.send(Method::POST, "/users/7/seen", None).await.status, 204);
    let seen = one.read("/users/7/seen").await;
    other.until("/users/7/seen", |answer| answer.json == seen).await;
    one.stop().await;
    other.stop().await;
    assert_eq!(file.saved().await, seen.as_i64());
}

/// The database refuses the row of a user who does not exist.
#[tokio::test]
async fn what_cannot_be_saved_is_forgotten() {
    let service = Service::start(Config::default()).await;
    assert_eq!(service.send(Method::POST, "/users/99999/seen", None).await.status, 204);
    assert_eq!(service.get("/users/99999/seen").await.status, 200);
    service.until("/users/99999/seen", |answer| answer.status == 404).await;
    tokio::time::timeout(Duration::from_secs(5), service.stop()).await.expect("nothing is left to save");
}
