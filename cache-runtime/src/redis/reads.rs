//! Reads that wait together go out as one command.

use super::connection::{Link, Supervisor};
use super::{READ, batch, reply};
use crate::error::StoreError;
use crate::store::Gathering;
use ::redis::{Cmd, Value};
use bytes::Bytes;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::{mpsc, oneshot};

/// Reads in one command.
const MOST: usize = 512;

/// Asks for values by name, together with whoever else asks at the time.
pub(super) struct Reads {
    link: Arc<Link>,
    /// Reads that wait for their answer.
    waiting: Arc<AtomicUsize>,
    queue: mpsc::UnboundedSender<Read>,
    _sender: Supervisor,
}

struct Read {
    names: Vec<Bytes>,
    answer: oneshot::Sender<Result<Vec<Option<Bytes>>, StoreError>>,
}

impl Reads {
    pub(super) fn over(link: Arc<Link>) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let sender = Supervisor(tokio::spawn(send(link.clone(), waiting)));
        Self { link, waiting: Arc::default(), queue, _sender: sender }
    }

    /// Until it is dropped no read goes alone.
    pub(super) fn gather(&self) -> Gathering {
        Gathering::by(self.waiting.clone())
    }

    /// What stands at `names`, asked for after this was called.
    pub(super) async fn read(&self, names: &[&Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let waiting = Waiting::among(&self.waiting);
        if waiting.is_alone {
            return ask(&self.link, names).await;
        }
        let (answer, answered) = oneshot::channel();
        let names = names.iter().copied().cloned().collect();
        self.queue.send(Read { names, answer }).map_err(|_| StoreError::Unreachable)?;
        answered.await.unwrap_or(Err(StoreError::Unreachable))
    }
}

/// One more read that waits, until this is dropped.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    /// Nobody else does: what would be gained by going together is less than it takes to meet.
    is_alone: bool,
}

impl<'a> Waiting<'a> {
    fn among(count: &'a AtomicUsize) -> Self {
        Self { count, is_alone: count.fetch_add(1, Relaxed) == 0 }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Relaxed);
    }
}

/// Sends what waits, whenever something does.
async fn send(link: Arc<Link>, mut waiting: mpsc::UnboundedReceiver<Read>) {
    while let Some(first) = waiting.recv().await {
        // Whoever can run now may want to come along; where nobody can, this takes no time.
        tokio::task::yield_now().await;
        let mut reads = vec![first];
        while reads.len() < MOST
            && let Ok(next) = waiting.try_recv()
        {
            reads.push(next);
        }
        tokio::spawn(answer(link.clone(), reads));
    }
}

/// Answers `reads` by one command.
async fn answer(link: Arc<Link>, reads: Vec<Read>) {
    let mut places = HashMap::new();
    let mut names = Vec::new();
    for name in reads.iter().flat_map(|read| &read.names) {
        places.entry(name.clone()).or_insert_with(|| {
            names.push(name);
            names.len() - 1
        });
    }
    match ask(&link, &names).await {
        // One name that this user may not read is nobody else's concern.
        Err(StoreError::Denied) if reads.len() > 1 => {
            for read in reads {
                let link = link.clone();
                tokio::spawn(async move {
                    let values = ask(&link, &read.names.iter().collect::<Vec<_>>()).await;
                    let _ = read.answer.send(values);
                });
            }
        }
        values => {
            for Read { names, answer } in reads {
                let of = |values: &Vec<Option<Bytes>>| {
                    names.iter().map(|name| values[places[name]].clone()).collect()
                };
                // Who does not wait any more needs no answer.
                let _ = answer.send(values.as_ref().map(of).map_err(|error| *error));
            }
        }
    }
}

async fn ask(link: &Link, names: &[&Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
    let mut connected = link.connected()?;
    if connected.member.is_some() && names.len() > 1 {
        // One command is for one slot.
        let number = connected.number;
        let apart = Box::pin(batch::get_each(&mut connected, names));
        let values = link.within(number, READ, pin!(apart)).await?;
        return values.into_iter().map(reply::bytes).collect();
    }
    let bytes = names.iter().map(|name| name.len()).sum::<usize>() + 4;
    let mut command = Cmd::with_capacity(1 + names.len(), bytes);
    command.arg(if names.len() == 1 { "GET" } else { "MGET" });
    for name in names {
        command.arg(&name[..]);
    }
    match link.within(connected.number, READ, pin!(connected.send(&command))).await? {
        Value::Array(values) if values.len() == names.len() => values.into_iter().map(reply::bytes).collect(),
        value if names.len() == 1 => Ok(vec![reply::bytes(value)?]),
        _ => Err(StoreError::Other),
    }
}
