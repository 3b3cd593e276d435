//! Looks for stale reads: processes read, mutate, stop and die at random over one Redis that fails at random.
//!
//! ```text
//! cargo run -p cache-tests --bin coherence -- --seconds 600 --seed 1
//! ```

mod broken;
mod checker;
mod contestants;
mod driver;
mod faults;
mod figures;
mod log;
mod measure;
mod registers;
mod report;
mod servers;
mod source;
mod worker;

use self::broken::Broken;
use self::checker::{Checker, Window};
use self::contestants::table;
use self::faults::Fault;
use std::process::ExitCode;

const USAGE: &str = "\
usage: coherence [--seconds N] [--seed N] [--workers N] [--faults LIST] [--only LIST] [--pace MS]
                 [--cluster] [--strict] [--self-test] [--json FILE]
  --seconds    how long (60); the first fifth is without faults
  --seed       decides what happens (1)
  --workers    processes (6)
  --faults     all (the default), none, or some of the groups redis, worker, proxy, feed, memory, cluster and of the kinds below
  --only       contestants (all), by their names in the report
  --pace       longest pause of a reader, in milliseconds (100)
  --cluster    over three masters and their replicas, with the faults that are made for that; only this library
  --strict     what is read in the windows W2, W3 and W6 is a violation too
  --self-test  runs without an assumption or a guard, each of which must be noticed
  --json       writes the report there";

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    pub(crate) contestants: Vec<usize>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) pace_ms: u64,
    pub(crate) broken: Option<Broken>,
    pub(crate) cluster: bool,
    strict: bool,
    self_test: bool,
    json: Option<String>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self {
            seconds: 60,
            seed: 1,
            workers: 6,
            contestants: (0..table().len()).collect(),
            faults: Fault::ALL.to_vec(),
            pace_ms: 100,
            broken: None,
            cluster: false,
            strict: false,
            self_test: false,
            json: None,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--cluster" => options.cluster = true,
                "--strict" => options.strict = true,
                "--self-test" => options.self_test = true,
                "--seconds" => options.seconds = words.next()?.parse().ok()?,
                "--seed" => options.seed = words.next()?.parse().ok()?,
                "--workers" => options.workers = words.next()?.parse().ok().filter(|workers| *workers > 0)?,
                "--pace" => options.pace_ms = words.next()?.parse().ok()?,
                "--json" => options.json = Some(words.next()?),
                "--only" => {
                    let find = |name: &str| table().iter().position(|row| row.name == name);
                    options.contestants = words.next()?.split(',').map(find).collect::<Option<_>>()?;
                }
                "--faults" => {
                    let named: Option<Vec<_>> = words.next()?.split(',').map(Fault::named).collect();
                    options.faults = named?.concat();
                }
                _ => return None,
            }
        }
        let cluster = options.cluster;
        if cluster && options.self_test {
            return None;
        }
        options.faults.retain(|fault| fault.concerns(cluster));
        options.contestants.retain(|&at| !cluster || table()[at].ours);
        Some(options)
    }

    /// How long everything is well at first.
    pub(crate) fn healthy_seconds(&self) -> u64 {
        match self.broken {
            _ if self.faults.is_empty() => self.seconds,
            Some(_) => 1,
            None => self.seconds / 5,
        }
    }

    /// A short run without something that the guarantees need.
    fn without(&self, broken: Broken) -> Self {
        let ours = table().iter().enumerate().filter(|(_, row)| row.ours).map(|(at, _)| at).collect();
        let mut options = Self { broken: Some(broken), workers: 3, pace_ms: 30, ..self.clone() };
        (options.seconds, options.faults, options.contestants) = match broken {
            Broken::LostWrites => (22, vec![Fault::Snapshot], ours),
            // Without faults the feed makes up for what the clock does not say.
            Broken::SlowClock => (22, vec![Fault::Stall, Fault::HalfOpen], ours),
            Broken::LongLease => (22, vec![Fault::FeedStall], ours),
            // Two loads of one process and one key have to meet an invalidation.
            Broken::OneToken => (45, Vec::new(), ours),
            Broken::NoLease | Broken::EarlyScope => (12, Vec::new(), ours),
            _ => (6, Vec::new(), ours),
        };
        options
    }
}

fn main() -> ExitCode {
    cache_tests::worker::serve(driver::ROLE, worker::run);
    let Some(options) = Options::parse(std::env::args().skip(1)) else {
        let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        let names: Vec<_> = table().iter().map(|row| row.name).collect();
        eprintln!("{USAGE}\nfaults: {}\ncontestants: {}", faults.join(", "), names.join(", "));
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let good = runtime.block_on(async {
        if options.self_test { self_test(&options).await } else { check(&options).await }
    });
    runtime.shutdown_background();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One run; whether nothing was violated.
async fn check(options: &Options) -> bool {
    let checker = driver::run(options).await;
    let report = report::report(options, &checker);
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&report).expect("a report is JSON");
        std::fs::write(file, text).unwrap_or_else(|error| panic!("cannot write {file}: {error}"));
    }
    for story in &checker.stories {
        println!("\n{story}");
    }
    let excused = ours(&checker).map(|tally| tally.windows.values().sum::<u64>()).sum::<u64>();
    if options.strict && excused > 0 {
        println!("violation (strict): {excused} stale reads in windows that the assumptions leave open");
    }
    checker.violations.is_empty() && (!options.strict || excused == 0)
}

/// A run without each assumption and guard; whether all were noticed.
async fn self_test(options: &Options) -> bool {
    let mut noticed = 0;
    for broken in Broken::ALL {
        let options = options.without(broken);
        let checker = driver::run(&options).await;
        let lost: u64 = ours(&checker).filter_map(|tally| tally.windows.get(&Window::W6)).sum();
        let found = match broken.caught_by() {
            "W6" => lost > 0 && checker.violations.is_empty(),
            violation => checker.violations.contains_key(violation),
        };
        if !found {
            report::report(&options, &checker);
        }
        noticed += usize::from(found);
        let reads: u64 = ours(&checker).map(|tally| tally.reads).sum();
        let verdict = if found { "noticed" } else { "MISSED" };
        println!("{broken:?}: {verdict}; {reads} reads, {:?}, {lost} in W6", checker.violations);
    }
    println!("{noticed} of {} noticed", Broken::ALL.len());
    noticed == Broken::ALL.len()
}

fn ours(checker: &Checker) -> impl Iterator<Item = &checker::Tally> {
    let rows = checker.rows.iter().zip(&checker.tallies);
    rows.filter(|(row, _)| row.ours).flat_map(|(_, tallies)| tallies)
}
