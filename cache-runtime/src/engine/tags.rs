//! The tags of a lookup: which there are, which generations they have, and whether a value still has them.

use super::{Engine, Request};
use crate::error::StoreError;
use crate::frame::{Tags, Value};
use crate::key::Key;
use crate::local::Ticket;
use crate::policy::Level;
use crate::tag::{Generation, Tag};
use std::time::Duration;

/// What a call's entry depends on, as far as its arguments tell.
pub(super) struct Marks {
    pub(super) key: Key,
    /// The tag of the namespace, then those of the arguments.
    pub(super) tags: Vec<Tag>,
    /// The namespace's clock, where a value brings tags of its own.
    pub(super) clock: Option<Tag>,
    /// The hashes of all of these.
    pub(super) hashes: Vec<u64>,
}

/// Generations before a load.
pub(super) struct Captured {
    pub(super) tags: Vec<(Tag, Generation)>,
    clock: Option<(Tag, Generation)>,
    /// A tag of the value may have been invalidated during the load.
    overtaken: bool,
}

impl Captured {
    /// What must still be so for others to take the value; `None` when that can no longer be told.
    pub(super) fn certificate(self) -> Option<Box<[(Tag, Generation)]>> {
        // Where the value's own tags were not looked at, the clock stands for them.
        (!self.overtaken).then(|| self.tags.into_iter().chain(self.clock).collect())
    }
}

impl Engine {
    pub(super) fn marks(&self, request: &Request<'_>) -> Marks {
        let namespace = request.namespace;
        let key = self.key_of(request);
        let mut tags = vec![Tag::namespace(&self.app, namespace)];
        tags.extend(request.tags.iter().map(|text| Tag::new(&self.app, namespace, text)));
        let clock = request.tags_with.then(|| Tag::clock(&self.app, namespace));
        let hashes = [key.hash].into_iter().chain(tags.iter().chain(&clock).map(Tag::hash)).collect();
        Marks { key, tags, clock, hashes }
    }

    pub(super) fn ticket(&self, marks: &Marks) -> Ticket {
        self.local.ticket(&marks.hashes)
    }

    /// The generations that `tags` have now, or at this level may still be taken to have.
    pub(super) async fn generations(
        &self,
        level: Level,
        tags: &[Tag],
    ) -> Result<Vec<Option<Generation>>, StoreError> {
        if let Some(known) = self.known_generations(level, tags) {
            return Ok(known);
        }
        let asked = async { Ok(((), self.store.generations(tags).await?)) };
        self.asked_generations(level, tags, asked).await.map(|((), generations)| generations)
    }

    /// The generations that at this level need not be asked for.
    pub(super) fn known_generations(&self, level: Level, tags: &[Tag]) -> Option<Vec<Option<Generation>>> {
        (level == Level::Coherent)
            .then(|| tags.iter().map(|tag| self.local.generation(tag).map(Some)).collect())
            .flatten()
    }

    /// Remembers the generations of `tags` that `asked` brings, at the level that takes them as they are known.
    pub(super) async fn asked_generations<T>(
        &self,
        level: Level,
        tags: &[Tag],
        asked: impl Future<Output = Result<(T, Vec<Option<Generation>>), StoreError>>,
    ) -> Result<(T, Vec<Option<Generation>>), StoreError> {
        if level != Level::Coherent {
            return asked.await;
        }
        let tickets: Vec<_> = tags.iter().map(|tag| self.local.ticket(&[tag.hash()])).collect();
        let (beside, generations) = asked.await?;
        for ((tag, ticket), generation) in tags.iter().zip(tickets).zip(&generations) {
            if let Some(generation) = generation {
                self.local.learn(tag, ticket, *generation);
            }
        }
        Ok((beside, generations))
    }

    /// Whether every tag of `value` has the generation it had before its load. `found` are those of `marks`, where they were asked.
    pub(super) async fn is_current(
        &self,
        level: Level,
        marks: &Marks,
        found: Option<Vec<Option<Generation>>>,
        value: &Value<'_>,
    ) -> Result<bool, StoreError> {
        if value.is_foreign() {
            return Ok(true);
        }
        let found = match found {
            Some(found) => found,
            None => self.generations(level, &marks.tags).await?,
        };
        let stored = |tag: &Tag| value.tags.iter().find(|(text, _)| *text == tag.text());
        let current = |(tag, now): (&Tag, &Option<Generation>)| {
            now.is_some_and(|now| stored(tag).is_some_and(|(_, then)| then == now))
        };
        if !marks.tags.iter().zip(&found).all(current) {
            return Ok(false);
        }
        self.are_current(level, &Self::tags_beyond(marks, value.tags)).await
    }

    /// Whether `tags` still have these generations.
    pub(super) async fn are_current(
        &self,
        level: Level,
        tags: &[(Tag, Generation)],
    ) -> Result<bool, StoreError> {
        if tags.is_empty() {
            return Ok(true);
        }
        let (tags, then): (Vec<_>, Vec<_>) = tags.iter().cloned().unzip();
        let now = self.generations(level, &tags).await?;
        Ok(now.into_iter().eq(then.into_iter().map(Some)))
    }

    /// The tags of a frame that the arguments do not tell.
    fn tags_beyond(marks: &Marks, tags: Tags<'_>) -> Vec<(Tag, Generation)> {
        let beyond = |text: &[u8]| !marks.tags.iter().any(|tag| tag.text() == text);
        tags.iter()
            .filter(|(text, _)| beyond(text))
            .map(|(text, generation)| (marks.tags[0].sibling(text), generation))
            .collect()
    }

    /// All tags of a frame.
    pub(super) fn tags_of(marks: &Marks, tags: Tags<'_>) -> Box<[(Tag, Generation)]> {
        tags.iter().map(|(text, generation)| (marks.tags[0].sibling(text), generation)).collect()
    }

    /// The generations that a load is going to depend on: to be asked before it begins.
    pub(super) async fn capture(&self, request: &Request<'_>, marks: &Marks) -> Result<Captured, StoreError> {
        // One that has ended meanwhile makes the entry invalid, and no more; the clock has to be the store's.
        if request.site.level == Level::Coherent && marks.clock.is_none() {
            let known = |tag: &Tag| Some((tag.clone(), self.local.generation(tag)?));
            if let Some(tags) = marks.tags.iter().map(known).collect() {
                return Ok(Captured { tags, clock: None, overtaken: false });
            }
        }
        self.store_capture(request, marks).await
    }

    /// The same, always from the store.
    pub(super) async fn store_capture(
        &self,
        request: &Request<'_>,
        marks: &Marks,
    ) -> Result<Captured, StoreError> {
        let tags: Vec<_> = marks.tags.iter().chain(&marks.clock).cloned().collect();
        let generations = self.store.capture(&tags, request.tag_ttl).await?;
        let mut tags: Vec<_> = tags.into_iter().zip(generations).collect();
        let clock = marks.clock.is_some().then(|| tags.pop()).flatten();
        Ok(Captured { tags, clock, overtaken: false })
    }

    /// Adds the tags that a loaded value brings; `false` when one of them may have been invalidated during the load.
    pub(super) async fn capture_later(
        &self,
        ttl: Option<Duration>,
        captured: &mut Captured,
        texts: &[bytes::Bytes],
    ) -> Result<bool, StoreError> {
        let Some((clock, then)) = captured.clock.take() else { return Ok(texts.is_empty()) };
        let mut tags = vec![clock];
        for text in texts {
            let tag = captured.tags[0].0.sibling(text);
            if !tags.contains(&tag) && !captured.tags.iter().any(|(known, _)| *known == tag) {
                tags.push(tag);
            }
        }
        captured.overtaken = true;
        let generations = self.store.capture(&tags, ttl).await?;
        let unchanged = generations.first() == Some(&then);
        captured.overtaken = !unchanged;
        captured.tags.extend(tags.into_iter().zip(generations).skip(1));
        Ok(unchanged)
    }

    /// Lets the generations of a value's tags live as long as the value; tells whether they are still those it has.
    pub(super) async fn prolong_tags(
        &self,
        marks: &Marks,
        tags: Tags<'_>,
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let (tags, then): (Vec<_>, Vec<_>) = Self::tags_of(marks, tags).into_iter().unzip();
        Ok(self.store.capture(&tags, ttl).await? == then)
    }
}
