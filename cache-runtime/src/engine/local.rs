//! What L1 answers, and what goes into it.

use super::age::surely_fresh;
use super::tags::Marks;
use super::{Answer, Answered, Engine, Request};
use crate::frame::{self, Value};
use crate::key::Args;
use crate::local::{Held, Kept, Local, Ticket};
use crate::observe::Tier;
use crate::policy::{Level, Policy};
use crate::site::Site;
use std::sync::Arc;
use std::time::Duration;

/// Takes the value of an entry, and tells whether it was the right one.
///
/// A trait for erased closures: an object of `Fn` has the code of `FnMut` and `FnOnce` besides, for each of them.
pub(crate) trait Take {
    fn take(&mut self, held: &Held) -> bool;
}

impl<F: FnMut(&Held) -> bool> Take for F {
    fn take(&mut self, held: &Held) -> bool {
        self(held)
    }
}

impl Engine {
    /// Gives `take` the entry of `site` whose arguments have this hash, where L1 serves it without asking and nothing is due; tells whether
    /// it was taken. Whether its arguments are the right ones is for `take` to see.
    #[inline]
    pub(crate) fn hit(&self, site: &'static Site, hash: u64, take: &mut (impl Take + ?Sized)) -> bool {
        let local = &*self.local;
        let now = local.now();
        local.find_near(hash, now, |held| {
            held.is_at(site) && self.is_sent(held) && local.is_surely_fresh(held, now) && take.take(held)
        })
    }

    /// The value of L1, where it is served without asking, due or not.
    pub(crate) fn read_local(&self, request: &Request<'_>, answer: &mut dyn Answer) -> Option<Answered> {
        let (Level::Coherent | Level::Ttl(_)) = request.site.level else { return None };
        let now = self.local.now();
        self.local.find(request.call(), |held| {
            if !self.is_sent(held) || !self.local.is_valid(held, now) {
                return None;
            }
            self.aged(request, Tier::L1, held.created_ms, held.fresh(), held.delta())
                .filter(|_| answer.adopt(&held.value))
        })
    }

    /// Whether no invalidation of it waits for the store.
    ///
    /// A reply asked for before an invalidation that is still unsent may lie here under a stamp from after it. The queue comes before
    /// the stamps: what is taken out of it has changed them.
    #[inline]
    fn is_sent(&self, held: &Held) -> bool {
        self.pending.is_empty() || !self.pending.may_contain(held.stripes())
    }

    /// When the value was created that L1 has, if it is valid.
    pub(super) fn created_local(&self, request: &Request<'_>) -> Option<u64> {
        let now = self.local.now();
        self.local.find(request.call(), |held| self.local.is_valid(held, now).then_some(held.created_ms))
    }

    /// The value of L1, if the store still has the same one.
    pub(super) async fn read_validated(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        answer: &mut dyn Answer,
    ) -> Option<Answered> {
        let Level::Validate = request.site.level else { return None };
        let now = self.local.now();
        let (value, checked, aged) = self.local.find(request.call(), |held| {
            if !self.local.is_valid(held, now) {
                return None;
            }
            let aged = self.aged(request, Tier::L1, held.created_ms, held.fresh(), held.delta());
            Some((held.value.clone(), held.checked()?.clone(), aged))
        })?;
        let current = self.are_current(Level::Validate, &checked.tags);
        let (found, current) = tokio::join!(biased; self.store.head(&marks.key), current);
        let same = frame::value_token(&found.ok()?) == Some(checked.token) && current.ok()?;
        aged.filter(|_| same && answer.adopt(&value))
    }

    /// Puts a value of the store into L1, where the function uses it.
    pub(super) fn keep(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        ticket: Ticket,
        value: &Value<'_>,
        answer: &dyn Answer,
    ) {
        let Some(keeper) = self.keeper(request, marks, ticket) else { return };
        let Some(shared) = answer.share() else { return };
        let age = self.age(value.created_ms);
        let answers = value.fresh().map(|fresh| fresh.saturating_add(request.policy.stale()));
        let left = answers.map(|answers| answers.saturating_sub(age));
        keeper.store(
            age,
            Kept {
                value: shared,
                token: value.token,
                created_ms: value.created_ms,
                fresh: value.fresh(),
                delta: Duration::from_millis(value.delta_ms.into()),
                left,
                sure: None,
                tags: Self::tags_of(marks, value.tags),
                size: value.raw_len(),
            },
        );
    }

    /// What puts a value into L1 later, where the function uses it.
    pub(super) fn keeper(&self, request: &Request<'_>, marks: &Marks, ticket: Ticket) -> Option<Keeper> {
        (request.site.level != Level::Off).then(|| Keeper {
            local: self.local.clone(),
            site: request.site,
            args: request.args.clone(),
            policy: request.policy,
            asked: marks.hashes.clone(),
            ticket,
        })
    }
}

/// A place in L1 for what the store is being asked for.
pub(super) struct Keeper {
    local: Arc<Local>,
    site: &'static Site,
    args: Args,
    policy: Policy,
    asked: Vec<u64>,
    ticket: Ticket,
}

impl Keeper {
    /// Stores a value of this age.
    pub(super) fn store(self, age: Duration, kept: Kept) {
        let sure = surely_fresh(self.site, self.policy, age, kept.fresh, kept.delta);
        self.local.store(self.site, self.args, &self.asked, self.ticket, Kept { sure, ..kept });
    }
}
