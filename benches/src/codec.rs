//! Codecs alone: what it takes to write a value and to read it back, beside the crates that do it.

use crate::case::{Boxed, Case, Setup, Slice};
use crate::hit::{self, Parts};
use crate::table::{Results, Table};
use crate::work::{self, ROWS, Task};
use anyhow::{Error, Result};
use cache_runtime::codec::{Codec, Json, MsgPack, Postcard};
use cache_tests::redis_process::RedisServer;
use serde::{Serialize, de::DeserializeOwned};
use std::hint::black_box;

/// What is measured, and what the crate alone is called, in pairs: by hand, and this library.
const SUBJECTS: [(&str, [&str; 3]); 4] = [
    ("Encode a task", ["encode-task-json", "encode-task-postcard", "encode-task-msgpack"]),
    ("Decode a task", ["decode-task-json", "decode-task-postcard", "decode-task-msgpack"]),
    ("Encode 20 rows", ["encode-list-json", "encode-list-postcard", "encode-list-msgpack"]),
    ("Decode 20 rows", ["decode-list-json", "decode-list-postcard", "decode-list-msgpack"]),
];

/// Publishes a table of each direction and value; `ratio` is to the crate alone in the same format.
///
/// # Errors
/// If a crate alone cannot be measured.
pub fn tables(cases: &[Case], parts: Parts, results: &mut Results) -> Result<()> {
    let server = RedisServer::start();
    for (title, subjects) in SUBJECTS {
        let mut table = Table::new(title, &hit::COLUMNS);
        for subject in subjects {
            let pair: Vec<&Case> = cases.iter().filter(|case| case.subject == subject).collect();
            hit::one_thread(&pair, &server, parts, &mut table)?;
        }
        results.add(table)?;
    }
    Ok(())
}

trait ByHand {
    fn write<V: Serialize>(value: &V) -> Result<Vec<u8>>;
    fn read<V: DeserializeOwned>(bytes: &[u8]) -> Result<V>;
}

impl ByHand for Json {
    fn write<V: Serialize>(value: &V) -> Result<Vec<u8>> {
        serde_json::to_vec(value).map_err(Error::from)
    }
    fn read<V: DeserializeOwned>(bytes: &[u8]) -> Result<V> {
        serde_json::from_slice(bytes).map_err(Error::from)
    }
}

impl ByHand for Postcard {
    fn write<V: Serialize>(value: &V) -> Result<Vec<u8>> {
        postcard::to_stdvec(value).map_err(Error::from)
    }
    fn read<V: DeserializeOwned>(bytes: &[u8]) -> Result<V> {
        postcard::from_bytes(bytes).map_err(Error::from)
    }
}

impl ByHand for MsgPack {
    fn write<V: Serialize>(value: &V) -> Result<Vec<u8>> {
        rmp_serde::to_vec_named(value).map_err(Error::from)
    }
    fn read<V: DeserializeOwned>(bytes: &[u8]) -> Result<V> {
        rmp_serde::from_slice(bytes).map_err(Error::from)
    }
}

/// As this library does: into a vector of this capacity.
fn write<C: Codec, V: Serialize>(value: &V) -> Result<Vec<u8>> {
    let mut payload = Vec::with_capacity(128);
    C::encode(value, &mut payload)?;
    Ok(payload)
}

fn read<C: Codec, V: DeserializeOwned>(bytes: &[u8]) -> Result<V> {
    C::decode(bytes).map_err(Error::from)
}

fn task() -> Task {
    work::task(7)
}

fn list() -> Vec<Task> {
    work::page("user-0007", None, ROWS, 0)
}

/// Both directions are called through pointers, as this library's are.
fn encoding<V, F>(value: V, encode: F) -> Boxed<Slice>
where
    V: Send + Sync + 'static,
    F: Fn(&V) -> Result<Vec<u8>> + Copy + Send + Sync + 'static,
{
    let value: &'static V = Box::leak(Box::new(value));
    calls(move || encode(black_box(value)).is_ok())
}

fn decoding<V, F>(value: &V, bytes: Result<Vec<u8>>, decode: F) -> Boxed<Slice>
where
    V: PartialEq + 'static,
    F: Fn(&[u8]) -> Result<V> + Copy + Send + Sync + 'static,
{
    let bytes: &'static [u8] = bytes.expect("it can be written").leak();
    assert!(decode(bytes).expect("it can be read") == *value);
    calls(move || black_box(decode(black_box(bytes))).is_ok())
}

fn calls(call: impl Fn() -> bool + Copy + Send + Sync + 'static) -> Boxed<Slice> {
    let slice: Slice = Box::new(move |count| {
        Box::pin(async move {
            for _ in 0..count {
                assert!(call());
            }
        })
    });
    Box::pin(async { slice })
}

macro_rules! pairs {
    ($($codec:ident, $by_hand:literal, $own:literal, $value:ident: $type:ty, $encode:literal, $decode:literal;)*) => {
        vec![$(
            Case::new($encode, $by_hand, |_: Setup| {
                encoding($value(), black_box(<$codec as ByHand>::write::<$type> as fn(&$type) -> _))
            })
            .limit(),
            Case::new($encode, $own, |_: Setup| {
                encoding($value(), black_box(write::<$codec, $type> as fn(&$type) -> _))
            }),
            Case::new($decode, $by_hand, |_: Setup| {
                let bytes = <$codec as ByHand>::write(&$value());
                decoding(&$value(), bytes, black_box(<$codec as ByHand>::read::<$type> as fn(&[u8]) -> _))
            })
            .limit(),
            Case::new($decode, $own, |_: Setup| {
                decoding(&$value(), write::<$codec, _>(&$value()), black_box(read::<$codec, $type> as fn(&[u8]) -> _))
            }),
        )*]
    };
}

/// This library's codecs and the crates alone, in all subjects.
#[must_use]
pub fn cases() -> Vec<Case> {
    pairs! {
        Json, "serde_json", "this library, json", task: Task, "encode-task-json", "decode-task-json";
        Json, "serde_json", "this library, json", list: Vec<Task>, "encode-list-json", "decode-list-json";
        Postcard, "postcard", "this library, postcard", task: Task, "encode-task-postcard", "decode-task-postcard";
        Postcard, "postcard", "this library, postcard", list: Vec<Task>, "encode-list-postcard", "decode-list-postcard";
        MsgPack, "rmp-serde", "this library, msgpack", task: Task, "encode-task-msgpack", "decode-task-msgpack";
        MsgPack, "rmp-serde", "this library, msgpack", list: Vec<Task>, "encode-list-msgpack", "decode-list-msgpack";
    }
}
