//! Tags: names that many entries carry, so that all of them can be made untrue at once.
//!
//! Each tag has a *generation*: random bytes in a key of their own. An entry keeps the generations that its tags had before it
//! was loaded, and is valid as long as they are the same. Invalidating a tag deletes its generation.

use crate::key::{KeyBuf, KeyWriter, without_app};
use bytes::Bytes;
use xxhash_rust::xxh3;

/// The text of the tag that every entry of a namespace carries.
const NAMESPACE: &str = "*";
/// The text of the tag that changes with every other of a namespace, except [`NAMESPACE`].
const CLOCK: &str = "@";

/// The generation of a tag.
pub type Generation = [u8; 8];

/// A generation that never was before.
pub(crate) fn fresh() -> Generation {
    let mut generation = Generation::default();
    getrandom::fill(&mut generation).expect("the operating system gives random bytes");
    generation
}

/// A tag of one namespace of one application, by the key of its generation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    name: Bytes,
    /// Where the namespace begins in the name, and where the text.
    own_at: usize,
    text_at: usize,
    hash: u64,
    clock_hash: u64,
}

impl Tag {
    /// The tag `text` (as parts of keys are escaped) of a namespace.
    pub(crate) fn new(app: &str, namespace: &str, text: &[u8]) -> Self {
        let most = app.len() + namespace.len() + text.len().max(CLOCK.len());
        let mut name = Vec::with_capacity(most + b"cache:tag:{:}:".len());
        name.extend_from_slice(b"cache:tag:{");
        if !app.is_empty() {
            name.extend_from_slice(app.as_bytes());
            name.push(b':');
        }
        let own_at = name.len();
        name.extend_from_slice(namespace.as_bytes());
        name.extend_from_slice(b"}:");
        let text_at = name.len();
        name.extend_from_slice(CLOCK.as_bytes());
        let clock_hash = xxh3::xxh3_64(&name[own_at..]);
        name.truncate(text_at);
        name.extend_from_slice(text);
        Self { hash: xxh3::xxh3_64(&name[own_at..]), clock_hash, own_at, text_at, name: name.into() }
    }

    /// The tag whose generation stands in the store under `name`, if that is the application's.
    pub(crate) fn standing(app: &str, name: &[u8]) -> Option<Self> {
        let own = without_app(app, name.strip_prefix(b"cache:tag:{")?)?;
        let at = own.windows(2).position(|bytes| bytes == b"}:")?;
        Some(Self::new(app, std::str::from_utf8(&own[..at]).ok()?, &own[at + 2..]))
    }

    /// The tag of all entries of a namespace.
    pub(crate) fn namespace(app: &str, namespace: &str) -> Self {
        Self::new(app, namespace, NAMESPACE.as_bytes())
    }

    /// The tag that falls with any tag of a namespace.
    pub(crate) fn clock(app: &str, namespace: &str) -> Self {
        Self::new(app, namespace, CLOCK.as_bytes())
    }

    /// Another tag of the same namespace.
    pub(crate) fn sibling(&self, text: &[u8]) -> Self {
        let name = Bytes::from([&self.name[..self.text_at], text].concat());
        let hash = xxh3::xxh3_64(&name[self.own_at..]);
        Self { name, hash, ..*self }
    }

    /// The key of the generation in the store.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The tag without its namespace.
    pub(crate) fn text(&self) -> &[u8] {
        &self.name[self.text_at..]
    }

    /// The namespace's clock.
    pub(crate) fn clock_of(&self) -> Self {
        self.sibling(CLOCK.as_bytes())
    }

    pub(crate) fn namespace_text(&self) -> &[u8] {
        &self.name[self.own_at..self.text_at - 2]
    }

    /// The hash of its stamp, as [`hashes_of`] gives it for the name that is pushed.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The hash of its namespace's clock.
    pub(crate) fn clock_hash(&self) -> u64 {
        self.clock_hash
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.name
    }
}

/// The hashes of the clock and of the tag itself, for a name without `cache:tag:{` and the application.
pub(crate) fn hashes_of(name: &[u8]) -> Option<[u64; 2]> {
    let text_at = name.windows(2).position(|bytes| bytes == b"}:")? + 2;
    let clock = [&name[..text_at], CLOCK.as_bytes()].concat();
    Some([xxh3::xxh3_64(&clock), xxh3::xxh3_64(name)])
}

/// Writes the tags of one value.
pub struct TagWriter<'a>(pub(crate) &'a mut Vec<Bytes>);

impl TagWriter<'_> {
    /// Writes one tag.
    pub fn tag(&mut self, write: impl FnOnce(&mut KeyWriter<'_>)) {
        self.0.push(text(write));
    }
}

/// A tag's text as it is written, shortened when it is long.
pub(crate) fn text(write: impl FnOnce(&mut KeyWriter<'_>)) -> Bytes {
    let mut buf = KeyBuf::new();
    write(&mut KeyWriter::new(&mut buf));
    buf.finish();
    Bytes::copy_from_slice(buf.name())
}
