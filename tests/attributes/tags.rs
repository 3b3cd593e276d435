//! Tags: entries that arguments or values put together, and mutations that drop them at once.

use std::sync::Arc;

use cache_runtime::{Cache, cached, invalidates};
use serde::{Deserialize, Serialize};

use crate::Failed;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Task {
    id: u64,
    owner: String,
    place: (u64, u64),
}

fn task(id: u64) -> Task {
    Task { id, owner: if id < 10 { "ann" } else { "bob" }.into(), place: (id, id % 2) }
}

#[derive(Clone)]
struct Repo {
    tenant: u64,
}

#[cached(ns = "tags")]
impl Repo {
    #[cached(tags = ["all", "owner:{result.owner}", "odd:{result.place.1}"])]
    async fn get(&self, id: u64) -> Result<Option<Task>, Failed> {
        let _ = self;
        Ok(Some(task(id)))
    }

    #[cached(tags = ["owner:{owner}", "page/{page.0}:{r#type}"], l1 = "coherent")]
    async fn by_owner(owner: &str, page: (u32, u32), r#type: u8) -> Arc<Vec<u64>> {
        let _ = (owner, page, r#type);
        Arc::new(vec![1])
    }

    #[cached(key = "{self.tenant}:{N}:{id}", tags = ["tenant:{self.tenant}", "{N}", "value:{result}"], skip(more))]
    async fn of_tenant<const N: u8>(&self, id: u64, more: &[u64]) -> Option<u64> {
        (id > 0).then_some(self.tenant + u64::try_from(more.len()).unwrap())
    }

    #[invalidates(tags(
        "tags",
        "owner:{result.owner}:{suffix}",
        "odd:{result.place.1}",
        "tenant:{self.tenant}"
    ))]
    async fn late(&self, id: u64, suffix: String) -> Result<Task, Failed> {
        drop(suffix);
        if id == 13 { Err(Failed) } else { Ok(task(id)) }
    }

    #[invalidates(tags("tags", "owner:{owner}"), each page in pages => tags("tags", "page/{page}:{r#type}"))]
    async fn early(owner: &str, pages: &[u32], r#type: u8) {
        let _ = (owner, pages, r#type);
    }

    #[invalidates(each task in result => tags("tags", "owner:{task.owner}"), Self::get(id))]
    async fn several(&self, id: u64) -> Result<Vec<Task>, Failed> {
        let _ = self;
        Ok(vec![task(id)])
    }

    #[invalidates(namespace("tags"))]
    async fn everything(&self) {
        let _ = self;
    }
}

/// Runs in a cache of its own, since a namespace is dropped by one test.
async fn alone<T>(test: impl Future<Output = T>) -> T {
    Cache::builder().build().expect("an embedded cache").scope_for(test).await
}

async fn fill(repo: &Repo) {
    for id in [1, 2, 11] {
        repo.get(id).await.unwrap();
    }
    for owner in ["ann", "bob"] {
        Repo::by_owner(owner, (1, 2), 3).await;
    }
}

async fn left(ids: &[u64]) -> Vec<u64> {
    let mut left = Vec::new();
    for id in ids {
        if Repo::get_entry(*id).exists().await {
            left.push(*id);
        }
    }
    left
}

#[tokio::test]
async fn a_tag_of_a_value_drops_the_entries_that_had_it() {
    alone(async {
        let repo = Repo { tenant: 1 };
        fill(&repo).await;
        assert_eq!(left(&[1, 2, 11]).await, [1, 2, 11]);
        repo.several(11).await.unwrap();
        assert_eq!(left(&[1, 2, 11]).await, [1, 2]);
        assert!(!Repo::by_owner_entry("bob", (1, 2), 3).exists().await);
        assert!(Repo::by_owner_entry("ann", (1, 2), 3).exists().await);
        // the odd ones
        repo.late(1, "no such".into()).await.unwrap();
        assert_eq!(left(&[1, 2, 11]).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn a_tag_of_the_arguments_does_too() {
    alone(async {
        let repo = Repo { tenant: 1 };
        fill(&repo).await;
        Repo::early("ann", &[4], 4).await;
        assert_eq!(left(&[1, 2, 11]).await, [11]);
        assert!(Repo::by_owner_entry("bob", (1, 2), 3).exists().await);
        Repo::early("cid", &[4, 1], 3).await;
        assert!(!Repo::by_owner_entry("bob", (1, 2), 3).exists().await);
    })
    .await;
}

#[tokio::test]
async fn a_tag_may_read_self_and_the_companion_then_does() {
    alone(async {
        let (one, two) = (Repo { tenant: 1 }, Repo { tenant: 2 });
        for repo in [&one, &two] {
            assert_eq!(repo.of_tenant::<7>(1, &[]).await, Some(repo.tenant));
        }
        one.late(2, String::new()).await.unwrap();
        assert!(!one.of_tenant_entry::<7>(1).exists().await);
        assert!(two.of_tenant_entry::<7>(1).exists().await);
    })
    .await;
}

#[tokio::test]
async fn an_error_drops_what_was_named_before_the_body_only() {
    alone(async {
        let repo = Repo { tenant: 1 };
        repo.get(1).await.unwrap();
        repo.of_tenant::<7>(1, &[]).await;
        assert_eq!(repo.late(13, String::new()).await, Err(Failed));
        assert_eq!(left(&[1]).await, [1]);
        assert!(!repo.of_tenant_entry::<7>(1).exists().await);
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_put_has_its_tags() {
    alone(async {
        let repo = Repo { tenant: 1 };
        Repo::get_entry(5).put(Some(task(5))).await;
        assert_eq!(left(&[5]).await, [5]);
        repo.several(6).await.unwrap();
        assert!(left(&[5]).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_namespace_is_dropped_whole() {
    alone(async {
        let repo = Repo { tenant: 1 };
        fill(&repo).await;
        repo.everything().await;
        assert!(left(&[1, 2, 11]).await.is_empty());
        assert!(!Repo::by_owner_entry("ann", (1, 2), 3).exists().await);
        fill(&repo).await;
        assert_eq!(left(&[1, 2, 11]).await, [1, 2, 11]);
    })
    .await;
}

struct Owner {
    cache: Cache,
}

impl Owner {
    #[cached(ns = "tags.owner", cache = self.cache, tags = ["of:{id}"])]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(tags("tags.owner", "of:{id}"), cache = self.cache)]
    async fn change(&self, id: u64) {
        let _ = (self, id);
    }
}

#[tokio::test]
async fn tags_are_of_the_cache_that_is_named() {
    let owner = || Owner { cache: Cache::builder().build().unwrap() };
    let (one, two) = (owner(), owner());
    one.get(1).await;
    two.get(1).await;
    one.change(1).await;
    assert!(!one.get_entry(1).exists().await && two.get_entry(1).exists().await);
}

macro_rules! in_a_namespace {
    ($ns:literal, $tag:literal) => {
        #[cached(ns = $ns, tags = [$tag])]
        async fn of_a_macro(id: u64) -> u64 {
            id
        }

        #[invalidates(tags($ns, $tag))]
        async fn drops_the_tag(id: u64) {
            let _ = id;
        }

        #[invalidates(namespace($ns))]
        async fn drops_all() {}
    };
}

in_a_namespace!("tags.macro", "of:{id}");

#[tokio::test]
async fn names_may_come_from_a_macro() {
    assert_eq!((of_a_macro(1).await, of_a_macro(2).await), (1, 2));
    drops_the_tag(1).await;
    assert!(!of_a_macro_entry(1).exists().await && of_a_macro_entry(2).exists().await);
    drops_all().await;
    assert!(!of_a_macro_entry(2).exists().await);
}
