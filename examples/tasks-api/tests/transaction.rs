//! A change of several tables: what its commit and its rollback leave in the cache.

mod support;

use std::time::Duration;

use cache_runtime::Cache;
use hyper::Method;
use serde_json::{Value, json};
use support::Service;
use support::redis::Redis;
use tasks_api::Config;

const COMPLETE: &str = "/tasks/25/complete";

/// What the completion changes, in both tables.
const READS: [&str; 5] = [
    "/tasks/25",
    "/users/25/tasks?limit=40",
    "/tasks/pending?priority=normal",
    "/users/25/stats",
    "/tasks/25/agents/writer",
];

#[tokio::test]
async fn both_tables_change_or_neither() {
    commit_and_rollback(Cache::in_process()).await;
}

#[tokio::test]
async fn both_tables_change_or_neither_over_redis() {
    let Some(redis) = Redis::start() else { return };
    let cache = Cache::builder().redis(&redis.url).build().expect("a legal configuration");
    cache.ready(Duration::from_secs(5)).await.expect("Redis is up");
    commit_and_rollback(cache).await;
}

async fn commit_and_rollback(cache: Cache) {
    let service = Service::start(Config { cache, ..Config::default() }).await;
    let mut before = Vec::new();
    for path in READS {
        before.push(service.read(path).await);
        assert!(service.word(path).await.starts_with("hit"), "{path}");
    }

    // The task is finished already when this agent turns out to know nothing of it.
    let failed = service.send_json(Method::POST, COMPLETE, json!({ "agent": "nobody" })).await;
    assert_eq!((failed.status.as_u16(), failed.invalidation), (404, None));
    for (path, before) in READS.into_iter().zip(&before) {
        let answer = service.get(path).await;
        assert!(answer.cache.is_some_and(|word| word.starts_with("hit")), "{path} was invalidated");
        assert_eq!(answer.json, *before, "{path}");
    }
    let rows = service.get("/users/25/tasks?limit=41").await;
    assert_eq!((rows.cache.as_deref(), &rows.json), (Some("loaded"), &before[1]), "rolled back");

    let completed = service.send_json(Method::POST, COMPLETE, json!({ "agent": "writer" })).await;
    assert_eq!((completed.status.as_u16(), completed.invalidation.as_deref()), (200, Some("applied")));
    let mut after = Vec::new();
    for path in READS {
        let answer = service.get(path).await;
        assert_eq!(answer.cache.as_deref(), Some("loaded"), "{path}");
        after.push(answer.json);
    }
    assert_eq!(after[0], completed.json);
    assert_eq!(after[0]["status"], "done");
    assert_eq!(row(&before[1]).expect("the owner's")["status"], "open");
    assert_eq!(row(&after[1]), Some(&completed.json));
    assert!(row(&before[2]).is_some() && row(&after[2]).is_none(), "pending until then");
    assert_eq!(after[3]["done"], json!(before[3]["done"].as_i64().expect("a count") + 1));
    assert_eq!((&after[4]["step"], &after[4]["state"]), (&json!(8), &json!("finished")));
    service.stop().await;
}

fn row(tasks: &Value) -> Option<&Value> {
    tasks.as_array()?.iter().find(|task| task["id"] == 25)
}
