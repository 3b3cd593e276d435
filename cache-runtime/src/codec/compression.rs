//! Compression: payloads that are smaller in the store than they are.

use crate::frame::{Packed, Packing};
use std::borrow::Cow;

/// Payloads below this (bytes) stay as they are, unless said.
const ABOVE: usize = 1_024;

/// Whether and how payloads are compressed in the store (`compress = ..`).
///
/// Only those of 1 KiB and more are, and only where that makes them at least a tenth smaller. Entries are read however they were written.
///
/// # Examples
/// ```
/// # #[cfg(feature = "lz4")] {
/// use cache_runtime::Compression;
///
/// const LISTS: Compression = Compression::lz4().above(4_096);
/// # let _ = LISTS;
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    by: Option<Packing>,
    above: usize,
}

impl Compression {
    /// None.
    #[must_use]
    pub const fn off() -> Self {
        Self { by: None, above: ABOVE }
    }

    /// LZ4: little work, about half the size for JSON.
    #[cfg(feature = "lz4")]
    #[must_use]
    pub const fn lz4() -> Self {
        Self { by: Some(Packing::Lz4), above: ABOVE }
    }

    /// Zstandard at level 1: more work, smaller.
    #[cfg(feature = "zstd")]
    #[must_use]
    pub const fn zstd() -> Self {
        Self { by: Some(Packing::Zstd), above: ABOVE }
    }

    /// Compresses payloads of `bytes` and more.
    #[must_use]
    pub const fn above(self, bytes: usize) -> Self {
        Self { above: bytes, ..self }
    }

    /// What stands in the store for `payload`.
    pub(crate) fn pack(self, payload: Vec<u8>) -> (Vec<u8>, Option<Packed>) {
        let Some(by) = self.by.filter(|_| payload.len() >= self.above) else { return (payload, None) };
        let Ok(raw_len) = u32::try_from(payload.len()) else { return (payload, None) };
        match by.pack(&payload) {
            Some(packed) if packed.len() <= payload.len() - payload.len() / 10 => {
                (packed, Some(Packed { by, raw_len }))
            }
            _ => (payload, None),
        }
    }
}

/// Why a packed payload is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unpacked {
    /// This program was built without the feature for it.
    #[cfg_attr(all(feature = "lz4", feature = "zstd"), expect(dead_code, reason = "every feature is there"))]
    Unknown,
    /// It is broken, or not of the length that it says.
    Broken,
}

/// The payload as it was before it was packed.
pub(crate) fn unpack(payload: &[u8], packed: Option<Packed>) -> Result<Cow<'_, [u8]>, Unpacked> {
    let Some(Packed { by, raw_len }) = packed else { return Ok(Cow::Borrowed(payload)) };
    // A frame of more than the largest payload is refused before this.
    let raw = by.unpack(payload, raw_len as usize)?;
    if raw.len() == raw_len as usize { Ok(Cow::Owned(raw)) } else { Err(Unpacked::Broken) }
}

impl Packing {
    fn pack(self, payload: &[u8]) -> Option<Vec<u8>> {
        match self {
            #[cfg(feature = "lz4")]
            Self::Lz4 => Some(lz4_flex::block::compress(payload)),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::bulk::compress(payload, 1).ok(),
            #[cfg(not(all(feature = "lz4", feature = "zstd")))]
            _ => {
                let _ = payload;
                None
            }
        }
    }

    fn unpack(self, payload: &[u8], raw_len: usize) -> Result<Vec<u8>, Unpacked> {
        match self {
            #[cfg(feature = "lz4")]
            Self::Lz4 => lz4_flex::block::decompress(payload, raw_len).map_err(|_| Unpacked::Broken),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::bulk::decompress(payload, raw_len).map_err(|_| Unpacked::Broken),
            #[cfg(not(all(feature = "lz4", feature = "zstd")))]
            _ => {
                let _ = (payload, raw_len);
                Err(Unpacked::Unknown)
            }
        }
    }
}

#[cfg(all(test, feature = "lz4", feature = "zstd"))]
mod tests {
    use super::{Compression, Unpacked, unpack};
    use crate::frame::Packed;
    use proptest::prelude::*;

    const METHODS: [Compression; 2] = [Compression::lz4(), Compression::zstd()];

    #[test]
    fn only_what_gains_a_tenth_is_packed() {
        let random = |len: usize| {
            let mut bytes = vec![0; len];
            getrandom::fill(&mut bytes).expect("random bytes");
            bytes
        };
        for method in METHODS {
            assert_eq!(method.pack(vec![7; 1_023]), (vec![7; 1_023], None), "short");
            assert!(method.pack(vec![7; 1_024]).1.is_some());
            assert!(method.above(10).pack(vec![7; 100]).1.is_some());
            let text = random(4_096);
            assert_eq!(method.pack(text.clone()), (text, None), "random bytes do not get smaller");
            // 8 % of it could be saved
            let mut some = random(4_096 * 92 / 100);
            some.resize(4_096, 0);
            assert_eq!(method.pack(some.clone()), (some, None));
        }
        assert_eq!(Compression::off().pack(vec![7; 9_999]).1, None);
    }

    #[test]
    fn a_payload_that_is_not_of_the_length_it_says_is_refused() {
        for method in METHODS {
            let (packed, how) = method.pack(vec![7; 100_000]);
            let how = how.expect("it gets smaller");
            assert_eq!(unpack(&packed, Some(how)).expect("as it was").len(), 100_000);
            for raw_len in [0, 1, 99_999, 100_001, 10_000_000] {
                assert_eq!(
                    unpack(&packed, Some(Packed { raw_len, ..how })),
                    Err(Unpacked::Broken),
                    "{raw_len}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_is_read_and_what_was_altered_is_no_panic(
            payload in proptest::collection::vec(0_u8..4, 1_024..4_096),
            at in any::<proptest::sample::Index>(),
            byte: u8,
        ) {
            for method in METHODS {
                let (mut packed, how) = method.pack(payload.clone());
                let read = unpack(&packed, how).expect("as it was written");
                prop_assert_eq!(&*read, &payload[..]);
                let at = at.index(packed.len());
                packed[at] = byte;
                if let Ok(read) = unpack(&packed, how) {
                    prop_assert_eq!(read.len(), payload.len());
                }
                let _ = unpack(&packed[..at], how);
            }
        }
    }
}
