//! Journals: all keys of a book are in one slot.

use super::RedisCluster;
use crate::key::Key;
use crate::store::{Book, Journal, StoreFuture, Taken, Token};
use bytes::Bytes;
use std::time::Duration;

impl Journal for RedisCluster {
    fn append<'a>(
        &'a self,
        book: &'a Book,
        entry: &'a Key,
        write: Bytes,
        most: usize,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move { self.of_book(book)?.store.append(book, entry, write, most).await })
    }

    fn written<'a>(&'a self, book: &'a Book, entry: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(async move { self.of_book(book)?.store.written(book, entry).await })
    }

    fn take<'a>(
        &'a self,
        book: &'a Book,
        worker: Token,
        most: usize,
        idle: Duration,
    ) -> StoreFuture<'a, Vec<Taken>> {
        Box::pin(async move { self.of_book(book)?.store.take(book, worker, most, idle).await })
    }

    fn keep<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, Vec<bool>> {
        Box::pin(async move { self.of_book(book)?.store.keep(book, worker, taken).await })
    }

    fn done<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.of_book(book)?.store.done(book, worker, taken).await })
    }

    fn left<'a>(&'a self, book: &'a Book) -> StoreFuture<'a, usize> {
        Box::pin(async move { self.of_book(book)?.store.left(book).await })
    }
}
