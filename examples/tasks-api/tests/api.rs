//! The whole API over real HTTP, on a database in memory.

mod support;

use hyper::Method;
use serde_json::json;
use support::{Service, journey};
use tasks_api::Config;

#[tokio::test]
async fn every_endpoint_tells_the_last_change() {
    let service = Service::start(Config::default()).await;
    journey::every_endpoint(&service).await;
    service.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let service = Service::start(Config::default()).await;
    for path in [
        "/nothing",
        "/tasks/999999",
        "/conversations/999999",
        "/scripts/999999",
        "/storyboards/999999",
        "/resources/999999",
        "/users/1/sessions/none",
        "/users/999/data/quota",
        "/tasks/1/agents/nobody",
        "/prompts/none",
        "/visual-settings/none",
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.json["error"].is_string(), "{path}: {answer:?}");
    }
    for path in ["/tasks/999999", "/prompts/none", "/users/1/sessions/none", "/conversations/999999"] {
        assert_eq!(service.send(Method::DELETE, path, None).await.status, 404, "{path}");
    }
    let answer = service.send_json(Method::PATCH, "/tasks/999999", json!({ "title": "x" })).await;
    assert_eq!(answer.status, 404);
    service.stop().await;
}

#[tokio::test]
async fn bad_requests_are_told_why() {
    let service = Service::start(Config::default()).await;
    for path in [
        "/tasks/one",
        "/users/1/tasks?limit=0",
        "/users/1/tasks?limit=101",
        "/users/1/tasks?status=lost",
        "/users/1/tasks?sorted=true",
        "/users/1/tasks?offset=-1",
        "/tasks/pending?priority=none",
        "/users/1/data/secrets",
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(answer.json["error"].is_string(), "{path}: {answer:?}");
    }
    for (method, path, body, status) in [
        (Method::PATCH, "/tasks/1", json!({}), 400),
        (Method::PATCH, "/tasks/1", json!({ "title": "  " }), 400),
        (Method::PATCH, "/tasks/1", json!({ "title": "x".repeat(201) }), 400),
        (Method::PATCH, "/tasks/1", json!({ "name": "x" }), 400),
        (Method::PATCH, "/tasks/1", json!([1]), 400),
        (Method::POST, "/tasks", json!({ "owner": 1 }), 400),
        (Method::POST, "/tasks", json!({ "owner": 99999, "title": "x" }), 409),
        (Method::POST, "/tasks/99999/scripts", json!({ "title": "x", "body": "" }), 409),
        (Method::POST, "/tasks/99999/complete", json!({ "agent": "writer" }), 404),
        (Method::POST, "/tasks/1", json!({}), 405),
    ] {
        let answer = service.send_json(method.clone(), path, body.clone()).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        assert!(answer.json["error"].is_string(), "{method} {path} {body}: {answer:?}");
    }
    let answer = service.send(Method::PATCH, "/tasks/1", Some("{".to_owned())).await;
    assert_eq!(answer.status, 400);
    assert_eq!(service.read("/tasks/1").await["title"], "Draw the storyboard of episode 1");
    service.stop().await;
}

#[tokio::test]
async fn a_failing_database_is_not_explained_to_the_caller() {
    let directory = std::env::temp_dir().join(format!("tasks-api-broken-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("tasks.db");
    let url = format!("sqlite:{}", file.display());
    let service = Service::start(Config { database_url: url.clone(), ..Config::default() }).await;
    sqlx::any::install_default_drivers();
    let other = sqlx::AnyPool::connect(&url).await.expect("the same file");
    sqlx::query("ALTER TABLE prompt_templates RENAME TO elsewhere").execute(&other).await.expect("renamed");
    let answer = service.get("/prompts/title").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json, json!({ "error": "internal error" }));
    other.close().await;
    service.stop().await;
    std::fs::remove_dir_all(directory).expect("cleaned up");
}

#[tokio::test]
async fn a_file_is_filled_once() {
    let directory = std::env::temp_dir().join(format!("tasks-api-file-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let url = format!("sqlite:{}", directory.join("tasks.db").display());
    let config = Config { database_url: url, ..Config::default() };
    let (one, other) = tokio::join!(Service::start(config.clone()), Service::start(config.clone()));
    assert_eq!(one.read("/stats").await["tasks"], 20_000);
    one.send_json(Method::PATCH, "/tasks/1", json!({ "title": "Kept" })).await;
    one.stop().await;
    other.stop().await;
    let again = Service::start(config).await;
    assert_eq!(again.read("/tasks/1").await["title"], "Kept");
    assert_eq!(again.read("/stats").await["tasks"], 20_000);
    again.stop().await;
    std::fs::remove_dir_all(directory).expect("cleaned up");
}
