//! One call of a batch, whose body is run for several of them together.

use super::{ShareError, Slot};
use crate::codec::{Compression, Value};
use crate::engine::{Answer, Batch, Call, Framed, Loaded, Stamped, Unreadable};
use crate::flight::Shared;
use crate::frame;
use crate::key::Key;
use crate::policy::Policy;
use bytes::Bytes;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What the body gives one call.
pub(crate) enum Given<V> {
    /// A value, or none for this one.
    Value(Option<V>),
    /// The error that it ended with, where it can be shared.
    Failed(Option<Shared>),
}

/// Where the calls of a batch say that they want the body, and get what it gives.
pub(crate) struct Board<V> {
    pub(crate) batch: Batch,
    seats: Mutex<Vec<Seat<V>>>,
}

/// How far a call is with the body.
enum Seat<V> {
    Free,
    Wants(Waker),
    Waits(Waker),
    Served(Given<V>),
}

impl<V> Board<V> {
    /// For `members` calls.
    pub(crate) fn of(members: usize) -> Self {
        let seats = std::iter::repeat_with(|| Seat::Free).take(members).collect();
        Self { batch: Batch::of(members), seats: Mutex::new(seats) }
    }

    /// The calls that the body is to be run for now, which wait for it from now on; none as long as one still asks.
    pub(crate) fn call_up(&self) -> Vec<usize> {
        if !self.batch.is_quiet() {
            return Vec::new();
        }
        let mut wanting = Vec::new();
        for (place, seat) in self.seats().iter_mut().enumerate() {
            if let Seat::Wants(waker) = seat {
                *seat = Seat::Waits(waker.clone());
                wanting.push(place);
            }
        }
        wanting
    }

    /// Gives a call what the body gave for it.
    pub(crate) fn give(&self, place: usize, given: Given<V>) {
        let seat = std::mem::replace(&mut self.seats()[place], Seat::Served(given));
        if let Seat::Waits(waker) = seat {
            waker.wake();
        }
    }

    /// Says that the call wants the body, unless it has what that gave.
    fn ask(&self, place: usize, waker: &Waker) -> Poll<Given<V>> {
        let mut seats = self.seats();
        let seat = &mut seats[place];
        match std::mem::replace(seat, Seat::Free) {
            Seat::Served(given) => {
                self.batch.goes_on();
                return Poll::Ready(given);
            }
            Seat::Waits(_) => *seat = Seat::Waits(waker.clone()),
            Seat::Wants(_) => *seat = Seat::Wants(waker.clone()),
            Seat::Free => {
                self.batch.rests();
                *seat = Seat::Wants(waker.clone());
            }
        }
        Poll::Pending
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Seat<V>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call of a batch.
pub(crate) struct Member<'a, V, E> {
    slot: Slot<V>,
    policy: Policy,
    share: &'a ShareError<E>,
    /// The error of another's load.
    error: Option<E>,
    board: &'a Board<V>,
    place: usize,
}

impl<'a, V: Value, E> Member<'a, V, E> {
    pub(crate) fn new(
        slot: Slot<V>,
        policy: Policy,
        share: &'a ShareError<E>,
        board: &'a Board<V>,
        place: usize,
    ) -> Self {
        Self { slot, policy, share, error: None, board, place }
    }

    /// The answer, once the engine has answered: none where the body gave none.
    pub(crate) fn answer(self) -> Result<Option<V>, E> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.slot.value),
        }
    }
}

impl<V: Value, E: Send> Answer for Member<'_, V, E> {
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

impl<V: Value, E: Send> Call for Member<'_, V, E> {
    fn has_answer(&self) -> Loaded {
        let Slot { site, rules, value } = &self.slot;
        let stored = value.as_ref().and_then(|value| rules.storage(site, self.policy, value));
        stored.map_or(Loaded::Keep, Loaded::Store)
    }

    fn poll_load(&mut self, context: &mut Context<'_>) -> Poll<Loaded> {
        self.board.ask(self.place, context.waker()).map(|given| match given {
            Given::Value(value) => {
                let Slot { site, rules, .. } = self.slot;
                let stored = value.as_ref().and_then(|value| rules.storage(site, self.policy, value));
                // What was read before, and has expired, is no answer where the body gave none.
                self.slot.value = value;
                stored.map_or(Loaded::Keep, Loaded::Store)
            }
            Given::Failed(error) => {
                self.slot.value = None;
                Loaded::Failed(error)
            }
        })
    }

    fn forgives(&self) -> bool {
        false
    }

    fn forget_error(&mut self) {}

    fn adopt_error(&mut self, error: &Shared) -> bool {
        self.error = self.share.take(error);
        self.error.is_some()
    }
}
