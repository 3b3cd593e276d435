//! The bytes of an entry: a lease, a hold, or a value with its header (version 1 of the layout, little endian).
//!
//! ```text
//! L: 'L' token[16] expected_ms u32 acquired u64
//! H: 'H' shared u8 (holder[16] ends u64)+
//! V: 0 'V'   1 token[16]   17 refresh token[16]   33 refresh deadline u64   41 created u64   49 soft_ms u32   53 delta_ms u32
//!    57 layout u8   58 flags u8   59 codec u8   60 schema u32   64 check u64   72 [key_len u32, key]   [count u8, count × (len u8, tag, generation[8])]   raw_len u32   payload
//! ```
//! `raw_len` is the payload's length before it was compressed, where a flag says that it is.
//! `check` is the xxh3 of everything but itself and the refresh lease (which scripts write in place), seeded by the hash of the
//! whole key: a corrupt frame and another key's frame fail it alike.

use crate::key::Key;
use crate::tag::Generation;
use std::time::Duration;
use xxhash_rust::xxh3;

/// The newest layout this library writes, and the only one it reads.
const LAYOUT: u8 = 1;
/// Bytes before the optional fields of a value.
const HEADER: usize = 72;
/// Bytes of a lease.
const LEASE: usize = 29;
/// No payload larger than this (bytes, after decompression) is read.
pub(crate) const LARGEST: usize = 64 << 20;

/// The codec of a value that somebody else has written, as bare JSON: said by a store to its readers, and never stored.
pub(crate) const FOREIGN: u8 = 0;

const KIND_VALUE: u8 = b'V';
const KIND_LEASE: u8 = b'L';
const KIND_HOLD: u8 = b'H';
const FLAG_ABSENT: u8 = 1;
const FLAG_LZ4: u8 = 2;
const FLAG_TAGS: u8 = 4;
const FLAG_FULL_KEY: u8 = 8;
const FLAG_ZSTD: u8 = 16;

/// All that there are.
const FLAGS: u8 = FLAG_ABSENT | FLAG_TAGS | FLAG_FULL_KEY | PACKED;
/// Those of which one is set at most.
const PACKED: u8 = FLAG_LZ4 | FLAG_ZSTD;

/// Identifies one lease, and then the value that was filled under it; 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub(crate) [u8; 16]);

impl Token {
    /// A token that was never used before.
    ///
    /// # Panics
    /// If the operating system gives no random bytes.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(bytes)
    }

    /// The token's bytes, as they stand in a frame.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// What stands at a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry<'a> {
    Value(Value<'a>),
    Lease(Lease),
    Hold,
}

/// Why bytes are not an entry for this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Not one of ours: an unknown kind.
    Foreign,
    /// A value of a layout that this version does not know.
    Layout,
    /// Truncated, altered, or another key's; carries the token when one can be told.
    Corrupt(Option<Token>),
}

/// The right to load a key for all processes, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Whose it is.
    pub token: Token,
    /// How long the load is expected to take.
    pub expected: Duration,
    /// When it was taken, in the store's milliseconds.
    pub acquired_ms: u64,
}

/// A value's header and payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) token: Token,
    pub(crate) created_ms: u64,
    pub(crate) soft_ms: u32,
    pub(crate) delta_ms: u32,
    pub(crate) absent: bool,
    pub(crate) codec: u8,
    pub(crate) schema: u32,
    pub(crate) tags: Tags<'a>,
    /// How the payload was made smaller.
    pub(crate) packed: Option<Packed>,
    pub(crate) payload: &'a [u8],
}

/// How a payload was made smaller, and its length (bytes) before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) by: Packing,
    pub(crate) raw_len: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Lz4,
    Zstd,
}

impl Packing {
    const fn flag(self) -> u8 {
        match self {
            Self::Lz4 => FLAG_LZ4,
            Self::Zstd => FLAG_ZSTD,
        }
    }

    fn of(flags: u8) -> Option<Self> {
        [Self::Lz4, Self::Zstd].into_iter().find(|packing| flags & packing.flag() != 0)
    }
}

impl Lease {
    /// The lease as it stands in the store; the same bytes for all of its life.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LEASE] {
        let mut bytes = [0; LEASE];
        bytes[0] = KIND_LEASE;
        bytes[1..17].copy_from_slice(&self.token.0);
        bytes[17..21].copy_from_slice(&crate::time::millis_u32(self.expected).to_le_bytes());
        bytes[21..29].copy_from_slice(&self.acquired_ms.to_le_bytes());
        bytes
    }
}

impl<'a> Entry<'a> {
    /// Reads what stands at `key`.
    pub(crate) fn parse(key: &Key, bytes: &'a [u8]) -> Result<Self, Unusable> {
        match bytes.first() {
            Some(&KIND_VALUE) => Value::parse(key, bytes).map(Self::Value),
            Some(&KIND_LEASE) => parse_lease(bytes).map(Self::Lease).ok_or(Unusable::Corrupt(None)),
            Some(&KIND_HOLD) if bytes.len() > 2 && bytes.len() % 24 == 2 => Ok(Self::Hold),
            Some(&KIND_HOLD) => Err(Unusable::Corrupt(None)),
            _ => Err(Unusable::Foreign),
        }
    }
}

/// The token of the value that a head (the first 17 bytes of an entry) belongs to.
pub(crate) fn value_token(head: &[u8]) -> Option<Token> {
    let mut reader = Reader(head);
    (reader.array::<1>()? == [KIND_VALUE]).then_some(())?;
    reader.array().map(Token)
}

impl<'a> Value<'a> {
    fn parse(key: &Key, bytes: &'a [u8]) -> Result<Self, Unusable> {
        let token = value_token(bytes);
        if bytes.get(57).is_some_and(|&layout| layout != LAYOUT) {
            return Err(Unusable::Layout);
        }
        Self::read(key, bytes).ok_or(Unusable::Corrupt(token))
    }

    fn read(key: &Key, bytes: &'a [u8]) -> Option<Self> {
        let token = value_token(bytes)?;
        let mut reader = Reader(bytes.get(41..)?);
        let created_ms = u64::from_le_bytes(reader.array()?);
        let soft_ms = u32::from_le_bytes(reader.array()?);
        let delta_ms = u32::from_le_bytes(reader.array()?);
        let [_layout, flags, codec] = reader.array()?;
        let schema = u32::from_le_bytes(reader.array()?);
        let check = u64::from_le_bytes(reader.array()?);
        if check != checksum(key, bytes)? || flags & !FLAGS != 0 || flags & PACKED == PACKED {
            return None;
        }
        let full = if flags & FLAG_FULL_KEY == 0 {
            None
        } else {
            let len = u32::from_le_bytes(reader.array()?);
            Some(reader.take(usize::try_from(len).ok()?)?)
        };
        let tags = if flags & FLAG_TAGS == 0 { Tags::NONE } else { Tags::read(&mut reader)? };
        let (raw_len, payload) = (u32::from_le_bytes(reader.array()?), reader.0);
        let packed = Packing::of(flags).map(|by| Packed { by, raw_len });
        let raw_len = usize::try_from(raw_len).ok()?;
        if full != key.full() || raw_len > LARGEST || (packed.is_none() && raw_len != payload.len()) {
            return None;
        }
        let absent = flags & FLAG_ABSENT != 0;
        Some(Self { token, created_ms, soft_ms, delta_ms, absent, codec, schema, tags, packed, payload })
    }

    /// Whether somebody else has written it, who knows nothing of tags, types and times.
    pub(crate) fn is_foreign(&self) -> bool {
        self.codec == FOREIGN
    }

    /// Bytes of the payload before it was made smaller.
    pub(crate) fn raw_len(&self) -> usize {
        self.packed.map_or(self.payload.len(), |packed| packed.raw_len as usize)
    }

    /// How long the value is fresh from its creation on; `None` for ever.
    pub(crate) fn fresh(&self) -> Option<Duration> {
        (self.soft_ms != u32::MAX).then(|| Duration::from_millis(self.soft_ms.into()))
    }

    /// The whole frame of this value; `None` when its payload is larger than any reader would take.
    pub(crate) fn to_bytes(self, key: &Key) -> Option<Vec<u8>> {
        let raw_len = u32::try_from(self.raw_len()).ok().filter(|_| self.raw_len() <= LARGEST)?;
        let full = key.full();
        let mut bytes = Vec::with_capacity(
            HEADER + 8 + full.map_or(0, <[u8]>::len) + self.tags.0.len() + self.payload.len(),
        );
        bytes.push(KIND_VALUE);
        bytes.extend_from_slice(&self.token.0);
        bytes.extend_from_slice(&[0; 24]);
        bytes.extend_from_slice(&self.created_ms.to_le_bytes());
        bytes.extend_from_slice(&self.soft_ms.to_le_bytes());
        bytes.extend_from_slice(&self.delta_ms.to_le_bytes());
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags = flag(self.absent, FLAG_ABSENT)
            | flag(!self.tags.0.is_empty(), FLAG_TAGS)
            | flag(full.is_some(), FLAG_FULL_KEY)
            | self.packed.map_or(0, |packed| packed.by.flag());
        bytes.extend_from_slice(&[LAYOUT, flags, self.codec]);
        bytes.extend_from_slice(&self.schema.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        if let Some(full) = full {
            bytes.extend_from_slice(&u32::try_from(full.len()).ok()?.to_le_bytes());
            bytes.extend_from_slice(full);
        }
        bytes.extend_from_slice(self.tags.0);
        bytes.extend_from_slice(&raw_len.to_le_bytes());
        bytes.extend_from_slice(self.payload);
        let check = checksum(key, &bytes)?;
        bytes[64..HEADER].copy_from_slice(&check.to_le_bytes());
        Some(bytes)
    }
}

/// The generations that a value's tags had before it was loaded, as they stand in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tags<'a>(&'a [u8]);

impl<'a> Tags<'a> {
    pub(crate) const NONE: Self = Self(&[]);

    /// The tags as they stand in a frame; of more than 255, or longer than 255 bytes, there are none.
    pub(crate) fn encode<'t>(tags: impl ExactSizeIterator<Item = (&'t [u8], Generation)>) -> Option<Vec<u8>> {
        let mut bytes = vec![u8::try_from(tags.len()).ok()?];
        for (text, generation) in tags {
            bytes.push(u8::try_from(text.len()).ok()?);
            bytes.extend_from_slice(text);
            bytes.extend_from_slice(&generation);
        }
        Some(bytes)
    }

    pub(crate) fn encoded(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Each tag's text and generation.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a [u8], Generation)> {
        let mut reader = Reader(self.0.get(1..).unwrap_or_default());
        std::iter::from_fn(move || reader.tag())
    }

    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let start = reader.0;
        let [count] = reader.array()?;
        for _ in 0..count {
            reader.tag()?;
        }
        Some(Self(&start[..start.len() - reader.0.len()]))
    }
}

/// The hash of a value's frame: its rest first, then what never changes of its header.
fn checksum(key: &Key, bytes: &[u8]) -> Option<u64> {
    let mut head = [0; 48];
    head[..17].copy_from_slice(bytes.get(..17)?);
    head[17..40].copy_from_slice(bytes.get(41..64)?);
    let rest = xxh3::xxh3_64_with_seed(bytes.get(HEADER..)?, key.seed());
    head[40..].copy_from_slice(&rest.to_le_bytes());
    Some(xxh3::xxh3_64(&head))
}

fn parse_lease(bytes: &[u8]) -> Option<Lease> {
    (bytes.len() == LEASE).then_some(())?;
    let mut reader = Reader(&bytes[1..]);
    Some(Lease {
        token: Token(reader.array()?),
        expected: Duration::from_millis(u32::from_le_bytes(reader.array()?).into()),
        acquired_ms: u64::from_le_bytes(reader.array()?),
    })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn tag(&mut self) -> Option<(&'a [u8], Generation)> {
        let [len] = self.array()?;
        Some((self.take(len.into())?, self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(test)]
mod tests;
