//! A call with its body.

use super::{ShareError, Slot, Transient};
use crate::codec::{Compression, Value};
use crate::context::Loading;
use crate::engine::{Answer, Call, Framed, Loaded, Stamped, Unreadable};
use crate::flight::Shared;
use crate::frame;
use crate::key::Key;
use crate::policy::Policy;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The body of a call. Erased here, once for all functions: the code of a miss is there once for each type of value and error.
pub(crate) type Body<'a, V, E> = Pin<Box<dyn Future<Output = Result<V, E>> + Send + 'a>>;

/// A call with its body, which is run at most once.
pub(crate) struct Typed<'a, V, E> {
    slot: Slot<V>,
    policy: Policy,
    share: ShareError<E>,
    transient: Transient<E>,
    error: Option<E>,
    body: Body<'a, V, E>,
    loading: Loading,
}

impl<'a, V: Value, E> Typed<'a, V, E> {
    pub(crate) fn new(slot: Slot<V>, policy: Policy, share: ShareError<E>, body: Body<'a, V, E>) -> Self {
        let loading = Loading::here();
        Self { slot, policy, share, transient: Transient::none(), error: None, body, loading }
    }

    /// The same as part of another task's load.
    pub(crate) fn within(self, loading: Loading) -> Self {
        Self { loading, ..self }
    }

    /// The same, with errors that a stale value may answer for.
    pub(crate) fn forgiving(self, transient: Transient<E>) -> Self {
        Self { transient, ..self }
    }

    /// The answer, once the engine has answered.
    ///
    /// # Panics
    /// If it has not.
    pub(crate) fn answer(self) -> Result<V, E> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.slot.value.expect("the engine answers every call")),
        }
    }
}

impl<V: Value, E: Send> Answer for Typed<'_, V, E> {
    fn decode(&mut self, value: &frame::Value<'_>) -> Result<(), Unreadable> {
        self.slot.decode(value)
    }

    fn adopt(&mut self, value: &Shared) -> bool {
        self.slot.adopt(value)
    }

    fn share(&self) -> Option<Shared> {
        self.slot.share()
    }

    fn tags(&self) -> Vec<Bytes> {
        self.slot.tags()
    }

    fn frame(&self, key: &Key, stored: Stamped<'_>, compression: Compression, most: usize) -> Option<Framed> {
        self.slot.frame(key, stored, compression, most)
    }
}

impl<V: Value, E: Send> Call for Typed<'_, V, E> {
    fn has_answer(&self) -> Loaded {
        let Slot { site, rules, value } = &self.slot;
        let stored = value.as_ref().and_then(|value| rules.storage(site, self.policy, value));
        stored.map_or(Loaded::Keep, Loaded::Store)
    }

    fn poll_load(&mut self, context: &mut Context<'_>) -> Poll<Loaded> {
        let mut polled = Poll::Pending;
        self.loading.step(&mut || polled = self.body.as_mut().poll(context));
        Poll::Ready(match ready!(polled) {
            Ok(value) => {
                let stored = self.slot.rules.storage(self.slot.site, self.policy, &value);
                self.slot.value = Some(value);
                stored.map_or(Loaded::Keep, Loaded::Store)
            }
            Err(error) => {
                let shared = self.share.give(&error);
                self.error = Some(error);
                Loaded::Failed(shared)
            }
        })
    }

    fn forgives(&self) -> bool {
        match (self.transient.0, &self.error) {
            (Some(transient), Some(error)) => transient(error),
            _ => false,
        }
    }

    fn forget_error(&mut self) {
        self.error = None;
    }

    fn adopt_error(&mut self, error: &Shared) -> bool {
        self.error = self.share.take(error);
        self.error.is_some()
    }
}
