//! Loads in the background, and old values where a load fails.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{KeyPart, cached};
use serde::{Serialize, de::DeserializeOwned};

use crate::Runs;

/// Long enough for a ttl of 50 ms, however it is spread.
async fn outlive() {
    tokio::time::sleep(Duration::from_millis(80)).await;
}

async fn until(runs: &Runs, count: u32) {
    while runs.count() < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // its value is stored a little later
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Error {
    Busy,
    Gone,
}

impl Error {
    fn is_transient(&self) -> bool {
        *self == Error::Busy
    }
}

#[derive(Clone, Default)]
struct Repo {
    runs: Arc<Runs>,
}

impl Repo {
    const STALE: Duration = Duration::from_secs(10);

    #[cached(ns = "refreshing", ttl = "50ms", swr = "10s")]
    async fn get(&self, mut id: u64, name: &str, labels: &[String], _: u8) -> Result<String, Error> {
        id += 1;
        Ok(format!("{id}{name}{}:{}", labels.len(), self.runs.next()))
    }

    #[cached(ns = "refreshing", ttl = "50ms", swr = Self::STALE, never_stale = |value| *value == 1, l1 = "off")]
    async fn counted(self: Arc<Self>, id: &'static str) -> u32 {
        u32::from(id.is_empty()) + self.runs.next()
    }

    #[cached(ns = "refreshing", refresh = "early", skip(repo, path))]
    async fn early(repo: Repo, path: &Path, id: Option<u64>) -> u64 {
        u64::from(repo.runs.next()) + path.as_os_str().len() as u64 + id.unwrap_or_default()
    }

    #[cached(ns = "refreshing", ttl = "50ms", stale_if_error("10s", Error::is_transient))]
    async fn fails(&self, id: u32) -> Result<u32, Error> {
        match self.runs.next() {
            1 => Ok(id),
            2 => Err(Error::Busy),
            _ => Err(Error::Gone),
        }
    }

    #[cached(ns = "refreshing", ttl = "50ms", stale_if_error = "10s", swr = "1ms")]
    async fn fails_later(&self, id: u32) -> Result<u32, Error> {
        match self.runs.next() {
            1 => Ok(id),
            _ => Err(Error::Gone),
        }
    }

    #[cached(ns = "refreshing", swr = "1s", skip(T))]
    async fn generic<T, K, const N: usize>(
        &self,
        key: K,
        other: &(impl KeyPart + Clone + Send + Sync + 'static),
        more: impl KeyPart + Clone + Send + Sync + 'static,
    ) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Default + Clone + Send + Sync + 'static,
        K: KeyPart + Clone + Send + Sync + 'static,
    {
        let _ = (key, other, more, [0; N]);
        self.runs.next();
        Ok(T::default())
    }
}

impl KeyPart for Repo {
    fn write(&self, _: &mut cache_runtime::KeyWriter<'_>) {}
}

#[tokio::test]
async fn an_old_value_answers_while_a_new_one_is_loaded() {
    let repo = Repo::default();
    let get = || repo.get(1, "a", &[], 0);
    assert_eq!((get().await, get().await), (Ok("2a0:1".into()), Ok("2a0:1".into())));
    outlive().await;
    assert_eq!(get().await, Ok("2a0:1".into()));
    until(&repo.runs, 2).await;
    assert_eq!(Repo::get_entry(1, "a", &[]).peek().await, Some("2a0:2".into()));
}

#[tokio::test]
async fn what_is_never_stale_is_waited_for() {
    let repo = Arc::new(Repo::default());
    assert_eq!(Arc::clone(&repo).counted("x").await, 1);
    outlive().await;
    assert_eq!(Arc::clone(&repo).counted("x").await, 2);
    outlive().await;
    assert_eq!(Arc::clone(&repo).counted("x").await, 2);
    until(&repo.runs, 3).await;
}

#[tokio::test]
async fn an_early_refresh_is_a_hit_for_its_caller() {
    let repo = Repo::default();
    for _ in 0..3 {
        assert_eq!(Repo::early(repo.clone(), Path::new("ab"), None).await, 3);
    }
}

#[tokio::test]
async fn an_old_value_stands_in_for_errors_that_pass() {
    let repo = Repo::default();
    assert_eq!(repo.fails(5).await, Ok(5));
    outlive().await;
    assert_eq!(repo.fails(5).await, Ok(5));
    assert_eq!((repo.fails(5).await, repo.runs.count()), (Err(Error::Gone), 3));

    let repo = Repo::default();
    assert_eq!(repo.fails_later(5).await, Ok(5));
    outlive().await;
    assert_eq!(repo.fails_later(5).await, Ok(5));
    assert!(repo.runs.count() > 1);
}

#[tokio::test]
async fn generics_are_handed_on() {
    let repo = Repo::default();
    for _ in 0..2 {
        let value = repo.generic::<u32, _, 3>(1_u8, &Cow::Borrowed("a"), Repo::default()).await;
        assert_eq!(value, Ok(0));
    }
    assert_eq!(repo.runs.count(), 1);
}

#[tokio::test]
async fn a_function_without_self_keeps_its_body_within() {
    static RUNS: Runs = Runs::none();
    #[cached(ns = "refreshing", ttl = "50ms", swr = "10s")]
    async fn free(id: u32) -> u32 {
        id + RUNS.next()
    }
    assert_eq!(free(10).await, 11);
    outlive().await;
    assert_eq!(free(10).await, 11);
    until(&RUNS, 2).await;
    assert_eq!(free_entry(10).peek().await, Some(12));
}

trait Load<K> {
    type Value;
    async fn load(&self, key: K) -> Result<Self::Value, Error>;
}

#[cached(ns = "refreshing.block", swr = "10s", ttl = "50ms")]
impl<K> Load<K> for Repo
where
    K: KeyPart + Clone + Into<u32> + Send + Sync + 'static,
{
    type Value = u32;

    #[cached]
    #[expect(clippy::needless_return, reason = "the body is elsewhere")]
    async fn load(&self, key: K) -> Result<Self::Value, Error> {
        let value: Self::Value = key.into();
        return Ok(value + self.runs.next());
    }
}

#[tokio::test]
async fn the_body_of_a_trait_impl_stands_in_an_inherent_impl() {
    let repo = Repo::default();
    assert_eq!((repo.load(7_u8).await, repo.load(7_u8).await), (Ok(8), Ok(8)));
    outlive().await;
    assert_eq!(repo.load(7_u8).await, Ok(8));
    until(&repo.runs, 2).await;
    assert_eq!(Repo::load_entry(7_u8).peek().await, Some(9));
}
