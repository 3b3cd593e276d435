//! Tags of entries.

use cache_runtime::cached;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Task {
    owner: u64,
    price: f64,
}

struct Repo;

impl Repo {
    #[cached(ns = "a", tags = "owner:{id}")]
    async fn no_list(id: u64) -> u64 {
        id
    }

    #[cached(ns = "a", tags = [])]
    async fn empty(id: u64) -> u64 {
        id
    }

    #[cached(ns = "a", tags = [id, "x:{id}"])]
    async fn no_text(id: u64) -> u64 {
        id
    }

    #[cached(ns = "a", tags = ["x:{id}", "y", "x:{id}"])]
    async fn twice(id: u64) -> u64 {
        id
    }

    #[cached(ns = "a", tags = ["*", "", "{id}{id}", "x:{id"])]
    async fn malformed(id: u64) -> u64 {
        id
    }

    #[cached(ns = "a", tags = ["x:{di}"])]
    async fn unknown(id: u64) -> u64 {
        id
    }

    #[cached(ns = "a", tags = ["x:{db}"], skip(db))]
    async fn skipped(db: u64, id: u64) -> u64 {
        id + db
    }

    #[cached(ns = "a", tags = ["x:{result.owner}:{id}"])]
    async fn mixed(id: u64) -> Option<Task> {
        Some(Task { owner: id, price: 1.0 })
    }

    #[cached(ns = "a", tags = ["x:{result}"])]
    async fn parameter(result: u64) -> u64 {
        result
    }

    #[cached(ns = "a", tags = ["x:{result.price}"])]
    async fn no_part(id: u64) -> Option<Task> {
        Some(Task { owner: id, price: 1.0 })
    }

    #[cached(ns = "a", tags = ["x:{result.ownr}"])]
    async fn no_field(id: u64) -> Option<Task> {
        Some(Task { owner: id, price: 1.0 })
    }
}

#[cached(ns = "a", tags = ["x"])]
impl Repo {
    #[cached]
    async fn of_block(id: u64) -> u64 {
        id
    }
}

fn main() {}
