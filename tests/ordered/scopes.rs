//! Transactions: what they make untrue falls after their commit, not before.

use super::world::{Process, everywhere, read_entry};
use cache_runtime::{Invalidation, Outcome, Scope, Tier};
use cache_tests::gate::GatedLoad;
use cache_tests::wait::until;
use std::convert::Infallible;
use std::time::Duration;

/// A transaction of `writer`; `committing` is what happens while it is being committed.
async fn transaction(writer: &Process, prepare: impl FnOnce(&Scope), committing: impl AsyncFnOnce()) {
    let ended: Result<(), Infallible> = writer
        .0
        .scope(async |scope| {
            assert_eq!(read_entry(1).invalidate().await, Invalidation::Applied);
            prepare(scope);
            let commit = async || {
                committing().await;
                Ok(())
            };
            scope.commit_with(commit).await
        })
        .await;
    assert_eq!(ended, Ok(()));
}

#[tokio::test]
async fn what_is_stored_during_a_commit_falls_after_it() {
    everywhere(async |world| {
        let (reader, writer) = (world.process().await, world.process().await);
        let source = GatedLoad::open(1);
        transaction(
            &writer,
            |_| {},
            async || {
                until("the old value is stored", async || {
                    reader.read(1, &source).await == (1, Outcome::Hit(Tier::L2))
                })
                .await;
                source.set(2);
            },
        )
        .await;
        assert_eq!(reader.read(1, &source).await.0, 2);
        assert_eq!(writer.read(1, &source).await.0, 2);
    })
    .await;
}

#[tokio::test]
async fn during_a_commit_under_a_hold_nothing_is_stored() {
    everywhere(async |world| {
        let (reader, writer) = (world.process().await, world.process().await);
        let source = GatedLoad::open(1);
        reader.read(1, &source).await;
        transaction(
            &writer,
            |scope| scope.around(Duration::from_secs(10)),
            async || {
                assert_eq!(reader.read(1, &source).await, (1, Outcome::Bypassed));
                assert_eq!(reader.read(1, &source).await, (1, Outcome::Bypassed));
                source.set(2);
            },
        )
        .await;
        assert_eq!(reader.read(1, &source).await, (2, Outcome::Loaded));
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_failed_may_have_happened() {
    everywhere(async |world| {
        let (reader, writer) = (world.process().await, world.process().await);
        let source = GatedLoad::open(1);
        until("it is stored", async || reader.read(1, &source).await.1 == Outcome::Hit(Tier::L2)).await;
        let ended: Result<(), _> = writer
            .0
            .scope(async |scope| {
                read_entry(1).invalidate().await;
                scope.commit_with(async || Err("connection lost")).await
            })
            .await;
        assert_eq!(ended, Err("connection lost"));
        source.set(2);
        assert_eq!(reader.read(1, &source).await.0, 2);
    })
    .await;
}
