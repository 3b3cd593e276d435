//! The forms of a batch: what it takes, what it returns, and where it stands.

use super::source::{Down, Table};
use async_trait::async_trait;
use cache_runtime::{Cache, KeyPart, cached, cached_many};
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, KeyPart)]
struct Id(u64);

struct Repo {
    cache: Cache,
    table: Table,
    tenant: u64,
}

impl Repo {
    fn of(ids: impl IntoIterator<Item = u64>) -> Self {
        Self { cache: Cache::in_process(), table: Table::of(ids), tenant: 7 }
    }
}

#[cached(ns = "forms")]
impl Repo {
    #[cached(cache = self.cache)]
    async fn get(&self, id: Id) -> Option<u64> {
        self.table.one(id.0).await.ok().flatten()
    }

    /// The entry is read from `self`.
    #[cached_many(each id in ids => self.get(id))]
    async fn get_many(&self, ids: &[Id]) -> Vec<Option<u64>> {
        let found =
            self.table.query(&ids.iter().map(|id| id.0).collect::<Vec<_>>()).await.unwrap_or_default();
        ids.iter().map(|id| found.get(&id.0).copied()).collect()
    }

    #[cached(key = "{self.tenant}:{region}:{id}", cache = self.cache)]
    async fn of_region(&self, region: &str, id: Id) -> Result<u64, Down> {
        self.table.one(id.0).await?.map(|value| value + region.len() as u64).ok_or(Down)
    }

    #[cached_many(each id in ids => self.of_region(region, id))]
    async fn of_regions(&self, region: &str, mut ids: Vec<Id>) -> Result<BTreeMap<Id, u64>, Down> {
        ids.sort_unstable();
        let found = self.table.query(&ids.iter().map(|id| id.0).collect::<Vec<_>>()).await?;
        Ok(found.into_iter().map(|(id, value)| (Id(id), value + region.len() as u64)).collect())
    }

    #[cached(skip(factor))]
    async fn scaled(id: Id, factor: String) -> u64 {
        id.0 * factor.len() as u64
    }

    /// A body may take a parameter away, though it may run twice.
    #[cached_many(each id in ids => Self::scaled(id))]
    async fn scaled_many(mut ids: &[Id], mut factor: String) -> Vec<(Id, u64)> {
        if factor.is_empty() {
            ids = &[];
        }
        factor.push('x');
        let factor: Box<str> = factor.into_boxed_str();
        ids.iter().rev().map(|id| (*id, id.0 * factor.len() as u64)).collect()
    }
}

#[tokio::test]
async fn values_come_in_the_order_asked() {
    let repo = Repo::of([1, 2, 3]);
    let ids = |ids: &[u64]| ids.iter().copied().map(Id).collect::<Vec<_>>();
    assert_eq!(repo.get_many(&ids(&[3, 9, 1])).await, [Some(30), None, Some(10)]);
    assert_eq!(repo.get_many(&ids(&[2, 1, 2, 9, 3])).await, [Some(20), Some(10), Some(20), None, Some(30)]);
    assert_eq!(repo.table.asked(), [vec![3, 9, 1], vec![2, 9]]);
    assert_eq!(repo.get(Id(2)).await, Some(20));
    assert_eq!(repo.table.asked().len(), 2);
}

#[tokio::test]
async fn the_call_for_one_id_says_which_entry_it_is() {
    let repo = Repo::of([1, 2, 3]);
    let eu = repo.of_regions("eu", vec![Id(3), Id(1)]).await.expect("found");
    assert_eq!(eu, BTreeMap::from([(Id(1), 12), (Id(3), 32)]));
    assert_eq!(repo.of_region("eu", Id(3)).await, Ok(32));
    assert_eq!(repo.of_region("asia", Id(3)).await, Ok(34));
    assert_eq!(repo.table.asked(), [vec![1, 3], vec![3]]);
    assert!(repo.of_region_entry("eu", Id(1)).key().ends_with("forms:v1:7:eu:1"));
}

#[tokio::test]
async fn pairs_come_in_the_order_asked() {
    let cache = Cache::in_process();
    let call = |ids: Vec<Id>| {
        let cache = cache.clone();
        async move { cache.scope_for(Repo::scaled_many(&ids, "x".to_owned())).await }
    };
    assert_eq!(call(vec![Id(1), Id(3), Id(2), Id(3)]).await, [(Id(1), 2), (Id(3), 6), (Id(2), 4)]);
    assert_eq!(cache.scope_for(Repo::scaled(Id(3), "not run".to_owned())).await, 6);
}

#[cached(ns = "forms", skip(table))]
async fn length(name: &str, table: &Table) -> Result<usize, Down> {
    table.query(&[]).await.map(|_| name.len())
}

#[cached_many(length, each = names)]
async fn lengths(names: &[&str], table: &Table) -> Result<Vec<Option<usize>>, Down> {
    table.query(&[names.len() as u64]).await?;
    Ok(names.iter().map(|name| Some(name.len())).collect())
}

#[cached_many(length, each = names)]
async fn by_name<'a>(names: &[&'a str], table: &Table) -> Result<HashMap<&'a str, usize>, Down> {
    table.query(&[names.len() as u64]).await?;
    Ok(names.iter().map(|name| (*name, name.len())).collect())
}

#[tokio::test]
async fn ids_may_be_borrowed() {
    let (cache, table) = (Cache::in_process(), Table::default());
    cache
        .scope_for(async {
            assert_eq!(lengths(&["a", "bb"], &table).await, Ok(vec![Some(1), Some(2)]));
            assert_eq!(by_name(&["bb", "ccc"], &table).await, Ok(HashMap::from([("bb", 2), ("ccc", 3)])));
            assert_eq!(length("ccc", &table).await, Ok(3));
        })
        .await;
    assert_eq!(table.asked(), [vec![2], vec![1]]);
}

#[async_trait]
trait Source {
    async fn one(&self, id: u64) -> Result<Option<u64>, Down>;
    async fn many(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Down>;
}

struct Boxed(Table);

#[cached(ns = "forms")]
#[async_trait]
impl Source for Boxed {
    #[cached]
    async fn one(&self, id: u64) -> Result<Option<u64>, Down> {
        self.0.one(id).await
    }

    #[cached_many(Self::one, each = ids)]
    async fn many(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Down> {
        self.0.query(ids).await
    }
}

#[tokio::test]
async fn a_batch_stands_in_a_trait_of_boxed_futures() {
    let (cache, source) = (Cache::in_process(), Boxed(Table::of(0..5)));
    let call = async {
        let source: &dyn Source = &source;
        assert_eq!(source.many(&[1, 2]).await, Ok(HashMap::from([(1, 10), (2, 20)])));
        assert_eq!(source.one(2).await, Ok(Some(20)));
    };
    cache.scope_for(call).await;
    assert_eq!(source.0.asked(), [vec![1, 2]]);
}

#[tokio::test]
async fn a_batch_runs_in_a_task() {
    let cache = Cache::in_process();
    let task = tokio::spawn(cache.scope_for(async {
        let repo = Repo::of([1]);
        repo.get_many(&[Id(1)]).await
    }));
    assert_eq!(task.await.expect("it ends"), [Some(10)]);
}

#[cached(ns = "forms", skip(table))]
async fn shifted(id: u64, table: &Table) -> Option<u64> {
    table.one(id).await.ok().flatten()
}

/// Leaves out what it does not find, which says no more whose the others are.
#[cached_many(shifted, each = ids)]
async fn shifted_many(ids: &[u64], table: &Table) -> Vec<Option<u64>> {
    table.query(ids).await.unwrap_or_default().into_values().map(Some).collect()
}

#[tokio::test]
#[should_panic(expected = "a batch of 3 ids returned 2 values in order")]
async fn values_in_order_are_as_many_as_the_ids() {
    let table = Table::of([1, 3]);
    Cache::in_process().scope_for(shifted_many(&[1, 2, 3], &table)).await;
}
