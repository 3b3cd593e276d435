//! How writes reach their source.

use super::Written;
use std::sync::Arc;
use std::time::Duration;

/// How writes reach their source.
#[must_use]
pub struct WriteBehindOptions<K, V> {
    pub(super) settings: Settings,
    pub(super) dead: DeadLetters<K, V>,
}

/// What is told of a write that is given up, and of its last error.
pub(super) type DeadLetters<K, V> = Option<Box<dyn FnMut(Written<K, V>, &str) + Send>>;

/// What has no type.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) batch: usize,
    pub(super) delay: Duration,
    pub(super) tries: u32,
    pub(super) claim_after: Duration,
    pub(super) capacity: usize,
    pub(super) patience: Duration,
    pub(super) namespace: Option<Arc<str>>,
}

impl<K, V> Default for WriteBehindOptions<K, V> {
    fn default() -> Self {
        let settings = Settings {
            batch: 100,
            delay: Duration::from_millis(100),
            tries: 5,
            claim_after: Duration::from_secs(30),
            capacity: 10_000,
            patience: Duration::from_secs(5),
            namespace: None,
        };
        Self { settings, dead: None }
    }
}

impl<K, V> WriteBehindOptions<K, V> {
    /// How many writes are given to the source at once, at most; 100 unless said.
    pub fn batch(mut self, most: usize) -> Self {
        self.settings.batch = most.max(1);
        self
    }

    /// How long a batch waits for more; 100 ms unless said.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.settings.delay = delay;
        self
    }

    /// How often one process tries a write before it is given up; 5 unless said.
    pub fn tries(mut self, tries: u32) -> Self {
        self.settings.tries = tries.max(1);
        self
    }

    /// After how long without a sign of life another process takes over what one has begun; 30 s unless said.
    ///
    /// A process gives a sign three times as often, whatever its source does.
    pub fn claim_after(mut self, idle: Duration) -> Self {
        self.settings.claim_after = idle.max(Duration::from_millis(1));
        self
    }

    /// How many entries may have writes before writers wait; 10,000 unless said.
    pub fn capacity(mut self, entries: usize) -> Self {
        self.settings.capacity = entries.max(1);
        self
    }

    /// How long a writer waits for room; 5 s unless said.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// The namespace of the entries, so that loads of others need not look; all unless said.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.settings.namespace = Some(namespace.into());
        self
    }

    /// What is told of a write that was given up, with its last error; its entry is invalidated.
    pub fn dead_letters(mut self, told: impl FnMut(Written<K, V>, &str) + Send + 'static) -> Self {
        self.dead = Some(Box::new(told));
        self
    }
}

impl<K, V> std::fmt::Debug for WriteBehindOptions<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WriteBehindOptions").field(&self.settings).finish()
    }
}
