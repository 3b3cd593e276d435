//! `#[async_trait]` before and after the attributes of this library.

use async_trait::async_trait;
use cache_runtime::{cached, invalidates};

use crate::{Failed, Runs};

#[async_trait]
trait Tasks {
    async fn get(&self, id: u64, name: &str) -> Result<Option<String>, Failed>;
    async fn first(&self, pair: (u64, u64)) -> u64;
    async fn rename(&self, id: u64, name: String) -> Result<String, Failed>;
    async fn many<T>(&self, of: T) -> u64
    where
        T: cache_runtime::KeyPart + Into<u64> + Send + Sync;
}

#[derive(Default)]
struct Outermost {
    runs: Runs,
}

#[async_trait]
#[cached(ns = "async_trait.out")]
impl Tasks for Outermost {
    #[cached]
    async fn get(&self, id: u64, name: &str) -> Result<Option<String>, Failed> {
        self.runs.next();
        if id == 0 {
            return Err(Failed);
        }
        Ok(Some(format!("{id}{name}")))
    }

    #[cached(skip(a))]
    async fn first(&self, (a, b): (u64, u64)) -> u64 {
        self.runs.next();
        a + b
    }

    #[invalidates(Self::get(id, &result), Self::get(id, "old"))]
    async fn rename(&self, id: u64, name: String) -> Result<String, Failed> {
        if id == 13 {
            return Err(Failed);
        }
        Ok(name)
    }

    #[cached]
    async fn many<T>(&self, of: T) -> u64
    where
        T: cache_runtime::KeyPart + Into<u64> + Send + Sync,
    {
        self.runs.next();
        of.into()
    }
}

#[derive(Default)]
struct Innermost {
    runs: Runs,
}

#[cached(ns = "async_trait.in")]
#[async_trait]
impl Tasks for Innermost {
    #[cached]
    async fn get(&self, id: u64, name: &str) -> Result<Option<String>, Failed> {
        self.runs.next();
        if id == 0 {
            return Err(Failed);
        }
        Ok(Some(format!("{id}{name}")))
    }

    #[cached(skip(a))]
    async fn first(&self, (a, b): (u64, u64)) -> u64 {
        self.runs.next();
        a + b
    }

    #[invalidates(Self::get(id, &result), Self::get(id, "old"))]
    async fn rename(&self, id: u64, name: String) -> Result<String, Failed> {
        if id == 13 {
            return Err(Failed);
        }
        Ok(name)
    }

    #[cached]
    async fn many<T>(&self, of: T) -> u64
    where
        T: cache_runtime::KeyPart + Into<u64> + Send + Sync,
    {
        self.runs.next();
        of.into()
    }
}

async fn check(tasks: &dyn Get, runs: &Runs) {
    assert_eq!(tasks.get(1, "old").await, Ok(Some("1old".into())));
    assert_eq!(tasks.get(1, "new").await, Ok(Some("1new".into())));
    assert_eq!(tasks.get(1, "new").await, Ok(Some("1new".into())));
    assert_eq!(runs.count(), 2);
    assert_eq!(tasks.get(0, "").await, Err(Failed));
    assert_eq!(tasks.get(0, "").await, Err(Failed));
    assert_eq!(runs.count(), 4);
    assert_eq!((tasks.first((1, 2)).await, tasks.first((5, 6)).await), (3, 3));
    assert_eq!(runs.count(), 5);
    assert_eq!(tasks.rename(1, "new".into()).await, Ok("new".into()));
    assert_eq!(tasks.get(1, "old").await, Ok(Some("1old".into())));
    assert_eq!(tasks.get(1, "new").await, Ok(Some("1new".into())));
    assert_eq!(runs.count(), 7);
    assert_eq!(tasks.rename(13, "new".into()).await, Err(Failed));
}

/// `Tasks` without its generic function, so that it can be behind a pointer.
#[async_trait]
trait Get: Sync {
    async fn get(&self, id: u64, name: &str) -> Result<Option<String>, Failed>;
    async fn first(&self, pair: (u64, u64)) -> u64;
    async fn rename(&self, id: u64, name: String) -> Result<String, Failed>;
}

#[async_trait]
impl<T: Tasks + Sync> Get for T {
    async fn get(&self, id: u64, name: &str) -> Result<Option<String>, Failed> {
        Tasks::get(self, id, name).await
    }
    async fn first(&self, pair: (u64, u64)) -> u64 {
        Tasks::first(self, pair).await
    }
    async fn rename(&self, id: u64, name: String) -> Result<String, Failed> {
        Tasks::rename(self, id, name).await
    }
}

#[tokio::test]
async fn async_trait_may_come_first() {
    let tasks = Outermost::default();
    check(&tasks, &tasks.runs).await;
    assert!(Outermost::get_entry(1, "new").key().ends_with("async_trait.out:v1:get:1:new"));
    tasks.many(3_u32).await;
    assert!(Outermost::many_entry(3_u32).exists().await);
}

#[tokio::test]
async fn async_trait_may_come_last() {
    let tasks = Innermost::default();
    check(&tasks, &tasks.runs).await;
    assert!(Innermost::get_entry(1, "new").key().ends_with("async_trait.in:v1:get:1:new"));
    tasks.many(3_u32).await;
    assert!(Innermost::many_entry(3_u32).exists().await);
}
