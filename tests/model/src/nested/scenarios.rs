//! The orders of invalidation under which the model is checked, and what each of them needs.

use super::{By, Event, Guard, Nested, STALE};
use crate::check::{Case, SPARE, Without, Witness};

fn outer_first(without: &'static [Guard]) -> Nested {
    Nested {
        without: Without(without),
        by: By::OuterFirst,
        l1: false,
        reads: [1, 2, 1],
        writes: 2,
        expects: if without.is_empty() {
            &[Event::Hit, Event::Refused, Event::Called]
        } else {
            &[Event::Reused]
        },
        seen: Witness::default(),
    }
}

fn inner_first(without: &'static [Guard]) -> Nested {
    Nested { by: By::InnerFirst, ..outer_first(without) }
}

fn inner_first_l1(without: &'static [Guard]) -> Nested {
    Nested { l1: true, ..inner_first(without) }
}

fn tag(without: &'static [Guard]) -> Nested {
    Nested { by: By::Tag, expects: &[Event::Hit], ..outer_first(without) }
}

/// All runs of this model.
#[must_use]
pub fn cases(_full: bool) -> Vec<Case> {
    let mut cases = Case::each("nested: outer first", outer_first, &[(Guard::LoadsBypass, STALE)]);
    cases.extend(Case::each("nested: inner first", inner_first, &[(Guard::LoadsBypass, SPARE)]));
    cases.extend(Case::each("nested: inner first, L1", inner_first_l1, &[(Guard::LoadsBypass, STALE)]));
    let tags = &[(Guard::LoadsBypass, SPARE), (Guard::LoadsBypassAndCaptureFirst, STALE)];
    cases.extend(Case::each("nested: common tag", tag, tags));
    cases
}
