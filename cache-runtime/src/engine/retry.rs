//! Operations that are tried again, because nothing else stands in for them.

use super::Engine;
use crate::breaker::Backoff;
use crate::error::StoreError;
use std::future::Future;

/// How often an operation is tried; with the pauses in between (50 and 100 ms) and the deadline of each, it ends within a second.
const TRIES: u32 = 3;

/// What may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Done twice, it is as done once.
    Repeatable,
    /// Only what was surely not executed.
    Unsent,
}

impl Engine {
    /// What `operation` gives, or why it did not happen the last time.
    pub(crate) async fn retried<T, F>(
        &self,
        again: Again,
        mut operation: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut backoff = Backoff::default();
        let mut times = 1;
        loop {
            // Without a connection nothing is sent; what fails with one may have been executed, unless the server has refused it.
            let sent = self.store.is_up();
            let tried = if sent { operation().await } else { Err(StoreError::Unreachable) };
            let passing = match tried {
                Err(StoreError::Unavailable) => true,
                Err(StoreError::Unreachable | StoreError::Timeout) => !sent || again == Again::Repeatable,
                _ => false,
            };
            if !passing || times == TRIES {
                return tried;
            }
            times += 1;
            tokio::time::sleep(backoff.pause()).await;
        }
    }
}
