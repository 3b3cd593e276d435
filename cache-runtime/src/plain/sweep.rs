//! Entries by what their names look like.

use super::key::{literal, namespace_of};
use crate::cache::Cache;
use crate::context;
use crate::engine::{Meant, Swept, with_clocks};
use crate::error::StoreError;
use crate::key::{KeyBuf, KeyWriter, READABLE};
use crate::scope::Targets;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

/// What means something in a pattern.
const SPECIAL: &[u8] = b"*?[\\";

impl Cache {
    /// Removes every entry and counter whose name (without the application's) begins with `prefix`: `"tasks:v1:by_owner:7:"`. It runs
    /// when it is awaited.
    ///
    /// What means something in a pattern stands for itself here. The store is looked through in steps (`SCAN`), which costs time in
    /// proportion to all that it holds: a tag is the better way where one can be foreseen.
    ///
    /// Loads under way and the in-process tiers of all processes obey, as with any invalidation. Where the store cannot be looked
    /// through, or in a scope, the whole namespace falls instead: queued, or after the commit. A prefix without a `:` may mean any
    /// namespace, and is an error then.
    ///
    /// # Errors
    /// If `prefix` begins with what is no namespace; if it may mean any, and the store cannot be asked, or the cache has no application's
    /// name.
    ///
    /// # Cancel safety
    /// Dropped before its end, some entries may have been removed.
    ///
    /// # Examples
    /// ```
    /// # use cache_runtime::{Cache, Policy};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), cache_runtime::StoreError> {
    /// let cache = Cache::in_process();
    /// cache.set("drafts:7:title", &1, Policy::SHORT).await?;
    /// cache.set("drafts:70:title", &1, Policy::SHORT).await?;
    /// assert_eq!(cache.invalidate_prefix("drafts:7:").await?.keys, 1);
    /// # Ok(()) }
    /// ```
    pub fn invalidate_prefix(&self, prefix: impl Into<String>) -> Sweep<'_> {
        Sweep::new(self, Names::Prefix(prefix.into()))
    }

    /// Removes every entry and counter whose whole name (without the application's) `pattern` is of: `"tasks:*:by_owner:*"`. It runs when
    /// it is awaited.
    ///
    /// `*` stands for any text, `?` for any byte, `[a-z]` and `[^a-z]` for one of a set; `\` takes from the next its meaning, and
    /// [`escape_pattern`] from all of a text. Everything else is as with [`invalidate_prefix`](Self::invalidate_prefix); the namespace is
    /// known if nothing before the first `:` means something.
    ///
    /// # Errors
    /// As with [`invalidate_prefix`](Self::invalidate_prefix).
    ///
    /// # Cancel safety
    /// Dropped before its end, some entries may have been removed.
    ///
    /// # Examples
    /// ```
    /// # use cache_runtime::{Cache, Policy, escape_pattern};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), cache_runtime::StoreError> {
    /// # let cache = Cache::in_process();
    /// # let name = "*";
    /// let pattern = format!("drafts:*:{}", escape_pattern(name));
    /// let swept = cache.invalidate_pattern(pattern).on_progress(|keys| println!("{keys} so far")).await?;
    /// # assert_eq!(swept.keys, 0);
    /// # Ok(()) }
    /// ```
    pub fn invalidate_pattern(&self, pattern: impl Into<String>) -> Sweep<'_> {
        Sweep::new(self, Names::Pattern(pattern.into()))
    }

    /// Removes everything of this application from the store: entries, loads under way, counters, tags. It runs when it is awaited.
    ///
    /// What belongs to other applications, or to nobody, stays. In a scope, all its namespaces fall after the commit.
    ///
    /// # Errors
    /// If the cache has no application's name (what would be everything then is not only its own); if the store cannot be asked.
    ///
    /// # Cancel safety
    /// Dropped before its end, some entries may have been removed.
    pub fn clear(&self) -> Sweep<'_> {
        Sweep::new(self, Names::All)
    }
}

/// `text` as it has to stand in a pattern to mean itself.
#[must_use]
pub fn escape_pattern(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if SPECIAL.iter().any(|special| char::from(*special) == character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A removal of entries by their names, which runs when it is awaited.
#[must_use = "nothing is removed until it is awaited"]
pub struct Sweep<'c> {
    cache: &'c Cache,
    names: Names,
    progress: Box<dyn FnMut(u64) + Send + 'c>,
}

/// Which.
#[derive(Debug)]
enum Names {
    Prefix(String),
    Pattern(String),
    All,
}

impl<'c> Sweep<'c> {
    fn new(cache: &'c Cache, names: Names) -> Self {
        Self { cache, names, progress: Box::new(|_| {}) }
    }

    /// Tells `progress` how many keys were removed so far, every few hundred of them.
    pub fn on_progress(self, progress: impl FnMut(u64) + Send + 'c) -> Self {
        Self { progress: Box::new(progress), ..self }
    }

    async fn run(mut self) -> Result<Swept, StoreError> {
        let meant = match &self.names {
            Names::Prefix(prefix) => Some(beginning_with(prefix)?),
            Names::Pattern(pattern) => Some(matching(pattern)?),
            Names::All => None,
        };
        let Self { cache, progress, .. } = &mut self;
        let namespace = meant.as_ref().and_then(|meant| meant.namespace.as_deref());
        let engine = &cache.engine;
        if namespace.is_none() && engine.app.is_empty() {
            return Err(StoreError::NoApplication);
        }
        if context::scope().is_some() {
            let tags = match namespace {
                Some(namespace) => engine.namespace_tags(namespace).into(),
                None => with_clocks(&cache.checked(engine.all_namespaces().await)?),
            };
            let invalidation = Targets { cache: cache.clone(), keys: Vec::new(), tags }.invalidate().await;
            return Ok(Swept { keys: 0, invalidation });
        }
        let swept = match &meant {
            Some(meant) => engine.sweep(meant, progress).await,
            None => engine.clear(progress).await,
        };
        let swept = cache.checked(swept)?;
        context::report_invalidation(swept.invalidation);
        Ok(swept)
    }
}

impl<'c> IntoFuture for Sweep<'c> {
    type Output = Result<Swept, StoreError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'c>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl std::fmt::Debug for Sweep<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sweep").field(&self.names).finish_non_exhaustive()
    }
}

/// The names that begin with `prefix`, which is written as the text of a name is.
fn beginning_with(prefix: &str) -> Result<Meant, StoreError> {
    let mut written = KeyBuf::new();
    literal(prefix, &mut KeyWriter::new(&mut written));
    let prefix = written.written().to_vec();
    // A shortened name shows no more than this.
    let mut pattern = Vec::new();
    for &byte in &prefix[..prefix.len().min(READABLE)] {
        if SPECIAL.contains(&byte) {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern.push(b'*');
    let namespace = namespace_before_colon(&prefix, &[])?;
    Ok(Meant { pattern, prefix, namespace })
}

/// The names that `pattern` is of.
fn matching(pattern: &str) -> Result<Meant, StoreError> {
    let namespace = namespace_before_colon(pattern.as_bytes(), SPECIAL)?;
    Ok(Meant { pattern: pattern.into(), prefix: Vec::new(), namespace })
}

/// The namespace that stands before the first `:`, if one does and nothing in it is one of `special`.
fn namespace_before_colon(text: &[u8], special: &[u8]) -> Result<Option<String>, StoreError> {
    let Some(at) = text.iter().position(|&byte| byte == b':') else { return Ok(None) };
    if text[..at].iter().any(|byte| special.contains(byte)) {
        return Ok(None);
    }
    namespace_of(&text[..at]).map(|namespace| Some(namespace.to_owned())).ok_or(StoreError::IllegalKey)
}
