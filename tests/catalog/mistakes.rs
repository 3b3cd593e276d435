//! A module with every mistake that the catalogue finds.
#![allow(dead_code)]

use cache_runtime::{cached, invalidates};

pub(crate) struct Users;

/// The line of `forgotten`.
pub(crate) const FORGOTTEN: u32 = line!() + 6;

#[cached(ns = "mistakes")]
impl Users {
    /// No mutation names it, and it has no tag.
    #[cached]
    async fn forgotten(&self, id: u64) -> u64 {
        id
    }

    #[cached(ttl_only)]
    async fn meant(&self, id: u64) -> u64 {
        id
    }

    #[cached(tags = ["owner:{owner}"])]
    async fn tagged(&self, owner: u64) -> u64 {
        owner
    }

    #[cached(key = "one:{id}")]
    async fn one(&self, id: u64) -> u64 {
        id
    }

    /// A tag that no function carries, and a namespace that none has.
    #[invalidates(
        tags("mistakes", "owner:{owner}", "owners:{owner}"),
        namespace("mistake"),
        Self::one(owner),
        another("x")
    )]
    async fn leave(&self, owner: u64) {
        let _ = owner;
    }
}

/// The key of `Users::one`, and a value of another type.
#[cached(ns = "mistakes", key = "one:{name}")]
async fn another(name: &str) -> String {
    name.to_owned()
}

pub(crate) mod other {
    use cache_runtime::cached;

    pub(crate) struct Other;

    impl Other {
        /// A namesake: `Users::forgotten` is not named by what names this.
        #[cached(ns = "mistakes.other")]
        pub(crate) async fn forgotten(id: u64) -> u64 {
            id
        }
    }
}

#[invalidates(other::Other::forgotten(id))]
async fn forget(id: u64) {
    let _ = id;
}
