//! Journals over the server: a stream of entries with a group of workers, and the newest write of each entry in a hash.

use super::script::{APPEND, DONE, KEEP, TAKE};
use super::{READ, Redis, WRITE, reply};
use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Book, Journal, StoreFuture, Taken, Token};
use crate::time::millis;
use ::redis::{Value, cmd};
use bytes::Bytes;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What this process knows of itself as a writer.
pub(super) struct Writer {
    token: Token,
    /// The connection that was last asked, and whether its server keeps what has no expiry.
    keeps: Mutex<Option<(u64, bool)>>,
}

impl Default for Writer {
    fn default() -> Self {
        Self { token: Token::random(), keeps: Mutex::new(None) }
    }
}

impl Redis {
    /// The connection's number, if what stands on its server without expiry is never evicted.
    async fn keeping(&self) -> Result<u64, StoreError> {
        let number = self.link.connected()?.number;
        let known = *self.writer.keeps.lock().unwrap_or_else(PoisonError::into_inner);
        let keeps = match known {
            Some((known, keeps)) if known == number => keeps,
            _ => {
                let info = self.command(READ, cmd("INFO").arg("memory")).await?;
                let info: String = ::redis::from_redis_value(info).map_err(|_| StoreError::Other)?;
                let says = |line: &str| info.lines().any(|other| other.starts_with(line));
                let keeps = says("maxmemory:0") || !says("maxmemory_policy:allkeys");
                if !keeps {
                    tracing::error!(
                        "the server may evict what is still to be written: no write is taken behind"
                    );
                }
                *self.writer.keeps.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, keeps));
                keeps
            }
        };
        if keeps { Ok(number) } else { Err(StoreError::Unavailable) }
    }
}

fn queue(book: &Book) -> Vec<u8> {
    format!("{}:queue", book.name()).into()
}

fn writes(book: &Book) -> Vec<u8> {
    format!("{}:writes", book.name()).into()
}

impl Journal for Redis {
    fn append<'a>(
        &'a self,
        book: &'a Book,
        entry: &'a Key,
        write: Bytes,
        most: usize,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let connection = (self.keeping().await? + 1).to_string();
            let process = format!("{}:writer:{:?}", book.name(), self.writer.token);
            let (queue, writes, most) = (queue(book), writes(book), most.to_string());
            let place = entry.place();
            let keys = [&queue[..], &writes, process.as_bytes()];
            let args = [&place[..], &write, connection.as_bytes(), most.as_bytes()];
            match self.script(WRITE, &APPEND, &keys, &args).await? {
                Value::Int(0) => Ok(None),
                // A later write of this process was there before: this one must not come after it.
                Value::Int(-1) => Err(StoreError::Unreachable),
                Value::Int(number) => u64::try_from(number).map(Some).map_err(|_| StoreError::Other),
                _ => Err(StoreError::Other),
            }
        })
    }

    fn written<'a>(&'a self, book: &'a Book, entry: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            let write = self.command(READ, cmd("HGET").arg(writes(book)).arg(&entry.place()[..])).await?;
            reply::bytes(write)?.map(|write| numbered(&write).map(|(_, write)| write)).transpose()
        })
    }

    fn take<'a>(
        &'a self,
        book: &'a Book,
        worker: Token,
        most: usize,
        idle: Duration,
    ) -> StoreFuture<'a, Vec<Taken>> {
        Box::pin(async move {
            let (worker, most, idle) = (format!("{worker:?}"), most.to_string(), millis(idle).to_string());
            let (queue, writes) = (queue(book), writes(book));
            let args = [worker.as_bytes(), most.as_bytes(), idle.as_bytes()];
            let Value::Array(parts) = self.script(WRITE, &TAKE, &[&queue, &writes], &args).await? else {
                return Err(StoreError::Other);
            };
            let parts: Option<Vec<_>> = parts.into_iter().map(|part| reply::bytes(part).ok()?).collect();
            let parts = parts.ok_or(StoreError::Other)?;
            let (places, rest) = parts.as_chunks::<3>();
            let taken = |[place, entry, write]: &[Bytes; 3]| {
                let (number, write) = numbered(write)?;
                Ok(Taken { place: place.clone(), entry: entry.clone(), number, write })
            };
            if rest.is_empty() { places.iter().map(taken).collect() } else { Err(StoreError::Other) }
        })
    }

    fn keep<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, Vec<bool>> {
        Box::pin(async move {
            let (queue, worker) = (queue(book), format!("{worker:?}"));
            let mut args = vec![worker.as_bytes()];
            args.extend(taken.iter().map(|taken| &taken.place[..]));
            match self.script(WRITE, &KEEP, &[&queue], &args).await? {
                Value::Array(mine) => mine.iter().map(reply::yes).collect(),
                _ => Err(StoreError::Other),
            }
        })
    }

    fn done<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let (queue, writes, worker) = (queue(book), writes(book), format!("{worker:?}"));
            let numbers: Vec<_> = taken.iter().map(|taken| taken.number.to_string()).collect();
            let mut args = vec![worker.as_bytes()];
            for (taken, number) in taken.iter().zip(&numbers) {
                args.extend([&taken.place[..], &taken.entry, number.as_bytes()]);
            }
            self.script(WRITE, &DONE, &[&queue, &writes], &args).await.map(drop)
        })
    }

    fn left<'a>(&'a self, book: &'a Book) -> StoreFuture<'a, usize> {
        Box::pin(async move {
            match self.command(READ, cmd("HLEN").arg(writes(book))).await? {
                // One is the number.
                Value::Int(len) => Ok(usize::try_from(len).unwrap_or(0).saturating_sub(1)),
                _ => Err(StoreError::Other),
            }
        })
    }
}

/// A write as it stands in the hash: its number, and the rest.
fn numbered(write: &Bytes) -> Result<(u64, Bytes), StoreError> {
    let (number, _) = write.split_first_chunk().ok_or(StoreError::ForeignType)?;
    Ok((u64::from_le_bytes(*number), write.slice(8..)))
}
