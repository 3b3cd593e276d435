//! How the store in the process is: it has nobody to ask.

use super::Memory;
use crate::health::KeyCounts;
use crate::key::without_app;
use crate::time::Instant;
use std::sync::PoisonError;

/// Counts keys of `app` by namespace, of the first `most` that stand there.
pub(super) fn key_counts(memory: &Memory, app: &str, most: usize) -> KeyCounts {
    let mut counts = KeyCounts { complete: true, ..KeyCounts::default() };
    let mut left = most;
    for shard in &memory.shards {
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, slot) in shard.iter() {
            if left == 0 {
                return KeyCounts { complete: false, ..counts };
            }
            left -= 1;
            let lives = slot.expires.is_none_or(|expires| expires > Instant::now());
            if let Some(name) = without_app(app, name).filter(|_| lives) {
                counts.count(name);
            }
        }
    }
    counts
}
