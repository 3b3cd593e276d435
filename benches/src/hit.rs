//! Hits in memory: instructions, allocations and time of a call whose value is there.

use crate::callgrind::{self, Cost};
use crate::case::Case;
use crate::child::Role;
use crate::rounds;
use crate::table::{Cell, Results, Table};
use crate::work::KEYS;
use anyhow::{Context as _, Result};
use cache_tests::redis_process::RedisServer;

/// What the subjects are called in the tables' titles.
const SUBJECTS: [(&str, &str); 4] = [
    ("task-arc", "`get(id) -> Result<Arc<Task>, E>`"),
    ("task", "`get(id) -> Result<Task, E>`"),
    ("list-arc", "`list(user_id, status, limit, offset) -> Result<Arc<Vec<Task>>, E>`, 20 rows"),
    ("list", "`list(user_id, status, limit, offset) -> Result<Vec<Task>, E>`, 20 rows"),
];

/// Calls that callgrind counts.
const CALLS: u64 = 10_000;

/// What is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts {
    /// Instructions and allocations.
    pub callgrind: bool,
    /// Time.
    pub time: bool,
}

/// Publishes the tables of `cases` in `results`.
///
/// # Errors
/// If a limit cannot be measured.
pub fn tables(cases: &[Case], subjects: &[&str], parts: Parts, results: &mut Results) -> Result<()> {
    let server = RedisServer::start();
    for (subject, title) in SUBJECTS {
        if !subjects.is_empty() && !subjects.contains(&subject) {
            continue;
        }
        let of = |subject| cases.iter().filter(move |case| case.subject == subject);
        let own: Vec<&Case> = of(subject).collect();
        let mut table = Table::new(format!("Hit of {title}"), &COLUMNS);
        one_thread(&own, &server, parts, &mut table)?;
        results.add(table)?;
        if subject == "task-arc" && parts.time {
            let all: Vec<&Case> = of("calibration").chain(own).collect();
            for (keys, which) in [(KEYS, "1,000 keys"), (1, "one hot key")] {
                results.add(two_threads(&all, &format!("{title}, 2 threads, {which}"), &server, keys)?)?;
            }
        }
    }
    Ok(())
}

/// The role of `case` in a child.
#[must_use]
pub fn role(case: &Case, server: &RedisServer, keys: u64, threads: usize) -> Role {
    Role { case: case.name(), keys, threads, tasks: 1, redis: server.url() }
}

/// The columns of [`one_thread`].
pub(crate) const COLUMNS: [&str; 9] = [
    "contestant",
    "instructions",
    "ratio",
    "allocations",
    "ns",
    "ratio of ns",
    "spread %",
    "retaken",
    "disturbed",
];

/// Adds a line for each of `cases` to `table`.
pub(crate) fn one_thread(
    cases: &[&Case],
    server: &RedisServer,
    parts: Parts,
    table: &mut Table,
) -> Result<()> {
    let roles: Vec<Role> = cases.iter().map(|case| role(case, server, KEYS, 1)).collect();
    let limit = cases.iter().position(|case| case.limit).context("every subject has a limit")?;
    let cost = |role: &Role| {
        let measured = callgrind::measure(role, server, CALLS);
        measured.inspect_err(|error| eprintln!("{}: {error:#}", role.case)).ok()
    };
    let costs: Vec<Option<Cost>> =
        roles.iter().map(|role| if parts.callgrind { cost(role) } else { None }).collect();
    let timings =
        if parts.time { rounds::run(&roles, limit, rounds::IN_MEMORY)? } else { vec![None; roles.len()] };
    for ((case, cost), timing) in cases.iter().zip(&costs).zip(timings) {
        let mut cells = vec![Cell::from(named(case))];
        cells.extend(cost.map_or([const { Cell::None }; 3], |cost| {
            let ratio = costs[limit].map_or(f64::NAN, |limit| cost.instructions / limit.instructions);
            [Cell::Number(cost.instructions, 0), Cell::Number(ratio, 2), Cell::Number(cost.allocations, 1)]
        }));
        cells.extend(time_cells(timing));
        table.row(cells, &note(case, timing));
    }
    Ok(())
}

fn two_threads(cases: &[&Case], title: &str, server: &RedisServer, keys: u64) -> Result<Table> {
    let columns = [
        "contestant",
        "ns on 1 thread",
        "ns on 2, of each",
        "2 to 1",
        "ratio",
        "spread %",
        "retaken",
        "disturbed",
    ];
    let mut table = Table::new(format!("Hit of {title}"), &columns);
    let roles: Vec<Role> = cases.iter().map(|case| role(case, server, keys, 2)).collect();
    let limit = cases.iter().position(|case| case.limit).context("every subject has a limit")?;
    for (case, timing) in cases.iter().zip(rounds::run(&roles, limit, rounds::IN_PARALLEL)?) {
        let mut cells = vec![Cell::from(named(case))];
        let [ns, rest @ ..] = time_cells(timing);
        cells.extend(timing.map_or([Cell::None, Cell::None, Cell::None], |timing| {
            [Cell::Number(timing.alone_ns, 1), ns, Cell::Number(timing.scaling, 2)]
        }));
        cells.extend(rest);
        table.row(cells, &note(case, timing));
    }
    Ok(table)
}

pub(crate) fn named(case: &Case) -> String {
    let limit = if case.limit { " = limit" } else { "" };
    let sync = if case.sync { " [sync]" } else { "" };
    format!("{}{sync}{limit}", case.contestant)
}

#[expect(clippy::cast_precision_loss, reason = "a handful of slices")]
pub(crate) fn time_cells(timing: Option<rounds::Timing>) -> [Cell; 5] {
    timing.map_or([const { Cell::None }; 5], |timing| {
        [
            Cell::Number(timing.ns, 1),
            Cell::Number(timing.ratio, 2),
            Cell::Number(timing.spread, 1),
            Cell::Number(timing.retaken as f64, 0),
            Cell::Number(timing.disturbed as f64, 0),
        ]
    })
}

fn note(case: &Case, timing: Option<rounds::Timing>) -> String {
    match timing {
        Some(timing) if timing.loads > 0 => format!("{} calls ran the body. {}", timing.loads, case.note),
        _ => case.note.to_owned(),
    }
}
