//! What a server of a cluster has to know of the others.

use super::connection::Connected;
use ::redis::{Cmd, Pipeline, RedisError, Value};
use std::sync::Weak;

/// The servers of a cluster, as one of them sees the others.
pub(super) trait Neighbours: Send + Sync {
    /// Whether the server with this number has the slot of `name`.
    fn owns(&self, number: u64, name: &[u8]) -> bool;

    /// Whether it has any slot.
    fn has_slots(&self, number: u64) -> bool;

    /// The connection to the server that the one with this number refers to by `refusal`, if it may be used.
    fn referred(&self, number: u64, refusal: &RedisError) -> Option<Connected>;
}

/// A server's place in its cluster.
pub(super) struct Member {
    pub(super) number: u64,
    pub(super) neighbours: Weak<dyn Neighbours>,
}

impl Member {
    pub(super) fn owns(&self, name: &[u8]) -> bool {
        self.neighbours.upgrade().is_some_and(|neighbours| neighbours.owns(self.number, name))
    }

    pub(super) fn has_slots(&self) -> bool {
        self.neighbours.upgrade().is_some_and(|neighbours| neighbours.has_slots(self.number))
    }

    /// The reply of the server that this one refers to; `None` when it refers to none, or that one cannot be asked.
    pub(super) async fn follow(&self, command: &Cmd, refusal: &RedisError) -> Option<Value> {
        let asks = match refusal.code() {
            Some("ASK") => true,
            Some("MOVED") => false,
            _ => return None,
        };
        let mut other = self.neighbours.upgrade()?.referred(self.number, refusal)?;
        if !asks {
            return other.connection.send_packed_command(command).await.ok();
        }
        // The slot is on its way there: what was not found here may be, or come to be, there.
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("ASKING").add_command(command.clone());
        other.connection.send_packed_commands(&pipeline, 1, 1).await.ok()?.pop()
    }
}

/// Whether a server is not the one to be asked for a key, or not for several keys at once.
pub(super) fn is_referral(error: &RedisError) -> bool {
    matches!(error.code(), Some("MOVED" | "ASK" | "TRYAGAIN"))
}
