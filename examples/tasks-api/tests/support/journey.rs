//! Every endpoint once, over whatever database the service has.

use hyper::Method;
use serde_json::{Value, json};

use super::Service;

/// Reads and changes everything, and asserts that every read tells the last change.
pub(crate) async fn every_endpoint(service: &Service) {
    tasks(service).await;
    conversations(service).await;
    users(service).await;
    production(service).await;
    presets(service).await;
    sheets(service).await;
    completion(service).await;
    deletion(service).await;
}

async fn change(service: &Service, method: Method, path: &str, body: Value) -> Value {
    let answer = service.send_json(method.clone(), path, body).await;
    assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
    assert_eq!(answer.status == 204, answer.json.is_null(), "{method} {path}: {answer:?}");
    answer.json
}

async fn gone(service: &Service, path: &str) {
    let answer = service.get(path).await;
    assert_eq!(answer.status, 404, "GET {path}: {answer:?}");
    assert!(answer.json["error"].as_str().is_some_and(|reason| reason.ends_with("not found")), "{answer:?}");
}

async fn tasks(service: &Service) {
    let open = "/users/7/tasks?status=open&limit=20";
    let before = service.read(open).await;
    assert_eq!(before.as_array().map(Vec::len), Some(16));
    assert_eq!(service.read("/users/7/tasks?offset=38").await.as_array().map(Vec::len), Some(2));
    assert_eq!(service.read("/users/7/stats").await, json!({ "tasks": 40, "open": 16, "done": 8 }));
    assert_eq!(service.read("/tasks/pending?priority=high&limit=1").await[0]["id"], 7);
    assert_eq!(service.read("/tasks/pending?priority=high").await[0]["id"], 7);
    assert_eq!(service.read("/tasks/7").await["status"], "open");

    let new =
        change(service, Method::POST, "/tasks", json!({ "owner": 7, "title": "Grade the colours" })).await;
    assert_eq!(new["priority"], "normal");
    assert_eq!(service.read(open).await[0], new);
    assert_eq!(service.read("/users/7/stats").await["open"], 17);

    let edit = json!({ "title": "Grade them again", "status": "done", "priority": "low" });
    let path = format!("/tasks/{}", new["id"]);
    let changed = change(service, Method::PATCH, &path, edit).await;
    assert_eq!(changed["created_at"], new["created_at"]);
    assert_eq!(service.read(&path).await, changed);
    assert_eq!(service.read(open).await, before);
    assert_eq!(service.read("/users/7/tasks?status=done").await[0], changed);
    assert_eq!(service.read("/users/7/stats").await, json!({ "tasks": 41, "open": 16, "done": 9 }));

    change(service, Method::PATCH, "/tasks/7", json!({ "status": "in_progress" })).await;
    assert_eq!(service.read("/tasks/pending?priority=high").await[0]["id"], 14);

    change(service, Method::DELETE, &path, Value::Null).await;
    gone(service, &path).await;
    assert_eq!(service.read("/users/7/stats").await["tasks"], 40);
}

async fn conversations(service: &Service) {
    let list = "/users/9/conversations?active_only=true";
    assert_eq!(service.read(list).await.as_array().map(Vec::len), Some(3));
    assert_eq!(service.read("/users/9/conversations").await.as_array().map(Vec::len), Some(4));
    let new = change(service, Method::POST, "/conversations", json!({ "owner": 9, "title": "Ideas" })).await;
    assert_eq!(service.read(list).await[0], new);

    let messages = "/conversations/9/messages";
    assert_eq!(service.read(messages).await.as_array().map(Vec::len), Some(10));
    assert_eq!(service.read("/conversations/9/messages?limit=3").await.as_array().map(Vec::len), Some(3));
    let said = change(service, Method::POST, messages, json!({ "author": "user", "body": "Cut!" })).await;
    assert_eq!(service.read(messages).await[0], said);
    assert_eq!(service.read("/conversations/9").await["updated_at"], said["created_at"]);

    change(service, Method::PATCH, "/conversations/9", json!({ "active": false, "title": "Closed" })).await;
    assert_eq!(service.read("/conversations/9").await["title"], "Closed");
    assert_eq!(service.read(list).await.as_array().map(Vec::len), Some(3));

    change(service, Method::DELETE, "/conversations/9", Value::Null).await;
    gone(service, "/conversations/9").await;
    assert_eq!(service.read(messages).await, json!([]));
    assert_eq!(service.read("/users/9/conversations").await.as_array().map(Vec::len), Some(4));
}

async fn users(service: &Service) {
    let session = "/users/9/sessions/s1";
    assert_eq!(service.read(session).await["client"], "web");
    change(service, Method::PUT, session, json!({ "client": "tablet" })).await;
    assert_eq!(service.read(session).await["client"], "tablet");
    change(service, Method::DELETE, session, Value::Null).await;
    gone(service, session).await;

    let profile = "/users/9/data/profile";
    assert_eq!(service.read(profile).await["body"], r#"{"kind":"profile","user":9}"#);
    change(service, Method::PUT, profile, json!({ "body": "{}" })).await;
    assert_eq!(service.read(profile).await["body"], "{}");
    change(service, Method::DELETE, profile, Value::Null).await;
    gone(service, profile).await;
}

async fn production(service: &Service) {
    for (list, one, new, patch) in [
        (
            "/tasks/21/scripts",
            "/scripts",
            json!({ "title": "One", "body": "Fade in." }),
            json!({ "title": "Two" }),
        ),
        (
            "/tasks/21/storyboards",
            "/storyboards",
            json!({ "title": "One", "panels": 3 }),
            json!({ "title": "Two" }),
        ),
        (
            "/tasks/21/resources?kind=subtitles",
            "/resources",
            json!({ "kind": "subtitles", "url": "https://media.example/one", "bytes": 9 }),
            json!({ "url": "https://media.example/two" }),
        ),
    ] {
        let before = service.read(list).await;
        let collection = list.split('?').next().unwrap_or(list);
        let made = change(service, Method::POST, collection, new).await;
        let path = format!("{one}/{}", made["id"]);
        assert_eq!(service.read(&path).await, made);
        assert!(service.read(list).await.as_array().is_some_and(|rows| rows.contains(&made)), "{list}");
        let changed = change(service, Method::PATCH, &path, patch).await;
        assert_ne!(changed, made);
        assert_eq!(service.read(&path).await, changed);
        assert!(service.read(list).await.as_array().is_some_and(|rows| rows.contains(&changed)), "{list}");
        change(service, Method::DELETE, &path, Value::Null).await;
        gone(service, &path).await;
        assert_eq!(service.read(list).await, before);
    }
    assert_eq!(service.read("/tasks/21/scripts?status=approved&limit=5").await[0]["task"], 21);

    for (list, kind) in [("/tasks/21/first-frames", "first_frame"), ("/tasks/21/videos", "video")] {
        assert_eq!(service.read(list).await.as_array().map(Vec::len), Some(1));
        let new = json!({ "kind": kind, "url": "https://media.example/new", "bytes": 1 });
        change(service, Method::POST, "/tasks/21/resources", new).await;
        assert_eq!(service.read(list).await[1]["kind"], kind);
    }

    let state = "/tasks/21/agents/writer";
    assert_eq!(service.read(state).await["step"], 3);
    change(service, Method::PUT, state, json!({ "step": 4, "state": "writing" })).await;
    assert_eq!(service.read(state).await["state"], "writing");
    change(service, Method::DELETE, state, Value::Null).await;
    gone(service, state).await;
}

async fn presets(service: &Service) {
    let prompt = "/prompts/title";
    assert_eq!(service.read(prompt).await["revision"], 1);
    change(service, Method::PUT, prompt, json!({ "body": "Three titles" })).await;
    assert_eq!(service.read(prompt).await["revision"], 2);
    change(service, Method::DELETE, prompt, Value::Null).await;
    gone(service, prompt).await;

    let style = "/visual-settings/noir";
    assert_eq!(service.read(style).await["frame_rate"], 24);
    let look = json!({ "palette": "grey", "aspect_ratio": "1:1", "frame_rate": 12 });
    change(service, Method::PUT, style, look).await;
    assert_eq!(service.read(style).await["frame_rate"], 12);
    change(service, Method::DELETE, style, Value::Null).await;
    gone(service, style).await;

    assert_eq!(service.read("/stats").await["users"], 500);

    let all = "/prompts";
    let before = service.read(all).await;
    change(service, Method::PUT, prompt, json!({ "body": "Five titles" })).await;
    assert_eq!(service.read(all).await.as_array().map(Vec::len), before.as_array().map(|all| all.len() + 1));
    change(service, Method::DELETE, prompt, Value::Null).await;
    assert_eq!(service.read(all).await, before);
}

/// A task's sheet shows each change of what is on it.
async fn sheets(service: &Service) {
    let sheet = "/tasks/21/sheet";
    let before = service.read(sheet).await;
    assert_eq!(before["task"], service.read("/tasks/21").await);
    let new = json!({ "title": "One", "body": "Fade in." });
    let script = change(service, Method::POST, "/tasks/21/scripts", new).await;
    let with_script = service.read(sheet).await;
    assert!(
        with_script["scripts"].as_array().is_some_and(|scripts| scripts.contains(&script)),
        "{with_script}"
    );
    let path = format!("/scripts/{}", script["id"]);
    change(service, Method::PATCH, &path, json!({ "title": "Two" })).await;
    assert!(service.read(sheet).await.to_string().contains("\"Two\""));
    change(service, Method::DELETE, &path, Value::Null).await;
    assert_eq!(service.read(sheet).await, before);
    gone(service, "/tasks/999999/sheet").await;
}

/// A completed task is done for its agent, too; where it knows nothing of the task, it is not done at all.
async fn completion(service: &Service) {
    let (task, agent) = ("/tasks/25", "/tasks/25/agents/writer");
    let before = (service.read(task).await, service.read(agent).await);
    let path = "/tasks/25/complete";
    let failed = service.send_json(Method::POST, path, json!({ "agent": "nobody" })).await;
    assert_eq!(failed.status, 404, "{failed:?}");
    assert_eq!((service.read(task).await, service.read(agent).await), before);

    let done = change(service, Method::POST, path, json!({ "agent": "writer" })).await;
    assert_eq!(done["status"], "done");
    assert_eq!(service.read(task).await, done);
    assert_eq!(service.read(agent).await["state"], "finished");
}

/// A deleted task takes everything with it, also what was read just before.
async fn deletion(service: &Service) {
    let one = ["/tasks/33", "/scripts/33", "/storyboards/17", "/resources/97", "/tasks/33/agents/writer"];
    let lists = [
        "/tasks/33/scripts",
        "/tasks/33/storyboards",
        "/tasks/33/resources",
        "/tasks/33/first-frames",
        "/tasks/33/videos",
    ];
    let sheet = "/tasks/33/sheet";
    assert_eq!(service.read(sheet).await["task"]["id"], 33);
    for path in one {
        let row = service.read(path).await;
        assert!(row["task"] == 33 || row["id"] == 33, "{path}: {row}");
    }
    for path in lists {
        assert!(!service.read(path).await.as_array().is_none_or(Vec::is_empty), "{path}");
    }
    change(service, Method::DELETE, "/tasks/33", Value::Null).await;
    gone(service, sheet).await;
    for path in one {
        gone(service, path).await;
    }
    for path in lists {
        assert_eq!(service.read(path).await, json!([]), "{path}");
    }
}
