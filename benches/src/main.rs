//! The command line; what needs the peers runs in their package, which this builds.

use anyhow::{Result, ensure};
use cache_benches::cli;
use std::env;
use std::process::Command;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let own = ["child", "guard"].iter().any(|word| arguments.first().is_some_and(|first| first == word));
    if own || arguments.iter().any(|argument| argument == "--ours") {
        return cli::run(&cache_benches::own_cases(), &arguments);
    }
    let counting = arguments.first().is_some_and(|first| first == "memory");
    let program = if counting { "cache-benches-peers-counting" } else { "cache-benches-peers" };
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--release", "--bin", program])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/peers/Cargo.toml"), "--"])
        .args(&arguments)
        .env("CARGO_INCREMENTAL", "0") // such builds inline less
        .status()?;
    ensure!(status.success(), "the benchmarks have failed");
    Ok(())
}
