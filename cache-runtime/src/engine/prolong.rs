//! Entries that live on because they are asked for.

use super::{Engine, LEASE, Request};
use crate::error::StoreError;
use crate::frame::{Entry, Token, Value};
use crate::policy::Term;
use bytes::Bytes;

impl Engine {
    /// Begins the time of the entry anew, if it is in its second half; the value stays the same.
    pub(crate) async fn prolong(&self, request: &Request<'_>) {
        if let Err(error) = self.prolong_value(request).await {
            self.fault(request.site, error);
        }
    }

    async fn prolong_value(&self, request: &Request<'_>) -> Result<(), StoreError> {
        let marks = self.marks(request);
        if self.pending.contains_any(&marks.key, &marks.tags) {
            return Ok(());
        }
        let Some(bytes) = self.store.get(&marks.key).await? else { return Ok(()) };
        let Ok(Entry::Value(value)) = Entry::parse(&marks.key, &bytes) else { return Ok(()) };
        // What is in the store by the end of this is newer than what L1 has.
        let _stale = Stale(self, marks.key.hash);
        let Some(fresh) = value.fresh().filter(|fresh| self.age(value.created_ms) > *fresh / 2) else {
            return Ok(());
        };
        if !self.prolong_tags(&marks, value.tags, request.tag_ttl).await? {
            return Ok(());
        }
        let token = Token::random();
        if !self.store.refresh(&marks.key, value.token, token, LEASE).await? {
            return Ok(());
        }
        let again = Value { token, created_ms: self.store.now_ms(), ..value };
        let beyond = request.policy.stale().saturating_add(request.site.stale_if_error);
        let term = Term { fresh: Some(fresh), beyond };
        if let Some(frame) = again.to_bytes(&marks.key) {
            self.store.fill(&marks.key, token, Bytes::from(frame), term.hard()).await?;
        }
        Ok(())
    }
}

/// Takes an entry out of L1 when it is dropped.
struct Stale<'a>(&'a Engine, u64);

impl Drop for Stale<'_> {
    fn drop(&mut self) {
        self.0.local.invalidate(self.1);
    }
}
