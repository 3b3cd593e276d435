//! What the age of a value means.

use super::{Answered, Engine, Request};
use crate::observe::{Outcome, Tier};
use crate::policy::{Freshness, Policy};
use crate::site::Site;
use std::time::Duration;

impl Engine {
    /// How a value of this age answers, if it does.
    pub(super) fn aged(
        &self,
        request: &Request<'_>,
        tier: Tier,
        created_ms: u64,
        fresh: Option<Duration>,
        delta: Duration,
    ) -> Option<Answered> {
        let age = self.age(created_ms);
        let freshness = freshness(request, age, fresh, delta);
        let outcome = match freshness {
            Freshness::Fresh | Freshness::Due => Outcome::Hit(tier),
            Freshness::Stale => Outcome::Stale,
            Freshness::Expired => return None,
        };
        Some(Answered { outcome, age: Some(age), due: freshness != Freshness::Fresh })
    }

    pub(crate) fn age(&self, created_ms: u64) -> Duration {
        Duration::from_millis(self.store.now_ms().saturating_sub(created_ms))
    }
}

/// Beyond this many times the load's cost, chance never reloads early.
const FAR: u32 = 50;

/// How much longer a value of this age is fresh whatever chance says; `None` as long as it answers.
pub(super) fn surely_fresh(
    site: &Site,
    policy: Policy,
    age: Duration,
    fresh: Option<Duration>,
    delta: Duration,
) -> Option<Duration> {
    if is_plain(site, policy) {
        return None;
    }
    if policy.slides() {
        return fresh.map(|fresh| (fresh / 2).saturating_sub(age));
    }
    let chance = if site.early { delta.saturating_mul(FAR) } else { Duration::ZERO };
    fresh.map(|fresh| fresh.saturating_sub(age).saturating_sub(chance))
}

/// Whether the store alone says when a value ends.
fn is_plain(site: &Site, policy: Policy) -> bool {
    !site.early && !policy.slides() && site.stale_if_error.is_zero() && policy.stale().is_zero()
}

/// What the age of a value means for its function. Early reloads are by chance, the likelier the nearer the end and the dearer the load
/// (`XFetch`: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", 2015).
fn freshness(request: &Request<'_>, age: Duration, fresh: Option<Duration>, delta: Duration) -> Freshness {
    let Some(fresh) = fresh else { return Freshness::Fresh };
    if is_plain(request.site, request.policy) {
        return Freshness::Fresh;
    }
    let early = request.site.early;
    // A batch loads nothing in the background: it loads what is stale itself.
    let stale = if request.batch.is_some() { Duration::ZERO } else { request.policy.stale() };
    if age > fresh.saturating_add(stale) {
        return Freshness::Expired;
    }
    if age > fresh {
        return Freshness::Stale;
    }
    if request.policy.slides() {
        return if age > fresh / 2 { Freshness::Due } else { Freshness::Fresh };
    }
    if !early || age.saturating_add(delta.saturating_mul(FAR)) < fresh {
        return Freshness::Fresh;
    }
    let chance = f64::from(getrandom::u32().unwrap_or(u32::MAX)).max(1.0) / f64::from(u32::MAX);
    let ahead = delta.mul_f64(-chance.ln());
    if age.saturating_add(ahead) >= fresh { Freshness::Due } else { Freshness::Fresh }
}
