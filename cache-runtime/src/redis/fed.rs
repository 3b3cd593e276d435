//! The connection of the feed, to send on it what the server pushes to all feeds: it says the same to this one by its reply.

use super::bare::Fenced;
use super::connection::{Connected, in_time};
use super::feed::{Ear, PATIENCE};
use super::script::INVALIDATE;
use super::{Redis, WRITE, invalidate, invalidate_tags, reply};
use crate::error::StoreError;
use crate::key::Key;
use crate::tag::Tag;
use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, Pipeline, RedisResult};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// A feed's connection, if it is known.
#[derive(Default)]
pub(super) struct Fed(Mutex<Option<Feeding>>);

#[derive(Clone)]
struct Feeding {
    /// The data connection with which it shares the server.
    number: u64,
    connection: MultiplexedConnection,
    ear: Arc<Ear>,
}

impl Fed {
    /// The feed on `connection` hears what is done on the data connection `number`, and passes it on to `ear`.
    pub(super) fn is(&self, number: u64, connection: MultiplexedConnection, ear: Arc<Ear>) {
        *self.lock() = Some(Feeding { number, connection, ear });
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
    /// Sends it such that the last change of each name is this connection's own, which no script's is: the server does not push it here.
    async fn send(&mut self, announced: Announced<'_>) -> RedisResult<()> {
        let mut pipeline = Pipeline::with_capacity(3);
        match announced {
            Announced::Keys(keys) => {
                for names in keys.iter().map(Fenced::of) {
                    pipeline.add_command(INVALIDATE.by_hash(&[names.place()], &[]));
                    if let Some(bare) = names.bare() {
                        pipeline.add_command(command(&[b"UNLINK", bare]));
                    }
                    pipeline.add_command(command(&[b"SET", &names.fence, b""]));
                    pipeline.add_command(command(&[b"DEL", &names.fence]));
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

/// What the server does not push to the feed that sent it: passed on as this is dropped, or as soon as it has certainly been executed.
struct Unpushed<'a> {
    feeding: Feeding,
    announced: Announced<'a>,
    executed: bool,
}

impl Drop for Unpushed<'_> {
    fn drop(&mut self) {
        let Self { feeding, announced, executed } = self;
        if *executed {
            return feeding.ear.hear_of(*announced);
        }
        // Nobody listens where nothing can run.
        let Ok(runtime) = Handle::try_current() else { return };
        let Feeding { mut connection, ear, .. } = feeding.clone();
        let (keys, tags) = match *announced {
            Announced::Keys(keys) => (keys.to_vec(), Vec::new()),
            Announced::Tags(tags) => (Vec::new(), tags.to_vec()),
        };
        runtime.spawn(async move {
            // A connection that does not answer is one whose feed ends, and with it everything it told of.
            let _ = in_time(PATIENCE, connection.send_packed_command(&command(&[b"PING"]))).await;
            ear.hear_of(Announced::Keys(&keys));
            ear.hear_of(Announced::Tags(&tags));
        });
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
            let mut unpushed = Unpushed { feeding, announced, executed: false };
            let Unpushed { feeding, executed, .. } = &mut unpushed;
            let sent = self.link.aside(feeding.number, WRITE, pin!(feeding.send(announced))).await;
            *executed = sent == Ok(Some(()));
            if *executed {
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
