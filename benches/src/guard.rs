//! The guard against slower hits: instructions and allocations of three hits, compared with what they once were.

use crate::callgrind::{self, Cost};
use crate::hit::role;
use crate::ours;
use crate::work::KEYS;
use anyhow::{Context as _, Result, ensure};
use cache_tests::redis_process::RedisServer;
use std::collections::BTreeMap;
use std::fs;

/// What the hits once cost, by the case's name.
const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guard.json");

/// More than this of what is stored fails, in percent.
const MARGIN: f64 = 110.0;

/// Calls that are counted.
const CALLS: u64 = 50_000;

/// Measures the stored cases and compares, or stores what they cost now.
///
/// # Errors
/// If a hit costs more than what is stored and the margin.
pub fn check(store: bool) -> Result<()> {
    let stored: BTreeMap<String, Cost> = serde_json::from_str(&fs::read_to_string(STORED)?)?;
    let server = RedisServer::start();
    let cases = ours::cases();
    let mut measured = BTreeMap::new();
    let mut slower = 0;
    for (name, before) in &stored {
        let case = cases.iter().find(|case| case.name() == *name);
        let case = case.with_context(|| format!("no case is named {name}"))?;
        let cost = callgrind::measure(&role(case, &server, KEYS, 1), &server, CALLS)?;
        let percent = cost.instructions / before.instructions * 100.0;
        println!(
            "{name}: {:.0} instructions ({percent:.1} % of {:.0}), {:.1} allocations (of {:.1})",
            cost.instructions, before.instructions, cost.allocations, before.allocations
        );
        slower += usize::from(percent > MARGIN || cost.allocations > before.allocations + 0.05);
        measured.insert(name, Cost { instructions: cost.instructions.round(), ..cost });
    }
    if store {
        fs::write(STORED, serde_json::to_string_pretty(&measured)? + "\n")?;
        println!("stored in {STORED}");
        return Ok(());
    }
    ensure!(slower == 0, "{slower} hits cost over 10 % more than is stored in {STORED}");
    Ok(())
}
