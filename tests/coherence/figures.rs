//! Figures beside the counts: how old what was read, and how long calls took.

use crate::measure::Summary;
use crate::report::Line;

/// What the times table has columns for: the calls, with what is printed above them.
const CALLS: [(&str, usize); 13] = [
    ("hit L1", 13),
    ("hit L2", 13),
    ("miss", 13),
    ("after", 13),
    ("around", 13),
    ("updates", 13),
    ("scope", 13),
    ("scope around", 14),
    ("tag", 13),
    ("tag of result", 15),
    ("tag by hand", 13),
    ("namespace", 13),
    ("clear", 13),
];

/// Prints how long after an acknowledgement reads still got what was older: without faults, and where the feed was delayed.
pub(crate) fn staleness(healthy: &[Line], faulty: &[Line]) {
    println!("\nstaleness: reads of what was older than acknowledged, and for how long it had been (ms)");
    println!("  {:14}{:>7}{:>21}{:>9}{:>9}{:>9}{:>9}", "", "bound", "", "old", "p50", "p99", "longest");
    for (name, lines) in [("without faults", healthy), ("with faults", faulty)] {
        for line in lines {
            old(line, name, line.reads, &line.staleness);
        }
    }
    for line in faulty.iter().filter(|line| line.late_reads > 0) {
        old(line, "feed delayed", line.late_reads, &line.late_staleness);
    }
}

fn old(line: &Line, name: &str, reads: u64, staleness: &Summary) {
    let Summary { count, p50_ms, p99_ms, max_ms } = staleness;
    println!(
        "  {:14}{:>7}{name:>16}{reads:>9} reads{count:>9}{p50_ms:>9.1}{p99_ms:>9.1}{max_ms:>9.1}",
        line.contestant, line.bound_ms
    );
}

/// Prints how long calls took while everything was well.
pub(crate) fn times(lines: &[Line]) {
    println!("\nwithout faults, p50/p99 ms, less the load or the body of the mutation");
    let heads = CALLS.map(|(call, width)| format!("{call:>width$}"));
    println!("  {:14}{}", "", heads.concat());
    for line in lines {
        let cells = CALLS.map(|(call, width)| {
            let Some(Summary { p50_ms, p99_ms, .. }) = line.times.get(call) else {
                return format!("{:>width$}", "-");
            };
            format!("{:>width$}", format!("{p50_ms:.2}/{p99_ms:.1}"))
        });
        println!("  {:14}{}", line.contestant, cells.concat());
    }
}
