//! Connections that break, and servers that are other ones afterwards.

use super::{World, at, channels, jobs_over, next, reaches};
use cache_runtime::store::{Redis, Store};
use cache_runtime::{Progress, ProgressError, StoreError};
use cache_tests::proxy::Proxy;
use cache_tests::redis_process::RedisServer;
use cache_tests::wait::until;
use std::sync::Arc;
use std::time::Duration;

/// The jobs as a process sees them that reaches the server through `url`.
async fn jobs_at(url: &str) -> Progress<super::Job> {
    let store = Redis::connect(url).expect("a good url");
    store.ready(Duration::from_secs(10)).await.expect("the server is up");
    jobs_over(Arc::new(store))
}

#[tokio::test]
async fn what_happened_while_the_connection_was_gone_is_told_after_it() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (worker, web) = (jobs_at(&server.url()).await, jobs_at(&proxy.url()).await);
    for lost in ["a state", "an end", "a new run"] {
        worker.publish(lost, &at(10)).await.expect("published");
        let mut states = web.subscribe(lost);
        assert_eq!(next(&mut states).await, Some(at(10)));
        until("it listens", async || channels(&server) == 1).await;
        proxy.refuse().await;
        proxy.reset_all();
        until("it does not listen", async || channels(&server) == 0).await;
        worker.publish(lost, &at(20)).await.expect("published");
        if lost != "a state" {
            worker.publish(lost, &at(100)).await.expect("published");
            worker.finish(lost).await.expect("finished");
        }
        if lost == "a new run" {
            worker.publish(lost, &at(1)).await.expect("published");
        }
        proxy.accept().await;
        match lost {
            "a state" => {
                assert_eq!(next(&mut states).await, Some(at(20)));
                worker.publish(lost, &at(30)).await.expect("published");
                assert_eq!(next(&mut states).await, Some(at(30)), "it listens again");
            }
            "an end" => {
                assert_eq!(next(&mut states).await, Some(at(100)));
                assert_eq!(next(&mut states).await, None);
            }
            _ => assert_eq!(next(&mut states).await, None),
        }
        drop(states);
        until("nobody listens", async || channels(&server) == 0).await;
    }
}

/// Nothing says that such a connection is dead, except that it does not answer.
#[tokio::test]
async fn a_half_open_connection_is_noticed() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (worker, web) = (jobs_at(&server.url()).await, jobs_at(&proxy.url()).await);
    worker.publish(1, &at(10)).await.expect("published");
    let mut states = web.subscribe(1);
    assert_eq!(next(&mut states).await, Some(at(10)));
    until("it listens", async || channels(&server) == 1).await;
    proxy.half_open();
    worker.publish(1, &at(20)).await.expect("published");
    proxy.resume();
    assert_eq!(next(&mut states).await, Some(at(20)));
}

#[tokio::test]
async fn a_state_that_the_server_lost_is_an_end() {
    let server = RedisServer::start();
    let (worker, web) = (jobs_at(&server.url()).await, jobs_at(&server.url()).await);
    worker.publish(1, &at(10)).await.expect("published");
    let mut states = web.subscribe(1);
    assert_eq!(next(&mut states).await, Some(at(10)));
    server.restart();
    assert_eq!(next(&mut states).await, None);
    until("it publishes again", async || worker.publish(1, &at(20)).await == Ok(1)).await;
    reaches(&mut web.subscribe(1), 20).await;
}

#[tokio::test]
async fn subscribers_follow_the_data_to_another_server() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    let proxy = Proxy::to(old.port()).await;
    let web = jobs_at(&proxy.url()).await;
    let mut states = web.subscribe(1);
    let waiting = tokio::spawn(async move { next(&mut states).await });
    until("it listens", async || channels(&old) == 1).await;
    proxy.redirect(new.port()).await;
    // The connection that listens is of another type, and stays.
    old.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
    until("it publishes to the new server", async || web.publish(2, &at(1)).await.is_ok()).await;
    assert_eq!(new.cli(&["EXISTS", "cache:progress:{shop:jobs:2}"]), "1");
    until("it listens there", async || channels(&new) == 1).await;
    web.publish(1, &at(5)).await.expect("published");
    assert_eq!(waiting.await.expect("no panic"), Some(at(5)));
}

#[tokio::test]
async fn without_the_right_to_subscribe_states_are_read_again_and_again() {
    let server = RedisServer::start();
    let rights = ["~*", "resetchannels", "+@all"];
    server.cli(&[&["ACL", "SETUSER", "deaf", "on", ">secret"], &rights[..]].concat());
    let worker = jobs_at(&server.url()).await;
    let deaf = jobs_at(&server.url().replace("redis://", "redis://deaf:secret@")).await;
    worker.publish(1, &at(10)).await.expect("published");
    let mut states = deaf.subscribe(1);
    assert_eq!(next(&mut states).await, Some(at(10)));
    worker.publish(1, &at(20)).await.expect("published");
    assert_eq!(next(&mut states).await, Some(at(20)));
    worker.finish(1).await.expect("finished");
    assert_eq!(next(&mut states).await, None);
    assert_eq!(deaf.publish(2, &at(1)).await, Err(ProgressError::Store(StoreError::Denied)));
}

/// The rights of page *redis*, and no others.
#[tokio::test]
async fn the_documented_rights_are_enough() {
    let server = RedisServer::start();
    let user = ["ACL", "SETUSER", "shop", "on", ">secret", "resetchannels", "-@all"];
    let names = ["~shop:*", "~cache:fence:{shop:*", "~cache:tag:{shop:*", "~cache:progress:{shop:*"];
    let rights = ["&cache:progress:{shop:*", "+hello", "+ping", "+get", "+set", "+mget", "+evalsha", "+eval"];
    let more =
        ["+script|load", "+info", "+time", "+client|tracking", "+publish", "+subscribe", "+unsubscribe"];
    server.cli(&[&user[..], &names, &rights, &more].concat());
    let jobs = jobs_at(&server.url().replace("redis://", "redis://shop:secret@")).await;
    jobs.publish(1, &at(10)).await.expect("published");
    let mut states = jobs.subscribe(1);
    assert_eq!(next(&mut states).await, Some(at(10)));
    until("it listens", async || channels(&server) == 1).await;
    jobs.finish(1).await.expect("finished");
    assert_eq!(next(&mut states).await, None);
    drop(states);
    until("it does not listen", async || channels(&server) == 0).await;
    assert!(!server.cli(&["ACL", "LOG"]).contains("cache:progress"), "{}", server.cli(&["ACL", "LOG"]));
    drop(World::Redis(server));
}
