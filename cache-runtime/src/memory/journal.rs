//! Journals within the process.

use crate::key::Key;
use crate::store::{Book, Journal, StoreFuture, Taken, Token};
use crate::time::{Instant, wall_ms};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The journals of one [`Memory`](super::Memory).
#[derive(Default)]
pub(super) struct Books(Mutex<HashMap<String, Pages>>);

#[derive(Default)]
struct Pages {
    last: u64,
    last_place: u64,
    newest: HashMap<Bytes, (u64, Bytes)>,
    waiting: VecDeque<Bytes>,
    taken: BTreeMap<u64, Place>,
}

struct Place {
    entry: Bytes,
    worker: Token,
    seen: Instant,
}

impl Books {
    fn at<T>(&self, book: &Book, operation: impl FnOnce(&mut Pages) -> T) -> T {
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        operation(books.entry(book.name().to_owned()).or_default())
    }
}

impl Pages {
    /// The place, if it is the worker's.
    fn of(&mut self, worker: Token, taken: &Taken) -> Option<(u64, &mut Place)> {
        let place = u64::from_le_bytes(taken.place[..].try_into().ok()?);
        Some(place).zip(self.taken.get_mut(&place).filter(|place| place.worker == worker))
    }

    fn give(&mut self, place: u64, entry: Bytes, worker: Token) -> Option<Taken> {
        let (number, write) = self.newest.get(&entry)?.clone();
        self.taken.insert(place, Place { entry: entry.clone(), worker, seen: Instant::now() });
        Some(Taken { place: Bytes::copy_from_slice(&place.to_le_bytes()), entry, number, write })
    }
}

impl Journal for Books {
    fn append<'a>(
        &'a self,
        book: &'a Book,
        entry: &'a Key,
        write: Bytes,
        most: usize,
    ) -> StoreFuture<'a, Option<u64>> {
        super::at_once(move || {
            self.at(book, |pages| {
                let name = entry.place();
                if !pages.newest.contains_key(&name) {
                    if pages.newest.len() >= most {
                        return None;
                    }
                    pages.waiting.push_back(name.clone());
                }
                pages.last = wall_ms().saturating_mul(1_000).max(pages.last + 1);
                pages.newest.insert(name, (pages.last, write));
                Some(pages.last)
            })
        })
    }

    fn written<'a>(&'a self, book: &'a Book, entry: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        super::at_once(move || {
            self.at(book, |pages| pages.newest.get(&entry.place()).map(|(_, write)| write.clone()))
        })
    }

    fn take<'a>(
        &'a self,
        book: &'a Book,
        worker: Token,
        most: usize,
        idle: Duration,
    ) -> StoreFuture<'a, Vec<Taken>> {
        super::at_once(move || {
            self.at(book, |pages| {
                let left = pages.taken.iter().filter(|(_, place)| place.seen.elapsed() >= idle);
                let left: Vec<_> = left.take(most).map(|(at, place)| (*at, place.entry.clone())).collect();
                let mut taken: Vec<_> =
                    left.into_iter().filter_map(|(at, entry)| pages.give(at, entry, worker)).collect();
                while taken.len() < most
                    && let Some(entry) = pages.waiting.pop_front()
                {
                    pages.last_place += 1;
                    taken.extend(pages.give(pages.last_place, entry, worker));
                }
                taken
            })
        })
    }

    fn keep<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, Vec<bool>> {
        super::at_once(move || {
            self.at(book, |pages| {
                let mut keep = |taken: &Taken| {
                    let mine = pages.of(worker, taken);
                    mine.map(|(_, place)| place.seen = Instant::now()).is_some()
                };
                taken.iter().map(&mut keep).collect()
            })
        })
    }

    fn done<'a>(&'a self, book: &'a Book, worker: Token, taken: &'a [Taken]) -> StoreFuture<'a, ()> {
        super::at_once(move || {
            self.at(book, |pages| {
                for taken in taken {
                    let Some((place, _)) = pages.of(worker, taken) else { continue };
                    pages.taken.remove(&place);
                    if pages.newest.get(&taken.entry).is_some_and(|(number, _)| *number == taken.number) {
                        pages.newest.remove(&taken.entry);
                    } else {
                        pages.waiting.push_back(taken.entry.clone());
                    }
                }
            });
        })
    }

    fn left<'a>(&'a self, book: &'a Book) -> StoreFuture<'a, usize> {
        super::at_once(move || self.at(book, |pages| pages.newest.len()))
    }
}
