//! `#[invalidates]`: every form of target, and every end of a body.

use cache_runtime::{cached, invalidates};

use crate::Failed;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Task {
    id: u64,
    owner: String,
    labels: Vec<String>,
}

#[cached(ns = "mutations")]
async fn by_name(name: &str) -> u64 {
    name.len() as u64
}

#[cached(ns = "mutations")]
async fn by_owner(owner: String, page: u32) -> u64 {
    owner.len() as u64 + u64::from(page)
}

mod elsewhere {
    #[cache_runtime::cached(ns = "mutations.elsewhere")]
    pub(crate) async fn get(id: u64) -> u64 {
        id
    }
}

#[derive(Clone)]
struct Repo {
    tenant: u64,
}

impl Repo {
    #[cached(ns = "mutations", key = "get:{self.tenant}:{id}")]
    async fn get(&self, id: u64) -> u64 {
        self.tenant + id
    }

    #[cached(ns = "mutations")]
    async fn label(label: String) -> usize {
        label.len()
    }
}

struct Service {
    repo: Repo,
}

impl Service {
    async fn fill(&self) {
        for id in 1..4 {
            self.repo.get(id).await;
            elsewhere::get(id).await;
        }
        for name in ["ann", "bob", "cid"] {
            by_name(name).await;
            by_owner(name.into(), 1).await;
            Repo::label(name.into()).await;
        }
    }

    #[invalidates(
        self.repo.get(id),
        by_name(&name),
        elsewhere::get(id),
        by_owner(result.owner, page),
        each label in result.labels => Repo::label(label),
        each other in others => elsewhere::get(other),
    )]
    async fn change(&self, id: u64, name: String, page: u32, others: Vec<u64>) -> Result<Task, Failed> {
        drop(others);
        if id == 3 {
            return Err(Failed);
        }
        Ok(Task { id, owner: name, labels: vec!["ann".into(), "bob".into()] })
    }

    #[invalidates(self.repo.get(id), on_error = "keep")]
    async fn careful(&self, id: u64, fails: bool) -> Result<(), Failed> {
        if fails { Err(Failed) } else { Ok(()) }
    }

    #[invalidates(by_owner(owner, result.len()), each (owner, page) in pairs(&owner) => by_owner(owner, page))]
    async fn moved(&self, owner: String) -> Text {
        Text(owner)
    }

    #[invalidates(by_name(name), by_name(result))]
    async fn borrowed<'a>(&self, name: &'a str) -> Result<&'a str, Failed> {
        if self.repo.tenant == 0 { Err(Failed) } else { Ok(&name[1..]) }
    }

    #[invalidates(self.repo.get(result.id))]
    async fn unique(&mut self, id: u64) -> Task {
        self.repo.tenant = 1;
        Task { id, owner: String::new(), labels: vec![] }
    }
}

struct Text(String);

impl Text {
    fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap()
    }
}

fn pairs(owner: &str) -> [(String, u32); 2] {
    [(owner.into(), 8), (owner.into(), 9)]
}

#[tokio::test]
async fn every_form_of_target_is_invalidated() {
    let service = Service { repo: Repo { tenant: 1 } };
    service.fill().await;
    service.change(1, "ann".into(), 1, vec![2]).await.unwrap();
    for gone in [service.repo.get_entry(1).exists().await, by_name_entry("ann").exists().await] {
        assert!(!gone);
    }
    assert!(!elsewhere::get_entry(1).exists().await && !elsewhere::get_entry(2).exists().await);
    assert!(!by_owner_entry("ann".into(), 1).exists().await);
    assert!(
        !Repo::label_entry("ann".into()).exists().await && !Repo::label_entry("bob".into()).exists().await
    );

    // and nothing else
    assert!(service.repo.get_entry(2).exists().await && elsewhere::get_entry(3).exists().await);
    assert!(by_name_entry("bob").exists().await && by_owner_entry("bob".into(), 1).exists().await);
    assert!(Repo::label_entry("cid".into()).exists().await);
}

#[tokio::test]
async fn a_body_that_fails_may_have_changed_something() {
    let service = Service { repo: Repo { tenant: 100 } };
    service.fill().await;
    assert_eq!(service.change(3, "cid".into(), 1, vec![]).await, Err(Failed));
    assert!(!service.repo.get_entry(3).exists().await);

    assert_eq!(service.careful(1, true).await, Err(Failed));
    assert!(service.repo.get_entry(1).exists().await);
    assert_eq!(service.careful(1, false).await, Ok(()));
    assert!(!service.repo.get_entry(1).exists().await);
}

#[tokio::test]
async fn what_the_body_takes_can_still_be_named() {
    let mut service = Service { repo: Repo { tenant: 200 } };
    for page in [3, 8, 9, 10] {
        by_owner("dan".into(), page).await;
    }
    service.moved("dan".into()).await;
    let mut left = Vec::new();
    for page in [3, 8, 9, 10] {
        if by_owner_entry("dan".into(), page).exists().await {
            left.push(page);
        }
    }
    assert_eq!(left, [10]);
    assert_eq!(service.unique(4).await.id, 4);
    assert_eq!(service.borrowed("dan").await, Ok("an"));
}

#[tokio::test]
async fn a_body_that_panics_still_invalidates() {
    #[invalidates(elsewhere::get(id))]
    async fn panics(id: u64) -> Result<(), Failed> {
        assert!(id != 77, "as told");
        Ok(())
    }
    elsewhere::get(77).await;
    assert!(tokio::spawn(panics(77)).await.is_err());
    while elsewhere::get_entry(77).exists().await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_future_of_a_mutation_is_send() {
    let service = Service { repo: Repo { tenant: 300 } };
    let changed = tokio::spawn(async move { service.change(1, "eve".into(), 1, vec![]).await });
    assert_eq!(changed.await.unwrap().unwrap().owner, "eve");
}
