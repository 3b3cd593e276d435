//! Policies and durations.

use cache_runtime::cached;

#[cached(ns = "a", ttl = "mediun")]
async fn near(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = "eternal")]
async fn far(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = "90")]
async fn unit_missing(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = 90)]
async fn number(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = 90s)]
async fn quotes_missing(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = "90sec")]
async fn unit_unknown(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = "1.5h")]
async fn fraction(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = "0s")]
async fn zero(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = "")]
async fn empty(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = std::time::Duration::from_secs(5))]
async fn call(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = medium)]
async fn name_without_quotes(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = adaptive("5m", hot = "10m", above = 10 per 1))]
async fn period_without_unit(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = adaptive("5m", "10m"))]
async fn unnamed(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = adaptive("10m", hot = "5m", above = 10 per "1h"))]
async fn colder(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = adaptive("10m", hot = "15m", above = 10 "1h"))]
async fn per_missing(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = sliding("never"))]
async fn sliding_for_ever(id: u64) -> u64 {
    id
}

#[cached(ns = "a", ttl = sliding("5m"), swr = "1m")]
async fn sliding_and_stale(id: u64) -> u64 {
    id
}

fn main() {}
