//! What an entry in memory takes beyond its value.

use crate::case::{self, Case, Setup};
use crate::child::{Role, runtime};
use crate::hit::named;
use crate::table::{Cell, Table};
use crate::work::{LoadError, Task, load_task};
use anyhow::{Context as _, Result, ensure};
use cache_tests::redis_process::RedisServer;
use stats_alloc::INSTRUMENTED_SYSTEM;
use std::env;
use std::process::Command;
use std::sync::{Arc, PoisonError, RwLock};

/// Entries in the two runs whose difference is measured; both below every contestant's capacity.
const ENTRIES: [u64; 2] = [1_000, 8_000];
const SUBJECT: &str = "task-arc";
const VALUES: &str = "the values alone";

/// The values alone, in a vector: what is subtracted.
async fn value(id: u64) -> Result<Arc<Task>, LoadError> {
    static VALUES: RwLock<Vec<Option<Arc<Task>>>> = RwLock::new(Vec::new());
    let place = usize::try_from(id).map_err(|_| LoadError)?;
    if let Some(Some(task)) = VALUES.read().unwrap_or_else(PoisonError::into_inner).get(place) {
        return Ok(task.clone());
    }
    let task = Arc::new(load_task(id)?);
    let mut values = VALUES.write().unwrap_or_else(PoisonError::into_inner);
    if values.len() <= place {
        values.resize(place + 1, None);
        values.shrink_to_fit();
    }
    values[place] = Some(task.clone());
    Ok(task)
}

fn values() -> Case {
    Case::new(SUBJECT, VALUES, |setup| Box::pin(case::tasks(setup, value)))
}

/// The table.
///
/// # Errors
/// In a program whose allocator does not count.
pub fn table(cases: &[Case]) -> Result<Table> {
    ensure!(live() > 0, "this program's allocator does not count: run the counting one");
    let server = RedisServer::start();
    let title = "Memory of an entry, key and all, beyond its value (`Arc<Task>`)";
    let mut table = Table::new(title, &["contestant", "bytes", "ratio"]);
    let alone = bytes(&values(), &server)?;
    let cases: Vec<&Case> = cases.iter().filter(|case| case.subject == SUBJECT && !case.sync).collect();
    let limit = cases.iter().position(|case| case.limit).context("every subject has a limit")?;
    table.row(vec![format!("{VALUES}, which is subtracted").into(), Cell::Number(alone, 0), Cell::None], "");
    let beyond = |case: &&Case| {
        let measured = bytes(case, &server).inspect_err(|error| eprintln!("{}: {error:#}", case.name()));
        measured.ok().map(|bytes| bytes - alone)
    };
    let measured: Vec<Option<f64>> = cases.iter().map(beyond).collect();
    for (case, bytes) in cases.iter().zip(&measured) {
        let cell =
            |number: Option<f64>, places| number.map_or(Cell::None, |number| Cell::Number(number, places));
        let ratio = bytes.zip(measured[limit]).map(|(bytes, least)| bytes / least);
        table.row(vec![named(case).into(), cell(*bytes, 0), cell(ratio, 2)], case.note);
    }
    Ok(table)
}

/// Bytes of an entry and its value.
#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2⁵²")]
fn bytes(case: &Case, server: &RedisServer) -> Result<f64> {
    let mut held = [0; 2];
    for (held, keys) in held.iter_mut().zip(ENTRIES) {
        server.cli(&["FLUSHALL"]);
        let role = Role { case: case.name(), keys, threads: 1, tasks: 1, redis: server.url() };
        let child =
            Command::new(env::current_exe()?).args(["held", &serde_json::to_string(&role)?]).output()?;
        ensure!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        *held = String::from_utf8(child.stdout)?.trim().parse::<i64>()?;
    }
    Ok((held[1] - held[0]) as f64 / (ENTRIES[1] - ENTRIES[0]) as f64)
}

/// The child's side: prints the bytes that are held when the cache is full.
///
/// # Errors
/// If there is no such case.
pub fn held(cases: &[Case], role: &str) -> Result<()> {
    let role: Role = serde_json::from_str(role)?;
    let values = [values()];
    let case = cases.iter().chain(&values).find(|case| case.name() == role.case).context("no such case")?;
    let runtime = runtime()?;
    let _slice = runtime.block_on((case.start)(Setup { keys: role.keys, tasks: 1, redis: role.redis }));
    println!("{}", live());
    runtime.shutdown_background();
    Ok(())
}

fn live() -> i64 {
    let stats = INSTRUMENTED_SYSTEM.stats();
    let signed = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
    signed(stats.bytes_allocated) - signed(stats.bytes_deallocated)
}
