//! The limits over a server: one multiplexed connection, the fewest commands, and the codec.

use crate::case::{Boxed, Case, Setup, Slice};
use crate::remote;
use crate::work::{LoadError, Task, load_page, load_task};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::OnceLock;

const TTL_S: u64 = 300;

static CONNECTION: OnceLock<MultiplexedConnection> = OnceLock::new();

async fn connect(setup: &Setup) {
    let client = redis::Client::open(&*setup.redis).expect("the address is right");
    // a busy machine is no failure: without its limits of half a second and one
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    let connection = connection.expect("the server runs");
    assert!(CONNECTION.set(connection).is_ok());
}

fn connection() -> MultiplexedConnection {
    CONNECTION.get().expect("it is connected").clone()
}

async fn json<V: Serialize + DeserializeOwned>(
    key: String,
    load: impl FnOnce() -> Result<V, LoadError>,
) -> Result<V, LoadError> {
    let found: Option<Vec<u8>> = connection().get(&key).await.map_err(|_| LoadError)?;
    if let Some(found) = found {
        return serde_json::from_slice(&found).map_err(|_| LoadError);
    }
    let value = load()?;
    let encoded = serde_json::to_vec(&value).map_err(|_| LoadError)?;
    let () = connection().set_ex(&key, encoded, TTL_S).await.map_err(|_| LoadError)?;
    Ok(value)
}

async fn task(id: u64) -> Result<Task, LoadError> {
    json(format!("raw:task:{id}"), || load_task(id)).await
}

async fn list(
    user_id: &'static str,
    status: Option<&'static str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<Task>, LoadError> {
    let key = format!("raw:list:{user_id}:{}:{limit}:{offset}", status.unwrap_or_default());
    json(key, || load_page(user_id, status, limit, offset)).await
}

async fn list_postcard(
    user_id: &'static str,
    status: Option<&'static str>,
    limit: u32,
    offset: u32,
) -> Result<Vec<Task>, LoadError> {
    let key = format!("raw:postcard:{user_id}:{}:{limit}:{offset}", status.unwrap_or_default());
    let found: Option<Vec<u8>> = connection().get(&key).await.map_err(|_| LoadError)?;
    if let Some(found) = found {
        return postcard::from_bytes(&found).map_err(|_| LoadError);
    }
    let page = load_page(user_id, status, limit, offset)?;
    let encoded = postcard::to_stdvec(&page).map_err(|_| LoadError)?;
    let () = connection().set_ex(&key, encoded, TTL_S).await.map_err(|_| LoadError)?;
    Ok(page)
}

async fn delete(id: u64) -> Result<(), LoadError> {
    connection().del(format!("raw:task:{id}")).await.map_err(|_| LoadError)
}

async fn mget(ids: &'static [u64]) -> Vec<Task> {
    let keys: Vec<String> = ids.iter().map(|id| format!("raw:task:{id}")).collect();
    let found: Vec<Option<Vec<u8>>> = connection().mget(&keys).await.expect("the server answers");
    decoded(found)
}

async fn pipelined(ids: &'static [u64]) -> Vec<Task> {
    let mut pipeline = redis::pipe();
    for id in ids {
        pipeline.get(format!("raw:task:{id}"));
    }
    let found = pipeline.query_async(&mut connection()).await.expect("the server answers");
    decoded(found)
}

fn decoded(found: Vec<Option<Vec<u8>>>) -> Vec<Task> {
    let found = found.into_iter().map(|found| found.expect("it was stored"));
    found.map(|found| serde_json::from_slice(&found).expect("it is a task")).collect()
}

async fn filled(setup: &Setup) {
    connect(setup).await;
    for id in 0..setup.keys {
        task(id).await.expect("no body fails");
    }
}

macro_rules! connected {
    (|$setup:ident| $slice:expr) => {
        |$setup: Setup| -> Boxed<Slice> {
            Box::pin(async move {
                connect(&$setup).await;
                $slice
            })
        }
    };
}

/// The limits of all subjects over a server.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("redis", "GET and serde_json by hand", connected!(|s| remote::hits(s, task).await)).limit(),
        Case::new("rows", "GET and serde_json by hand", connected!(|s| remote::list_hits(s, list).await))
            .limit(),
        Case::new(
            "rows",
            "GET and postcard by hand",
            connected!(|s| remote::list_hits(s, list_postcard).await),
        ),
        Case::new("miss", "GET, SET and serde_json by hand", connected!(|s| remote::misses(&s, task)))
            .limit(),
        Case::new("invalidate", "DEL by hand", connected!(|s| remote::mutations(&s, delete))).limit(),
        Case::new("batch", "MGET by hand", |setup| {
            Box::pin(async move {
                filled(&setup).await;
                remote::batches(setup, mget).await
            })
        })
        .limit(),
        Case::new("batch", "pipelined GETs by hand", |setup| {
            Box::pin(async move {
                filled(&setup).await;
                remote::batches(setup, pipelined).await
            })
        }),
    ]
    .into_iter()
    .map(Case::over_redis)
    .collect()
}
