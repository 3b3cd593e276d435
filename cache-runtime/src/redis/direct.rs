//! Plain operations on one key.

use super::script::{INCREMENT, REPLACE, SET, TOUCH, ttl_argument};
use super::{READ, Redis, WRITE, reply};
use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Cursor, Direct, Lifetime, Scanned, StoreFuture, Token, integer};
use crate::tag::Tag;
use ::redis::{Pipeline, Value, cmd};
use bytes::Bytes;
use std::pin::pin;
use std::time::Duration;

/// Bytes that tell whether a text is an integer: one more than the longest has.
const INTEGER: isize = 21;
/// Names that one step of a scan looks at.
const STEP: u32 = 1_000;

impl Direct for Redis {
    fn is_up(&self) -> bool {
        self.link.number().is_some()
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Bytes, ttl: Option<Duration>) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let ttl = ttl_argument(ttl);
            let names = [key.name(), &key.fence()];
            reply::yes(&self.script(WRITE, &SET, &names, &[&entry, ttl.as_bytes()]).await?)
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let ttl = ttl_argument(ttl);
            let args = [&seen.as_bytes()[..], &entry, ttl.as_bytes()];
            reply::yes(&self.script(WRITE, &REPLACE, &[key.name(), &key.fence()], &args).await?)
        })
    }

    fn increment<'a>(&'a self, key: &'a Key, by: i64, ttl: Option<Duration>) -> StoreFuture<'a, i64> {
        Box::pin(async move {
            let (by, ttl) = (by.to_string(), ttl_argument(ttl));
            let args = [by.as_bytes(), ttl.as_bytes()];
            let sum = reply::bytes(self.script(WRITE, &INCREMENT, &[key.name()], &args).await?)?;
            sum.and_then(|sum| integer(&sum)).ok_or(StoreError::Other)
        })
    }

    fn count<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<(i64, Lifetime)>> {
        Box::pin(async move {
            let mut connected = self.link.connected()?;
            let mut pipeline = Pipeline::with_capacity(2);
            pipeline.cmd("GETRANGE").arg(key.name()).arg(0).arg(INTEGER - 1);
            pipeline.cmd("PTTL").arg(key.name());
            let number = connected.number;
            let asked = connected.send_all(&pipeline);
            let [digits, left] = <[Value; 2]>::try_from(self.link.within(number, READ, pin!(asked)).await?)
                .map_err(|_| StoreError::Other)?;
            let digits = reply::bytes(digits)?.unwrap_or_default();
            let left = match left {
                Value::Int(-1) => Lifetime::Unbounded,
                Value::Int(ms) => match u64::try_from(ms) {
                    Ok(ms) => Lifetime::Left(Duration::from_millis(ms)),
                    Err(_) => return Ok(None),
                },
                _ => return Err(StoreError::Other),
            };
            Ok(Some((integer(&digits).ok_or(StoreError::NotAnInteger)?, left)))
        })
    }

    fn scan<'a>(&'a self, pattern: &'a [u8], from: Cursor) -> StoreFuture<'a, Scanned> {
        Box::pin(async move {
            let mut scan = cmd("SCAN");
            scan.arg(from.at).arg("MATCH").arg(pattern).arg("COUNT").arg(STEP);
            let reply = self.command(WRITE, &scan).await?;
            let scanned = ::redis::from_redis_value::<(u64, Vec<Vec<u8>>)>(reply);
            let (at, names) = scanned.map_err(|_| StoreError::Other)?;
            let next = (at != 0).then_some(Cursor { at, ..from });
            Ok((names.into_iter().map(Bytes::from).collect(), next))
        })
    }

    fn touch<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            for tag in tags {
                self.script(WRITE, &TOUCH, &[tag.name()], &[]).await?;
            }
            Ok(())
        })
    }
}
