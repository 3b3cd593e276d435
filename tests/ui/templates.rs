//! Key templates.

use cache_runtime::cached;

struct Page {
    limit: u32,
}

#[cached(ns = "a", key = "{idd}")]
async fn unknown(#[allow(unused)] id: u64) -> u64 {
    1
}

#[cached(ns = "a", key = "{self.tenant}")]
async fn no_self() -> u64 {
    1
}

#[cached(ns = "a", key = "{db}:{id}", skip(db))]
async fn skipped(db: u64, id: u64) -> u64 {
    db + id
}

#[cached(ns = "a", key = "{id}")]
async fn left_out(id: u64, limit: u32) -> u64 {
    id + u64::from(limit)
}

#[cached(ns = "a", key = "{a}{b}")]
async fn not_apart(a: u64, b: u64) -> u64 {
    a + b
}

#[cached(ns = "a", key = "")]
async fn empty(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = "task {id}")]
async fn letters(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = "{id:?}")]
async fn format(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = "{id + 1}")]
async fn expression(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = "{0}")]
async fn positional(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = "{id")]
async fn open(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = "{{id}}")]
async fn braces(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = ":{id}")]
async fn colon(id: u64) -> u64 {
    id
}

#[cached(ns = "a", key = "{page.offset}")]
async fn no_such_field(page: Page) -> u32 {
    page.limit
}

fn main() {}
