//! A value that no entry can hold is shown in the return type.

use cache_runtime::cached;

pub struct NoValue;

#[cached(ns = "a")]
async fn no_value(id: u64) -> Result<NoValue, String> {
    drop(id);
    Ok(NoValue)
}

fn main() {}
