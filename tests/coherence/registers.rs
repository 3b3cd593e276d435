//! The registers that calls are about: which are read and written, how, and what a mutation reaches.

use crate::broken::Broken;
use crate::log::{Key, Way};
use crate::measure::Random;

/// The registers that most calls are about.
const HOT: u64 = 4;
/// All registers without tags that calls are about at any time.
const PLAIN: u64 = 36;
/// The register whose loads outlast a lease.
pub(crate) const SLOW: u16 = 63;
/// The longest load of the others.
pub(crate) const LONGEST_MS: u64 = 40;
/// The longest load of the slow one.
pub(crate) const SLOW_MS: u64 = 3_500;

/// How long a hold lasts at most.
pub(crate) const HOLD_MS: u64 = 10_000;

/// The first of those whose tag the arguments give; then those whose tag the value gives.
const TAGGED: u16 = 64;
const TAGGED_BY_VALUE: u16 = 80;
const END: u16 = 96;
/// How many tags there are.
const GROUPS: u16 = 4;

/// By chance one of the registers, those with tags where they are wanted.
pub(crate) fn register(random: &mut Random, tagged: bool) -> u16 {
    let (first, hot, all) = match (tagged, random.chance(500)) {
        (false, _) => (0, HOT, PLAIN),
        (true, false) => (TAGGED, 2, u64::from(TAGGED_BY_VALUE - TAGGED)),
        (true, true) => (TAGGED_BY_VALUE, 2, u64::from(END - TAGGED_BY_VALUE)),
    };
    let most = if random.chance(700) { hot } else { all };
    first + u16::try_from(random.between(0, most - 1)).unwrap_or_default()
}

pub(crate) fn is_tagged(id: u16) -> bool {
    (TAGGED..END).contains(&id)
}

pub(crate) fn is_tagged_by_value(id: u16) -> bool {
    (TAGGED_BY_VALUE..END).contains(&id)
}

/// What the tag of a register is made of.
pub(crate) fn group(id: u16) -> u16 {
    id % GROUPS
}

/// By chance one of the ways to mutate the register.
pub(crate) fn way(random: &mut Random, id: u16, broken: Option<Broken>) -> Way {
    use Way::{After, Around, Clear, Namespace, Rollback, Scope, ScopeAround, Tag, TagByHand, TagOfResult};
    const OF_PLAIN: [Way; 10] =
        [After, After, After, After, Around, Way::Updates, Way::Updates, Scope, ScopeAround, Rollback];
    const OF_TAGGED: [Way; 8] = [Tag, Tag, TagOfResult, TagOfResult, TagByHand, TagByHand, Scope, Rollback];
    let ways = match broken {
        Some(broken) => broken.ways(),
        None if id == SLOW => &[After],
        None if !is_tagged(id) => &OF_PLAIN,
        // They make all others untrue, too.
        None if random.chance(50) => &[Namespace, Clear],
        None => &OF_TAGGED,
    };
    *random.pick(ways)
}

/// All registers whose loads a mutation of one may end.
pub(crate) fn reached(key: Key, way: Way) -> Vec<Key> {
    if !is_tagged(key.id) {
        return vec![key];
    }
    let all = matches!(way, Way::Namespace | Way::Clear);
    // A tag that falls moves the clock, by which values with tags of their own are refused.
    let reached = |id: &u16| all || is_tagged_by_value(*id) || group(*id) == group(key.id);
    (TAGGED..END).filter(reached).map(|id| Key { id, ..key }).collect()
}
