use super::{Entry, Lease, Packed, Packing, Tags, Token, Unusable, Value};
use crate::key::{Key, KeyBuf, KeyWriter};
use proptest::prelude::*;
use std::time::Duration;

const TOKEN: Token = Token([7; 16]);

fn value(payload: &[u8]) -> Value<'_> {
    Value {
        token: TOKEN,
        created_ms: 1_795_154_889_123,
        soft_ms: 300_000,
        delta_ms: 12,
        absent: false,
        codec: 1,
        schema: 0x0312_3456,
        tags: Tags::NONE,
        packed: None,
        payload,
    }
}

/// A key whose name had to be shortened.
fn long_key() -> Key {
    let mut buf = KeyBuf::new();
    KeyWriter::new(&mut buf).text(&"tasks:v1:search:".repeat(20));
    buf.finish();
    Key::of("shop", &buf)
}

fn keys() -> [Key; 2] {
    [Key::new("tasks:v1:get:42"), long_key()]
}

#[test]
fn frames_are_read_as_they_were_written() {
    for key in keys() {
        for absent in [false, true] {
            let written = Value { absent, ..value(b"{\"id\":42}") };
            let bytes = written.to_bytes(&key).expect("small enough");
            assert_eq!(Entry::parse(&key, &bytes), Ok(Entry::Value(written)));
        }
    }
    let lease = Lease { token: TOKEN, expected: Duration::from_millis(50), acquired_ms: 5 };
    assert_eq!(Entry::parse(&keys()[0], &lease.to_bytes()), Ok(Entry::Lease(lease)));
}

#[test]
fn a_packed_payload_says_how_and_from_what_length() {
    let key = Key::new("tasks:v1:get:42");
    for by in [Packing::Lz4, Packing::Zstd] {
        let written = Value { packed: Some(Packed { by, raw_len: 1_000 }), ..value(b"small") };
        let bytes = written.to_bytes(&key).expect("small enough");
        assert_eq!(Entry::parse(&key, &bytes), Ok(Entry::Value(written)));
    }
    let bomb = Value { packed: Some(Packed { by: Packing::Zstd, raw_len: u32::MAX }), ..value(b"small") };
    assert_eq!(bomb.to_bytes(&key), None, "not even written");
}

#[test]
fn a_packed_payload_that_would_be_too_large_is_not_read() {
    let key = Key::new("tasks:v1:get:42");
    let packed = Some(Packed { by: Packing::Lz4, raw_len: 7 });
    let mut bytes = Value { packed, ..value(b"small") }.to_bytes(&key).expect("small enough");
    let at = bytes.len() - 5 - 4;
    for (raw_len, is_read) in [(super::LARGEST, true), (super::LARGEST + 1, false)] {
        bytes[at..at + 4].copy_from_slice(&u32::try_from(raw_len).expect("below 4 GiB").to_le_bytes());
        let check = super::checksum(&key, &bytes).expect("long enough");
        bytes[64..72].copy_from_slice(&check.to_le_bytes());
        assert_eq!(Entry::parse(&key, &bytes).is_ok(), is_read, "{raw_len}");
    }
}

fn tags() -> Vec<u8> {
    let tags: [(&[u8], _); 3] = [(b"*", [1; 8]), (b"owner:7", [2; 8]), (b"", [3; 8])];
    Tags::encode(tags.into_iter()).expect("few and short")
}

#[test]
fn tags_are_read_as_they_were_written() {
    let encoded = tags();
    for key in keys() {
        let written = Value { tags: Tags::encoded(&encoded), ..value(b"{}") };
        let bytes = written.to_bytes(&key).expect("small enough");
        let Ok(Entry::Value(read)) = Entry::parse(&key, &bytes) else { panic!("a value") };
        assert_eq!(read, written);
        let tags: Vec<_> = read.tags.iter().collect();
        assert_eq!(tags, [(&b"*"[..], [1; 8]), (b"owner:7", [2; 8]), (b"", [3; 8])]);
    }
    assert_eq!(Tags::encode([(&[0_u8; 256][..], [0; 8])].into_iter()), None);
}

/// Frames of layout 1 as released versions wrote them; they stay readable, byte for byte.
#[test]
fn stored_frames_of_layout_1_are_still_read() {
    let encoded = tags();
    let goldens: [(&[u8], Key, Value<'_>); 4] = [
        (include_bytes!("golden/layout-1.bin"), Key::new("tasks:v1:get:42"), value(b"{\"id\":42}")),
        (include_bytes!("golden/layout-1-long-key.bin"), long_key(), value(b"[1,2,3]")),
        (
            include_bytes!("golden/layout-1-absent.bin"),
            Key::new("tasks:v1:get:43"),
            Value { absent: true, soft_ms: u32::MAX, ..value(b"null") },
        ),
        (
            include_bytes!("golden/layout-1-tags.bin"),
            Key::new("tasks:v1:by_owner:7"),
            Value { tags: Tags::encoded(&encoded), ..value(b"[]") },
        ),
    ];
    for (stored, key, expected) in goldens {
        assert_eq!(Entry::parse(&key, stored), Ok(Entry::Value(expected)));
        assert_eq!(expected.to_bytes(&key).as_deref(), Some(stored));
    }
}

#[test]
fn a_value_that_looks_like_a_lease_or_a_hold_stays_a_value() {
    let key = Key::new("tasks:v1:get:42");
    let lease = Lease { token: TOKEN, expected: Duration::ZERO, acquired_ms: 0 };
    let hold = [b"H\0".as_slice(), &[7; 24]].concat();
    let frame = value(b"x").to_bytes(&key).expect("small enough");
    for payload in [&lease.to_bytes()[..], &hold, &frame, b"V", b"L", b"H", b""] {
        let bytes = value(payload).to_bytes(&key).expect("small enough");
        assert_eq!(Entry::parse(&key, &bytes), Ok(Entry::Value(value(payload))));
    }
}

#[test]
fn another_keys_frame_is_refused() {
    let bytes = value(b"1").to_bytes(&Key::new("tasks:v1:get:42")).expect("small enough");
    assert_eq!(Entry::parse(&Key::new("tasks:v1:get:43"), &bytes), Err(Unusable::Corrupt(Some(TOKEN))));
}

#[test]
fn a_frame_of_an_unknown_layout_is_told_apart() {
    let key = Key::new("tasks:v1:get:42");
    let mut bytes = value(b"1").to_bytes(&key).expect("small enough");
    bytes[57] = 2;
    assert_eq!(Entry::parse(&key, &bytes), Err(Unusable::Layout));
}

#[test]
fn every_truncation_is_refused() {
    for key in keys() {
        let encoded = tags();
        let written = Value { tags: Tags::encoded(&encoded), ..value(b"{\"id\":42}") };
        let bytes = written.to_bytes(&key).expect("small enough");
        for len in 0..bytes.len() {
            assert!(Entry::parse(&key, &bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn every_corruption_of_one_byte_is_refused() {
    for key in keys() {
        let encoded = tags();
        let written = Value { tags: Tags::encoded(&encoded), ..value(b"{\"id\":42}") };
        let bytes = written.to_bytes(&key).expect("small enough");
        for at in 0..bytes.len() {
            for bits in 1..=255 {
                let mut corrupt = bytes.clone();
                corrupt[at] ^= bits;
                let read = Entry::parse(&key, &corrupt);
                if (17..41).contains(&at) {
                    // The refresh lease is written in place and is no part of the value.
                    assert_eq!(read, Ok(Entry::Value(written)));
                } else {
                    assert!(!matches!(read, Ok(Entry::Value(_))), "byte {at}, bits {bits:08b}");
                }
            }
        }
    }
}

#[test]
fn a_payload_beyond_the_limit_is_not_written() {
    let payload = vec![0; super::LARGEST + 1];
    assert_eq!(value(&payload).to_bytes(&keys()[0]), None);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_value(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..4_usize) {
        if let Some(first) = bytes.first_mut() {
            *first = b"VLHX"[kind];
        }
        if let Some(layout) = bytes.get_mut(57) {
            *layout = 1;
        }
        for key in keys() {
            prop_assert!(!matches!(Entry::parse(&key, &bytes), Ok(Entry::Value(_))));
        }
    }

    #[test]
    fn several_corruptions_are_refused(
        payload in proptest::collection::vec(any::<u8>(), 0..100),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..6),
    ) {
        let key = long_key();
        let bytes = value(&payload).to_bytes(&key).expect("small enough");
        let mut corrupt = bytes.clone();
        for (at, bits) in changes {
            corrupt[at.index(bytes.len())] ^= bits;
        }
        let parts = |bytes: &[u8]| [bytes[..17].to_vec(), bytes[41..].to_vec()];
        if parts(&corrupt) != parts(&bytes) {
            prop_assert!(!matches!(Entry::parse(&key, &corrupt), Ok(Entry::Value(_))));
        }
    }
}
