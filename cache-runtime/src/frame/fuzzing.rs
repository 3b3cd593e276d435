//! A door for the fuzzer: the parser is private otherwise.

use super::{Entry, HEADER, Value, checksum};
use crate::key::{Key, KeyBuf, KeyWriter};

/// A key whose name had to be shortened.
#[must_use]
pub fn long_key(text: &str) -> Key {
    let mut buf = KeyBuf::new();
    KeyWriter::new(&mut buf).text(text);
    buf.finish();
    Key::of("fuzz", &buf)
}

/// The payload of `bytes`, and what the writer makes of the same value; `None` when `bytes` are no value of `key`.
#[must_use]
pub fn read<'a>(key: &Key, bytes: &'a [u8]) -> Option<(&'a [u8], Vec<u8>)> {
    let Ok(Entry::Value(value)) = Entry::parse(key, bytes) else { return None };
    let Value { payload, .. } = value;
    Some((payload, value.to_bytes(key).expect("what was read is not too large")))
}

/// Gives `bytes` the checksum that fits, so that what comes after its comparison is reached.
pub fn seal(key: &Key, bytes: &mut [u8]) {
    if let Some(check) = checksum(key, bytes) {
        bytes[64..HEADER].copy_from_slice(&check.to_le_bytes());
    }
}
