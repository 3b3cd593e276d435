//! Which version had to be visible at which time.

use crate::measure::Nanos;
use std::collections::VecDeque;

/// Times and versions, both only growing: from a time on, at least that version.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    /// The last of what was forgotten.
    base: (Nanos, u64),
    steps: VecDeque<(Nanos, u64)>,
}

impl Floor {
    /// From `at` on, at least `version`.
    pub(crate) fn raise(&mut self, at: Nanos, version: u64) {
        let place = self.steps.partition_point(|step| step.0 <= at);
        let before = if place == 0 { self.base.1 } else { self.steps[place - 1].1 };
        if version <= before {
            return;
        }
        self.steps.insert(place, (at, version));
        while self.steps.get(place + 1).is_some_and(|next| next.1 <= version) {
            self.steps.remove(place + 1);
        }
    }

    /// The version at a time, by what came before it.
    pub(crate) fn at(&self, time: Nanos) -> u64 {
        match self.steps.partition_point(|step| step.0 < time) {
            0 => self.base.1,
            place => self.steps[place - 1].1,
        }
    }

    /// The version at a time, by what came before it and after `from`.
    pub(crate) fn since(&self, from: Nanos, time: Nanos) -> u64 {
        let steps = self.steps.iter().filter(|step| from < step.0 && step.0 < time);
        steps.map(|step| step.1).next_back().unwrap_or(0)
    }

    /// Since when a newer one than `version` had to be visible.
    pub(crate) fn above(&self, version: u64) -> Option<Nanos> {
        if self.base.1 > version {
            return Some(self.base.0);
        }
        let place = self.steps.partition_point(|step| step.1 <= version);
        self.steps.get(place).map(|step| step.0)
    }

    /// Forgets the steps before a time, except for their result.
    pub(crate) fn forget(&mut self, before: Nanos) {
        while self.steps.front().is_some_and(|step| step.0 < before) {
            self.base = self.steps.pop_front().unwrap_or(self.base);
        }
    }
}
