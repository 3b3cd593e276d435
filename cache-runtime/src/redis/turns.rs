//! How many operations wait for the server at once, and how it is noticed that nobody answers while none does.

use super::connection::{Connected, Link, in_time};
use super::reply;
use crate::error::StoreError;
use ::redis::cmd;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// After how long without an operation the connection is asked for a sign of life, unless said.
pub(crate) const IDLE: Duration = Duration::from_secs(30);
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// Looks in the time after which a connection counts as idle.
const LOOKS: u32 = 6;

/// Turns at the server, in the order they were asked for.
pub(super) struct Turns(Option<Semaphore>);

impl Turns {
    /// `most` at once; `None`: without a limit.
    pub(super) fn limited(most: Option<usize>) -> Self {
        Self(most.map(Semaphore::new))
    }

    /// One turn, until it is dropped.
    ///
    /// # Errors
    /// If it did not come within `patience`, as if the server had not answered.
    pub(super) async fn take(&self, patience: Duration) -> Result<Option<SemaphorePermit<'_>>, StoreError> {
        let Some(turns) = &self.0 else { return Ok(None) };
        match timeout(patience, turns.acquire()).await {
            Ok(Ok(turn)) => Ok(Some(turn)),
            _ => Err(StoreError::Timeout),
        }
    }
}

/// Waits until the connection breaks, and notices when nobody answers although nobody asks.
pub(super) async fn watch(link: &Link, mut connected: Connected, idle: Duration) {
    let mut quiet = 0;
    while timeout(idle / LOOKS, link.broken()).await.is_err() {
        quiet = if link.was_used() { 0 } else { quiet + 1 };
        if quiet == LOOKS {
            quiet = 0;
            let answer = in_time(PATIENCE, connected.send(&cmd("PING"))).await;
            if let Err(error) = answer
                && reply::error(&error) == StoreError::Unreachable
            {
                link.give_up(connected.number, &error);
            }
        }
    }
}
