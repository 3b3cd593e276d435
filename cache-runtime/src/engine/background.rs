//! Loads that no caller waits for: bounded in number, one for a key, ended at shutdown.

use super::Engine;
use crate::flight::Sharded;
use bytes::Bytes;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Loads in the background at one time; what is due beyond them is due at the next hit again.
const MOST: usize = 32;

#[derive(Clone)]
pub(super) struct Background {
    tasks: Arc<Mutex<JoinSet<()>>>,
    keys: Arc<Sharded<()>>,
    permits: Arc<Semaphore>,
}

impl Default for Background {
    fn default() -> Self {
        Self { tasks: Arc::default(), keys: Arc::default(), permits: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Engine {
    /// Runs `reload` in the background, unless one is running for the same key, or enough are.
    pub(crate) fn in_background<F: Future<Output = ()> + Send + 'static>(
        &self,
        name: &[u8],
        reload: impl FnOnce() -> F,
    ) {
        let Background { tasks, keys, permits } = &self.background;
        let Ok(permit) = permits.clone().try_acquire_owned() else { return };
        match keys.lock(name).entry(Bytes::copy_from_slice(name)) {
            Entry::Occupied(_) => return,
            Entry::Vacant(place) => drop(place.insert(())),
        }
        let place = Place { keys: keys.clone(), name: Bytes::copy_from_slice(name) };
        let reload = reload();
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let _held = (permit, place);
            reload.await;
        });
    }

    /// Ends all loads in the background.
    pub(super) fn end_background(&self) {
        self.background.permits.close();
        self.background.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

struct Place {
    keys: Arc<Sharded<()>>,
    name: Bytes,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.keys.lock(&self.name).remove(&self.name);
    }
}
