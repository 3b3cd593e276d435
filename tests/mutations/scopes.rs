//! Transactions and deferred mutations: what they make untrue falls after the commit.

use super::{HOLD, becomes, everywhere, read, read_entry, value, write};
use cache_runtime::__private::Mutation;
use cache_runtime::invalidates;
use cache_tests::gate::GatedLoad;

#[tokio::test]
async fn a_scope_invalidates_after_its_commit() {
    everywhere(async |one, other| {
        let source = GatedLoad::open(1);
        assert_eq!(value(one, 1, &source).await, 1);
        let ended: Result<u64, String> = one
            .scope(async |scope| {
                write(1, 2, &source).await?;
                assert_eq!(read(1, &source).await, 2, "a transaction sees its own rows");
                assert_eq!(value(other, 1, &GatedLoad::open(1)).await, 1, "nobody else does");
                scope.commit_with(|| async { Ok::<_, String>(7) }).await
            })
            .await;
        assert_eq!(ended, Ok(7));
        assert_eq!(value(one, 1, &source).await, 2);
        becomes(other, 1, &source, 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_scope_that_fails_invalidates_nothing() {
    everywhere(async |one, _| {
        let source = GatedLoad::open(1);
        assert_eq!(value(one, 1, &source).await, 1);
        let ended: Result<(), String> = one
            .scope(async |_| {
                write(1, 2, &source).await?;
                source.set(1);
                Err("rolled back".to_owned())
            })
            .await;
        assert_eq!(ended, Err("rolled back".to_owned()));
        assert!(one.scope_for(async { read_entry(1).exists().await }).await);
        assert_eq!(value(one, 1, &source).await, 1);
        assert_eq!(source.loads.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_commit_whose_result_is_unknown_invalidates() {
    everywhere(async |one, _| {
        let source = GatedLoad::open(1);
        value(one, 1, &source).await;
        let ended: Result<(), String> = one
            .scope(async |scope| {
                write(1, 2, &source).await?;
                scope.around(HOLD);
                scope.commit_with(|| async { Err("connection lost".to_owned()) }).await
            })
            .await;
        assert!(ended.is_err());
        assert_eq!(value(one, 1, &source).await, 2);
    })
    .await;
}

#[tokio::test]
async fn in_a_scope_an_error_that_changed_nothing_invalidates_nothing() {
    #[invalidates(read(id), on_error = "keep")]
    async fn fail(id: u64) -> Result<u64, String> {
        Err(format!("{id} is refused"))
    }
    everywhere(async |one, _| {
        let source = GatedLoad::open(1);
        value(one, 1, &source).await;
        let ended: Result<(), String> = one
            .scope(async |scope| {
                fail(1).await.expect_err("it is refused");
                scope.commit_with(|| async { Ok(()) }).await
            })
            .await;
        assert!(ended.is_ok());
        assert_eq!(value(one, 1, &source).await, 1);
        assert_eq!(source.loads.get(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_scope_without_a_commit_of_its_own_invalidates_at_its_end() {
    everywhere(async |one, _| {
        let source = GatedLoad::open(1);
        value(one, 1, &source).await;
        let ended = one.scope(async |_| write(1, 2, &source).await).await;
        assert_eq!(ended, Ok(2));
        assert_eq!(value(one, 1, &source).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_deferred_mutation_invalidates_when_it_is_fired() {
    everywhere(async |one, _| {
        let source = GatedLoad::open(1);
        value(one, 1, &source).await;
        one.scope_for(async {
            let deferred = || {
                let mut mutation = Mutation::new("deferred");
                mutation.target(read_entry(1));
                mutation.defer(9)
            };
            source.set(2);
            let rolled_back = deferred();
            assert_eq!(*rolled_back.value(), 9);
            assert_eq!(rolled_back.discard(), 9);
            assert_eq!(read(1, &source).await, 1);
            assert_eq!(deferred().fire().await, 9);
            assert_eq!(read(1, &source).await, 2);
        })
        .await;
    })
    .await;
}
