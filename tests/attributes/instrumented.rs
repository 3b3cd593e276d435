//! `#[tracing::instrument]` before and after the attributes of this library.

use async_trait::async_trait;
use cache_runtime::{cached, invalidates};
use tracing::instrument;

use crate::{Failed, Runs};

static RUNS: Runs = Runs::none();

#[instrument(err)]
#[cached(ns = "instrument")]
async fn outside(id: u64) -> Result<u64, Failed> {
    RUNS.next();
    Ok(id)
}

#[cached(ns = "instrument")]
#[instrument(ret)]
async fn inside(id: u64) -> Result<u64, Failed> {
    RUNS.next();
    Ok(id)
}

#[instrument(skip_all)]
#[invalidates(outside(id))]
async fn change_outside(id: u64) -> Result<u64, Failed> {
    Ok(id)
}

#[invalidates(inside(result))]
#[instrument]
async fn change_inside(id: u64) -> Result<u64, Failed> {
    Ok(id)
}

#[async_trait]
trait Both {
    async fn get(&self, id: u64) -> Result<u64, Failed>;
    async fn other(&self, id: u64) -> Result<u64, Failed>;
    async fn change(&self, id: u64) -> Result<u64, Failed>;
    async fn change_other(&self, id: u64) -> Result<u64, Failed>;
}

struct First;
struct Last;

#[async_trait]
#[cached(ns = "instrument.first")]
impl Both for First {
    #[instrument(skip(self))]
    #[cached]
    async fn get(&self, id: u64) -> Result<u64, Failed> {
        RUNS.next();
        Ok(id)
    }
    #[cached]
    #[instrument(skip(self))]
    async fn other(&self, id: u64) -> Result<u64, Failed> {
        RUNS.next();
        Ok(id)
    }
    #[instrument(skip(self))]
    #[invalidates(Self::get(id))]
    async fn change(&self, id: u64) -> Result<u64, Failed> {
        Ok(id)
    }
    #[invalidates(Self::other(result))]
    #[instrument(skip(self))]
    async fn change_other(&self, id: u64) -> Result<u64, Failed> {
        Ok(id)
    }
}

#[cached(ns = "instrument.last")]
#[async_trait]
impl Both for Last {
    #[instrument(skip(self))]
    #[cached]
    async fn get(&self, id: u64) -> Result<u64, Failed> {
        RUNS.next();
        Ok(id)
    }
    #[cached]
    #[instrument(skip(self))]
    async fn other(&self, id: u64) -> Result<u64, Failed> {
        RUNS.next();
        Ok(id)
    }
    #[instrument(skip(self))]
    #[invalidates(Self::get(id))]
    async fn change(&self, id: u64) -> Result<u64, Failed> {
        Ok(id)
    }
    #[invalidates(Self::other(result))]
    #[instrument(skip(self))]
    async fn change_other(&self, id: u64) -> Result<u64, Failed> {
        Ok(id)
    }
}

#[tokio::test]
async fn spans_and_caches_stand_together_in_any_order() {
    async fn check(both: &dyn Both) {
        let before = RUNS.count();
        for _ in 0..2 {
            assert_eq!((both.get(1).await, both.other(1).await), (Ok(1), Ok(1)));
        }
        assert_eq!(RUNS.count(), before + 2);
        both.change(1).await.unwrap();
        both.change_other(1).await.unwrap();
        assert_eq!((both.get(1).await, both.other(1).await), (Ok(1), Ok(1)));
        assert_eq!(RUNS.count(), before + 4);
    }
    for _ in 0..2 {
        assert_eq!((outside(1).await, inside(1).await), (Ok(1), Ok(1)));
    }
    assert_eq!(RUNS.count(), 2);
    change_outside(1).await.unwrap();
    change_inside(1).await.unwrap();
    assert!(!outside_entry(1).exists().await && !inside_entry(1).exists().await);
    check(&First).await;
    check(&Last).await;
}
