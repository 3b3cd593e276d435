//! Channels within the process.

use crate::store::channels::Board;
use crate::store::{Attending, Channels, LINGER, Publication, Seen, State, StoreFuture};
use crate::time::Instant;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The channels of one [`Memory`](super::Memory).
#[derive(Default)]
pub(super) struct InProcess {
    board: Arc<Board>,
    states: Mutex<States>,
}

#[derive(Default)]
struct States {
    of: HashMap<Bytes, (State, Publication)>,
    /// What has ended, and until when that is remembered; the oldest first.
    ended: VecDeque<(Instant, Bytes, [u8; 8])>,
}

impl InProcess {
    fn states(&self) -> MutexGuard<'_, States> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.forget(Instant::now());
        states
    }
}

impl States {
    fn forget(&mut self, now: Instant) {
        while self.ended.front().is_some_and(|(until, ..)| *until <= now) {
            let Some((_, channel, run)) = self.ended.pop_front() else { return };
            if self.of.get(&channel).is_some_and(|(state, _)| state.ended && state.run == run) {
                self.of.remove(&channel);
            }
        }
    }
}

impl Channels for InProcess {
    fn publish<'a>(
        &'a self,
        channel: &'a [u8],
        publication: Publication,
        state: Option<Bytes>,
    ) -> StoreFuture<'a, u64> {
        super::at_once(move || {
            let mut states = self.states();
            let known = states.of.get(channel);
            if let Some((state, last)) = known
                && last.publisher == publication.publisher
                && last.number >= publication.number
            {
                return state.number;
            }
            let open = known.map(|(state, _)| state).filter(|state| !state.ended);
            let next = match (open, state) {
                (Some(open), Some(bytes)) => State { number: open.number + 1, bytes, ..*open },
                (Some(open), None) => State { ended: true, ..open.clone() },
                (None, state) => {
                    let (number, ended) = (u64::from(state.is_some()), state.is_none());
                    State { run: crate::tag::fresh(), number, ended, bytes: state.unwrap_or_default() }
                }
            };
            let channel = Bytes::copy_from_slice(channel);
            if next.ended {
                states.ended.push_back((Instant::now() + LINGER, channel.clone(), next.run));
            }
            let number = next.number;
            states.of.insert(channel.clone(), (next.clone(), publication));
            self.board.tell(&channel, next);
            number
        })
    }

    fn state<'a>(&'a self, channel: &'a [u8]) -> StoreFuture<'a, Option<State>> {
        super::at_once(move || self.states().of.get(channel).map(|(state, _)| state.clone()))
    }

    fn attend(&self, channel: &[u8]) -> Attending {
        // Under the lock: what is published from now on is told.
        let states = self.states();
        let first = states.of.get(channel).map_or(Seen::Nothing, |(state, _)| Seen::State(state.clone()));
        self.board.join(channel, first)
    }
}
