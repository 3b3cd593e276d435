//! Write-behind: an entry changes at once, its source in the background.

mod options;
mod worker;

pub use self::options::WriteBehindOptions;

use self::options::Settings;
use self::worker::Worker;
use crate::cache::Cache;
use crate::codec::{Codec, Json, Value};
use crate::entry::EntryRef;
use crate::error::{StoreError, WriteError};
use crate::key::{KeyBuf, KeyWriter};
use crate::store::{Book, Journal, Write};
use crate::time::Instant;
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Display;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How often it is looked whether there is room, or nothing left, although nobody says so.
const LOOK: Duration = Duration::from_millis(50);

/// A write that its source is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written<K, V> {
    /// What was written.
    pub key: K,
    /// The newest value that was written to it.
    pub value: V,
    /// Greater than that of every write that was acknowledged before: a source that keeps it and refuses smaller ones never goes back.
    pub number: u64,
}

/// Writes that reach their source in the background; made by [`Cache::write_behind`], clones are the same.
///
/// The last one that is dropped ends the work of this process: [`flush`](Self::flush) first.
pub struct WriteBehind<K, V> {
    running: Arc<Running>,
    types: PhantomData<fn(K, V)>,
}

impl<K, V> Clone for WriteBehind<K, V> {
    fn clone(&self) -> Self {
        Self { running: self.running.clone(), types: PhantomData }
    }
}

impl<K, V> std::fmt::Debug for WriteBehind<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WriteBehind").field(&self.running.shared.book.name()).finish()
    }
}

/// A worker, and what it works for.
struct Running {
    shared: Arc<Shared>,
    _worker: AbortOnDrop<()>,
}

/// What writers and the worker of one process share.
struct Shared {
    cache: Cache,
    book: Arc<Book>,
    settings: Settings,
    /// Something was written, or is to be flushed.
    nudged: Notify,
    /// Writes since the worker last looked.
    unread: AtomicUsize,
    flushing: AtomicUsize,
    /// Something was saved.
    saved: Notify,
}

impl Cache {
    /// Takes writes under `name`, and gives them to `save` in batches, the newest of each key; to be called by every process that writes
    /// or reads these entries.
    ///
    /// `save` has to bear being given a write more than once, and has to end.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Examples
    /// ```
    /// use cache_runtime::{Cache, WriteBehindOptions, Written, cached};
    /// # use std::convert::Infallible; use std::time::Duration;
    /// # async fn save_all(_: Vec<Written<u64, u64>>) -> Result<(), Infallible> { Ok(()) }
    ///
    /// #[cached(ns = "doc", ttl = "short")]
    /// async fn views(task: u64) -> u64 { 0 } // from the source
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = Cache::in_process();
    /// let behind = cache.write_behind("views", WriteBehindOptions::default(), save_all);
    /// cache.scope_for(async {
    ///     behind.write(&views_entry(7), 7, 41).await?;
    ///     assert_eq!(views(7).await, 41);
    ///     assert_eq!(behind.flush(Duration::from_secs(5)).await?, 0);
    ///     Ok(())
    /// }).await
    /// # }
    /// ```
    pub fn write_behind<K, V, F, E>(
        &self,
        name: &str,
        options: WriteBehindOptions<K, V>,
        save: impl FnMut(Vec<Written<K, V>>) -> F + Send + 'static,
    ) -> WriteBehind<K, V>
    where
        K: Serialize + DeserializeOwned + Send + 'static,
        V: Value,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let mut buf = KeyBuf::new();
        KeyWriter::new(&mut buf).name(name);
        buf.finish();
        let book = Arc::new(Book::new(&self.engine.app, buf.name()));
        let WriteBehindOptions { settings, dead } = options;
        self.engine.look_into(book.clone(), settings.namespace.clone());
        let shared = Arc::new(Shared {
            cache: self.clone(),
            book,
            settings,
            nudged: Notify::new(),
            unread: AtomicUsize::new(0),
            flushing: AtomicUsize::new(0),
            saved: Notify::new(),
        });
        let worker = AbortOnDrop(tokio::spawn(Worker::new(shared.clone(), save, dead).run()));
        WriteBehind { running: Arc::new(Running { shared, _worker: worker }), types: PhantomData }
    }
}

impl<K: Serialize, V: Value> WriteBehind<K, V> {
    /// Makes `value` the entry, and the newest write of `key`; gives the write's number.
    ///
    /// `entry` and `key` stand for the same thing: the entry for its readers, the key for its source. Once this returned, the write is in
    /// the journal, and reads of the entry that start later see it or a newer one.
    ///
    /// # Errors
    /// If the journal could not be asked (the write may be in it all the same), has no room for as long as the writer may wait, or the write
    /// cannot be written as JSON. The source is not written then: an earlier write may be in the journal, and would come after it.
    ///
    /// # Panics
    /// If `entry` is of another cache, or of another namespace than the options say.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn write(&self, entry: &EntryRef<V>, key: K, value: V) -> Result<u64, WriteError> {
        let (place, Settings { namespace, .. }) = (entry.place(), &self.running.shared.settings);
        assert!(place.cache.is(&self.running.shared.cache), "the entry is of another cache");
        let known = namespace.as_deref().is_none_or(|namespace| namespace == place.site.namespace);
        assert!(known, "the entry is of the namespace `{}`, and not looked for there", place.site.namespace);
        let mut source = Vec::new();
        Json::encode(&(&key, &value), &mut source).map_err(|_| WriteError::Unwritable)?;
        let frame = entry.frame(value.clone()).ok_or(WriteError::Unwritable)?;
        let write = Write { source: source.into(), frame }.to_bytes().ok_or(WriteError::Unwritable)?;
        // Held from before the journal has it: no load that began earlier is stored after it.
        let hold = entry.hold().await;
        let number = self.running.shared.append(entry, write).await?;
        self.running.shared.unread.fetch_add(1, Ordering::Relaxed);
        self.running.shared.nudged.notify_one();
        hold.put(value).await;
        Ok(number)
    }

    /// Has everything saved that waits, whoever wrote it, for as long as `deadline`; tells how many entries are left.
    ///
    /// What is left over a Redis is saved by other processes, or by the next one; what is left in-process is lost with it.
    ///
    /// # Errors
    /// If the journal could not be asked how many there are.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn flush(&self, deadline: Duration) -> Result<usize, StoreError> {
        let shared = &*self.running.shared;
        let end = Instant::now() + deadline;
        let _flushing = Flushing::begin(&shared.flushing);
        loop {
            let saved = shared.saved.notified();
            shared.nudged.notify_one();
            let left = shared.journal()?.left(&shared.book).await;
            if left == Ok(0) || Instant::now() >= end {
                return left;
            }
            // Another process may have it.
            let _ = tokio::time::timeout_at(end.min(Instant::now() + LOOK), saved).await;
        }
    }
}

impl Shared {
    fn journal(&self) -> Result<&dyn Journal, StoreError> {
        self.cache.engine.store.journal().ok_or(StoreError::Unavailable)
    }

    /// Puts a write into the journal, as soon as there is room.
    async fn append<V: Value>(&self, entry: &EntryRef<V>, write: Bytes) -> Result<u64, WriteError> {
        let (journal, entry) = (self.journal().map_err(WriteError::Store)?, entry.place().store_key());
        let end = Instant::now() + self.settings.patience;
        loop {
            let saved = self.saved.notified();
            let appended = journal.append(&self.book, &entry, write.clone(), self.settings.capacity).await;
            match appended.map_err(WriteError::Store)? {
                Some(number) => return Ok(number),
                None if Instant::now() >= end => return Err(WriteError::Full),
                None => {
                    let _ = tokio::time::timeout_at(end.min(Instant::now() + LOOK), saved).await;
                }
            }
        }
    }
}

/// Someone waits for everything to be saved.
struct Flushing<'a>(&'a AtomicUsize);

impl<'a> Flushing<'a> {
    fn begin(flushing: &'a AtomicUsize) -> Self {
        flushing.fetch_add(1, Ordering::Relaxed);
        Self(flushing)
    }
}

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A task that ends when this is dropped.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
