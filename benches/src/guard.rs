//! The guard against slower hits: instructions and allocations of three hits, compared with what they once were.

use crate::callgrind;
use crate::hit::role;
use crate::ours;
use crate::work::KEYS;
use anyhow::{Result, ensure};
use cache_tests::redis_process::RedisServer;

/// More than this of what is stored fails, in percent.
const MARGIN: f64 = 110.0;

/// The case, its instructions, its allocations.
const STORED: [(&str, f64, f64); 3] = [
    ("task-arc/this library, in process", 1491.0, 0.0),
    ("task-arc/this library, coherent over Redis", 1614.0, 0.0),
    ("list-arc/this library, in process", 2073.0, 0.0),
];

/// Measures and compares.
///
/// # Errors
/// If a hit costs more than what is stored and the margin.
///
/// # Panics
/// If a case that is stored is not there.
pub fn check() -> Result<()> {
    let server = RedisServer::start();
    let cases = ours::cases();
    let mut slower = 0;
    for (name, instructions, allocations) in STORED {
        let case = cases.iter().find(|case| case.name() == name);
        let case = case.unwrap_or_else(|| panic!("no case is named {name}"));
        let cost = callgrind::measure(&role(case, &server, KEYS, 1), &server, 50_000)?;
        let percent = cost.instructions / instructions * 100.0;
        println!(
            "{name}: {:.0} instructions ({percent:.1} % of {instructions}), {:.1} allocations (of {allocations})",
            cost.instructions, cost.allocations
        );
        slower += usize::from(percent > MARGIN || cost.allocations > allocations + 0.05);
    }
    ensure!(slower == 0, "{slower} hits cost more than stored in benches/src/guard.rs, by over 10 %");
    Ok(())
}
