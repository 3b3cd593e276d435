use cache_tests::redis_process::RedisServer;
use cache_tests::wait::{DEADLINE, until};
use cache_tests::worker::{Parent, Worker};
use serde_json::json;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn servers_are_apart_and_take_options() {
    let (one, other) = (RedisServer::start(), RedisServer::with(&["--maxmemory", "5mb"]));
    assert_ne!(one.port(), other.port());
    assert_eq!(one.cli(&["SET", "key", "value"]), "OK");
    assert_eq!(one.cli(&["GET", "key"]), "value");
    assert_eq!(other.cli(&["GET", "key"]), "");
    assert_eq!(other.cli(&["CONFIG", "GET", "maxmemory"]), "maxmemory\n5242880");
    assert_eq!(other.cli(&["DBSIZE"]), "0");
    let mut connection = one.connection().await;
    let value: String = redis::cmd("GET").arg("key").query_async(&mut connection).await.unwrap();
    assert_eq!(value, "value");
}

#[test]
fn restart_keeps_the_port_and_forgets_the_keys() {
    let server = RedisServer::start();
    let port = server.port();
    server.cli(&["SET", "key", "value"]);
    server.kill();
    assert!(!server.answers(SHORT));
    server.restart();
    assert_eq!(server.port(), port);
    assert_eq!(server.cli(&["GET", "key"]), "");
}

#[test]
fn restart_brings_the_snapshot_back() {
    let server = RedisServer::start();
    server.cli(&["SET", "saved", "value"]);
    server.save_snapshot();
    server.cli(&["SET", "later", "value"]);
    server.restart();
    assert_eq!(server.cli(&["KEYS", "*"]), "saved");
}

#[tokio::test]
async fn a_frozen_server_answers_when_thawed() {
    let server = RedisServer::start();
    let mut connection = server.connection().await;
    server.freeze();
    assert!(!server.answers(SHORT));
    let mut ping = tokio::spawn(async move { redis::cmd("PING").query_async(&mut connection).await });
    assert!(tokio::time::timeout(SHORT, &mut ping).await.is_err());
    server.thaw();
    assert_eq!(ping.await.unwrap(), Ok("PONG".to_owned()));
    assert!(server.answers(DEADLINE));
}

#[test]
fn a_dropped_server_leaves_nothing() {
    let server = RedisServer::start();
    let (folder, port) = (folder_of(&server), server.port());
    assert!(Path::new(&folder).is_dir());
    server.freeze();
    drop(server);
    assert!(!Path::new(&folder).exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

pub(crate) async fn own_a_server(mut parent: Parent) {
    let server = RedisServer::start();
    let folder = folder_of(&server);
    if parent.config() {
        server.freeze();
    }
    while parent.question().await.is_some() {
        parent.answer(&json!([server.port(), folder]));
    }
}

#[tokio::test]
async fn a_server_dies_with_its_process() {
    for frozen in [false, true] {
        let mut owner = Worker::spawn("server", frozen).await;
        let answer = owner.ask(json!("where")).await;
        let (port, folder): (u16, String) = serde_json::from_value(answer).unwrap();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        owner.kill();
        until("the server's end", async || TcpStream::connect(("127.0.0.1", port)).is_err()).await;
        until("the folder's end", async || !Path::new(&folder).exists()).await;
    }
}

#[test]
fn valkey_where_there_is_one() {
    let Some(server) = RedisServer::valkey() else { return };
    assert!(server.cli(&["INFO", "server"]).contains("valkey_version"));
}

fn folder_of(server: &RedisServer) -> String {
    server.cli(&["CONFIG", "GET", "dir"]).lines().nth(1).unwrap().to_owned()
}
