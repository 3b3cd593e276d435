//! The command line of both programs: with the peers, and without.

use crate::case::Case;
use crate::{build, child, guard, hit, memory, stampede, table, trips};
use anyhow::{Result, bail};

/// Runs the command line with `cases`.
///
/// # Errors
/// If the arguments are wrong, or a limit cannot be measured.
pub fn run(cases: &[Case], arguments: &[String]) -> Result<()> {
    let (options, words): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|argument| argument.starts_with("--"));
    let given = |option: &str| options.contains(&option);
    match words.as_slice() {
        ["child", role] => child::serve(cases, role, None),
        ["child", role, count] => child::serve(cases, role, Some(count.parse()?)),
        ["held", role] => memory::held(cases, role),
        ["memory"] => table::publish("memory", &[memory::table(cases)?]),
        ["build"] => table::publish("build", &[build::table()?]),
        ["guard"] => guard::check(),
        ["hit", subjects @ ..] => {
            let subjects: Vec<String> = subjects.iter().map(ToString::to_string).collect();
            let parts = hit::Parts { callgrind: !given("--time"), time: !given("--callgrind") };
            table::publish("hit", &hit::tables(cases, &subjects, parts)?)
        }
        ["redis"] => {
            table::publish("redis", &trips::tables(cases, "redis", "Hit in Redis of a task", &[1, 64, 512])?)
        }
        ["codec"] => {
            table::publish("codec", &trips::tables(cases, "codec", "Hit in Redis of 20 rows", &[1, 64])?)
        }
        ["miss"] => {
            let mut tables = trips::tables(cases, "miss", "Miss over Redis of a task", &[1, 64])?;
            tables.extend(trips::tables(cases, "invalidate", "Invalidation over Redis", &[1, 64])?);
            table::publish("miss", &tables)
        }
        ["stampede"] => table::publish("stampede", &[stampede::table(cases)?]),
        ["batch"] => table::publish(
            "batch",
            &trips::tables(cases, "batch", "100 tasks from Redis, for one of them", &[1])?,
        ),
        _ => bail!(
            "usage: redis | codec | miss | stampede | batch | memory | build | hit [task-arc|task|list-arc|list].. [--callgrind|--time] [--ours] | guard"
        ),
    }
}
