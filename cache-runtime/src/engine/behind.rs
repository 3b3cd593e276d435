//! Writes that their source does not have yet: a load sees them in its place.

use super::{Answer, Engine, Request};
use crate::frame::Entry;
use crate::site::Site;
use crate::store::{Book, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The journals that loads of this process look into.
#[derive(Default)]
pub(super) struct Journals {
    any: AtomicBool,
    books: RwLock<Vec<Looked>>,
}

#[derive(Clone, PartialEq)]
struct Looked {
    book: Arc<Book>,
    /// The namespace of its entries, where it is known.
    namespace: Option<Arc<str>>,
}

/// What the journals have for a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsaved {
    /// Nothing: the source has it all.
    Nothing,
    /// A write, which is the answer now.
    Answers,
    /// They could not be asked, or what they have could not be read: the source may lack something.
    Unknown,
}

impl Engine {
    /// Lets loads see the writes in `book`, from now on and for good.
    pub(crate) fn look_into(&self, book: Arc<Book>, namespace: Option<Arc<str>>) {
        let looked = Looked { book, namespace };
        let mut books = self.journals.books.write().unwrap_or_else(PoisonError::into_inner);
        if !books.contains(&looked) {
            books.push(looked);
        }
        self.journals.any.store(true, Ordering::Release);
    }

    /// Whether loads of a function have to look into a journal.
    pub(crate) fn has_journals(&self, site: &Site) -> bool {
        self.journals.any.load(Ordering::Acquire) && !self.journals_of(site).is_empty()
    }

    fn journals_of(&self, site: &Site) -> Vec<Arc<Book>> {
        let books = self.journals.books.read().unwrap_or_else(PoisonError::into_inner);
        let of = |looked: &&Looked| looked.namespace.as_deref().is_none_or(|name| name == site.namespace);
        books.iter().filter(of).map(|looked| looked.book.clone()).collect()
    }

    /// Gives `answer` what was written and is not in its source yet. To be asked after the right to load was taken, and before the source.
    pub(crate) async fn unsaved(&self, request: &Request<'_>, answer: &mut dyn Answer) -> Unsaved {
        let Some(journal) = self.store.journal() else { return Unsaved::Nothing };
        let key = self.key_of(request);
        for book in self.journals_of(request.site) {
            let write = match journal.written(&book, &key).await {
                Ok(None) => continue,
                Ok(Some(write)) => Write::parse(&write),
                Err(error) => {
                    self.fault(request.site, error);
                    return Unsaved::Unknown;
                }
            };
            let answers = write.is_some_and(|write| match Entry::parse(&key, &write.frame) {
                Ok(Entry::Value(value)) => answer.decode(&value).is_ok(),
                _ => false,
            });
            if answers {
                return Unsaved::Answers;
            }
            self.counters(request.site).undecodable.fetch_add(1, Ordering::Relaxed);
            return Unsaved::Unknown;
        }
        Unsaved::Nothing
    }
}
