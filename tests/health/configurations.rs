//! Real servers, well and badly configured.

use super::{WELL, connected, health, of, shop, user, warnings};
use cache_runtime::Cache;
use cache_runtime::health::{Feed, Health, Status, Subject, Weight};
use cache_tests::redis_process::RedisServer;

/// The rights of `redis.md`.
const DOCUMENTED: &str = "-@all ~shop:* ~cache:fence:{shop:* ~cache:tag:{shop:* \
    +hello +select +ping +get +set +getrange +setrange +mget +del +unlink +pttl +pexpire +persist +time \
    +eval +evalsha +script|load +info +client|tracking +wait";

fn rights(health: &Health) -> Vec<&str> {
    let rights = health.store.findings.iter().filter(|finding| finding.subject == Subject::Rights);
    rights.map(|finding| finding.text.as_str()).collect()
}

#[tokio::test]
async fn a_cache_in_the_process_is_healthy_and_says_so() {
    let health = Cache::in_process().health().await;
    assert_eq!(health.to_string(), "healthy: in-process answers; feed live; 0 invalidations wait");
    let json = serde_json::to_value(&health).expect("it is serializable");
    assert_eq!(
        json,
        serde_json::json!({
            "status": "healthy", "feed": "live", "pending_invalidations": 0, "kind": "in-process", "reachable": true,
            "reason": null, "ping_us": null, "server": null, "findings": []
        })
    );
}

#[tokio::test]
async fn a_server_as_the_manual_asks_for_it_is_healthy() {
    let server = RedisServer::with(&WELL);
    let health = health(&server.url(), Feed::Live).await;
    assert_eq!((health.status, &health.store.findings[..]), (Status::Healthy, &[][..]), "{health}");
    let known = health.store.server.as_ref().expect("it may be asked");
    let version = known.version.as_deref().expect("it has one");
    assert!(server.cli(&["INFO", "server"]).contains(&format!("redis_version:{version}\r\n")), "{version}");
    assert_eq!((known.role.as_deref(), known.maxmemory), (Some("master"), Some(64 << 20)));
    assert_eq!(known.maxmemory_policy.as_deref(), Some("allkeys-lru"));
    assert!(known.connected_clients.is_some_and(|clients| clients >= 2), "{known:?}");
    assert!(known.used_memory_human.as_ref().is_some_and(|used| used.ends_with('M')), "{known:?}");
    assert!(known.uptime_s.is_some() && known.keyspace_hits.is_some() && known.keyspace_misses.is_some());
    assert!(known.clock_ahead_ms.is_some_and(|ahead| ahead.abs() < 1_000), "one machine has one clock");
    let ping = health.store.ping_us.expect("it was asked");
    assert!((1..500_000).contains(&ping), "{ping}");
    let line = health.to_string();
    assert!(line.starts_with(&format!("healthy: redis {version} master answers in ")), "{line}");
    assert!(line.ends_with("; feed live; 0 invalidations wait"), "{line}");
}

#[tokio::test]
async fn a_server_as_it_is_installed_evicts_nothing_and_has_no_limit() {
    let server = RedisServer::start();
    let health = health(&server.url(), Feed::Live).await;
    assert_eq!(health.status, Status::Impaired);
    assert_eq!(warnings(&health), [Subject::Eviction, Subject::Memory]);
    let text = health.to_string();
    assert!(text.contains("\neviction: `noeviction`: a full server stores nothing more\n"), "{text}");
}

#[tokio::test]
async fn each_setting_against_the_manual_is_a_warning() {
    for (setting, subject, said) in [
        (["maxmemory-policy", "noeviction"], Subject::Eviction, "`noeviction`"),
        (["maxmemory-policy", "volatile-lru"], Subject::Eviction, "`volatile-lru`"),
        (["maxmemory", "0"], Subject::Memory, "no `maxmemory`"),
        (["appendonly", "yes"], Subject::Persistence, "`appendonly yes`"),
        (["save", "3600 1"], Subject::Persistence, "`save 3600 1`"),
    ] {
        let server = RedisServer::with(&WELL);
        server.cli(&["CONFIG", "SET", setting[0], setting[1]]);
        let health = health(&server.url(), Feed::Live).await;
        assert_eq!((health.status, warnings(&health)), (Status::Impaired, vec![subject]), "{health}");
        assert!(health.store.findings[0].text.starts_with(said), "{health}");
    }
}

#[tokio::test]
async fn the_rights_of_the_manual_are_enough() {
    let server = RedisServer::with(&WELL);
    let health = health(&user(&server, "shop", DOCUMENTED), Feed::Live).await;
    assert_eq!(health.status, Status::Healthy, "{health}");
    assert_eq!(of(&health, Weight::Unknown), [Subject::Persistence], "`CONFIG` is not among them: {health}");
    let more = user(&server, "shop", &format!("{DOCUMENTED} +config|get"));
    assert_eq!(super::health(&more, Feed::Live).await.store.findings, []);
}

#[tokio::test]
async fn each_missing_right_is_told_with_what_it_costs() {
    let all = "get set getrange setrange unlink del pexpire pttl eval evalsha mget persist script|load time info wait";
    let server = RedisServer::with(&WELL);
    for right in all.split(' ') {
        let url = user(&server, "shop", &format!("reset on >hunter2 {DOCUMENTED} -{right}"));
        let cache = connected(shop(&url)).await;
        let health = cache.health().await;
        let told = rights(&health);
        assert!(
            matches!(&told[..], [one] if one.starts_with(&format!("the user may not run `{right}`: "))),
            "{health}"
        );
    }
}

#[tokio::test]
async fn a_missing_feed_is_told() {
    let server = RedisServer::with(&WELL);
    let url = user(&server, "shop", &format!("{DOCUMENTED} -client|tracking"));
    let health = health(&url, Feed::Unavailable).await;
    assert_eq!((health.status, warnings(&health)), (Status::Impaired, vec![Subject::Rights, Subject::Feed]));
    assert_eq!(rights(&health).len(), 1);
    assert!(rights(&health)[0].starts_with("the user may not run `client|tracking`: no feed"), "{health}");
    assert!(health.to_string().contains("; feed unavailable; "), "{health}");
}

#[tokio::test]
async fn each_missing_pattern_of_keys_is_told() {
    let server = RedisServer::with(&WELL);
    for pattern in ["~shop:*", "~cache:fence:{shop:*", "~cache:tag:{shop:*"] {
        let less = DOCUMENTED.replace(&format!(" {pattern} "), " ");
        assert_ne!(less, DOCUMENTED);
        let cache = connected(shop(&user(&server, "shop", &format!("reset on >hunter2 {less}")))).await;
        let health = cache.health().await;
        let told = rights(&health);
        assert!(
            matches!(&told[..], [one] if one.starts_with(&format!("the user may not use `{pattern}`: "))),
            "{health}"
        );
    }
}

#[tokio::test]
async fn a_user_who_may_next_to_nothing_is_told_all_of_it_and_no_secret() {
    let server = RedisServer::with(&WELL);
    let cache = connected(shop(&user(&server, "keymaster", "-@all +hello +get ~other:*"))).await;
    let health = cache.health().await;
    assert!(health.store.reachable, "it refuses, so it is there: {health}");
    let told = rights(&health).join("\n");
    for word in [
        "`set`",
        "`evalsha`",
        "`~shop:*`",
        "`script|load`",
        "`client|tracking`",
        "`wait`",
        "`info`",
        "`time`",
    ] {
        assert!(told.contains(word), "{word}: {health}");
    }
    assert!(!told.contains("`get`"), "{told}");
    let unknown = of(&health, Weight::Unknown);
    for subject in [Subject::Version, Subject::Role, Subject::Eviction, Subject::Memory, Subject::Clock] {
        assert!(unknown.contains(&subject), "{subject}: {health}");
    }
    assert_eq!(health.store.server, None);
    assert!(server.cli(&["ACL", "LOG"]).contains("client|tracking"), "the server keeps what it refused");
    let json = serde_json::to_string(&health).expect("it is serializable");
    assert!(!json.contains("hunter2") && !format!("{health}{health:?}").contains("hunter2"), "{json}");
}

#[tokio::test]
async fn asking_changes_nothing() {
    let server = RedisServer::with(&WELL);
    let cache = connected(shop(&server.url())).await;
    assert_eq!(super::outcome(&cache, 7).await, cache_runtime::Outcome::Loaded);
    cache_tests::wait::until("it is stored", async || {
        super::outcome(&cache, 7).await == cache_runtime::Outcome::Hit(cache_runtime::Tier::L2)
    })
    .await;
    let keys = || {
        let mut keys: Vec<_> = server.cli(&["KEYS", "shop:*"]).lines().map(str::to_owned).collect();
        keys.sort();
        keys
    };
    let (before, dump) = (keys(), server.cli(&["GET", "shop:health:v1:text:7"]));
    assert_eq!(before, ["shop:health:v1:text:7"]);
    for _ in 0..3 {
        cache.health().await;
    }
    assert_eq!((keys(), server.cli(&["GET", "shop:health:v1:text:7"])), (before, dump));
    assert_eq!(
        server.cli(&["KEYS", "cache:*health}:*"]).lines().filter(|key| !key.ends_with(":*")).count(),
        0
    );
}
