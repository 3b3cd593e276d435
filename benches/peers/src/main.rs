//! The benchmarks with all contestants.

mod cached;
mod hitbox;
mod multi_tier;
mod papaya;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cases: Vec<_> = [
        cache_benches::limits::cases(),
        papaya::cases(),
        cache_benches::ours::cases(),
        cached::cases(),
        multi_tier::cases(),
        hitbox::cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
    cache_benches::cli::run(&cases, &arguments)
}
