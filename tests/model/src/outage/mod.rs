//! One key while the store cannot be reached, forgets, or remembers too much: the queue, its drain, replay and flush.
//!
//! Process 0 writes and has an L1 that asks nobody (`ttl`); process 1 only reads. A load beside the store sees the newest commit
//! after its caller came, so it is one step that cannot be wrong. Restarts happen at once, outages are lost connections.

mod reader;
mod scenarios;
mod writer;

pub use self::reader::{Pc, Reader};
pub use self::scenarios::cases;
pub use self::writer::{Link, Queue, Writer};

use crate::check::{Protocol, Without, Witness, events};
use stateright::{Model, Property};

const READERS: usize = 3;
const PROCESSES: usize = 2;

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// What cannot be sent is queued.
    Queue,
    /// The process's own reads of queued keys use no cache.
    OwnReadsBypass,
    /// The queue is asked before L1 is.
    QueueBeforeL1,
    /// A hit in L1 looks at the queue first and at the stamp second.
    QueueThenStamp,
    /// A drain while connected invalidates locally, too.
    LocalAtDrain,
    /// A drain while connecting invalidates locally, too.
    LocalAtConnect,
    /// A key that was queued once more since a batch was sent stays in the queue.
    RequeuedStays,
    /// The connection serves reads only after the queue is drained.
    DrainBeforeReads,
    /// The connection serves reads only after the acknowledged invalidations were replayed to a restarted store.
    ReplayBeforeReads,
    /// What was replayed is replayed again after the next restart.
    ReplayedStaysInRing,
    /// What was drained is replayed, too.
    DrainedEntersRing,
    /// A reply counts only while its connection stands (else the invalidation is replayed by nobody).
    ReplyOfSameLink,
    /// The first to connect to a restarted store empties it.
    FlushOnRestart,
    /// The stamp is read before the store is asked.
    StampBeforeAsking,
}

/// What is done about a restarted store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRestart {
    /// Each writer replays; until then, readers of other processes are promised nothing.
    Replay,
    /// It is emptied before anyone reads.
    Flush,
}

/// The model and its budgets.
#[derive(Debug)]
pub struct Outage {
    without: Without<Guard>,
    readers: [(u8, u8); READERS],
    on_restart: OnRestart,
    l1: bool,
    budget: Budget,
    expects: &'static [Event],
    seen: Witness<Event>,
}

/// How often what need not happen may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    writes: u8,
    timeouts: u8,
    losses: u8,
    snapshots: u8,
    restarts: u8,
    evictions: u8,
}

/// What stands at the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Nothing.
    Nothing,
    /// The lease of a reader that loads.
    Lease(u8),
    /// The lease of a load that is gone.
    Orphan,
    /// A version.
    Value(u8),
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    committed: u8,
    /// The newest version that readers of every process must see.
    applied: u8,
    /// The newest version that a mutation returned from; readers of the writer's process must see it.
    returned: u8,
    stored: Stored,
    snapshot: Option<Stored>,
    /// Someone has connected to the store since its restart.
    guarded: bool,
    writer: Writer,
    queue: Queue,
    links: [Link; PROCESSES],
    l1: Option<u8>,
    readers: [Reader; READERS],
    left: Budget,
    stale: bool,
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A reader goes on.
    Read(u8),
    /// A reader finds a lease, copies the stamp anew and waits on.
    Poll(u8),
    /// The writer goes on.
    Write,
    /// Its invalidation is not answered in time.
    TimeOut,
    /// An invalidation that was not answered in time is executed after all.
    Late,
    /// A batch of the queue is executed.
    Drain,
    /// Its reply arrives.
    Drained,
    /// A process loses its connection.
    Lose(u8),
    /// It connects, and has to do what comes before reads.
    Connect(u8),
    /// It has done that.
    Publish(u8),
    /// The acknowledged invalidations are executed once more.
    Replay,
    /// The store saves what it has.
    Snapshot,
    /// The store restarts with what it saved.
    Restart,
    /// The store loses what stands at the key.
    Evict,
    /// The lease of a load that is gone lapses.
    Lapse,
}

events! { Outage:
    Hit "a value of the store is hit", L1Hit "L1 is hit", Beside "a read goes beside the store", Queued "a mutation is queued",
    Drained "the queue is drained", Requeued "a key is queued once more under a drain", Replayed "invalidations are replayed",
    Flushed "a restarted store is emptied", Late "an invalidation is executed late", Risen "a restart raises a stale value",
    Refused "a fill is refused",
}

pub(crate) const STALE: &str = "no read is stale";

impl Model for Outage {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            committed: 0,
            applied: 0,
            returned: 0,
            stored: Stored::Nothing,
            snapshot: None,
            guarded: true,
            writer: Writer::Idle,
            queue: Queue::default(),
            links: [Link::Up; PROCESSES],
            l1: None,
            readers: [Reader::default(); READERS],
            left: self.budget,
            stale: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.stale {
            return;
        }
        for (reader, (_, reads)) in (0..).zip(self.readers) {
            if reads > state.readers[usize::from(reader)].reads {
                actions.extend([Action::Read(reader), Action::Poll(reader)]);
            }
        }
        actions.extend([Action::Write, Action::TimeOut, Action::Late, Action::Drain, Action::Drained]);
        actions.extend([Action::Replay, Action::Snapshot, Action::Restart, Action::Evict, Action::Lapse]);
        for process in 0..2 {
            actions.extend([Action::Lose(process), Action::Connect(process), Action::Publish(process)]);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Read(reader) => self.read(&mut next, reader),
            Action::Poll(reader) => next.poll(reader),
            Action::Write => self.write(&mut next),
            Action::TimeOut => self.time_out(&mut next),
            Action::Late => self.late(&mut next),
            Action::Drain => next.drain(),
            Action::Drained => self.drained(&mut next),
            Action::Lose(process) => self.lose(&mut next, process),
            Action::Connect(process) => self.connect(&mut next, process),
            Action::Publish(process) => self.publish(&mut next, process),
            Action::Replay => self.replay(&mut next),
            Action::Snapshot => next.save(),
            Action::Restart => self.restart(&mut next),
            Action::Evict => next.evict(),
            Action::Lapse => {
                next.stored = if next.stored == Stored::Orphan { Stored::Nothing } else { return None };
                Some(())
            }
        }?;
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STALE, |_, state: &State| !state.stale),
            Property::eventually(
                "all reads finish and nothing stays queued",
                |model: &Self, state: &State| {
                    let done = |(&(_, reads), it): (&(u8, u8), &Reader)| it.reads == reads;
                    model.readers.iter().zip(&state.readers).all(done)
                        && state.left.writes == 0
                        && state.writer == Writer::Idle
                        && state.queue.is_empty()
                },
            ),
        ];
        properties.extend(self.sometimes());
        properties
    }
}

impl Protocol for Outage {
    fn tell(&self, before: &State, action: &Action, after: &State) -> String {
        let what = match *action {
            Action::Read(reader) => {
                let (from, to) = (&before.readers[usize::from(reader)], &after.readers[usize::from(reader)]);
                let home = self.readers[usize::from(reader)].0;
                format!(
                    "reader {reader} of process {home} {:?} -> {:?} (v{}, floor {})",
                    from.pc, to.pc, to.value, to.floor
                )
            }
            Action::Write => format!("writer {:?} -> {:?}", before.writer, after.writer),
            action => format!("{action:?}"),
        };
        let l1 = after.l1.map_or(String::new(), |version| format!(", L1 v{version}"));
        let queued = if after.queue.is_empty() { "" } else { ", queued" };
        format!("{what}; {:?}{l1}{queued}", after.stored)
    }
}
