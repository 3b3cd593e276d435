//! A body that cannot move to another thread.

use cache_runtime::cached;
use std::rc::Rc;

#[cached(ns = "a")]
async fn not_send(id: u64) -> Result<u64, String> {
    let local = Rc::new(id);
    std::future::ready(()).await;
    Ok(*local)
}

fn main() {}
