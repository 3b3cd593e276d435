//! How often calls come, for policies that let what is hot live longer.

use super::{Engine, Request};
use crate::policy::{Hot, Term};
use crate::time::nanos;
use quick_cache::sync::Cache;
use std::sync::{Arc, Mutex, PoisonError};

/// Calls whose frequency is known at one time, by the hash of their arguments.
const KNOWN: usize = 16_384;

/// How often each call came.
pub(super) struct Heat(Cache<u64, Arc<Mutex<Counted>>>);

/// The calls of a period, and those of the one before.
#[derive(Default)]
struct Counted {
    period: u64,
    now: u32,
    before: u32,
}

impl Default for Heat {
    fn default() -> Self {
        Self(Cache::new(KNOWN))
    }
}

impl Counted {
    /// The same, at `period`.
    fn at(&mut self, period: u64) -> &mut Self {
        match period - self.period.min(period) {
            0 => {}
            1 => (self.before, self.now) = (self.now, 0),
            _ => (self.before, self.now) = (0, 0),
        }
        self.period = self.period.max(period);
        self
    }
}

impl Engine {
    /// Counts a call of a function whose policy asks for it, by the hash of its arguments.
    pub(crate) fn called(&self, args: u64, hot: &Hot) {
        let counted = self.heat.0.get_or_insert_with(&args, || Ok::<_, ()>(Arc::default()));
        if let Ok(counted) = counted {
            let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            let counted = counted.at(self.period(hot));
            counted.now = counted.now.saturating_add(1);
        }
    }

    /// How long a value is kept that its function's rules keep for `term`.
    pub(super) fn heated(&self, request: &Request<'_>, term: Term) -> Term {
        match request.policy.hot() {
            Some(hot) if term.fresh == request.policy.fresh() && self.is_hot(request.args.hash, hot) => {
                Term { fresh: Some(hot.fresh), ..term }
            }
            _ => term,
        }
    }

    fn is_hot(&self, args: u64, hot: &Hot) -> bool {
        self.heat.0.get(&args).is_some_and(|counted| {
            let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            let counted = counted.at(self.period(hot));
            counted.now.max(counted.before) > hot.above
        })
    }

    fn period(&self, hot: &Hot) -> u64 {
        self.local.now() / nanos(hot.per).max(1)
    }
}
