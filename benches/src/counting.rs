//! The same with an allocator that counts, for the memory that entries take.

use anyhow::Result;
use cache_benches::cli;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::env;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    cli::run(&cache_benches::own_cases(), &arguments)
}
