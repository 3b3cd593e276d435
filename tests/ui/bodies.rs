//! An error in a body is shown where it is.

use cache_runtime::{cached, invalidates};

#[cached(ns = "a")]
async fn mismatch(id: u64) -> Result<Option<u64>, String> {
    Ok(id)
}

struct Failed;

#[cached(ns = "a")]
async fn question_mark(id: u64) -> Result<u64, Failed> {
    let parsed: u64 = "1".parse()?;
    Ok(parsed + id)
}

#[invalidates(mismatch(id))]
async fn change(id: u64) -> Result<u64, String> {
    let _id = id;
    "text"
}

fn main() {}
