//! What the arguments of a call write: what a call is known by within its process.

#![expect(clippy::inline_always, reason = "only inlined does what a hit calls know what form it writes")]

use super::{KeyPart, KeyWriter};
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use std::hash::Hasher;

/// What the arguments of a call tell of its key: a first part, and more of them after it.
///
/// Calls whose arguments are of the same types have the same code.
pub trait Parts {
    /// Writes them, with the text of the template before each.
    fn write(&self, key: &mut KeyWriter<'_>);
}

impl Parts for () {
    #[inline(always)]
    fn write(&self, _: &mut KeyWriter<'_>) {}
}

impl<T: KeyPart + ?Sized, More: Parts> Parts for (&T, More) {
    #[inline(always)]
    fn write(&self, key: &mut KeyWriter<'_>) {
        let (part, more) = self;
        key.template();
        key.part(*part);
        more.write(key);
    }
}

/// Whatever a closure writes, without a template.
#[cfg(any(test, feature = "http"))]
pub(crate) struct Written<F>(pub(crate) F);

#[cfg(any(test, feature = "http"))]
impl<F: Fn(&mut KeyWriter<'_>)> Parts for Written<F> {
    fn write(&self, key: &mut KeyWriter<'_>) {
        (self.0)(key);
    }
}

/// What the arguments of a call write, and the hash of that.
#[derive(Clone)]
pub(crate) struct Args {
    /// The same in every call alike, and in this process only: nobody can tell beforehand which calls have one hash.
    pub(crate) hash: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Args {
    /// What a call at a site whose seed this is has as its `parts`.
    pub(crate) fn written(seed: u64, parts: &dyn Parts) -> Self {
        let mut bytes = Vec::with_capacity(32);
        parts.write(&mut KeyWriter::of_calls(&mut bytes));
        Self { hash: Self::hash(seed, parts), bytes }
    }

    /// One text for all arguments.
    pub(crate) fn named(seed: u64, name: &[u8]) -> Self {
        let mut hash = Hash::seeded(seed);
        hash.text(name);
        Self { hash: hash.end(), bytes: name.into() }
    }

    /// The hash of them.
    #[inline(always)]
    pub(crate) fn hash(seed: u64, parts: &(impl Parts + ?Sized)) -> u64 {
        KeyWriter::hash(seed, parts)
    }

    /// Whether `bytes` are of them.
    #[inline(always)]
    pub(crate) fn are(bytes: &[u8], parts: &impl Parts) -> bool {
        KeyWriter::makes(bytes, parts)
    }
}

/// A hash of what is written, on its way.
pub(super) struct Hash(FoldHasher<'static>);

impl Hash {
    #[inline(always)]
    pub(super) fn seeded(seed: u64) -> Self {
        Self(FoldHasher::with_seed(seed, SharedSeed::global_random()))
    }

    #[inline(always)]
    pub(super) fn integer<const SIZE: usize>(&mut self, bytes: [u8; SIZE]) {
        match SIZE {
            1 => self.0.write_u8(bytes[0]),
            2..=4 => self.0.write_u32(u32::from_le_bytes(widened(bytes))),
            5..=8 => self.0.write_u64(u64::from_le_bytes(widened(bytes))),
            _ => self.0.write_u128(u128::from_le_bytes(widened(bytes))),
        }
    }

    #[inline(always)]
    pub(super) fn text(&mut self, text: &[u8]) {
        self.0.write(text);
    }

    #[inline(always)]
    pub(super) fn end(&self) -> u64 {
        self.0.finish()
    }
}

#[inline(always)]
fn widened<const SIZE: usize, const WIDE: usize>(bytes: [u8; SIZE]) -> [u8; WIDE] {
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0))
}

/// Whether two texts of one length are the same, without a call where they are short.
#[inline(always)]
fn are_same(one: &[u8], other: &[u8]) -> bool {
    match [one.first_chunk::<8>(), other.first_chunk(), one.last_chunk(), other.last_chunk()] {
        [Some(head), Some(other_head), Some(tail), Some(other_tail)] if one.len() <= 16 => {
            head == other_head && tail == other_tail
        }
        _ => one == other,
    }
}

/// A comparison of what is written with what was written before.
pub(super) struct Comparison<'a> {
    rest: &'a [u8],
    is_same: bool,
}

impl<'a> Comparison<'a> {
    #[inline(always)]
    pub(super) fn with(written: &'a [u8]) -> Self {
        Self { rest: written, is_same: true }
    }

    #[inline(always)]
    pub(super) fn expect<const SIZE: usize>(&mut self, bytes: [u8; SIZE]) {
        match self.rest.split_first_chunk() {
            Some((head, rest)) if *head == bytes => self.rest = rest,
            _ => self.differ(),
        }
    }

    #[inline(always)]
    pub(super) fn expect_text(&mut self, text: &[u8]) {
        match self.rest.split_at_checked(text.len()) {
            Some((head, rest)) if are_same(head, text) => self.rest = rest,
            _ => self.differ(),
        }
    }

    /// With nothing left to compare, so that the compiler sees that the rest does not matter.
    #[inline(always)]
    fn differ(&mut self) {
        (self.rest, self.is_same) = (&[], false);
    }

    #[inline(always)]
    pub(super) fn is_same(&self) -> bool {
        self.is_same && self.rest.is_empty()
    }
}
