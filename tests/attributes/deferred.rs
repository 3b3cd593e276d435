//! `deferred`: the caller says when.

use cache_runtime::{cached, invalidates};

use crate::Failed;

#[cached(ns = "deferred", tags = ["of:{owner}"])]
async fn owned(owner: &str, id: u64) -> u64 {
    id + owner.len() as u64
}

#[invalidates(owned("ann", id), tags("deferred", "of:{result}"), deferred)]
async fn change(id: u64, owner: String) -> Result<String, Failed> {
    if id == 13 { Err(Failed) } else { Ok(owner) }
}

#[invalidates(owned("cid", id), deferred)]
async fn plain(id: u64) -> u64 {
    id
}

#[invalidates(owned("cid", 1), deferred, on_error = "keep")]
async fn nothing() {}

async fn fill() {
    for owner in ["ann", "bob", "cid"] {
        owned(owner, 1).await;
        owned(owner, 13).await;
    }
}

#[tokio::test]
async fn nothing_is_invalidated_before_the_caller_says_so() {
    fill().await;
    let done = change(1, "bob".into()).await.unwrap();
    assert!(owned_entry("ann", 1).exists().await && owned_entry("bob", 1).exists().await);
    assert_eq!(done.fire().await, "bob");
    assert!(!owned_entry("ann", 1).exists().await && !owned_entry("bob", 1).exists().await);
    assert!(owned_entry("ann", 13).exists().await && !owned_entry("bob", 13).exists().await);

    // what failed was not committed, and may have changed something all the same
    assert!(change(13, "cid".into()).await.is_err());
    assert!(!owned_entry("ann", 13).exists().await && owned_entry("cid", 13).exists().await);
}

#[tokio::test]
async fn a_plain_value_can_be_deferred_too() {
    fill().await;
    let done = plain(1).await;
    assert!(owned_entry("cid", 1).exists().await);
    assert_eq!(done.fire().await, 1);
    assert!(!owned_entry("cid", 1).exists().await);
    nothing().await.fire().await;
}
