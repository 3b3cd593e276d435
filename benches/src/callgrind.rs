//! Instructions and allocations of one call, counted by callgrind: two runs that differ in the number of calls alone.

use crate::child::Role;
use anyhow::{Context as _, Result, bail, ensure};
use cache_tests::redis_process::RedisServer;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::process::{self, Command, Stdio};
use std::{env, fs};

/// The allocator's functions, as callgrind names them.
const ALLOCATING: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// How often a run that fails is begun.
const TRIES: usize = 3;

/// Instructions are counted within `child::measured`, on its thread.
const MEASURED: &str = "--toggle-collect=*child*measured*";

/// What one call costs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    /// Instructions.
    pub instructions: f64,
    /// Calls of the allocator.
    pub allocations: f64,
}

/// Measures one call of `role` by `calls` of them, over an empty `server`.
///
/// # Errors
/// Without valgrind, or if the case fails.
#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2⁵²")]
pub fn measure(role: &Role, server: &RedisServer, calls: u64) -> Result<Cost> {
    let few = calls / 10;
    let less = tried(role, server, few)?;
    let more = tried(role, server, few + calls)?;
    let each = |more: u64, less: u64| (more as f64 - less as f64) / calls as f64;
    // allocations are counted in all threads from the start on: those of connecting differ by a few
    let allocations = (each(more.1, less.1) * 10.0).round() / 10.0;
    Ok(Cost { instructions: each(more.0, less.0), allocations: allocations.abs() })
}

/// A machine that leaves a case without a processor for long makes a hit a load.
fn tried(role: &Role, server: &RedisServer, calls: u64) -> Result<(u64, u64)> {
    for _ in 1..TRIES {
        server.cli(&["FLUSHALL"]);
        if let Ok(counted) = run(role, calls) {
            return Ok(counted);
        }
    }
    server.cli(&["FLUSHALL"]);
    run(role, calls)
}

fn run(role: &Role, calls: u64) -> Result<(u64, u64)> {
    let out = env::temp_dir().join(format!("cache-benches-{}.callgrind", process::id()));
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--fair-sched=try", MEASURED])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?)
        .args(["child", &serde_json::to_string(role)?, &calls.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("no valgrind: install it (`apt-get install valgrind`)")?;
    ensure!(status.success(), "{} failed under callgrind", role.case);
    let text = fs::read_to_string(&out)?;
    fs::remove_file(&out)?;
    parse(&text)
}

/// The instructions and the calls of the allocator in a file of callgrind.
fn parse(text: &str) -> Result<(u64, u64)> {
    let mut allocating = HashSet::new();
    let (mut callee, mut allocations, mut total) = ("", 0, None);
    for line in text.lines() {
        if let Some((_, name)) = line.split_once("fn=") {
            // a name is written once and is a number from then on
            let (number, name) = name.split_once(' ').unwrap_or((name, ""));
            if ALLOCATING.contains(&name) {
                allocating.insert(number);
            }
            callee = number;
        } else if let Some(calls) = line.strip_prefix("calls=") {
            if allocating.contains(callee) {
                allocations += calls.split(' ').next().unwrap_or_default().parse::<u64>()?;
            }
        } else if let Some(sum) = line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")) {
            total = Some(sum.trim().parse()?);
        }
    }
    match total {
        Some(total) if total > 0 => Ok((total, allocations)),
        _ => bail!("callgrind has counted nothing"),
    }
}
