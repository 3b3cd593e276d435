//! Any bytes as the entry of a key: a value only if they are what the writer writes, and never a panic.
#![no_main]

use cache_runtime::codec::{Codec, Json};
use cache_runtime::{Key, fuzzing};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What scripts write in place: no part of the value.
const REFRESH: std::ops::Range<usize> = 17..41;

/// A short key, and one that had to be shortened.
static KEYS: LazyLock<[Key; 2]> =
    LazyLock::new(|| [Key::new("tasks:v1:get:42"), fuzzing::long_key(&"tasks:v1:search:".repeat(20))]);

/// A value with something of everything that JSON has.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Task {
    id: u64,
    title: Option<String>,
    tags: Vec<String>,
    counts: BTreeMap<String, i64>,
    parent: Option<Box<Task>>,
}

fuzz_target!(|bytes: &[u8]| {
    let mut sealed = bytes.to_vec();
    for key in &*KEYS {
        check(key, bytes);
        fuzzing::seal(key, &mut sealed);
        check(key, &sealed);
    }
    decode::<Task>(bytes);
});

fn check(key: &Key, bytes: &[u8]) {
    let Some((payload, written)) = fuzzing::read(key, bytes) else { return };
    let lasting = |bytes: &[u8]| [&bytes[..REFRESH.start], &bytes[REFRESH.end..]].concat();
    assert_eq!(lasting(bytes), lasting(&written), "not what the writer writes");
    let other = KEYS.iter().find(|other| *other != key).expect("there are two");
    assert!(fuzzing::read(other, bytes).is_none(), "the value of another key");
    decode::<Task>(payload);
    decode::<u64>(payload);
    decode::<Option<String>>(payload);
}

fn decode<V: PartialEq + std::fmt::Debug + Serialize + serde::de::DeserializeOwned>(payload: &[u8]) {
    let Ok(value) = Json::decode::<V>(payload) else { return };
    let mut written = Vec::new();
    Json::encode(&value, &mut written).expect("what was read can be written");
    assert_eq!(Json::decode::<V>(&written).ok(), Some(value));
}
