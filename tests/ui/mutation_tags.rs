//! Tags and namespaces as targets.

use cache_runtime::{cached, invalidates};

#[cached(ns = "a", tags = ["x:{id}"])]
async fn get(id: u64) -> u64 {
    id
}

#[invalidates(tags("a"))]
async fn no_tag(id: u64) -> u64 {
    id
}

#[invalidates(tags(id))]
async fn no_text(id: u64) -> u64 {
    id
}

#[invalidates(tags("A b", "x:{id}"), namespace(""))]
async fn namespaces(id: u64) -> u64 {
    id
}

#[invalidates(tags("a", "x:{id}", "x:{id}", "y:{di}", "*"))]
async fn templates(id: u64) -> u64 {
    id
}

#[invalidates(namespace("a", "b"))]
async fn two(id: u64) -> u64 {
    id
}

#[invalidates(tags("a", "x:{self.id}"))]
async fn no_self(id: u64) -> u64 {
    id
}

#[invalidates(get(id), cache = cache())]
async fn cache_of_nothing(id: u64) -> u64 {
    id
}

#[invalidates(tags("a", "x:{price}"))]
async fn no_part(price: f64) -> f64 {
    price
}

fn main() {}
