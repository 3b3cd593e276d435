//! Type, lifetime and const parameters.

use std::marker::PhantomData;

use cache_runtime::{KeyPart, cached, invalidates};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failed, Runs};

trait Model: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    type Id: KeyPart + Clone + Send + Sync;
    fn make(id: &Self::Id) -> Self;
}

impl Model for u32 {
    type Id = u8;
    fn make(id: &u8) -> u32 {
        u32::from(*id)
    }
}

struct Repo<M, D> {
    runs: Runs,
    db: D,
    model: PhantomData<fn() -> M>,
}

impl<M: Model, D: Send + Sync> Repo<M, D> {
    #[cached(ns = "generics")]
    async fn get(&self, id: M::Id) -> Result<Option<M>, Failed> {
        self.runs.next();
        let _ = &self.db;
        Ok(Some(M::make(&id)))
    }

    #[invalidates(Self::get(id))]
    async fn change(&self, id: M::Id) {
        self.runs.next();
        drop(id);
    }
}

#[tokio::test]
async fn the_generics_of_the_block_are_those_of_its_companions() {
    let repo = Repo::<u32, ()> { runs: Runs::none(), db: (), model: PhantomData };
    assert_eq!((repo.get(1).await, repo.get(1).await, repo.runs.count()), (Ok(Some(1)), Ok(Some(1)), 1));
    repo.change(1).await;
    assert!(!Repo::<u32, ()>::get_entry(1).exists().await);
}

#[cached(ns = "generics", skip(db))]
async fn sized<'a, D, T, const N: usize>(db: &'a D, of: &'a [T; N], name: &str) -> Vec<usize>
where
    D: Fn(usize) -> usize + Sync,
    T: KeyPart + Clone + Sync,
{
    of.iter().map(|_| db(N + name.len())).collect()
}

#[cached(ns = "generics", skip(M))]
async fn find<M: Model>(id: M::Id) -> M {
    M::make(&id)
}

#[invalidates(find::<M>(id), sized::<u8, 1>(&[1], "a"))]
async fn change<M: Model>(id: M::Id) {
    drop(id);
}

#[tokio::test]
async fn only_the_needed_generics_reach_the_companion() {
    assert_eq!(sized(&|n| n + 1, &[1_u8, 2], "a").await, [4, 4]);
    assert!(sized_entry(&[1_u8, 2], "a").exists().await);
    assert!(!sized_entry(&[1_u8], "a").exists().await);
    assert_eq!((find::<u32>(1).await, find_entry::<u32>(1).exists().await), (1, true));
    change::<u32>(1).await;
    assert!(!find_entry::<u32>(1).exists().await);
}
