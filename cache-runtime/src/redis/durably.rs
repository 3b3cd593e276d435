//! Invalidations that copies of the server have to acknowledge, too.

use super::batch::{invalidate as send, invalidate_tags};
use super::connection::{self, Connected};
use super::{Redis, WRITE, reply};
use crate::error::StoreError;
use crate::key::Key;
use crate::tag::Tag;
use crate::time::millis;
use ::redis::{Value, cmd};
use std::time::Duration;

/// Removes `keys` and `tags`, and tells how many copies have done so within `patience`.
pub(super) async fn invalidate(
    store: &Redis,
    keys: &[Key],
    tags: &[Tag],
    replicas: u32,
    patience: Duration,
) -> Result<u32, StoreError> {
    // WAIT blocks its connection and speaks of that connection's writes alone.
    let config = connection::plain();
    let own =
        async { store.place.client().await?.get_multiplexed_async_connection_with_config(&config).await };
    let own = connection::in_time(WRITE, own).await.map_err(|error| reply::error(&error))?;
    // Not to be followed elsewhere: WAIT would speak of other writes.
    let mut own = Connected { connection: own, member: None, ..store.link.connected()? };
    let sent = async {
        send(&mut own, keys).await?;
        invalidate_tags(&mut own, tags).await
    };
    connection::in_time(WRITE, sent).await.map_err(|error| reply::error(&error))?;
    let mut wait = cmd("WAIT");
    wait.arg(replicas).arg(millis(patience));
    let reached = connection::in_time(patience + WRITE, own.send(&wait)).await;
    match reached {
        Ok(Value::Int(reached)) => Ok(u32::try_from(reached).unwrap_or(0)),
        // The invalidation was acknowledged; what its copies did is unknown.
        _ => Ok(0),
    }
}
