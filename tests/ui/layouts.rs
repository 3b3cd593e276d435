//! Values that stand bare in the store, for other programs.

use cache_runtime::{Compression, cached};

const PACKED: Compression = Compression::lz4();

struct Own;

#[cached(ns = "a", layout = "plan")]
async fn near(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = true)]
async fn no_word(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = "plain", l1 = "coherent")]
async fn coherent(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = "plain", l1 = "validate")]
async fn validated(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = "plain", swr = "5s", refresh = "early")]
async fn reloaded(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = "plain", stale_if_error = "5s")]
async fn outlived(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(ns = "a", layout = "plain", ttl = sliding("5m"))]
async fn sliding(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = "plain", compress = "lz4")]
async fn packed(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = "plain", compress = PACKED)]
async fn perhaps_packed(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = "plain", codec = "postcard")]
async fn not_json(id: u64) -> u64 {
    id
}

#[cached(ns = "a", layout = "plain", codec = Own)]
async fn perhaps_not_json(id: u64) -> u64 {
    id
}

#[derive(Clone)]
struct Repo;

#[cached(ns = "a", layout = "plain")]
impl Repo {
    #[cached(swr = "5s")]
    async fn reloaded(&self, id: u64) -> u64 {
        id
    }

    #[cached(swr = "5s", layout = "framed")]
    async fn framed(&self, id: u64) -> u64 {
        id
    }

    #[cached(l1 = "5s", compress = "off", codec = "json", refresh = "off")]
    async fn bounded(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
