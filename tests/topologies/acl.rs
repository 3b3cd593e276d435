//! The rights that the manual names are enough, and each is there for what the manual says.

use super::{PATIENCE, acknowledged, call, far, far_entry, near, protocol, settled, unready, update, write};
use cache_runtime::{Cache, Invalidation, OnRestart, Outcome, Tier, observed};
use cache_tests::gate::GatedLoad;
use cache_tests::redis_cluster::RedisCluster;
use cache_tests::redis_process::RedisServer;
use cache_tests::sentinels::Sentinels;
use cache_tests::wait::until;
use std::time::Duration;

/// The user of the manual's page, as it stands there.
fn documented() -> Vec<&'static str> {
    let page = include_str!("../../cache-runtime/docs/redis.md");
    let at = page.find("ACL SETUSER shop").expect("the page has it");
    let end = page[at..].find("```").expect("the block ends");
    page[at..at + end].split_whitespace().collect()
}

fn server(more: &[&str]) -> (RedisServer, String) {
    let server = RedisServer::start();
    server.cli(&[&documented()[..], more].concat());
    let url = server.url().replace("redis://", "redis://shop:secret@");
    (server, url)
}

fn over(url: &str) -> Cache {
    Cache::builder().redis(url).app("shop").build().expect("a good url")
}

async fn with(rights: &[&str]) -> (RedisServer, Cache, GatedLoad<u64>) {
    let (server, url) = server(rights);
    let cache = over(&url);
    cache.ready(PATIENCE).await.expect("it connects all the same");
    (server, cache, GatedLoad::open(1))
}

fn denied(cache: &Cache, namespace: &str) -> u64 {
    let stats = cache.stats();
    let functions = stats.namespaces.get(namespace).into_iter().flatten();
    functions.map(|(_, function)| function.errors.get("denied").copied().unwrap_or_default()).sum()
}

#[tokio::test]
async fn the_documented_rights_are_enough() {
    let (server, url) = server(&[]);
    protocol(&over(&url), &over(&url)).await;
    assert_eq!(server.cli(&["ACL", "LOG"]), "", "nothing was refused");
}

/// The commands of one row of the manual's table, each of which takes something else away.
#[tokio::test]
async fn without_commands_on_entries_bodies_run_or_invalidations_wait() {
    let rows: [(&[&str], bool, bool); 4] = [
        (&["-eval", "-evalsha"], true, true),
        (&["-set"], true, true),
        (&["-getrange"], true, false),
        (&["-unlink"], false, true),
    ];
    for (rights, bodies_run, invalidations_wait) in rows {
        let (_server, cache, source) = with(rights).await;
        assert_eq!(call(&cache, far(1, &source)).await.0, 1, "{rights:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (value, outcome) = call(&cache, far(1, &source)).await;
        assert_eq!((value, outcome != Outcome::Hit(Tier::L2)), (1, bodies_run), "{rights:?}: {outcome:?}");
        let ((), report) = cache.scope_for(observed(write(1, 2, &source))).await;
        let waits = report.invalidations().contains(&Invalidation::Queued);
        assert_eq!(waits, invalidations_wait, "{rights:?}: {:?}", report.invalidations());
        assert_eq!(call(&cache, far(1, &source)).await.0, 2, "{rights:?}");
        assert_eq!(denied(&cache, "far") > 0, bodies_run, "{rights:?}");
    }
}

#[tokio::test]
async fn without_generations_nothing_is_stored() {
    let (_server, cache, source) = with(&["resetkeys", "~shop:*", "~cache:fence:{shop:*"]).await;
    for _ in 0..3 {
        let (value, outcome) = call(&cache, far(1, &source)).await;
        assert_eq!(value, 1);
        assert!(!matches!(outcome, Outcome::Hit(_)), "{outcome:?}");
    }
    assert!(denied(&cache, "far") > 0);
}

#[tokio::test]
async fn scripts_are_sent_with_their_first_use() {
    let (_server, cache, source) = with(&["-script|load"]).await;
    until("it is stored", async || call(&cache, far(1, &source)).await.1 == Outcome::Hit(Tier::L2)).await;
    acknowledged(&cache, async || write(1, 2, &source).await).await;
    assert_eq!(call(&cache, far(1, &source)).await, (2, Outcome::Loaded));
}

#[tokio::test]
async fn without_the_time_there_are_no_holds() {
    let (_server, cache, source) = with(&["-time"]).await;
    until("it is stored", async || call(&cache, far(1, &source)).await.1 == Outcome::Hit(Tier::L2)).await;
    cache.scope_for(update(1, 2, &source)).await;
    let (value, outcome) = call(&cache, far(1, &source)).await;
    assert_eq!(value, 2);
    assert_ne!(outcome, Outcome::Hit(Tier::L2), "the value was not put: {outcome:?}");
}

#[tokio::test]
async fn without_tracking_values_in_memory_are_bounded() {
    for right in ["-client|tracking", "resetkeys"] {
        let keys = ["~shop:*", "%W~cache:fence:{shop:*", "%RW~cache:tag:{shop:*"];
        let rights = if right == "resetkeys" { [&[right][..], &keys].concat() } else { vec![right] };
        let (_server, cache, source) = with(&rights).await;
        settled(&cache, 1, &source, 1).await;
        let first = source.loads.get();
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let (_, outcome) = call(&cache, near(1, &source)).await;
        if right == "-client|tracking" {
            assert_eq!(outcome, Outcome::Hit(Tier::L2), "a second is over");
        }
        assert_eq!(source.loads.get(), first, "it is in the store");
    }
}

#[tokio::test]
async fn without_wait_nothing_is_known_of_copies() {
    let (_server, cache, _) = with(&["-wait"]).await;
    let entry = cache.scope_for(async { far_entry(1).invalidate().await }).await;
    assert_eq!(entry, Invalidation::Applied);
    let ((), report) = cache.scope_for(observed(durable(1))).await;
    assert_eq!(report.invalidations(), [Invalidation::Unreplicated]);
}

#[cache_runtime::invalidates(far(id), durability = wait(1, "100ms"))]
async fn durable(id: u64) {
    let _ = id;
}

/// The page on topologies: what a cluster asks for besides.
#[tokio::test]
async fn the_documented_rights_are_enough_over_a_cluster() {
    let page = include_str!("../../cache-runtime/docs/topologies.md");
    assert!(page.contains("for a cluster `+cluster|nodes +asking`"));
    let cluster = RedisCluster::start(3, 0);
    let tell = |rights: &[&str]| {
        cluster.servers.iter().for_each(|server| drop(server.cli(rights)));
    };
    tell(&documented());
    let cache = || over(&cluster.url().replace("redis+cluster://", "redis+cluster://shop:secret@"));
    unready(&cache(), "cluster|nodes").await;
    tell(&["ACL", "SETUSER", "shop", "+cluster|nodes", "+asking"]);
    tell(&["ACL", "LOG", "RESET"]);
    let (one, other) = (cache(), cache());
    protocol(&one, &other).await;
    let slot = |id: u64| cluster.slot(&format!("shop:far:v1:far:{id}"));
    for id in 0..3 {
        let (from, to) = (cluster.owner(slot(id)), (cluster.owner(slot(id)) + 1) % 3);
        let (number, source, target) = (slot(id).to_string(), cluster.id(from), cluster.id(to));
        cluster.servers[to].cli(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &source]);
        cluster.servers[from].cli(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &target]);
    }
    protocol(&one, &other).await;
    for server in &cluster.servers {
        assert_eq!(server.cli(&["ACL", "LOG"]), "", "nothing was refused");
    }
    tell(&["ACL", "SETUSER", "shop", "-asking"]);
    let source = GatedLoad::open(1);
    let ((), report) = one.scope_for(observed(write(0, 2, &source))).await;
    assert!(report.invalidations().contains(&Invalidation::Queued), "{:?}", report.invalidations());
    assert_eq!(call(&one, far(0, &source)).await.0, 2);
}

/// The page on topologies: what sentinels are asked.
#[tokio::test]
async fn the_documented_rights_are_enough_for_sentinels() {
    let page = include_str!("../../cache-runtime/docs/topologies.md");
    assert!(page.contains("Sentinels: `+sentinel|get-master-addr-by-name`, and `+hello`."));
    let master = RedisServer::start();
    let line = "user cache on >of-sentinels -@all +sentinel|get-master-addr-by-name +hello";
    let sentinels = Sentinels::with(&master, 0, line);
    let hosts: Vec<_> = sentinels.ports().map(|port| format!("127.0.0.1:{port}")).collect();
    let queries = "sentinel_user=cache&sentinel_password=of-sentinels";
    let url = format!("redis+sentinel://{}/shop?{queries}", hosts.join(","));
    over(&url).ready(PATIENCE).await.expect("they say where");
}

#[tokio::test]
async fn a_flush_at_restarts_needs_to_scan() {
    let guarded = |url: &str| {
        let builder = Cache::builder().redis(url).app("shop").on_restart(OnRestart::Flush);
        builder.build().expect("a good url")
    };
    let (server, url) = server(&[]);
    guarded(&url).ready(Duration::from_millis(500)).await.expect_err("it may not read the guard");
    server.cli(&["ACL", "SETUSER", "shop", "+scan", "~cache:guard:shop"]);
    guarded(&url).ready(PATIENCE).await.expect("now it may");
}
