//! Many callers of one missing key in several processes: how many bodies run, and how long the last one waits.

use crate::case::Case;
use crate::child::{Role, Served};
use crate::rounds::quantile;
use crate::table::{Cell, Table};
use anyhow::Result;
use cache_tests::redis_process::RedisServer;

const PROCESSES: usize = 4;
const CALLERS: u64 = 250;
const ROUNDS: usize = 11;

/// The table.
///
/// # Errors
/// If no contestant can be measured.
pub fn table(cases: &[Case]) -> Result<Table> {
    let title = format!(
        "{PROCESSES} processes with {CALLERS} callers each ask for one missing key; its body takes 50 ms"
    );
    let mut table =
        Table::new(title, &["contestant", "bodies run", "ratio", "most", "ms until the last", "ratio of ms"]);
    table.row(
        vec![
            "one body = limit".into(),
            Cell::Number(1.0, 0),
            Cell::Number(1.0, 2),
            Cell::Number(1.0, 0),
            Cell::Number(50.0, 1),
            Cell::Number(1.0, 2),
        ],
        "",
    );
    for case in cases.iter().filter(|case| case.subject == "stampede") {
        match measured(case) {
            Ok((loads, most, ms)) => table.row(
                vec![
                    case.contestant.into(),
                    Cell::Number(loads, 0),
                    Cell::Number(loads, 2),
                    Cell::Number(most, 0),
                    Cell::Number(ms, 1),
                    Cell::Number(ms / 50.0, 2),
                ],
                case.note,
            ),
            Err(error) => {
                eprintln!("{}: {error:#}", case.name());
                table.row(
                    [vec![Cell::from(case.contestant)], vec![const { Cell::None }; 5]].concat(),
                    case.note,
                );
            }
        }
    }
    Ok(table)
}

/// Medians of the bodies and the milliseconds of a round, and the most bodies of one.
#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2⁵²")]
fn measured(case: &Case) -> Result<(f64, f64, f64)> {
    let server = RedisServer::start();
    let role = Role { case: case.name(), keys: 1, threads: 1, tasks: CALLERS, redis: server.url() };
    let mut children = (0..PROCESSES).map(|_| Served::start(&role)).collect::<Result<Vec<_>>>()?;
    let (mut loads, mut ms) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for child in &mut children {
            child.begin(CALLERS, 1)?;
        }
        let taken = children.iter_mut().map(Served::end).collect::<Result<Vec<_>>>()?;
        loads.push(taken.iter().map(|taken| taken.loads).sum::<u64>() as f64);
        ms.push(taken.iter().map(|taken| taken.wall_ns).max().unwrap_or(0) as f64 / 1e6);
    }
    Ok((quantile(&loads, 0.5), quantile(&loads, 1.0), quantile(&ms, 0.5)))
}
