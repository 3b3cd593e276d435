//! The connection of the feed, to send on it what the server pushes to all feeds: it says the same to this one by its reply.

use super::bare::Fenced;
use super::connection::{Connected, in_time};
use super::feed::{Ear, PATIENCE};
use super::script::INVALIDATE;
use super::{Redis, WRITE, invalidate, invalidate_tags, reply};
use crate::error::StoreError;
use crate::key::Key;
use crate::store::FEED_LEASE;
use crate::tag::Tag;
use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, Pipeline, RedisResult};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;

/// A feed's connection, if it is known.
#[derive(Default)]
pub(super) struct Fed(Mutex<Option<Feeding>>);

#[derive(Clone)]
struct Feeding {
    /// The data connection with which it shares the server.
    number: u64,
    connection: MultiplexedConnection,
    ear: Weak<Ear>,
}

impl Fed {
    /// The feed on `connection` hears what is done on the data connection `number`, and passes it on to `ear`.
    pub(super) fn is(&self, number: u64, connection: MultiplexedConnection, ear: &Arc<Ear>) {
        *self.lock() = Some(Feeding { number, connection, ear: Arc::downgrade(ear) });
    }

    /// No feed is known to hear it.
    pub(super) fn ends(&self) {
        *self.lock() = None;
    }

    /// The feed of the data connection's server.
    fn of(&self, data: &Connected) -> Option<Feeding> {
        // In a cluster a reply may refer elsewhere, and the feed is another master's.
        if data.member.is_some() {
            return None;
        }
        self.lock().as_ref().filter(|feeding| feeding.number == data.number).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Feeding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feeding {
    /// Sends it such that the last change of a name, if it changes at all, is this connection's own, which no script's is: the server does
    /// not push it here.
    async fn send(&mut self, announced: Announced<'_>) -> RedisResult<()> {
        let mut pipeline = Pipeline::with_capacity(3);
        match announced {
            Announced::Keys(keys) => {
                for names in keys.iter().map(Fenced::of) {
                    if names.bare().is_some() {
                        // In one step: a value without its header would be taken for somebody else's. It is pushed here, too.
                        pipeline.add_command(names.with(|names| INVALIDATE.by_hash(names, &[])));
                    } else {
                        pipeline.add_command(INVALIDATE.by_hash(&[names.place()], &[]));
                        pipeline.add_command(command(&[b"SET", &names.fence, b""]));
                        pipeline.add_command(command(&[b"DEL", &names.fence]));
                    }
                }
            }
            Announced::Tags(tags) => {
                for tag in tags {
                    pipeline.add_command(command(&[b"DEL", tag.name()]));
                }
            }
        }
        reply::all_ok(self.connection.send_packed_commands(&pipeline, 0, pipeline.len()).await?)
    }

    /// The same, and tells the feed.
    async fn announce(self, announced: Announced<'_>) -> RedisResult<()> {
        let mut unpushed = Unpushed::new(self, announced);
        unpushed.feeding.send(announced).await?;
        unpushed.executed = true;
        Ok(())
    }
}

fn command(parts: &[&[u8]]) -> Cmd {
    let mut command = Cmd::with_capacity(parts.len(), parts.iter().map(|part| part.len()).sum());
    for part in parts {
        command.arg(part);
    }
    command
}

/// What the server pushes to all feeds.
#[derive(Clone, Copy)]
pub(super) enum Announced<'a> {
    Keys(&'a [Key]),
    Tags(&'a [Tag]),
}

impl Announced<'_> {
    fn is_empty(self) -> bool {
        match self {
            Self::Keys(keys) => keys.is_empty(),
            Self::Tags(tags) => tags.is_empty(),
        }
    }

    async fn send(self, connected: &mut Connected) -> RedisResult<()> {
        match self {
            Self::Keys(keys) => invalidate(connected, keys).await,
            Self::Tags(tags) => invalidate_tags(connected, tags).await,
        }
    }
}

/// What the server does not push to the feed that sent it: told as this is dropped, or as soon as it has certainly been executed. A feed
/// that has ended needs to be told nothing, since nothing that it told of counts any more.
struct Unpushed<'a> {
    feeding: Feeding,
    announced: Announced<'a>,
    /// Its number among what is untold.
    number: u64,
    executed: bool,
}

impl<'a> Unpushed<'a> {
    fn new(feeding: Feeding, announced: Announced<'a>) -> Self {
        let number = feeding.ear.upgrade().map_or(0, |ear| ear.untold.begin());
        Self { feeding, announced, number, executed: false }
    }
}

impl Drop for Unpushed<'_> {
    fn drop(&mut self) {
        let Self { feeding, announced, number, executed } = self;
        let Some(ear) = feeding.ear.upgrade() else { return };
        if *executed {
            return ear.hear_of(*announced, *number);
        }
        let (Feeding { mut connection, ear: told, .. }, number) = (feeding.clone(), *number);
        let (keys, tags) = match *announced {
            Announced::Keys(keys) => (keys.to_vec(), Vec::new()),
            Announced::Tags(tags) => (Vec::new(), tags.to_vec()),
        };
        ear.runtime.spawn(async move {
            // What is not answered in this time has ended the lease, and a later sign of life is asked for after this one.
            const { assert!(PATIENCE.as_millis() > FEED_LEASE.as_millis()) };
            let _ = in_time(PATIENCE, connection.send_packed_command(&command(&[b"PING"]))).await;
            let announced = if tags.is_empty() { Announced::Keys(&keys) } else { Announced::Tags(&tags) };
            if let Some(ear) = told.upgrade() {
                ear.hear_of(announced, number);
            }
        });
    }
}

/// What was sent on a feed's connection and is not told yet, by the numbers in which it began.
#[derive(Default)]
pub(super) struct Untold {
    counts: Mutex<Counts>,
    none: Notify,
}

#[derive(Default)]
struct Counts {
    /// The number of what began last.
    last: u64,
    /// What was the last at the mark.
    mark: u64,
    /// How many numbers up to the mark are not told.
    before: usize,
    /// How many after it.
    since: usize,
}

impl Untold {
    fn begin(&self) -> u64 {
        let mut counts = self.lock();
        counts.last += 1;
        counts.since += 1;
        counts.last
    }

    pub(super) fn end(&self, number: u64) {
        let mut counts = self.lock();
        if number > counts.mark {
            counts.since -= 1;
            return;
        }
        counts.before -= 1;
        if counts.before == 0 {
            self.none.notify_one();
        }
    }

    /// Marks what has begun so far.
    pub(super) fn mark(&self) {
        let mut counts = self.lock();
        let Counts { last, mark, before, since } = &mut *counts;
        *mark = *last;
        *before += std::mem::take(since);
    }

    /// Waits until everything that had begun at the mark is told.
    pub(super) async fn told(&self) {
        while self.lock().before > 0 {
            self.none.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Redis {
    /// Sends an invalidation: by the connection of the feed, whose reply stands for the push, which would take longer to read than
    /// everything else of it; and where that fails, as everything else is sent. It may be sent twice.
    pub(super) async fn announce(&self, announced: Announced<'_>) -> Result<(), StoreError> {
        if announced.is_empty() {
            return Ok(());
        }
        if let Some(feeding) = self.link.peek(|data| self.link.fed().of(data))? {
            let number = feeding.number;
            let sent = self.link.aside(number, WRITE, pin!(feeding.announce(announced))).await;
            if sent == Ok(Some(())) {
                return Ok(());
            }
            self.link.fed().ends();
            // Who has waited as long as may be does not wait as long again.
            sent?;
        }
        // Apart, so that the future of what is sent by the feed's connection is small.
        Box::pin(async move {
            let mut connected = self.link.connected()?;
            self.link.within(connected.number, WRITE, pin!(announced.send(&mut connected))).await
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::Untold;
    use futures_util::FutureExt;

    #[test]
    fn what_begins_after_the_mark_is_not_waited_for() {
        let untold = Untold::default();
        let one = untold.begin();
        untold.mark();
        let other = untold.begin();
        assert_eq!(untold.told().now_or_never(), None);
        untold.end(one);
        assert_eq!(untold.told().now_or_never(), Some(()));
        untold.mark();
        untold.mark();
        assert_eq!(untold.told().now_or_never(), None);
        untold.end(other);
        assert_eq!(untold.told().now_or_never(), Some(()));
    }

    #[tokio::test]
    async fn who_waits_hears_of_the_last_of_them() {
        let untold = Untold::default();
        let numbers = [untold.begin(), untold.begin()];
        untold.mark();
        let ends = async {
            for number in numbers {
                tokio::task::yield_now().await;
                untold.end(number);
            }
        };
        tokio::join!(biased; untold.told(), ends);
    }
}
