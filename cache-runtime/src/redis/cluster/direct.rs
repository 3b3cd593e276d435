//! Plain operations, each on the master that has its key.

use super::RedisCluster;
use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Cursor, Direct, Lifetime, Scanned, StoreFuture, Token};
use crate::tag::Tag;
use bytes::Bytes;
use std::time::Duration;

/// Masters that one scan can tell apart; beyond them, how often the cluster had changed when it began.
const MASTERS: usize = 1 << 16;

impl Direct for RedisCluster {
    /// One master that is up is enough to doubt that nothing was sent.
    fn is_up(&self) -> bool {
        self.nodes.all().iter().any(|node| node.store.is_up())
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Bytes, ttl: Option<Duration>) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.nodes.of(key.name())?.store.set(key, entry, ttl).await })
    }

    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: Token,
        entry: Bytes,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.nodes.of(key.name())?.store.replace(key, seen, entry, ttl).await })
    }

    fn increment<'a>(&'a self, key: &'a Key, by: i64, ttl: Option<Duration>) -> StoreFuture<'a, i64> {
        Box::pin(async move { self.nodes.of(key.name())?.store.increment(key, by, ttl).await })
    }

    fn count<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<(i64, Lifetime)>> {
        Box::pin(async move { self.nodes.of(key.name())?.store.count(key).await })
    }

    /// One master after the other. When the cluster has changed meanwhile, slots may have moved past the scan: it begins anew.
    fn scan<'a>(&'a self, pattern: &'a [u8], from: Cursor) -> StoreFuture<'a, Scanned> {
        Box::pin(async move {
            let (changes, nodes) = self.nodes.numbered();
            let from = if from.part / MASTERS == changes { from } else { Cursor::default() };
            let at = from.part % MASTERS;
            let node = nodes.get(at).ok_or(StoreError::Unreachable)?;
            let (names, next) = node.store.scan(pattern, Cursor { part: 0, at: from.at }).await?;
            let next = match next {
                Some(next) => Some((at, next.at)),
                None => Some((at + 1, 0)).filter(|(at, _)| *at < nodes.len()),
            };
            Ok((names, next.map(|(part, at)| Cursor { part: changes * MASTERS + part, at })))
        })
    }

    fn touch<'a>(&'a self, tags: &'a [Tag]) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.by_node(tags, Tag::name, |node, tags| node.touch(tags)).await.map(drop) })
    }
}
