//! Loads in the background, and old values.

use cache_runtime::cached;

#[cached(ns = "a", swr = 30, refresh = "erly", stale_if_error(), never_stale = true)]
async fn values(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(ns = "a", stale_if_error("10m", 5), swr = "30")]
async fn more_values(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(ns = "a", stale_if_error = "10m")]
async fn no_error(id: u64) -> u64 {
    id
}

#[cached(ns = "a", never_stale = |_| true)]
async fn never_anyway(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = "never", swr = "1s", refresh = "early")]
async fn always_fresh(id: u64) -> u64 {
    id
}

struct Db;
struct Repo(Db);

impl Repo {
    #[cached(ns = "a", swr = "1s", skip(db))]
    async fn unique(&mut self, db: &mut Db, id: u64) -> u64 {
        let _ = (self, db);
        id
    }

    #[cached(ns = "a", refresh = "early", skip(a))]
    async fn pattern((a, _): (u8, u8), id: u64) -> u64 {
        id + u64::from(a)
    }

    #[cached(ns = "a", swr = "1s")]
    async fn borrows(name: Option<&str>, names: &[std::borrow::Cow<'_, str>]) -> usize {
        names.len() + name.map_or(0, str::len)
    }

    #[cached(ns = "a", swr = "1s")]
    async fn no_clone(&self, id: u64) -> u64 {
        let _ = &self.0;
        id
    }

    #[cached(ns = "a", swr = "1s")]
    fn boxed(id: u64) -> std::pin::Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(async move { id })
    }
}

#[cached(ns = "a", swr = "1s", skip(db, other))]
async fn no_clone_either(db: Db, other: &Db, id: u64) -> u64 {
    let _ = (db, other);
    id
}

#[async_trait::async_trait]
trait Get {
    async fn get(&self, id: u64) -> u64;
}

#[async_trait::async_trait]
#[cached(ns = "a", swr = "1s")]
impl Get for Db {
    #[cached]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
