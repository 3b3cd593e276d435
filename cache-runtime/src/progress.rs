//! Progress: the newest state of something under way, and streams of it.

use crate::breaker::Backoff;
use crate::cache::Cache;
use crate::codec::{Codec, Json};
use crate::error::{ProgressError, StoreError};
use crate::key::{KeyBuf, KeyPart, KeyWriter};
use crate::store::{Attending, Channels, Publication, Seen, State, Store, StoreFuture, Token};
use bytes::Bytes;
use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

/// How often an operation is tried.
const TRIES: u32 = 3;

/// States of what is under way, each under its id; made by [`Cache::progress`].
///
/// # Examples
/// ```
/// use cache_runtime::Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), cache_runtime::ProgressError> {
/// let jobs = Cache::in_process().progress::<u8>("jobs");
/// jobs.publish(17, &10).await?;
/// let mut states = jobs.subscribe(17);
/// assert_eq!(states.next().await, Some(Ok(10)));
/// jobs.publish(17, &100).await?;
/// jobs.finish(17).await?;
/// assert_eq!(states.next().await, Some(Ok(100)));
/// assert_eq!(states.next().await, None);
/// # Ok(()) }
/// ```
pub struct Progress<T> {
    cache: Cache,
    name: Arc<str>,
    states: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Progress<T> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), name: self.name.clone(), states: PhantomData }
    }
}

impl<T> std::fmt::Debug for Progress<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Progress").field(&self.name).finish()
    }
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Progress<T> {
    /// Makes `state` the newest of `id`, stored until [`finish`](Self::finish), and tells it to all subscribers; gives its number (1 for
    /// the first).
    ///
    /// Publications of one process take effect in the order of their calls: one that a later one has overtaken changes nothing.
    ///
    /// # Errors
    /// If the state cannot be written as JSON, or the store could not be asked in three tries; it may have happened all the same.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn publish(&self, id: impl KeyPart, state: &T) -> Result<u64, ProgressError> {
        let mut bytes = Vec::new();
        Json::encode(state, &mut bytes).map_err(|_| ProgressError::Unwritable)?;
        self.send(&self.channel(id), Some(bytes.into())).await
    }

    /// Removes the state of `id`, and ends the streams of it.
    ///
    /// # Errors
    /// If the store could not be asked in three tries; it may have happened all the same.
    ///
    /// # Cancel safety
    /// Dropped before its end, it may or may not have happened.
    pub async fn finish(&self, id: impl KeyPart) -> Result<(), ProgressError> {
        self.send(&self.channel(id), None).await.map(drop)
    }

    /// The newest state of `id`; `None` before the first and after the end.
    ///
    /// # Errors
    /// If the store could not be asked in three tries, or the state is of another type.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn current(&self, id: impl KeyPart) -> Result<Option<T>, ProgressError> {
        let channel = self.channel(id);
        let channels = self.channels().map_err(ProgressError::Store)?;
        let state = trying(|| channels.state(&channel)).await?;
        state.filter(|state| !state.ended).map(|state| read(&state)).transpose()
    }

    /// The states of `id`, beginning with the newest, until the end.
    ///
    /// A slow subscriber misses states that newer ones have overtaken, never the last one, and never the end. Where there is no state yet,
    /// the stream waits for one; after an end, it is the last state and the end for another minute.
    ///
    /// # Panics
    /// With a Redis, outside of a tokio runtime.
    pub fn subscribe(&self, id: impl KeyPart) -> Subscription<T> {
        let attending = self.channels().map(|channels| channels.attend(&self.channel(id)));
        let ear = Ear { attending, given: None, ended: false, _store: self.cache.engine.store.clone() };
        Subscription { idle: Some(ear), waiting: None, states: PhantomData }
    }

    async fn send(&self, channel: &[u8], state: Option<Bytes>) -> Result<u64, ProgressError> {
        let publication = next_publication();
        let channels = self.channels().map_err(ProgressError::Store)?;
        trying(|| channels.publish(channel, publication, state.clone())).await
    }

    fn channels(&self) -> Result<&dyn Channels, StoreError> {
        self.cache.engine.store.channels().ok_or(StoreError::Unavailable)
    }

    /// The name of a channel in the store.
    fn channel(&self, id: impl KeyPart) -> Bytes {
        let mut buf = KeyBuf::new();
        let mut writer = KeyWriter::new(&mut buf);
        writer.name(&self.name);
        writer.text(":");
        writer.part(&id);
        buf.finish();
        let app = &self.cache.engine.app;
        let separator = if app.is_empty() { "" } else { ":" };
        [b"cache:progress:{", app.as_bytes(), separator.as_bytes(), buf.name(), b"}"].concat().into()
    }
}

impl Cache {
    /// States of what is under way, published under `name` and an id; any process of the application may subscribe to them.
    #[must_use]
    pub fn progress<T: Serialize + DeserializeOwned + Send + 'static>(&self, name: &str) -> Progress<T> {
        Progress { cache: self.clone(), name: name.into(), states: PhantomData }
    }
}

/// Asks again, after 50 ms and then 100 ms, where the store could not be asked.
async fn trying<'a, R>(operation: impl Fn() -> StoreFuture<'a, R>) -> Result<R, ProgressError> {
    let mut backoff = Backoff::default();
    let mut tries = 1;
    loop {
        match operation().await {
            Err(StoreError::Unreachable | StoreError::Timeout | StoreError::Unavailable) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(backoff.pause()).await;
            }
            answer => return answer.map_err(ProgressError::Store),
        }
    }
}

fn next_publication() -> Publication {
    static PUBLISHER: OnceLock<Token> = OnceLock::new();
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    Publication { publisher: *PUBLISHER.get_or_init(Token::random), number }
}

fn read<T: DeserializeOwned>(state: &State) -> Result<T, ProgressError> {
    Json::decode(&state.bytes).map_err(|_| ProgressError::Unreadable)
}

/// The states of one id; made by [`Progress::subscribe`].
///
/// An item is an error where the state cannot be read as a `T` (the stream goes on), or where the store has no channels (it ends).
pub struct Subscription<T> {
    idle: Option<Ear>,
    waiting: Option<Waiting>,
    states: PhantomData<fn() -> T>,
}

/// A wait for the next state, which gives back the ear.
type Waiting = Pin<Box<dyn Future<Output = (Ear, Option<Result<State, StoreError>>)> + Send>>;

struct Ear {
    attending: Result<Attending, StoreError>,
    /// The run and the number of the last state that was given.
    given: Option<([u8; 8], u64)>,
    ended: bool,
    /// Listens for as long as it lives.
    _store: Arc<dyn Store>,
}

impl<T: DeserializeOwned> Subscription<T> {
    /// The next state; `None` after the end.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Result<T, ProgressError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<T: DeserializeOwned> Stream for Subscription<T> {
    type Item = Result<T, ProgressError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(ear) = this.idle.take() {
            this.waiting = Some(Box::pin(ear.wait()));
        }
        let Some(waiting) = &mut this.waiting else { return Poll::Ready(None) };
        let (ear, next) = ready!(waiting.as_mut().poll(context));
        this.waiting = None;
        // After the end nothing is attended any more.
        this.idle = next.is_some().then_some(ear);
        Poll::Ready(next.map(|next| read(&next.map_err(ProgressError::Store)?)))
    }
}

impl<T> std::fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

impl Ear {
    async fn wait(mut self) -> (Self, Option<Result<State, StoreError>>) {
        let next = self.next().await;
        (self, next)
    }

    async fn next(&mut self) -> Option<Result<State, StoreError>> {
        if std::mem::take(&mut self.ended) {
            return None;
        }
        let seen = match &mut self.attending {
            Ok(attending) => &mut attending.seen,
            Err(error) => {
                self.ended = true;
                return Some(Err(*error));
            }
        };
        loop {
            let newest = seen.borrow_and_update().clone();
            match (newest, self.given) {
                (Seen::Unknown, _) | (Seen::Nothing, None) => {}
                // The end was forgotten already, or the server lost the state.
                (Seen::Nothing, Some(_)) => return None,
                (Seen::State(state), Some((run, _))) if state.run != run => return None,
                (Seen::State(state), Some((_, given))) if state.number == given => {
                    if state.ended {
                        return None;
                    }
                }
                (Seen::State(state), _) => {
                    self.ended = state.ended;
                    self.given = Some((state.run, state.number));
                    // An end without any state.
                    return (state.number > 0).then_some(Ok(state));
                }
            }
            seen.changed().await.ok()?;
        }
    }
}
