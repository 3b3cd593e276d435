//! Entries by what their names look like, found in the store by looking through it.

use super::Engine;
use super::retry::Again;
use crate::error::StoreError;
use crate::key::{BESIDE, Key};
use crate::observe::Invalidation;
use crate::store::Cursor;
use crate::tag::Tag;
use bytes::Bytes;
use std::sync::Arc;

/// Keys and tags in one trip.
const BATCH: usize = 512;

/// What was found and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Swept {
    /// How many keys were found in the store: entries, loads under way, counters.
    pub keys: u64,
    /// What became of the invalidation. Where the store could not be looked through to the end, it is that of the whole namespace.
    pub invalidation: Invalidation,
}

/// Which entries are meant.
pub(crate) struct Meant {
    /// What their names are matched by, without the application's.
    pub(crate) pattern: Vec<u8>,
    /// What those that match begin with besides, as far as they show it.
    pub(crate) prefix: Vec<u8>,
    /// The namespace of all of them, if it is known.
    pub(crate) namespace: Option<String>,
}

/// Is told how many keys were removed so far.
type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

impl Engine {
    /// Removes the entries that are meant, from every tier.
    ///
    /// # Cancel safety
    /// Dropped before its end, some may have been removed.
    pub(crate) async fn sweep(
        self: &Arc<Self>,
        meant: &Meant,
        progress: Progress<'_>,
    ) -> Result<Swept, StoreError> {
        let mut swept = Swept { keys: 0, invalidation: Invalidation::Applied };
        if !self.enabled {
            return Ok(swept);
        }
        let Some(namespace) = &meant.namespace else {
            self.local.invalidate_all();
            let removed = self.remove_of_all(meant, &mut swept.keys, progress).await;
            self.local.invalidate_all();
            return removed.map(|()| swept);
        };
        let tags = self.namespace_tags(namespace);
        self.invalidate_local(&[], &tags);
        // After a restart of the server the namespace falls as a whole: more than was asked for, and few words.
        self.pending.sending(&[], &tags);
        if let Err(error) = self.remove_and_touch(meant, &tags[1..], &mut swept.keys, progress).await {
            tracing::warn!(%error, namespace, "the store cannot be looked through: the whole namespace is cleared");
            swept.invalidation = self.invalidate(&[], &tags).await;
        }
        // Again: covers what this process read while the store was being asked.
        self.invalidate_local(&[], &tags);
        Ok(swept)
    }

    /// Removes everything of the application from the store.
    ///
    /// # Cancel safety
    /// Dropped before its end, some may have been removed.
    pub(crate) async fn clear(self: &Arc<Self>, progress: Progress<'_>) -> Result<Swept, StoreError> {
        let mut swept = Swept { keys: 0, invalidation: Invalidation::Applied };
        if !self.enabled {
            return Ok(swept);
        }
        self.local.invalidate_all();
        // All entries are invalid from here on; what follows makes room.
        self.end(&with_clocks(&self.all_namespaces().await?)).await?;
        let all = Meant { pattern: b"*".to_vec(), prefix: Vec::new(), namespace: None };
        self.remove(&all, &mut swept.keys, progress).await?;
        let pattern = self.tag_pattern(b"*");
        let mut from = Some(Cursor::default());
        while let Some(at) = from {
            let names;
            (names, from) = self.scan(&pattern, at).await?;
            self.end(&self.tags_named(&names)).await?;
        }
        self.local.invalidate_all();
        Ok(swept)
    }

    /// The tags of all namespaces of the application, as far as the store knows them.
    pub(crate) async fn all_namespaces(&self) -> Result<Vec<Tag>, StoreError> {
        let pattern = self.tag_pattern(b"*}:\\*");
        let mut tags = Vec::new();
        let mut from = Some(Cursor::default());
        while let Some(at) = from {
            let names;
            (names, from) = self.scan(&pattern, at).await?;
            tags.extend(self.tags_named(&names));
        }
        Ok(tags)
    }

    /// The same as `remove_and_touch` where any namespace may be meant.
    async fn remove_of_all(
        &self,
        meant: &Meant,
        keys: &mut u64,
        progress: Progress<'_>,
    ) -> Result<(), StoreError> {
        self.pending.sending(&[], &with_clocks(&self.all_namespaces().await?));
        self.remove(meant, keys, progress).await?;
        // Once more: there may be new ones.
        self.touch(&self.all_namespaces().await?).await
    }

    /// Removes what the store has, and lets all processes ask it again for what they have of these namespaces: an entry that was evicted
    /// here may be in memory there.
    async fn remove_and_touch(
        &self,
        meant: &Meant,
        tags: &[Tag],
        keys: &mut u64,
        progress: Progress<'_>,
    ) -> Result<(), StoreError> {
        self.remove(meant, keys, progress).await?;
        self.touch(tags).await
    }

    async fn remove(&self, meant: &Meant, keys: &mut u64, progress: Progress<'_>) -> Result<(), StoreError> {
        let pattern = [self.app_prefix().as_bytes(), &meant.pattern].concat();
        // Loads of bare values first: what they stored is removed with them, and counted once.
        self.remove_standing(&[BESIDE, &pattern, b"}"].concat(), meant, keys, progress).await?;
        self.remove_standing(&pattern, meant, keys, progress).await
    }

    /// Removes the keys of which something stands at a name that `pattern` matches.
    async fn remove_standing(
        &self,
        pattern: &[u8],
        meant: &Meant,
        keys: &mut u64,
        progress: Progress<'_>,
    ) -> Result<(), StoreError> {
        let mut from = Some(Cursor::default());
        while let Some(at) = from {
            let mut names;
            (names, from) = self.scan(pattern, at).await?;
            names.sort_unstable();
            names.dedup();
            let found = names.into_iter().filter_map(|place| Key::standing(&self.app, &place));
            let begins = |key: &Key| {
                let name = key.without_app(&self.app);
                name.is_some_and(|name| crate::key::may_begin_with(name, &meant.prefix))
            };
            let found: Vec<_> = found.filter(begins).collect();
            for batch in found.chunks(BATCH) {
                self.invalidate_local(batch, &[]);
                self.retried(Again::Repeatable, || self.store.invalidate(batch)).await?;
                self.invalidate_local(batch, &[]);
                *keys += batch.len() as u64;
                progress(*keys);
            }
        }
        Ok(())
    }

    async fn touch(&self, tags: &[Tag]) -> Result<(), StoreError> {
        self.retried(Again::Repeatable, || self.store.touch(tags)).await
    }

    /// Ends the generations of `tags`.
    async fn end(&self, tags: &[Tag]) -> Result<(), StoreError> {
        self.pending.sending(&[], tags);
        for batch in tags.chunks(BATCH) {
            self.retried(Again::Repeatable, || self.store.invalidate_tags(batch)).await?;
        }
        Ok(())
    }

    async fn scan(&self, pattern: &[u8], at: Cursor) -> Result<(Vec<Bytes>, Option<Cursor>), StoreError> {
        self.retried(Again::Repeatable, || self.store.scan(pattern, at)).await
    }

    fn tags_named(&self, names: &[Bytes]) -> Vec<Tag> {
        names.iter().filter_map(|name| Tag::standing(&self.app, name)).collect()
    }

    fn tag_pattern(&self, text: &[u8]) -> Vec<u8> {
        [b"cache:tag:{", self.app_prefix().as_bytes(), text].concat()
    }

    /// What the names of the application's entries begin with. Nothing in it means anything in a pattern.
    fn app_prefix(&self) -> String {
        if self.app.is_empty() { String::new() } else { format!("{}:", self.app) }
    }
}

/// What ends when whole namespaces do: each clock before its tag.
pub(crate) fn with_clocks(tags: &[Tag]) -> Vec<Tag> {
    tags.iter().flat_map(|tag| [tag.clock_of(), tag.clone()]).collect()
}
