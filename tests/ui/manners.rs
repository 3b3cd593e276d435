//! How a mutation goes about it.

use cache_runtime::{cached, invalidates};

#[cached(ns = "a")]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(get(id), mode = "arround", hold = 10, on_unreachable = "fail", hold_after = "200", durability = 1)]
async fn values(id: u64) -> u64 {
    id
}

#[invalidates(get(id), mode = around(hold = "10s"), durability = wait(0, "100ms"), settle = true, deferred())]
async fn forms(id: u64) -> u64 {
    id
}

#[invalidates(get(id), setle, report)]
async fn names(id: u64) -> u64 {
    id
}

#[invalidates(get(id), hold = "10s")]
async fn hold_of_nothing(id: u64) -> u64 {
    id
}

#[invalidates(get(id), deferred, mode = "around", settle, durability = wait(1, "1s"), on_unreachable = "error")]
async fn too_much(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[invalidates(get(id), hold_after = "1s", mode = "around", durability = wait(1, "1s"))]
async fn two_holds(id: u64) -> u64 {
    id
}

#[invalidates(get(id), on_unreachable = "error")]
async fn no_error(id: u64) -> u64 {
    id
}

#[invalidates(get(id), on_unreachable = "error")]
async fn other_error(id: u64) -> Result<u64, String> {
    Ok(id)
}

type DbResult<T> = Result<T, String>;
type Loaded = Result<u64, String>;

#[invalidates(get(id), deferred)]
async fn alias(id: u64) -> DbResult<u64> {
    Ok(id)
}

#[invalidates(get(id), deferred)]
async fn hidden(id: u64) -> Loaded {
    Ok(id)
}

#[invalidates(get(id), deferred, tags("a"))]
async fn broken(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[allow(dead_code)]
async fn no_cascade() -> u64 {
    broken(1).await.unwrap().fire().await
}

fn main() {}
