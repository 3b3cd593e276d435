//! The command line of both programs: with the peers, and without.

use crate::case::Case;
use crate::table::Results;
use crate::{build, child, codec, guard, hit, memory, stampede, trips};
use anyhow::{Result, bail};

/// Runs the command line with `cases`.
///
/// # Errors
/// If the arguments are wrong, or a limit cannot be measured.
pub fn run(cases: &[Case], arguments: &[String]) -> Result<()> {
    let (options, words): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|argument| argument.starts_with("--"));
    let given = |option: &str| options.contains(&option);
    let parts = hit::Parts { callgrind: !given("--time"), time: !given("--callgrind") };
    match words.as_slice() {
        ["child", role] => child::serve(cases, role, None),
        ["child", role, count] => child::serve(cases, role, Some(count.parse()?)),
        ["held", role] => memory::held(cases, role),
        ["memory"] => Results::of("memory").add(memory::table(cases)?),
        ["build"] => build::tables(given("--lines"), &mut Results::of("build")),
        ["guard"] => guard::check(given("--store")),
        ["hit", subjects @ ..] => hit::tables(cases, subjects, parts, &mut Results::of("hit")),
        ["redis"] => {
            let title = "Hit in Redis of a task";
            trips::tables(cases, "redis", title, &[1, 64, 512], &mut Results::of("redis"))
        }
        ["codec"] => codec::tables(cases, parts, &mut Results::of("codec")),
        ["rows"] => {
            trips::tables(cases, "rows", "Hit in Redis of 20 rows", &[1, 64], &mut Results::of("rows"))
        }
        ["miss"] => {
            let results = &mut Results::of("miss");
            trips::tables(cases, "miss", "Miss over Redis of a task", &[1, 64], results)?;
            trips::tables(cases, "invalidate", "Invalidation over Redis", &[1, 64], results)
        }
        ["stampede"] => Results::of("stampede").add(stampede::table(cases)?),
        ["batch"] => {
            let title = "100 tasks from Redis, for one of them";
            trips::tables(cases, "batch", title, &[1], &mut Results::of("batch"))
        }
        _ => bail!(
            "usage: redis | rows | codec | miss | stampede | batch | memory | build [--lines] | hit [task-arc|task|list-arc|list].. [--callgrind|--time] [--ours] | guard [--store]"
        ),
    }
}
