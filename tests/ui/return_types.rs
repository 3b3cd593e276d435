//! What no entry can hold.

use cache_runtime::cached;

#[cached(ns = "a")]
async fn nothing(id: u64) {
    drop(id);
}

#[cached(ns = "a")]
async fn unit(id: u64) -> Result<(), String> {
    drop(id);
    Ok(())
}

#[cached(ns = "a")]
async fn opaque(id: u64) -> impl Iterator<Item = u64> {
    std::iter::once(id)
}

#[cached(ns = "a")]
async fn opaque_in_a_result(id: u64) -> Result<impl Clone, String> {
    Ok(id)
}

#[cached(ns = "a")]
async fn borrowed(name: &str) -> &str {
    name
}

fn main() {
    let _entry = opaque_entry(1);
}
