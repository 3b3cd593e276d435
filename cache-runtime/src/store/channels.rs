//! The port of channels: the newest state of something, and who is told when it changes.

use super::{StoreFuture, Token};
use bytes::Bytes;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Notify, watch};

/// Bytes of a record before its state.
const HEAD: usize = 41;

/// States that are stored under a name and told to whoever attends.
///
/// A channel's *run* goes from its first state to its end. Each step happens at once, and is told in the order in which it happened.
pub trait Channels: Send + Sync + 'static {
    /// Makes `state` the newest of `channel`, stored without expiry (`None`: ends the run, and remembers that for [`LINGER`]), tells it,
    /// and gives its number.
    ///
    /// A publication that a later one of its publisher has overtaken changes nothing.
    fn publish<'a>(
        &'a self,
        channel: &'a [u8],
        publication: Publication,
        state: Option<Bytes>,
    ) -> StoreFuture<'a, u64>;

    /// The newest state.
    fn state<'a>(&'a self, channel: &'a [u8]) -> StoreFuture<'a, Option<State>>;

    /// Shows the newest state from now on, for as long as the answer lives. States may be left out only when they were overtaken.
    ///
    /// # Panics
    /// Where it needs a tokio runtime, outside of one.
    fn attend(&self, channel: &[u8]) -> Attending;
}

/// How long an end is remembered, together with the last state.
pub const LINGER: std::time::Duration = std::time::Duration::from_secs(60);

/// Who publishes, and how many times before: what is sent again, or arrives late, is known by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication {
    /// The process.
    pub publisher: Token,
    /// Greater than that of any publication it called before.
    pub number: u64,
}

/// A state as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Random, one for all states from the first to the end.
    pub run: [u8; 8],
    /// 1 for the first state of the run; 0 where it has none.
    pub number: u64,
    /// Whether it is the last.
    pub ended: bool,
    /// What was published.
    pub bytes: Bytes,
}

impl State {
    /// The state in a record: `ended u8, run[8], number u64, publisher[16], publication u64, state`, little endian.
    pub(crate) fn parse(record: &Bytes) -> Option<Self> {
        let (head, _) = record.split_first_chunk::<HEAD>()?;
        let number = u64::from_le_bytes(head[9..17].try_into().ok()?);
        let run = head[1..9].try_into().ok()?;
        (head[0] <= 1).then(|| Self { run, number, ended: head[0] == 1, bytes: record.slice(HEAD..) })
    }
}

/// What is known of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The store was not heard of yet.
    Unknown,
    /// There is no state.
    Nothing,
    /// The newest state.
    State(State),
}

/// Someone who attends a channel; dropped, they have left.
pub struct Attending {
    /// What is known of the channel.
    pub seen: watch::Receiver<Seen>,
    _place: Arc<dyn Send + Sync>,
}

impl Attending {
    /// Attends by `seen` for as long as `place` lives.
    pub fn new(seen: watch::Receiver<Seen>, place: Arc<dyn Send + Sync>) -> Self {
        Self { seen, _place: place }
    }
}

impl std::fmt::Debug for Attending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attending").field("seen", &*self.seen.borrow()).finish_non_exhaustive()
    }
}

/// The channels that are attended in this process, each once however many attend it.
#[derive(Default)]
pub(crate) struct Board {
    places: Mutex<HashMap<Bytes, Weak<Place>>>,
    /// Told whenever someone is the first to attend a channel, or the last to leave it.
    pub(crate) changed: Notify,
}

/// An attended channel.
pub(crate) struct Place {
    pub(crate) channel: Bytes,
    board: Arc<Board>,
    seen: watch::Sender<Seen>,
    told: Mutex<u64>,
}

impl Board {
    /// The place of `channel`; a new one shows `first`.
    pub(crate) fn join(self: &Arc<Self>, channel: &[u8], first: Seen) -> Attending {
        let mut places = self.places();
        let known = places.get(channel).and_then(Weak::upgrade);
        let place = known.unwrap_or_else(|| {
            let channel = Bytes::copy_from_slice(channel);
            let (board, seen) = (self.clone(), watch::Sender::new(first));
            let place = Arc::new(Place { channel: channel.clone(), board, seen, told: Mutex::new(0) });
            places.insert(channel, Arc::downgrade(&place));
            self.changed.notify_one();
            place
        });
        drop(places);
        Attending::new(place.seen.subscribe(), place)
    }

    /// Every attended channel.
    #[cfg(feature = "redis")]
    pub(crate) fn attended(&self) -> Vec<Arc<Place>> {
        let places: Vec<_> = self.places().values().cloned().collect();
        places.iter().filter_map(Weak::upgrade).collect()
    }

    /// Shows what was told of `channel`, if anyone attends it.
    pub(crate) fn tell(&self, channel: &[u8], state: State) {
        let place = self.places().get(channel).and_then(Weak::upgrade);
        if let Some(place) = place {
            *place.told() += 1;
            place.seen.send_replace(Seen::State(state));
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Bytes, Weak<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "redis")]
impl Place {
    /// How many states were told, to be known before the store is asked.
    pub(crate) fn count(&self) -> u64 {
        *self.told()
    }

    /// Shows what the store answered. Where more was told than `before` it was asked, that is as new: it was told of all that came since.
    pub(crate) fn answered(&self, before: u64, seen: Seen) {
        let told = self.told();
        if *told == before {
            self.seen.send_if_modified(|known| {
                let changed = *known != seen;
                *known = seen;
                changed
            });
        }
    }
}

impl Place {
    fn told(&self) -> MutexGuard<'_, u64> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(place) = self.board.places().entry(self.channel.clone())
            && place.get().strong_count() == 0
        {
            place.remove();
        }
        self.board.changed.notify_one();
    }
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use super::{Board, Seen, State};
    use bytes::Bytes;
    use std::sync::Arc;

    fn state(number: u64) -> State {
        State { run: [7; 8], number, ended: false, bytes: Bytes::new() }
    }

    /// An answer may be on its way while something newer is told.
    #[test]
    fn an_answer_gives_way_to_what_was_told_since_it_was_asked_for() {
        let board = Arc::new(Board::default());
        let attending = board.join(b"job", Seen::Unknown);
        let [place] = &board.attended()[..] else { panic!("one place") };
        let before = place.count();
        board.tell(b"job", state(2));
        place.answered(before, Seen::State(state(1)));
        assert_eq!(*attending.seen.borrow(), Seen::State(state(2)));
        place.answered(place.count(), Seen::Nothing);
        assert_eq!(*attending.seen.borrow(), Seen::Nothing);
    }

    #[test]
    fn a_place_is_one_for_all_and_goes_with_the_last() {
        let board = Arc::new(Board::default());
        let (one, other) = (board.join(b"job", Seen::Unknown), board.join(b"job", Seen::Nothing));
        assert_eq!(*other.seen.borrow(), Seen::Unknown, "the place that there was");
        assert_eq!(board.attended().len(), 1);
        drop(one);
        assert_eq!(board.attended().len(), 1);
        drop(other);
        assert_eq!((board.attended().len(), board.places().len()), (0, 0));
    }
}
