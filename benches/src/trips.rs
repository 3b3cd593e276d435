//! Calls that wait for Redis: hits, misses, invalidations, batches; by wall clock, and by trips to the server.

use crate::case::Case;
use crate::child::{Role, Served};
use crate::hit::{named, time_cells};
use crate::rounds;
use crate::table::{Cell, Results, Table};
use crate::work::KEYS;
use anyhow::{Context as _, Result};
use cache_tests::redis_process::RedisServer;

/// Calls by which trips are counted.
const COUNTED: u64 = 2_000;

/// Publishes a table of `subject` for each number of `tasks` that call at once.
///
/// # Errors
/// If a limit cannot be measured.
pub fn tables(
    cases: &[Case],
    subject: &str,
    title: &str,
    tasks: &[u64],
    results: &mut Results,
) -> Result<()> {
    let server = RedisServer::start();
    let cases: Vec<&Case> = cases.iter().filter(|case| case.subject == subject).collect();
    let limit = cases.iter().position(|case| case.limit).context("every subject has a limit")?;
    for &tasks in tasks {
        let columns = ["contestant", "trips a call", "us a call", "ratio", "spread %"];
        let at_once = if tasks == 1 { "one at a time".to_owned() } else { format!("{tasks} at once") };
        let mut table = Table::new(format!("{title}, {at_once}"), &columns);
        let role =
            |case: &&Case| Role { case: case.name(), keys: KEYS, threads: 1, tasks, redis: server.url() };
        let roles: Vec<Role> = cases.iter().map(role).collect();
        server.cli(&["FLUSHALL"]);
        let timings = rounds::run(&roles, limit, rounds::OVER_REDIS)?;
        for ((case, role), timing) in cases.iter().zip(&roles).zip(timings) {
            let mut cells = vec![Cell::from(named(case))];
            let trips = if tasks == 1 { trips(role, &server).ok() } else { None };
            cells.push(trips.map_or(Cell::None, |trips| Cell::Number(trips, 2)));
            let [ns, ratio, spread, ..] = time_cells(timing);
            let us = if let Cell::Number(ns, _) = ns { Cell::Number(ns / 1_000.0, 1) } else { Cell::None };
            cells.extend([us, ratio, spread]);
            table.row(cells, case.note);
        }
        results.add(table)?;
    }
    Ok(())
}

/// How often the server read from a connection for one call: with one caller, each request is one read.
#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2⁵²")]
fn trips(role: &Role, server: &RedisServer) -> Result<f64> {
    let mut child = Served::start(role)?;
    let before = reads(server)?;
    child.run(COUNTED, 1)?;
    // the reads of the one who asks are his own, not the child's
    let after = reads(server)?;
    Ok((after - before).saturating_sub(1) as f64 / COUNTED as f64)
}

fn reads(server: &RedisServer) -> Result<u64> {
    let info = server.cli(&["INFO", "stats"]);
    let line = info.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
    Ok(line.context("the server counts its reads")?.trim().parse()?)
}
