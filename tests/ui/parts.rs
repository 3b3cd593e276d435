//! A parameter whose type cannot be part of a key is shown where it is declared.

use cache_runtime::cached;

pub struct NoPart;

#[cached(ns = "a")]
async fn no_part(id: NoPart) -> u64 {
    drop(id);
    1
}

#[cached(ns = "a", key = "{score}")]
async fn float(score: f64) -> u64 {
    score as u64
}

fn main() {}
