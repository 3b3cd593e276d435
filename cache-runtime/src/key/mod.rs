//! Keys: what an entry is called, injective in the arguments it was made from.

mod args;
mod buf;
mod part;
mod writer;

pub use self::part::KeyPart;
pub use self::writer::KeyWriter;

pub(crate) use self::args::Args;
pub use self::args::Parts;
#[cfg(any(test, feature = "http"))]
pub(crate) use self::args::Written;
pub(crate) use self::buf::{KeyBuf, READABLE, may_begin_with};

use bytes::Bytes;
use xxhash_rust::xxh3;

/// What stands beside a bare value is called so, and then by the key in braces.
pub(crate) const BESIDE: &[u8] = b"cache:meta:{";

/// The owned name of one entry in a store: `[app:]ns:vN:KEY`.
///
/// Contains no brace, so that a cluster hashes the whole of it and `cache:fence:{name}` falls in the same slot.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub(crate) name: Bytes,
    full: Option<Bytes>,
    bare: bool,
    pub(crate) hash: u64,
}

impl Key {
    /// The key with the text `name`, as it stands in the store.
    #[must_use]
    pub fn new(name: impl Into<Vec<u8>>) -> Self {
        let name = Bytes::from(name.into());
        Self { hash: xxh3::xxh3_64(&name), full: None, bare: false, name }
    }

    pub(crate) fn of(app: &str, buf: &KeyBuf) -> Self {
        let prefixed = |text: &[u8]| {
            let mut name = Vec::with_capacity(app.len() + 1 + text.len());
            if !app.is_empty() {
                name.extend_from_slice(app.as_bytes());
                name.push(b':');
            }
            name.extend_from_slice(text);
            Bytes::from(name)
        };
        Self { name: prefixed(buf.name()), full: buf.full().map(prefixed), bare: false, hash: buf.hash() }
    }

    /// The same key, whose value stands bare in the store: other programs read and write it (`layout = "plain"`).
    #[must_use]
    pub fn bare(self) -> Self {
        Self { bare: true, ..self }
    }

    /// Whether the value stands bare in the store.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// The key of which something stands at `place` in the store, if that is the application's.
    pub(crate) fn standing(app: &str, place: &Bytes) -> Option<Self> {
        let key = Self::placed(app, place);
        key.without_app(app).is_some().then_some(key)
    }

    /// The key with this [`place`](Self::place), of the application `app`.
    pub(crate) fn placed(app: &str, place: &Bytes) -> Self {
        let inside = place.strip_prefix(BESIDE).and_then(|inside| inside.strip_suffix(b"}"));
        let (name, bare) = inside.map_or((place.clone(), false), |inside| (place.slice_ref(inside), true));
        Self { hash: xxh3::xxh3_64(without_app(app, &name).unwrap_or(&name)), full: None, bare, name }
    }

    /// The bytes of the key in the store.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    #[cfg(feature = "redis")]
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.name
    }

    /// Where the frame, the lease or the hold stands: at the key, or beside it where the value stands bare.
    pub(crate) fn place(&self) -> Bytes {
        self.beside().unwrap_or_else(|| self.name.clone())
    }

    /// The same where the value stands bare.
    pub(crate) fn beside(&self) -> Option<Bytes> {
        self.bare.then(|| [BESIDE, self.name(), b"}"].concat().into())
    }

    /// The whole key, where the name had to be shortened.
    #[must_use]
    pub fn full(&self) -> Option<&[u8]> {
        self.full.as_deref()
    }

    /// The key that announces an invalidation of this one: there for that moment, or, if the connection is cut then, until the next.
    #[must_use]
    pub fn fence(&self) -> Vec<u8> {
        [b"cache:fence:{", self.name(), b"}"].concat()
    }

    /// The name without the application's, if it is that application's.
    pub(crate) fn without_app(&self, app: &str) -> Option<&[u8]> {
        without_app(app, &self.name)
    }

    /// What a frame's checksum is seeded with: the hash of the whole key.
    pub(crate) fn seed(&self) -> u64 {
        xxh3::xxh3_64(self.full().unwrap_or(self.name()))
    }
}

/// What `name` is without the application's prefix, if it has it.
pub(crate) fn without_app<'a>(app: &str, name: &'a [u8]) -> Option<&'a [u8]> {
    if app.is_empty() { Some(name) } else { name.strip_prefix(app.as_bytes())?.strip_prefix(b":") }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name.escape_ascii())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.name))
    }
}

#[cfg(test)]
mod tests;
