//! `#[updates]`, holds around bodies, and the other ways to go about a mutation.

use std::sync::Arc;

use cache_runtime::{Invalidation, Undone, cached, invalidates, observed, updates};

use crate::{Failed, Runs};

#[derive(Debug, PartialEq, Eq)]
enum Error {
    Failed,
    Undone,
}

impl From<Undone> for Error {
    fn from(_: Undone) -> Error {
        Error::Undone
    }
}

#[derive(Default)]
struct Repo {
    runs: Runs,
}

impl Repo {
    #[cached(ns = "updates")]
    async fn get(&self, id: u64) -> Result<Option<String>, Failed> {
        self.runs.next();
        Ok(Some(format!("loaded {id}")))
    }

    #[cached(ns = "updates")]
    async fn shared(&self, id: u64) -> Option<Arc<String>> {
        self.runs.next();
        Some(Arc::new(format!("shared {id}")))
    }

    #[cached(ns = "updates", tags = ["list"])]
    async fn list(&self) -> Vec<u64> {
        vec![u64::from(self.runs.next())]
    }

    #[updates(Self::get(id), Self::shared(id), tags("updates", "list"))]
    async fn rename(&self, id: u64, name: String) -> Result<String, Failed> {
        let _ = self;
        if name.is_empty() { Err(Failed) } else { Ok(name) }
    }

    #[updates(Self::shared(id), hold = "5s", on_error = "keep")]
    async fn share(&self, id: u64, name: &str) -> Result<String, Failed> {
        let _ = (self, id);
        if name.is_empty() { Err(Failed) } else { Ok(name.into()) }
    }

    #[updates(Self::get(id))]
    async fn whole(&self, id: u64, name: Option<String>) -> Option<String> {
        // in the body the entry is held: nothing is stored
        self.get(id).await.unwrap();
        assert!(!Self::get_entry(id).exists().await);
        name
    }

    #[invalidates(Self::get(id), Self::shared(result.len() as u64), mode = "around", hold = "1s", settle)]
    async fn around(&self, id: u64) -> String {
        self.get(id).await.unwrap();
        assert!(!Self::get_entry(id).exists().await);
        "four".into()
    }

    #[invalidates(Self::get(id), mode = "around", on_unreachable = "error", durability = wait(1, "10ms"))]
    async fn durable(&self, id: u64) -> Result<u64, Error> {
        let _ = self;
        if id == 13 { Err(Error::Failed) } else { Ok(id) }
    }

    #[updates(Self::get(id), on_unreachable = "error")]
    async fn strict(&self, id: u64) -> Result<String, Error> {
        let _ = self;
        if id == 13 { Err(Error::Failed) } else { Ok("strict".into()) }
    }

    #[invalidates(Self::get(id), mode = "after", on_unreachable = "queue", on_error = "invalidate")]
    async fn plain(&self, id: u64) -> Result<(), Failed> {
        let _ = (self, id);
        Ok(())
    }
}

#[tokio::test]
async fn the_returned_value_becomes_the_entry() {
    let repo = Repo::default();
    repo.get(1).await.unwrap();
    repo.shared(1).await.unwrap();
    assert_eq!(repo.list().await, [3]);
    assert_eq!(repo.rename(1, "new".into()).await, Ok("new".into()));
    assert_eq!(Repo::get_entry(1).peek().await, Some(Some("new".into())));
    assert!(!Repo::shared_entry(1).exists().await && !Repo::list_entry().exists().await);
    assert_eq!((repo.get(1).await, repo.runs.count()), (Ok(Some("new".into())), 3));

    repo.share(1, "now").await.unwrap();
    assert_eq!(repo.shared(1).await, Some(Arc::new("now".into())));
    assert_eq!(repo.whole(1, Some("all of it".into())).await, Some("all of it".into()));
    assert_eq!(Repo::get_entry(1).peek().await, Some(Some("all of it".into())));
    // under the rules of the entry
    assert_eq!(repo.whole(1, None).await, None);
    assert!(!Repo::get_entry(1).exists().await);
}

#[tokio::test]
async fn a_body_that_fails_updates_nothing() {
    let repo = Repo::default();
    repo.get(2).await.unwrap();
    repo.shared(2).await.unwrap();
    assert_eq!(repo.rename(2, String::new()).await, Err(Failed));
    assert!(!Repo::get_entry(2).exists().await && !Repo::shared_entry(2).exists().await);
    assert_eq!(repo.share(2, "").await, Err(Failed));
    // the hold is over
    repo.get(2).await.unwrap();
    repo.shared(2).await.unwrap();
    assert!(Repo::get_entry(2).exists().await && Repo::shared_entry(2).exists().await);
}

#[tokio::test]
async fn entries_are_held_around_the_body() {
    let repo = Repo::default();
    repo.get(3).await.unwrap();
    repo.shared(4).await.unwrap();
    repo.around(3).await;
    assert!(!Repo::get_entry(3).exists().await && !Repo::shared_entry(4).exists().await);
}

#[tokio::test]
async fn the_outcome_is_told_to_who_asks() {
    let repo = Repo::default();
    repo.get(5).await.unwrap();
    let (done, report) = observed(repo.plain(5)).await;
    assert_eq!((done, report.invalidations()), (Ok(()), [Invalidation::Applied].as_slice()));
    assert!(!Repo::get_entry(5).exists().await);
}

#[tokio::test]
async fn an_error_of_the_body_is_its_own() {
    let repo = Repo::default();
    assert_eq!((repo.durable(13).await, repo.strict(13).await), (Err(Error::Failed), Err(Error::Failed)));
    assert_eq!(repo.strict(6).await, Ok("strict".into()));
    assert_eq!(Repo::get_entry(6).peek().await, Some(Some("strict".into())));
    // an embedded cache has no copies to wait for
    assert!(matches!(repo.durable(6).await, Ok(6) | Err(Error::Undone)));
}

#[tokio::test]
async fn the_future_of_an_update_is_send() {
    let repo = Arc::new(Repo::default());
    let renamed = tokio::spawn(async move { repo.rename(7, "sent".into()).await });
    assert_eq!(renamed.await.unwrap(), Ok("sent".into()));
}
