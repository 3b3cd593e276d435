//! Invalidations that copies of the server acknowledge, too.

use super::batch::{invalidate, invalidate_tags};
use super::connection::{self, Connected};
use super::{Redis, WRITE, reply};
use crate::error::StoreError;
use crate::key::Key;
use crate::tag::Tag;
use crate::time::millis;
use ::redis::{Value, cmd};
use std::time::Duration;

/// Invalidates on a connection of its own, and tells how many copies have done so: `WAIT` blocks its connection and speaks of that
/// connection's writes alone.
pub(super) async fn invalidate_in_copies(
    redis: &Redis,
    keys: &[Key],
    tags: &[Tag],
    replicas: u32,
    patience: Duration,
) -> Result<u32, StoreError> {
    let config = connection::plain();
    let own = redis.client.get_multiplexed_async_connection_with_config(&config);
    let own = connection::in_time(WRITE, own).await.map_err(|error| reply::error(&error))?;
    let mut own = Connected { connection: own, ..redis.link.connected()? };
    let sent = async {
        invalidate(&mut own, keys).await?;
        invalidate_tags(&mut own, tags).await
    };
    connection::in_time(WRITE, sent).await.map_err(|error| reply::error(&error))?;
    let mut wait = cmd("WAIT");
    wait.arg(replicas).arg(millis(patience));
    match connection::in_time(patience + WRITE, own.send(&wait)).await {
        Ok(Value::Int(reached)) => Ok(u32::try_from(reached).unwrap_or(0)),
        // The invalidation was acknowledged; what its copies did is unknown.
        _ => Ok(0),
    }
}
