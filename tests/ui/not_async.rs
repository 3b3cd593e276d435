//! Only an async function can be cached.

use cache_runtime::{cached, invalidates};
use std::future::Future;
use std::pin::Pin;

#[cached(ns = "a")]
fn sync(id: u64) -> u64 {
    id
}

#[cached(ns = "a")]
fn future(id: u64) -> impl Future<Output = u64> {
    async move { id }
}

#[cached(ns = "a")]
fn boxed(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    let later = async move { id };
    Box::pin(later)
}

#[invalidates(future(id))]
fn change(id: u64) -> u64 {
    id
}

#[cached(ns = "a")]
struct NotAFunction;

#[cached(ns = "a")]
mod not_a_function {}

trait Tasks {
    #[cached(ns = "a")]
    async fn without_a_body(&self) -> u64;
}

fn main() {
    let _entry = sync_entry(1);
    let _entry = boxed_entry(1);
}
