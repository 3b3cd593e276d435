//! Whether lookups find something.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// How much of what was looked up of late in the store was not there: 0 is nothing, 255 all of it.
#[derive(Debug, Default)]
pub(crate) struct Misses(AtomicU8);

impl Misses {
    /// Each lookup counts for an eighth. Of lookups at one time some may not count.
    pub(crate) fn learn(&self, found: bool) {
        let before = self.0.load(Relaxed);
        let after = if found { before - before.div_ceil(8) } else { before + (u8::MAX - before).div_ceil(8) };
        if after != before {
            self.0.store(after, Relaxed);
        }
    }

    pub(crate) fn are_usual(&self) -> bool {
        self.0.load(Relaxed) > u8::MAX / 2
    }
}

#[cfg(test)]
mod tests {
    use super::{Misses, Relaxed};

    #[test]
    fn misses_are_usual_after_some_in_a_row() {
        let misses = Misses::default();
        let learn = |times: u32, found| {
            (0..times).for_each(|_| misses.learn(found));
            (misses.0.load(Relaxed), misses.are_usual())
        };
        assert_eq!(learn(0, false), (0, false));
        assert!(!learn(5, false).1);
        assert!(learn(1, false).1);
        assert_eq!(learn(100, false), (255, true));
        assert!(learn(5, true).1);
        assert!(!learn(1, true).1);
        assert_eq!(learn(100, true), (0, false));
    }
}
