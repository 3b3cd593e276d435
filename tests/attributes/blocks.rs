//! The block form, on inherent and on trait impls.

use cache_runtime::{cached, invalidates};

use crate::{Failed, Runs};

#[derive(Default)]
struct Tasks {
    runs: Runs,
}

#[cached(ns = "blocks", ttl = "long", version = 3)]
impl Tasks {
    const STEP: u64 = 2;

    /// Doubles.
    #[cached]
    async fn get(&self, id: u64) -> Result<Option<u64>, Failed> {
        self.runs.next();
        Ok(Some(id * Self::STEP))
    }

    #[cached(ns = "blocks.other", version = 1, ttl = "5s")]
    async fn other(&self, id: u64) -> u64 {
        self.runs.next();
        id
    }

    #[invalidates(Self::get(id))]
    async fn change(&self, id: u64) -> Result<(), Failed> {
        let _ = self;
        if id == 13 { Err(Failed) } else { Ok(()) }
    }

    fn untouched(&self) -> u32 {
        self.runs.count()
    }
}

#[tokio::test]
async fn a_block_gives_its_options_to_every_marked_function() {
    let tasks = Tasks::default();
    for _ in 0..2 {
        assert_eq!(tasks.get(1).await, Ok(Some(2)));
        assert_eq!(tasks.other(1).await, 1);
    }
    assert_eq!(tasks.untouched(), 2);
    assert!(Tasks::get_entry(1).key().ends_with("blocks:v3:get:1"), "{}", Tasks::get_entry(1).key());
    assert!(Tasks::other_entry(1).key().ends_with("blocks.other:v1:other:1"));
    tasks.change(1).await.unwrap();
    assert_eq!((tasks.get(1).await, tasks.untouched()), (Ok(Some(2)), 3));
}

trait Store<K> {
    type Value;
    async fn load(&self, key: K) -> Result<Self::Value, Failed>;
    async fn save(&self, key: K) -> Result<(), Failed>;
}

#[derive(Default)]
struct Pg<D> {
    runs: Runs,
    db: D,
}

#[cached(ns = "blocks.store")]
impl<K, D> Store<K> for Pg<D>
where
    K: cache_runtime::KeyPart + Clone + Into<u64> + Send,
    D: Clone + Send + Sync,
{
    type Value = u64;

    #[cached(ttl = "day")]
    async fn load(&self, key: K) -> Result<Self::Value, Failed> {
        self.runs.next();
        let _db = self.db.clone();
        Ok(key.into())
    }

    #[invalidates(Self::load(key))]
    async fn save(&self, key: K) -> Result<(), Failed> {
        let _: u64 = key.into();
        Ok(())
    }
}

#[tokio::test]
async fn companions_of_a_trait_impl_stand_in_an_inherent_impl() {
    let pg = Pg::<()>::default();
    assert_eq!((pg.load(7_u32).await, pg.load(7_u32).await, pg.runs.count()), (Ok(7), Ok(7), 1));
    assert!(Pg::<()>::load_entry(7_u32).exists().await);
    pg.save(7_u32).await.unwrap();
    assert_eq!((pg.load(7_u32).await, pg.runs.count()), (Ok(7), 2));
}

/// A block in which one function is not there, as its companion.
struct Configured;

#[cached(ns = "blocks.cfg")]
#[cfg(test)]
impl Configured {
    #[cached]
    #[cfg(not(test))]
    async fn absent(&self, id: Missing) -> Missing {
        id
    }

    #[cached]
    #[cfg(test)]
    async fn present(#[cfg(test)] id: u8, #[cfg(not(test))] missing: Missing) -> u8 {
        id
    }
}

#[tokio::test]
async fn configuration_is_respected() {
    assert_eq!(Configured::present(1).await, 1);
    assert!(Configured::present_entry(1).key().ends_with("present:1"));
}
