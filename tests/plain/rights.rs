//! The rights that the manual asks for are enough for everything here.

use super::{becomes, in_l1, set};
use cache_runtime::{Cache, Policy};
use cache_tests::redis_process::RedisServer;
use std::time::Duration;

const MANUAL: &str = include_str!("../../cache-runtime/docs/redis.md");

#[tokio::test]
async fn the_rights_of_the_manual_are_enough() {
    let server = RedisServer::start();
    let command = MANUAL.split("```").find_map(|block| block.strip_prefix("text\n"));
    let command: Vec<_> = command.expect("the manual has the command").split_whitespace().collect();
    assert_eq!(command[..3], ["ACL", "SETUSER", "shop"]);
    assert_eq!(server.cli(&command), "OK");
    let url = server.url().replace("redis://", "redis://shop:secret@");
    let connect = || Cache::builder().redis(&*url).app("shop").build().expect("a good url");
    let (one, other) = (connect(), connect());
    for cache in [&one, &other] {
        cache.ready(Duration::from_secs(10)).await.expect("the server is up");
    }
    set(&one, "tasks:1", 1).await;
    in_l1(&other, "tasks:1", 1).await;
    assert_eq!(one.expire("tasks:1", Policy::NEVER).await, Ok(true));
    assert_eq!(one.increment("calls:1", 1, Policy::SHORT).await, Ok(1));
    assert_eq!(one.count("calls:1").await, Ok(Some(1)));
    assert_eq!(one.ttl("calls:1").await.map(|left| left.is_some()), Ok(true));
    assert_eq!(one.get_or_load("tasks:2", Policy::LONG, async { Ok::<u64, ()>(2) }).await, Ok(2));
    becomes(&other, "tasks:2", Some(2)).await;
    assert_eq!(one.invalidate_prefix("tasks:1").await.map(|swept| swept.keys), Ok(1));
    becomes(&other, "tasks:1", None).await;
    assert_eq!(one.invalidate_pattern("*:2").await.map(|swept| swept.keys), Ok(1));
    set(&one, "tasks:1", 1).await;
    one.delete("tasks:1").await.expect("a legal key");
    assert_eq!(one.clear().await.map(|swept| swept.keys), Ok(1), "the counter");
    assert_eq!(server.cli(&["ACL", "LOG"]), "", "nothing was denied");
}
