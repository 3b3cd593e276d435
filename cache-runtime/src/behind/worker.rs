//! What gives the writes to their source: one task in each process.

use super::options::{DeadLetters, Settings};
use super::{AbortOnDrop, Shared, Written};
use crate::breaker::Backoff;
use crate::codec::{Codec, Json, Value};
use crate::context;
use crate::key::Key;
use crate::store::{Taken, Token, Write};
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::future::Future;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The longest time between two looks for what other processes left.
const LOOK: Duration = Duration::from_secs(5);

pub(super) struct Worker<K, V, S> {
    shared: Arc<Shared>,
    token: Token,
    save: S,
    dead: DeadLetters<K, V>,
}

impl<K, V, S> Worker<K, V, S> {
    pub(super) fn new(shared: Arc<Shared>, save: S, dead: DeadLetters<K, V>) -> Self {
        Self { shared, token: Token::random(), save, dead }
    }
}

impl<K, V, S, F, E> Worker<K, V, S>
where
    K: DeserializeOwned + Send + 'static,
    V: Value,
    S: FnMut(Vec<Written<K, V>>) -> F + Send,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send + 'static,
{
    pub(super) async fn run(mut self) {
        let shared = self.shared.clone();
        let Ok(journal) = shared.journal() else { return };
        let mut backoff = Backoff::default();
        loop {
            shared.due().await;
            loop {
                shared.unread.store(0, Ordering::Relaxed);
                let settings = &shared.settings;
                match journal.take(&shared.book, self.token, settings.batch, settings.claim_after).await {
                    Ok(taken) if taken.is_empty() => break,
                    Ok(taken) => {
                        backoff = Backoff::default();
                        self.save_all(taken).await;
                        shared.saved.notify_waiters();
                    }
                    Err(error) => {
                        tracing::debug!(%error, "the journal cannot be asked what is to be written");
                        tokio::time::sleep(backoff.pause()).await;
                    }
                }
            }
        }
    }

    /// Gives the writes to the source together, and where it refuses that, one after the other: one bad write is nobody else's concern.
    async fn save_all(&mut self, mut taken: Vec<Taken>) {
        taken.retain(|taken| {
            let readable = read::<K, V>(taken).is_some();
            if !readable {
                // It waits for a process that can.
                tracing::warn!(entry = %taken.entry.escape_ascii(), "a write of another version of the program");
            }
            readable
        });
        if taken.is_empty() {
            return;
        }
        let keeping = keep(self.shared.clone(), self.token, taken.clone());
        let _keeping = AbortOnDrop(tokio::spawn(keeping));
        match self.save(&taken).await {
            Ok(()) => self.shared.done(self.token, &taken).await,
            Err(error) if taken.len() == 1 => self.save_again(&taken[0], 1, error).await,
            Err(_) => {
                for one in &taken {
                    self.save_again(one, 0, String::new()).await;
                }
            }
        }
    }

    /// Gives a write to the source until it takes it, or has been tried often enough.
    async fn save_again(&mut self, taken: &Taken, mut tries: u32, mut error: String) {
        let (shared, one) = (self.shared.clone(), slice::from_ref(taken));
        let Ok(journal) = shared.journal() else { return };
        let mut backoff = Backoff::default();
        while tries < shared.settings.tries {
            if tries > 0 {
                tokio::time::sleep(backoff.pause()).await;
            }
            // Who has taken it over may have saved a newer write by now.
            match journal.keep(&shared.book, self.token, one).await.as_deref() {
                Ok([true]) => {}
                Ok(_) => return,
                Err(_) => {
                    tokio::time::sleep(backoff.pause()).await;
                    continue;
                }
            }
            match self.save(one).await {
                Ok(()) => return shared.done(self.token, one).await,
                Err(next) => error = next,
            }
            tries += 1;
        }
        tracing::error!(entry = %taken.entry.escape_ascii(), error, tries, "a write is given up");
        if let (Some(told), Some(write)) = (&mut self.dead, read(taken)) {
            told(write, &error);
        }
        shared.done(self.token, one).await;
        // The entry shows what the source will never have.
        let engine = &shared.cache.engine;
        engine.invalidate(&[Key::placed(&engine.app, &taken.entry)], &[]).await;
    }

    /// One try, in a task of its own: where it panics, it has failed.
    async fn save(&mut self, taken: &[Taken]) -> Result<(), String> {
        let writes = taken.iter().filter_map(read).collect();
        let saving = context::with_cache(self.shared.cache.clone(), (self.save)(writes));
        match (&mut AbortOnDrop(tokio::spawn(saving)).0).await {
            Ok(saved) => saved.map_err(|error| error.to_string()),
            Err(panicked) => Err(panicked.to_string()),
        }
    }
}

impl Shared {
    /// Tells the journal that the source has `taken`, as soon as it can be told.
    async fn done(&self, worker: Token, taken: &[Taken]) {
        let Ok(journal) = self.journal() else { return };
        let mut backoff = Backoff::default();
        while let Err(error) = journal.done(&self.book, worker, taken).await {
            tracing::debug!(%error, "the journal cannot be told what was written");
            tokio::time::sleep(backoff.pause()).await;
        }
        self.saved.notify_waiters();
    }

    /// Waits until a batch is due: full, old enough, or perhaps left by another process.
    async fn due(&self) {
        let Settings { batch, delay, claim_after, .. } = self.settings;
        let look = (claim_after / 4).min(LOOK);
        if tokio::time::timeout(look, self.nudged.notified()).await.is_err() {
            return;
        }
        let full = async {
            while self.unread.load(Ordering::Relaxed) < batch && self.flushing.load(Ordering::Relaxed) == 0 {
                self.nudged.notified().await;
            }
        };
        // In time or not, the batch goes.
        let _ = tokio::time::timeout(delay, full).await;
    }
}

/// Gives signs of life for `taken`, whatever its source does.
async fn keep(shared: Arc<Shared>, worker: Token, taken: Vec<Taken>) {
    let Ok(journal) = shared.journal() else { return };
    loop {
        tokio::time::sleep(shared.settings.claim_after / 3).await;
        // One lost sign is not the end: there is another in time.
        let _ = journal.keep(&shared.book, worker, &taken).await;
    }
}

fn read<K: DeserializeOwned, V: DeserializeOwned>(taken: &Taken) -> Option<Written<K, V>> {
    let write = Write::parse(&taken.write)?;
    let (key, value) = Json::decode(&write.source).ok()?;
    Some(Written { key, value, number: taken.number })
}
