//! Interleaved rounds: in each, every case runs one slice, so that what disturbs the machine disturbs them alike.

use crate::child::{Role, Served, Taken};
use anyhow::Result;
use serde::Serialize;

/// How many rounds, and how long a slice of one is to take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    rounds: usize,
    slice_ns: u64,
}

/// For calls that keep a processor busy.
pub const IN_MEMORY: Pace = Pace { rounds: 41, slice_ns: 5_000_000 };
/// For calls that wait for a server.
pub const OVER_REDIS: Pace = Pace { rounds: 21, slice_ns: 40_000_000 };

/// A slice whose threads waited for more than this part of its time for a processor, in percent, is disturbed.
const UNDISTURBED: u64 = 1;
/// How often a disturbed slice is taken again at most.
const RETAKES: usize = 5;

/// What one call took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Timing {
    /// The median of nanoseconds a call.
    pub ns: f64,
    /// The middle half of the slices lies within this many percent of the median.
    pub spread: f64,
    /// The median of the ratios to the limit's slice in the same round.
    pub ratio: f64,
    /// Slices taken again because something else had the processor.
    pub retaken: usize,
    /// Slices that were disturbed to the end, and count nevertheless.
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
        let line = Served::start(role).and_then(|child| Line::calibrated(child, role.tasks, pace.slice_ns));
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
            if let Some(line) = &mut lines[next] {
                line.slice()?;
            }
        }
    }
    let against = lines[limit].as_ref().map(|line| line.ns.clone()).unwrap_or_default();
    Ok(lines.into_iter().map(|line| line.map(|line| line.timing(&against))).collect())
}

/// A case in its child.
struct Line {
    child: Served,
    count: u64,
    ns: Vec<f64>,
    retaken: usize,
    disturbed: usize,
    loads: u64,
}

impl Line {
    fn calibrated(mut child: Served, tasks: u64, slice_ns: u64) -> Result<Self> {
        let mut count = tasks * 64;
        loop {
            let wall = child.run(count)?.wall_ns.max(1);
            if wall > slice_ns / 4 {
                count = (count * slice_ns / wall / tasks).max(1) * tasks;
                break;
            }
            count *= 2;
        }
        Ok(Self { child, count, ns: Vec::new(), retaken: 0, disturbed: 0, loads: 0 })
    }

    #[expect(clippy::cast_precision_loss, reason = "times and counts are far below 2⁵²")]
    fn slice(&mut self) -> Result<()> {
        self.child.run((self.count / 10).max(1))?; // the others have had the processor's caches
        let mut best = self.child.run(self.count)?;
        let quiet = |taken: Taken| taken.waited_ns * 100 <= taken.wall_ns * UNDISTURBED;
        let mut retaken = 0;
        while !quiet(best) && retaken < RETAKES {
            let again = self.child.run(self.count)?;
            retaken += 1;
            if again.waited_ns < best.waited_ns {
                best = again;
            }
        }
        self.retaken += retaken;
        self.disturbed += usize::from(!quiet(best));
        self.loads += best.loads;
        self.ns.push(best.wall_ns as f64 / self.count as f64);
        Ok(())
    }

    fn timing(self, against: &[f64]) -> Timing {
        let ratios: Vec<f64> = self.ns.iter().zip(against).map(|(own, limit)| own / limit).collect();
        let ns = quantile(&self.ns, 0.5);
        let spread = (quantile(&self.ns, 0.75) - quantile(&self.ns, 0.25)) / ns * 50.0;
        let Self { retaken, disturbed, loads, .. } = self;
        Timing { ns, spread, ratio: quantile(&ratios, 0.5), retaken, disturbed, loads }
    }
}

/// The value below which `part` of `values` lie.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a short list"
)]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
