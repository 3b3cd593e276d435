//! An entry that is loaded before anyone asks for it: only where nothing stands, and under its lease.

use super::load::{Known, Led};
use super::read::{Reply, Seen};
use super::tags::Marks;
use super::{Call, Engine, Request};
use crate::error::StoreError;
use crate::flight::Verdict;

/// What became of an entry that was to be warmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Warmth {
    /// The store took the value, or would have by the function's rules.
    Loaded,
    /// It has a value.
    Fresh,
    /// It is loaded, held or invalidated by someone.
    Occupied,
    /// The body failed, or the store did.
    Failed,
}

impl Engine {
    /// Makes what `call` loads the entry if nothing stands there; waits for nobody, and overwrites nothing.
    pub(crate) async fn warm(&self, request: &Request<'_>, call: &mut dyn Call) -> Warmth {
        let marks = self.marks(request);
        if !self.enabled || self.pending.contains_any(&marks.key, &marks.tags) {
            return Warmth::Occupied;
        }
        match self.warm_free(request, &marks, call).await {
            Ok(warmth) => warmth,
            Err(error) => {
                self.fault(request.site, error);
                Warmth::Failed
            }
        }
    }

    async fn warm_free(
        &self,
        request: &Request<'_>,
        marks: &Marks,
        call: &mut dyn Call,
    ) -> Result<Warmth, StoreError> {
        let reply = self.look_up(request, marks, self.ticket(marks)).await?;
        let Reply { ticket, .. } = reply;
        let instead_of = match self.see(request, marks, reply, call).await? {
            Seen::Usable(_) => return Ok(Warmth::Fresh),
            Seen::Open(unusable) => unusable,
            // One that answers in place of errors is loaded by who asks for it.
            Seen::Lease(_) | Seen::Beside | Seen::Expired(..) => return Ok(Warmth::Occupied),
        };
        let key = &marks.key;
        let Some(leader) = self.flights.open(key, ticket.stamp) else { return Ok(Warmth::Occupied) };
        // Nobody asked: what joiners get to hear is all there is to know.
        let joiner = self.flights.join(key, ticket.stamp);
        let Led::Loaded = self.lead(request, marks, leader, Known::Seen(instead_of), ticket, call).await?
        else {
            return Ok(Warmth::Occupied);
        };
        let Some(joiner) = joiner else { return Ok(Warmth::Occupied) };
        Ok(match joiner.verdict().await {
            Verdict::Certified(_) => Warmth::Loaded,
            Verdict::Failed(_) => Warmth::Failed,
            Verdict::Refused | Verdict::Abandoned => Warmth::Occupied,
        })
    }
}
