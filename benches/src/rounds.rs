//! Interleaved rounds: in each, every case runs one slice, so that what disturbs the machine disturbs them alike.

use crate::child::{Role, Served, Taken};
use anyhow::Result;
use serde::Serialize;

/// How many rounds, how long a slice of one is to take, and how often a disturbed one is taken again.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    rounds: usize,
    slice_ns: u64,
    retakes: usize,
}

/// For calls that keep a processor busy.
pub const IN_MEMORY: Pace = Pace { rounds: 31, slice_ns: 3_000_000, retakes: 5 };
/// For calls that keep all processors busy: short, for there is seldom nothing else on any of them.
pub const IN_PARALLEL: Pace = Pace { rounds: 41, slice_ns: 400_000, retakes: 20 };
/// For calls that wait for a server, which is what waiting is there.
pub const OVER_REDIS: Pace = Pace { rounds: 21, slice_ns: 40_000_000, retakes: 0 };

/// A slice whose threads waited for more than this part of its time for a processor, in percent, is disturbed.
const UNDISTURBED: u64 = 1;
/// How often a line's slices are taken again at most, for each round.
const RETAKES: usize = 4;

/// What one call took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Timing {
    /// The median of nanoseconds a call of one thread.
    pub ns: f64,
    /// The same where one thread calls alone.
    pub alone_ns: f64,
    /// The median of the ratios of both in one round.
    pub scaling: f64,
    /// The middle half of the slices lies within this many percent of the median.
    pub spread: f64,
    /// The median of the ratios to the limit's slice in the same round.
    pub ratio: f64,
    /// Slices taken again because something else had the processor.
    pub retaken: usize,
    /// Slices that were disturbed to the end, and count nevertheless if it is one thread's.
    pub disturbed: usize,
    /// Calls in the measured slices that ran the body.
    pub loads: u64,
}

/// Measures all `roles` side by side; `limit` is the place of the one that the others are compared with. `None` for those that fail.
///
/// # Errors
/// If the limit cannot be measured.
pub fn run(roles: &[Role], limit: usize, pace: Pace) -> Result<Vec<Option<Timing>>> {
    let mut lines: Vec<Option<Line>> = Vec::new();
    for (place, role) in roles.iter().enumerate() {
        let line = Served::start(role).and_then(|child| Line::calibrated(child, role, pace));
        match line {
            Err(error) if place == limit => return Err(error),
            Err(error) => {
                eprintln!("{}: {error:#}", role.case);
                lines.push(None);
            }
            Ok(line) => lines.push(Some(line)),
        }
    }
    for round in 0..pace.rounds {
        for turn in 0..lines.len() {
            let next = (turn + round) % lines.len();
            let Some(line) = &mut lines[next] else { continue };
            match line.slice() {
                Err(error) if next == limit => return Err(error),
                Err(error) => {
                    eprintln!("{}: {error:#}", roles[next].case);
                    lines[next] = None;
                }
                Ok(()) => {}
            }
        }
    }
    let against = lines[limit].as_ref().map(|line| line.ns.clone()).unwrap_or_default();
    Ok(lines.into_iter().map(|line| line.map(|line| line.timing(&against))).collect())
}

/// A case in its child.
struct Line {
    child: Served,
    pace: Pace,
    threads: usize,
    count: u64,
    ns: Vec<f64>,
    alone_ns: Vec<f64>,
    retaken: usize,
    disturbed: usize,
    loads: u64,
}

impl Line {
    fn calibrated(mut child: Served, role: &Role, pace: Pace) -> Result<Self> {
        let Role { threads, tasks, .. } = *role;
        let mut count = tasks * 64;
        loop {
            let wall = child.run(count, threads)?.wall_ns.max(1);
            if wall > pace.slice_ns / 4 {
                count = (count * pace.slice_ns / wall / tasks).max(1) * tasks;
                break;
            }
            count *= 2;
        }
        let (ns, alone_ns) = (Vec::new(), Vec::new());
        Ok(Self { child, pace, threads, count, ns, alone_ns, retaken: 0, disturbed: 0, loads: 0 })
    }

    fn slice(&mut self) -> Result<()> {
        // the others have had the processor's caches
        self.child.run((self.count / 10).max(1), self.threads)?;
        let ns = self.best(self.threads)?;
        let alone = if self.threads == 1 { ns } else { self.best(1)? };
        self.ns.push(ns);
        self.alone_ns.push(alone);
        Ok(())
    }

    /// The nanoseconds a call of the least disturbed slice on `threads`.
    #[expect(clippy::cast_precision_loss, reason = "times and counts are far below 2⁵²")]
    fn best(&mut self, threads: usize) -> Result<f64> {
        let mut best = self.child.run(self.count, threads)?;
        let quiet = |taken: Taken| taken.waited_ns * 100 <= taken.wall_ns * UNDISTURBED;
        let mut retaken = 0;
        // a machine that is never quiet is not waited for
        let left = (self.pace.rounds * RETAKES).saturating_sub(self.retaken).min(self.pace.retakes);
        while !quiet(best) && retaken < left {
            let again = self.child.run(self.count, threads)?;
            retaken += 1;
            if again.waited_ns < best.waited_ns {
                best = again;
            }
        }
        self.retaken += retaken;
        self.disturbed += usize::from(!quiet(best));
        self.loads += best.loads;
        // threads that did not run at once say nothing of those that do
        let counts = threads == 1 || quiet(best);
        Ok(if counts { best.wall_ns as f64 / self.count as f64 } else { f64::NAN })
    }

    fn timing(self, against: &[f64]) -> Timing {
        let ratio = |own: &[f64], other: &[f64]| {
            let ratios: Vec<f64> = own.iter().zip(other).map(|(own, other)| own / other).collect();
            quantile(&ratios, 0.5)
        };
        let ns = quantile(&self.ns, 0.5);
        let spread = (quantile(&self.ns, 0.75) - quantile(&self.ns, 0.25)) / ns * 50.0;
        let (alone_ns, scaling) = (quantile(&self.alone_ns, 0.5), ratio(&self.ns, &self.alone_ns));
        let Self { retaken, disturbed, loads, .. } = self;
        let ratio = ratio(&self.ns, against);
        Timing { ns, alone_ns, scaling, spread, ratio, retaken, disturbed, loads }
    }
}

/// The value below which `part` of `values` lie, those apart that are no numbers.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a short list"
)]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
