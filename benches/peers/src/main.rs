//! The benchmarks with all contestants.

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    cache_benches::cli::run(&cache_benches_peers::cases(), &arguments)
}
