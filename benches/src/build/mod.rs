//! What 50 annotated functions add to a build: LLVM lines before optimisation, and time.

mod cargo;
mod lines;
mod sources;

use self::cargo::{Crate, Spent};
use self::lines::Function;
use self::sources::{CONTESTANTS, Contestant};
use crate::table::{Cell, Results, Table};
use anyhow::{Context as _, Result};

/// Functions of a crate.
pub(crate) const FUNCTIONS: usize = 50;
/// Timed builds, of which the quickest counts.
const BUILDS: usize = 2;
/// Functions of the list of those with most lines.
const LONGEST: usize = 40;
/// Letters of a name that are shown.
const WIDEST: usize = 110;

/// Publishes the tables: lines, where this library's are, and unless `lines_alone` time.
///
/// # Errors
/// If the limit cannot be built.
pub fn tables(lines_alone: bool, results: &mut Results) -> Result<()> {
    let crates: Vec<Option<Crate>> =
        CONTESTANTS.iter().enumerate().map(|(n, one)| prepared(n, one)).collect();
    let counted: Vec<Option<Vec<Function>>> =
        crates.iter().map(|made| made.as_ref().and_then(|made| shown(made.lines()))).collect();
    results.add(sums(&counted)?)?;
    for (contestant, functions) in CONTESTANTS.iter().zip(&counted) {
        if let (true, Some(functions)) = (contestant.own, functions) {
            results.add(longest(contestant.name, functions))?;
        }
    }
    if lines_alone {
        return Ok(());
    }
    results.add(times(&crates)?)
}

fn prepared(number: usize, contestant: &Contestant) -> Option<Crate> {
    shown(Crate::write(number, &contestant.source()).with_context(|| contestant.name))
}

fn shown<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| eprintln!("{error:#}")).ok()
}

fn title(what: &str) -> String {
    format!("{what} of a crate of {FUNCTIONS} functions `(id: u64) -> Result<Task, E>`")
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2⁵²")]
fn sums(counted: &[Option<Vec<Function>>]) -> Result<Table> {
    let columns = ["contestant", "lines", "a function beyond its body", "LLVM functions"];
    let mut table = Table::new(title("LLVM lines"), &columns);
    let sum =
        |functions: &Vec<Function>| functions.iter().map(|function| function.lines).sum::<usize>() as f64;
    let plain = counted.first().and_then(Option::as_ref).map(sum).context("the limit was built")?;
    for (contestant, functions) in CONTESTANTS.iter().zip(counted) {
        let mut cells = vec![Cell::from(contestant.name)];
        cells.extend(functions.as_ref().map_or([const { Cell::None }; 3], |functions| {
            let copies = functions.iter().map(|function| function.copies).sum::<usize>();
            let each = (sum(functions) - plain) / FUNCTIONS as f64;
            [Cell::Number(sum(functions), 0), Cell::Number(each, 0), Cell::Number(copies as f64, 0)]
        }));
        table.row(cells, contestant.note);
    }
    Ok(table)
}

#[expect(clippy::cast_precision_loss, reason = "the counts are far below 2⁵²")]
fn longest(name: &str, functions: &[Function]) -> Table {
    let columns = ["function", "lines", "copies", "lines a copy", "%"];
    let mut table = Table::new(title(&format!("Where lines are, {name}:")), &columns);
    let all: usize = functions.iter().map(|function| function.lines).sum();
    let mut row = |name: String, lines: usize, copies: usize| {
        let (lines, copies) = (lines as f64, copies as f64);
        let part = lines / all as f64 * 100.0;
        let numbers = [(lines, 0), (copies, 0), (lines / copies, 0), (part, 1)];
        table.row(
            [Cell::from(name)].into_iter().chain(numbers.map(|(n, p)| Cell::Number(n, p))).collect(),
            "",
        );
    };
    for (repeated, what) in [(true, "all that are repeated"), (false, "all that are not")] {
        let these = functions.iter().filter(|function| (function.copies >= FUNCTIONS) == repeated);
        let (lines, copies) =
            these.fold((0, 0), |(lines, copies), one| (lines + one.lines, copies + one.copies));
        row(what.to_owned(), lines, copies);
    }
    for function in functions.iter().take(LONGEST) {
        let name = function.name.chars().take(WIDEST).collect::<String>().replace('|', "\\|");
        row(name, function.lines, function.copies);
    }
    table
}

fn times(crates: &[Option<Crate>]) -> Result<Table> {
    let columns = [
        "contestant",
        "release build s",
        "ratio",
        "processor s",
        "check after a change s",
        "ratio of it",
        "processor s of it",
    ];
    let mut table = Table::new(title("Time"), &columns);
    let mut spent: Vec<[Vec<Spent>; 2]> = vec![Default::default(); crates.len()];
    // what the first check makes of the dependencies, later ones find made
    let present = || crates.iter().zip(0..).filter_map(|(made, number)| Some((made.as_ref()?, number)));
    present().try_for_each(|(made, _)| made.check().map(drop))?;
    for round in 0..BUILDS {
        for (made, number) in present() {
            let [builds, checks]: &mut [_; 2] = &mut spent[number];
            made.change(round)?;
            builds.push(made.build()?);
            checks.push(made.check()?);
        }
    }
    let least = |spent: &[Spent], of: fn(&Spent) -> f64| spent.iter().map(of).fold(f64::INFINITY, f64::min);
    let limit = spent.first().context("the limit was built")?.clone();
    for (contestant, spent) in CONTESTANTS.iter().zip(&spent) {
        let mut cells = vec![Cell::from(contestant.name)];
        for (spent, limit) in spent.iter().zip(&limit) {
            let wall = least(spent, |spent| spent.wall_s);
            let ratio = wall / least(limit, |spent| spent.wall_s);
            let numbers = [wall, ratio, least(spent, |spent| spent.processor_s)];
            cells.extend(numbers.map(|n| if spent.is_empty() { Cell::None } else { Cell::Number(n, 2) }));
        }
        table.row(cells, contestant.note);
    }
    Ok(table)
}
