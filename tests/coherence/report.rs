//! What a run found, for people and for programs.

use crate::Options;
use crate::checker::{Checker, Tally, Why, Window};
use crate::figures;
use crate::log::How;
use crate::measure::{MS, Summary};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The figures of one contestant in one part of the run.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) contestant: &'static str,
    pub(crate) bound_ms: u64,
    pub(crate) reads: u64,
    l1: u64,
    l2: u64,
    joined: u64,
    loads: u64,
    bypassed: u64,
    cancelled_or_failed: u64,
    stale: u64,
    /// Of reads; `3/N` where none was stale.
    stale_at_most: f64,
    pub(crate) staleness: Summary,
    /// Of reads where the feed was delayed.
    pub(crate) late_reads: u64,
    pub(crate) late_staleness: Summary,
    /// Of calls, besides the load or the body of the mutation.
    pub(crate) times: BTreeMap<&'static str, Summary>,
    w2: u64,
    w3: u64,
    w6: u64,
    mutations: u64,
    applied: u64,
    queued: u64,
    refused: u64,
    rolled_back: u64,
    loads_per_mutation: f64,
    loads_together: usize,
    overlaps: u64,
    overlaps_invalidated: u64,
    overlaps_refused: u64,
    overlaps_held: u64,
    overlaps_ended: u64,
    overlaps_fault: u64,
    overlaps_unexplained: u64,
    read_times: Summary,
    write_times: Summary,
    stopped_reads: Summary,
    stopped_writes: Summary,
}

impl Line {
    fn of(contestant: &'static str, bound_ms: u64, tally: &Tally) -> Self {
        let window = |window: Window| tally.windows.get(&window).copied().unwrap_or_default();
        let overlap = |why: Why| tally.overlaps.get(&why).copied().unwrap_or_default();
        #[allow(clippy::cast_precision_loss, reason = "it is an average")]
        let loads_per_mutation = tally.loads as f64 / tally.mutations().max(1) as f64;
        Self {
            contestant,
            bound_ms,
            reads: tally.reads,
            l1: tally.of(How::HitL1),
            l2: tally.of(How::HitL2),
            joined: tally.of(How::Joined),
            loads: tally.loads,
            bypassed: tally.of(How::Bypassed),
            cancelled_or_failed: tally.reads - tally.judged(),
            stale: tally.stale,
            stale_at_most: tally.bound(),
            staleness: tally.staleness.summary(),
            late_reads: tally.late.reads,
            late_staleness: tally.late.staleness.summary(),
            times: tally.times.iter().map(|(call, times)| (call.name(), times.summary())).collect(),
            w2: window(Window::W2),
            w3: window(Window::W3),
            w6: window(Window::W6),
            mutations: tally.mutations(),
            applied: tally.of(How::Applied),
            queued: tally.of(How::Queued),
            refused: tally.of(How::Refused),
            rolled_back: tally.of(How::RolledBack),
            loads_per_mutation,
            loads_together: tally.together,
            overlaps: tally.overlaps.values().sum(),
            overlaps_invalidated: overlap(Why::Invalidated),
            overlaps_refused: overlap(Why::Refused),
            overlaps_held: overlap(Why::Held),
            overlaps_ended: overlap(Why::Ended),
            overlaps_fault: overlap(Why::Fault),
            overlaps_unexplained: overlap(Why::Unexplained),
            read_times: tally.read_times.summary(),
            write_times: tally.write_times.summary(),
            stopped_reads: tally.stopped_reads.summary(),
            stopped_writes: tally.stopped_writes.summary(),
        }
    }
}

/// Prints the report; gives it for `--json`.
pub(crate) fn report(options: &Options, checker: &Checker) -> Value {
    let part = |part: usize| -> Vec<Line> {
        options
            .contestants
            .iter()
            .map(|&at| (&checker.rows[at], &checker.tallies[at][part]))
            .filter(|(_, tally)| tally.reads > 0)
            .map(|(row, tally)| Line::of(row.name, row.bound / MS, tally))
            .collect()
    };
    let (healthy, faulty) = (part(0), part(1));
    for (name, lines) in [("without faults", &healthy), ("with faults", &faulty)] {
        if !lines.is_empty() {
            print(name, lines);
        }
    }
    figures::staleness(&healthy, &faulty);
    figures::times(&healthy);
    let recoveries = recoveries(checker);
    if !recoveries.is_empty() {
        println!("\nuntil the slowest process has a hit from Redis again (ms), by fault");
        println!("  {:14}{:>6}{:>9}{:>9}", "fault", "times", "median", "longest");
        for (fault, slowest) in &recoveries {
            let [median, longest] = [slowest[slowest.len() / 2], slowest[slowest.len() - 1]];
            println!("  {fault:14}{:>6}{median:>9}{longest:>9}", slowest.len());
        }
    }
    let reads: u64 = healthy.iter().chain(&faulty).map(|line| line.reads - line.cancelled_or_failed).sum();
    println!(
        "\nseed {}, {} s, {} workers, {reads} checked reads",
        options.seed, options.seconds, options.workers
    );
    println!("clock: CLOCK_MONOTONIC of this host in every process, no offset to correct");
    println!("store errors that the library met: {}", checker.errors);
    println!("longest time the driver got no processor: {} ms", checker.longest_gap / MS);
    println!("violations: {:?}", checker.violations);
    json!({
        "seed": options.seed, "seconds": options.seconds, "workers": options.workers, "checked_reads": reads,
        "healthy": healthy, "faulty": faulty, "recovery_ms": recoveries, "faults": checker.faults_seen,
        "violations": checker.violations, "stories": checker.stories, "store_errors": checker.errors,
    })
}

fn print(name: &str, lines: &[Line]) {
    println!(
        "\n{name}\n  {:14}{:>7}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}{:>7}{:>8}{:>10}{:>30}{:>6}{:>6}{:>6}",
        "reads",
        "bound",
        "all",
        "L1",
        "L2",
        "joined",
        "loads",
        "bypass",
        "ended",
        "stale",
        "of all",
        "staleness p50/p99/max ms",
        "W2",
        "W3",
        "W6"
    );
    for line in lines {
        let sign = if line.stale == 0 { "<" } else { "" };
        let share = format!("{sign}{:.4}%", line.stale_at_most * 100.0);
        let Summary { p50_ms, p99_ms, max_ms, .. } = line.staleness;
        let age = format!("{p50_ms:.1}/{p99_ms:.1}/{max_ms:.1}");
        println!(
            "  {:14}{:>7}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}{:>7}{:>8}{share:>10}{age:>30}{:>6}{:>6}{:>6}",
            line.contestant,
            line.bound_ms,
            line.reads,
            line.l1,
            line.l2,
            line.joined,
            line.loads,
            line.bypassed,
            line.cancelled_or_failed,
            line.stale,
            line.w2,
            line.w3,
            line.w6
        );
    }
    println!(
        "  {:14}{:>9}{:>9}{:>8}{:>9}{:>12}{:>10}{:>9}{:>9}{:>12}{:>9}{:>7}{:>7}{:>7}{:>13}",
        "mutations",
        "all",
        "applied",
        "queued",
        "refused",
        "rolled back",
        "loads per",
        "together",
        "overlaps",
        "invalidated",
        "refused",
        "held",
        "ended",
        "fault",
        "unexplained"
    );
    for line in lines {
        println!(
            "  {:14}{:>9}{:>9}{:>8}{:>9}{:>12}{:>10.2}{:>9}{:>9}{:>12}{:>9}{:>7}{:>7}{:>7}{:>13}",
            line.contestant,
            line.mutations,
            line.applied,
            line.queued,
            line.refused,
            line.rolled_back,
            line.loads_per_mutation,
            line.loads_together,
            line.overlaps,
            line.overlaps_invalidated,
            line.overlaps_refused,
            line.overlaps_held,
            line.overlaps_ended,
            line.overlaps_fault,
            line.overlaps_unexplained
        );
    }
    println!(
        "  {:14}{:>22}{:>22}{:>26}{:>26}",
        "p99/longest ms",
        "reads (without load)",
        "mutations",
        "reads, Redis stopped",
        "mutations, Redis stopped"
    );
    for line in lines {
        let [reads, writes, stopped_reads, stopped_writes] =
            [&line.read_times, &line.write_times, &line.stopped_reads, &line.stopped_writes]
                .map(|times| format!("{:.0}/{:.0}", times.p99_ms, times.max_ms));
        println!("  {:14}{reads:>22}{writes:>22}{stopped_reads:>26}{stopped_writes:>26}", line.contestant);
    }
}

/// By fault: how long the slowest process waited, in order.
fn recoveries(checker: &Checker) -> BTreeMap<&'static str, Vec<u64>> {
    let mut all: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for recovery in &checker.recoveries {
        if let Some(slowest) = recovery.slowest_ms() {
            all.entry(recovery.fault).or_default().push(slowest);
        }
    }
    for times in all.values_mut() {
        times.sort_unstable();
    }
    all
}
