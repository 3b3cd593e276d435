//! The connection of the feed, to send on it what makes the server push to it.

use super::connection::Connected;
use super::{Redis, WRITE, invalidate, invalidate_tags};
use crate::error::StoreError;
use crate::key::Key;
use crate::tag::Tag;
use ::redis::RedisResult;
use ::redis::aio::MultiplexedConnection;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A feed's connection, and the number of the data connection with which it shares the server.
#[derive(Default)]
pub(super) struct Fed(Mutex<Option<(u64, MultiplexedConnection)>>);

impl Fed {
    /// The feed on `connection` hears what is done on the data connection `number`.
    pub(super) fn is(&self, number: u64, connection: MultiplexedConnection) {
        *self.lock() = Some((number, connection));
    }

    /// No feed is known to hear it.
    pub(super) fn ends(&self) {
        *self.lock() = None;
    }

    /// The server of the data connection, by the connection of its feed.
    fn of(&self, data: &Connected) -> Option<Connected> {
        // In a cluster a reply may refer elsewhere, and the feed is another master's.
        let Connected { sets_and_gets, number, member: None, .. } = *data else { return None };
        let fed = self.lock();
        let (_, connection) = fed.as_ref().filter(|(fed, _)| *fed == number)?;
        Some(Connected { connection: connection.clone(), sets_and_gets, number, member: None })
    }

    fn lock(&self) -> MutexGuard<'_, Option<(u64, MultiplexedConnection)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the server pushes to all feeds.
pub(super) enum Announced<'a> {
    Keys(&'a [Key]),
    Tags(&'a [Tag]),
}

impl Announced<'_> {
    async fn send(&self, connected: &mut Connected) -> RedisResult<()> {
        match self {
            Self::Keys(keys) => invalidate(connected, keys).await,
            Self::Tags(tags) => invalidate_tags(connected, tags).await,
        }
    }
}

impl Redis {
    /// Sends an invalidation: by the connection of the feed, on which its own push comes back together with the reply, instead of waking
    /// another; and where that fails, as everything else is sent. It may be sent twice.
    pub(super) async fn announce(&self, announced: Announced<'_>) -> Result<(), StoreError> {
        if let Some(mut fed) = self.link.peek(|data| self.link.fed().of(data))? {
            let sent = self.link.aside(fed.number, WRITE, pin!(announced.send(&mut fed))).await;
            if sent == Ok(Some(())) {
                return Ok(());
            }
            self.link.fed().ends();
            // Who has waited as long as may be does not wait as long again.
            sent?;
        }
        // Apart, so that the future of what is sent by the feed's connection is small.
        Box::pin(async move {
            let mut connected = self.link.connected()?;
            self.link.within(connected.number, WRITE, pin!(announced.send(&mut connected))).await
        })
        .await
    }
}
