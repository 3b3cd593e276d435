//! What the header `x-cache` says, and that no answer is older than the last change.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::Cache;
use hyper::Method;
use serde_json::{Value, json};
use support::redis::Redis;
use support::{Service, journey};
use tasks_api::Config;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_task_is_loaded_once_and_a_change_writes_it_anew() {
    let service = Service::start(Config::default()).await;
    assert_eq!(service.word("/tasks/1").await, "loaded");
    assert_eq!(service.word("/tasks/1").await, "hit-l1");
    assert_eq!(service.word("/tasks/2").await, "loaded");
    let renamed = service.rename("/tasks/1", "Another title").await;
    assert_eq!(renamed.invalidation.as_deref(), Some("applied"));
    let answer = service.get("/tasks/1").await;
    assert!(answer.cache.is_some_and(|word| word.starts_with("hit")), "the change wrote it");
    assert_eq!(answer.json["title"], "Another title");
    assert_eq!(service.word("/tasks/2").await, "hit-l1", "what did not change stays");
    service.stop().await;
}

#[tokio::test]
async fn every_read_is_kept() {
    let service = Service::start(Config::default()).await;
    let reads = [
        ("/tasks/5", "tasks", "get"),
        ("/users/1/tasks?status=open&limit=20", "tasks", "by_owner"),
        ("/tasks/pending?priority=high", "tasks", "pending"),
        ("/conversations/1", "conversations", "get"),
        ("/conversations/1/messages", "conversations", "messages"),
        ("/users/1/conversations?active_only=true", "conversations", "by_owner"),
        ("/users/1/sessions/s1", "sessions", "get"),
        ("/scripts/1", "scripts", "get"),
        ("/tasks/1/scripts?status=draft", "scripts", "by_task"),
        ("/storyboards/1", "storyboards", "get"),
        ("/tasks/1/storyboards", "storyboards", "by_task"),
        ("/resources/1", "resources", "get"),
        ("/tasks/1/resources?kind=audio", "resources", "by_task"),
        ("/tasks/1/first-frames", "resources", "first_frames"),
        ("/tasks/1/videos", "resources", "videos"),
        ("/users/1/data/profile", "user", "get"),
        ("/tasks/5/agents/writer", "agent", "get"),
        ("/prompts/title", "prompts", "get"),
        ("/visual-settings/noir", "settings", "get"),
        ("/stats", "stats", "overview"),
        ("/users/1/stats", "stats", "of_user"),
        ("/tasks/5/sheet", "api", "/tasks/{id}/sheet"),
        ("/prompts", "api", "/prompts"),
    ];
    for (path, ..) in reads {
        assert_eq!(service.word(path).await, "loaded", "{path}");
        assert_eq!(service.word(path).await, "hit-l1", "{path}");
    }
    let stats = service.get("/cache/stats").await;
    assert_eq!((stats.status.as_u16(), stats.cache), (200, None));
    for (_, namespace, function) in reads {
        let counted = &stats.json["namespaces"][namespace][function];
        let numbers = (&counted["loaded"], &counted["hits_l1"]);
        assert_eq!(numbers, (&json!(1), &json!(1)), "{namespace}.{function}");
    }
    let health = service.get("/healthz").await;
    assert_eq!(health.json, json!({ "status": "ok", "database": "ok", "cache": "ok" }));
    assert_eq!((&stats.json["hit_rate"], &stats.json["error_rate"]), (&json!(0.5), &json!(0.0)));
    assert_eq!(stats.json["total"]["loaded"], reads.len());
    let health = service.get("/health").await.json;
    assert_eq!((&health["database"], &health["cache"]["status"]), (&json!("ok"), &json!("healthy")));
    let metrics = service.get("/metrics").await.json;
    let line = "\ncache_requests_total{namespace=\"tasks\",function=\"get\",outcome=\"hit-l1\"} 1\n";
    assert!(metrics.as_str().is_some_and(|page| page.contains(line)), "{metrics}");
    service.stop().await;
}

#[tokio::test]
async fn entries_are_removed_by_the_beginning_of_their_names() {
    let service = Service::start(Config::default()).await;
    for path in ["/users/1/tasks", "/users/1/tasks?limit=7", "/users/2/tasks", "/tasks/1"] {
        assert_eq!(service.word(path).await, "loaded", "{path}");
    }
    let removed = service.send(Method::DELETE, "/cache/entries?prefix=tasks:v1:by_owner:1:", None).await;
    assert_eq!(removed.json, json!({ "keys": 2, "invalidation": "applied" }));
    assert_eq!(removed.invalidation.as_deref(), Some("applied"));
    for (path, word) in
        [("/users/1/tasks", "loaded"), ("/users/1/tasks?limit=7", "loaded"), ("/tasks/1", "hit-l2")]
    {
        assert_eq!(service.word(path).await, word, "{path}");
    }
    let odd = service.send(Method::DELETE, "/cache/entries?prefix=Tasks:", None).await;
    assert_eq!(odd.status, 400);
    service.stop().await;
}

#[tokio::test]
async fn a_user_touches_sessions_so_often_in_a_minute() {
    let service = Service::start(Config::default()).await;
    let touch = async |user: u32| {
        let path = format!("/users/{user}/sessions/s1");
        service.send_json(Method::PUT, &path, json!({ "client": "web" })).await.status.as_u16()
    };
    for _ in 0..120 {
        assert_eq!(touch(1).await, 200);
    }
    assert_eq!(touch(1).await, 429);
    assert_eq!(touch(2).await, 200, "each for themselves");
    service.stop().await;
}

/// One list of 40 tasks in many ways: all of them fall with one change, and with none of somebody else.
#[tokio::test]
async fn every_page_and_limit_is_kept_until_a_row_of_it_changes() {
    let service = Service::start(Config::default()).await;
    let tasks = [
        "/users/1/tasks?limit=19",
        "/users/1/tasks?offset=20",
        "/users/1/tasks?status=open&limit=3&offset=6",
        "/tasks/pending?limit=5",
        "/tasks/pending?priority=low&limit=7",
    ];
    let conversations = ["/conversations/1/messages?limit=5", "/users/1/conversations?offset=1"];
    let production = ["/tasks/1/scripts?limit=2", "/tasks/1/scripts?offset=1", "/scripts/1"];
    let others = ["/users/2/tasks?limit=19", "/users/2/conversations?offset=1", "/tasks/2/scripts?limit=2"];
    let all = || tasks.into_iter().chain(conversations).chain(production).chain(others);
    for word in ["loaded", "hit-l1"] {
        for path in all() {
            assert_eq!(service.word(path).await, word, "{path}");
        }
    }
    service.rename("/tasks/1", "Another title").await;
    let message = json!({ "author": "user", "body": "Cut!" });
    service.send_json(Method::POST, "/conversations/1/messages", message).await;
    service.send_json(Method::PATCH, "/scripts/1", json!({ "title": "Another title" })).await;
    for path in all() {
        let expected = if others.contains(&path) { "hit-l1" } else { "loaded" };
        assert_eq!(service.word(path).await, expected, "{path}");
    }
    service.stop().await;
}

/// A response that is put together from several reads falls with each of them, and with nothing else.
#[tokio::test]
async fn a_sheet_is_kept_until_something_on_it_changes() {
    let service = Service::start(Config::default()).await;
    let sheet = "/tasks/5/sheet";
    let changes = [
        (Method::PATCH, "/tasks/5", json!({ "title": "Another title" })),
        (Method::POST, "/tasks/5/scripts", json!({ "title": "One", "body": "Fade in." })),
        (Method::POST, "/tasks/5/storyboards", json!({ "title": "One", "panels": 3 })),
        (
            Method::POST,
            "/tasks/5/resources",
            json!({ "kind": "audio", "url": "https://media.example/one", "bytes": 9 }),
        ),
        (Method::POST, "/tasks/5/complete", json!({ "agent": "writer" })),
    ];
    assert_eq!(service.word("/tasks/6/sheet").await, "loaded");
    for (method, path, body) in changes {
        let before = service.read(sheet).await;
        assert_eq!(service.word(sheet).await, "hit-l1", "{method} {path}");
        let done = service.send_json(method.clone(), path, body).await;
        assert!(done.status.is_success(), "{method} {path}: {done:?}");
        let answer = service.get(sheet).await;
        assert_eq!(answer.cache.as_deref(), Some("loaded"), "{method} {path}");
        assert_ne!(answer.json, before, "{method} {path}");
    }
    let failed = service.send_json(Method::POST, "/tasks/5/complete", json!({ "agent": "nobody" })).await;
    assert_eq!(failed.status, 404);
    assert_eq!(service.word(sheet).await, "hit-l1", "what was rolled back is still true");
    assert_eq!(service.word("/tasks/6/sheet").await, "hit-l1");
    service.stop().await;
}

#[tokio::test]
async fn several_tasks_are_kept_one_by_one() {
    let service = Service::start(Config::default()).await;
    assert_eq!(service.word("/tasks/2").await, "loaded");
    let numbers = async |path: &str| {
        let tasks = service.read(path).await;
        let numbers = tasks.as_array().into_iter().flatten().map(|task| task["id"].clone());
        numbers.collect::<Vec<Value>>()
    };
    assert_eq!(numbers("/tasks?ids=3,2,999999,1,2").await, [3, 2, 1]);
    assert_eq!(service.word("/tasks/3").await, "hit-l1");
    service.rename("/tasks/1", "Another title").await;
    assert_eq!(service.read("/tasks?ids=1,2").await[0]["title"], "Another title");
    let stats = service.get("/cache/stats").await;
    let counted = &stats.json["namespaces"]["tasks"]["get"];
    assert_eq!(counted["loaded"], 4, "2, then 3, 1 and the one that does not exist");
    assert_eq!(service.get("/tasks?ids=1,x").await.status, 400);
    assert_eq!(service.get("/tasks?ids=").await.status, 400);
    service.stop().await;
}

#[tokio::test]
async fn the_tasks_changed_last_are_loaded_at_the_start() {
    let mut service = Service::start(Config { warm: 250, ..Config::default() }).await;
    let warmed = service.warmed().await.expect("it was asked for");
    assert_eq!((warmed.stored, warmed.total()), (250, 250));
    for (task, word) in [(20_000, "hit-l1"), (19_751, "hit-l1"), (19_750, "loaded")] {
        assert_eq!(service.word(&format!("/tasks/{task}")).await, word, "{task}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_missing_row_is_asked_for_again() {
    let service = Service::start(Config::default()).await;
    let path = "/prompts/closing";
    assert_eq!(service.get(path).await.cache.as_deref(), Some("loaded"));
    assert_eq!(service.get(path).await.cache.as_deref(), Some("loaded"));
    service.send_json(Method::PUT, path, json!({ "body": "The end" })).await;
    assert_eq!(service.read(path).await["body"], "The end");
    service.stop().await;
}

#[tokio::test]
async fn without_a_cache_everything_is_the_same_and_nothing_is_kept() {
    let service = Service::start(Config { cache: Cache::disabled(), ..Config::default() }).await;
    assert_eq!(service.word("/tasks/1").await, "bypassed");
    assert_eq!(service.word("/tasks/1").await, "bypassed");
    journey::every_endpoint(&service).await;
    service.stop().await;
}

#[tokio::test]
async fn two_services_share_a_redis_and_no_stale_answer() {
    let Some(redis) = Redis::start() else { return };
    let directory = std::env::temp_dir().join(format!("tasks-api-shared-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let url = format!("sqlite:{}", directory.join("tasks.db").display());
    let service = async || {
        let cache = Cache::builder().redis(&redis.url).app("tasks").build().expect("a legal configuration");
        cache.ready(Duration::from_secs(5)).await.expect("Redis is up");
        Service::start(Config { cache, database_url: url.clone(), ..Config::default() }).await
    };
    let (one, other) = (service().await, service().await);
    let list = "/users/1/tasks?status=open&limit=20";
    for path in ["/tasks/1", list] {
        assert_eq!(one.word(path).await, "loaded", "{path}");
        assert_eq!(other.word(path).await, "hit-l2", "{path}");
        for service in [&one, &other] {
            service.until(path, |answer| answer.cache.as_deref() == Some("hit-l1")).await;
        }
    }
    other.rename("/tasks/1", "From the other").await;
    let renamed = |task: &Value| task["title"] == "From the other";
    let among = |tasks: &Value| tasks.as_array().is_some_and(|tasks| tasks.iter().any(renamed));
    assert!(renamed(&other.read("/tasks/1").await));
    assert!(among(&other.read(list).await));
    one.until("/tasks/1", |answer| renamed(&answer.json)).await;
    one.until(list, |answer| among(&answer.json)).await;
    journey::every_endpoint(&one).await;
    assert_eq!(one.get("/healthz").await.json["cache"], "ok");
    one.stop().await;
    other.stop().await;
    std::fs::remove_dir_all(directory).expect("cleaned up");
}

/// Readers ask all the time; whoever asks after a change was acknowledged gets that change or a later one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_what_was_true_before_an_acknowledged_change() {
    const CHANGES: usize = 150;
    const NEWEST: &str = "/tasks/19501";
    let service = Arc::new(Service::start(Config::default()).await);
    service.rename(NEWEST, "0").await;
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let readers = [NEWEST, NEWEST, NEWEST, "/users/1/tasks", "/users/1/tasks"].map(|path| {
        let (service, acknowledged) = (Arc::clone(&service), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            let (mut answers, mut hits) = (0, 0);
            while acknowledged.load(Ordering::SeqCst) < CHANGES {
                let before = acknowledged.load(Ordering::SeqCst);
                let answer = service.get(path).await;
                let task = if path == NEWEST { &answer.json } else { &answer.json[0] };
                let title: usize =
                    task["title"].as_str().and_then(|title| title.parse().ok()).expect("a number");
                assert!(title >= before, "{path}: {title} after {before} was acknowledged");
                answers += 1;
                hits += usize::from(answer.cache.is_some_and(|word| word.starts_with("hit")));
            }
            (answers, hits)
        })
    });
    for change in 1..=CHANGES {
        service.rename(NEWEST, &change.to_string()).await;
        acknowledged.store(change, Ordering::SeqCst);
    }
    let mut all = (0, 0);
    for reader in readers {
        let (answers, hits) = reader.await.expect("no reader failed");
        all = (all.0 + answers, all.1 + hits);
    }
    assert!(all.0 > CHANGES && all.1 > 0, "{all:?}");
}

/// A client that goes away takes neither its change back nor the old list along.
#[tokio::test]
async fn a_change_nobody_waits_for_is_seen() {
    let service = Service::start(Config::default()).await;
    let list = "/users/1/tasks";
    for round in 0..20 {
        let id = service.read(list).await[0]["id"].clone();
        let title = format!("Round {round}");
        let body = json!({ "title": title }).to_string();
        let mut stream = TcpStream::connect(service.addr()).await.expect("the service listens");
        let head = format!("PATCH /tasks/{id} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.expect("sent");
        drop(stream);
        let begun = Instant::now();
        while service.read(list).await[0]["title"] != title.as_str() {
            assert!(begun.elapsed() < Duration::from_secs(5), "the old list is still there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    service.stop().await;
}
