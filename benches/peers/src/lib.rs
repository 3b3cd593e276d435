//! All contestants.

mod cached;
mod cached_redis;
mod hitbox;
mod multi_tier;
mod papaya;

/// The limits, this library and its peers.
pub fn cases() -> Vec<cache_benches::case::Case> {
    [
        cache_benches::own_cases(),
        papaya::cases(),
        cached::cases(),
        cached_redis::cases(),
        multi_tier::cases(),
        hitbox::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
