//! The benchmarks with all contestants.

mod cached;
mod cached_redis;
mod hitbox;
mod multi_tier;
mod papaya;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cases: Vec<_> = [
        cache_benches::own_cases(),
        papaya::cases(),
        cached::cases(),
        cached_redis::cases(),
        multi_tier::cases(),
        hitbox::cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
    cache_benches::cli::run(&cases, &arguments)
}
