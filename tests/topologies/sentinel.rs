//! Sentinels: the cache goes where they say that the master is.

use super::{DELTA, PATIENCE, acknowledged, protocol, read_within, settled, stored, unready, write};
use cache_runtime::Cache;
use cache_tests::gate::GatedLoad;
use cache_tests::redis_process::RedisServer;
use cache_tests::sentinels::Sentinels;
use cache_tests::wait::{until, within_time};
use std::time::Duration;

fn replica_of(master: &RedisServer) -> RedisServer {
    let port = master.port().to_string();
    RedisServer::with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"])
}

/// Those who turn it into one close its connections.
fn is_master(server: &RedisServer) -> bool {
    server.try_cli(&["INFO", "replication"]).is_ok_and(|info| info.contains("role:master"))
}

fn over(sentinels: &Sentinels) -> Cache {
    Cache::builder().redis_sentinel(sentinels.urls(), "shop").build().expect("a good configuration")
}

#[tokio::test]
async fn the_protocol_runs_over_the_master_that_sentinels_name() {
    let master = RedisServer::start();
    let mut sentinels = Sentinels::of(&master, 0);
    protocol(&over(&sentinels), &over(&sentinels)).await;
    // One that answers is enough.
    sentinels.kill(0);
    sentinels.kill(1);
    over(&sentinels).ready(PATIENCE).await.expect("the last one says where");
}

/// The master dies; what was acknowledged by it and what is written meanwhile is true on the new one.
#[tokio::test]
async fn a_failover_is_followed() {
    let master = RedisServer::start();
    let replica = replica_of(&master);
    let sentinels = Sentinels::of(&master, 1);
    let (writer, reader) = (over(&sentinels), over(&sentinels));
    for cache in [&writer, &reader] {
        cache.ready(PATIENCE).await.expect("the master is up");
    }
    let source = GatedLoad::open(1);
    settled(&reader, 1, &source, 1).await;
    stored(&reader, 1, &source, 1).await;
    master.kill();
    writer.scope_for(write(1, 2, &source)).await;
    within_time(Duration::from_secs(30), "the failover", async {
        until("the replica is promoted", async || is_master(&replica)).await;
        for cache in [&writer, &reader] {
            cache.ready(PATIENCE).await.expect("there is a master again");
        }
    })
    .await;
    until("it is sent", async || writer.stats().pending_invalidations == 0).await;
    read_within(&reader, 1, &source, 2, DELTA).await;
    settled(&reader, 1, &source, 2).await;
    stored(&reader, 1, &source, 2).await;
    acknowledged(&writer, async || write(1, 3, &source).await).await;
    read_within(&reader, 1, &source, 3, DELTA).await;
}

/// An acknowledged invalidation that the new master never heard of is sent to it again before it is read.
#[tokio::test]
async fn what_a_failover_lost_is_sent_again() {
    let master = RedisServer::start();
    let replica = replica_of(&master);
    let sentinels = Sentinels::of(&master, 1);
    let (writer, reader) = (over(&sentinels), over(&sentinels));
    for cache in [&writer, &reader] {
        cache.ready(PATIENCE).await.expect("the master is up");
    }
    let source = GatedLoad::open(1);
    stored(&writer, 1, &source, 1).await;
    until("the replica has it", async || !replica.cli(&["KEYS", "far:*"]).is_empty()).await;
    // From now on the replica hears nothing more.
    replica.freeze();
    master.cli(&["CLIENT", "KILL", "TYPE", "replica"]);
    acknowledged(&writer, async || write(1, 2, &source).await).await;
    master.kill();
    replica.thaw();
    until("the replica is promoted", async || is_master(&replica)).await;
    writer.ready(PATIENCE).await.expect("there is a master again");
    until("it is sent", async || writer.stats().pending_invalidations == 0).await;
    reader.ready(PATIENCE).await.expect("there is a master again");
    stored(&reader, 1, &source, 2).await;
}

#[tokio::test]
async fn sentinels_may_have_a_password_of_their_own() {
    let master = RedisServer::with(&["--requirepass", "of-master"]);
    let lines = "requirepass of-sentinels\nsentinel auth-pass shop of-master";
    let sentinels = Sentinels::with(&master, 0, lines);
    let hosts: Vec<_> = sentinels.ports().map(|port| format!("127.0.0.1:{port}")).collect();
    let url = |password: &str| {
        let hosts = hosts.join(",");
        format!("redis+sentinel://:of-master@{hosts}/shop/3?sentinel_password={password}")
    };
    let cache = Cache::builder().redis(url("of%2Dsentinels")).build().expect("a good url");
    cache.ready(PATIENCE).await.expect("both passwords are right");
    let cache = Cache::builder().redis(url("wrong")).build().expect("a good url");
    let error = unready(&cache, "assword").await;
    assert!(!error.contains("of-master"), "{error}");
}

#[tokio::test]
async fn a_master_that_nobody_knows_is_told() {
    let master = RedisServer::start();
    let sentinels = Sentinels::of(&master, 0);
    let cache = Cache::builder().redis_sentinel(sentinels.urls(), "nobody").build().expect("a good url");
    unready(&cache, "no master of this name").await;
}
