//! Values and arguments that look like what the stores tell apart: leases, holds, frames, fences, tags.

use super::world::{Process, everywhere};
use bytes::Bytes;
use cache_runtime::codec::{Codec, CodecError};
use cache_runtime::store::{Lease, Store, Token};
use cache_runtime::{Key, Outcome, Tier, cached};
use cache_tests::gate::GatedLoad;
use cache_tests::wait::until;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Where a value's token stands.
const TOKEN: std::ops::Range<usize> = 1..17;

/// Writes a string of the characters up to U+00FF as these bytes and nothing else.
struct Raw;

impl Codec for Raw {
    const ID: u8 = 64;

    fn encode<V: Serialize>(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let text: String = serde_json::from_value(serde_json::to_value(value).map_err(CodecError::new)?)
            .map_err(CodecError::new)?;
        out.extend(text.chars().filter_map(|char| u8::try_from(char).ok()));
        Ok(())
    }

    fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
        serde_json::from_value(text(bytes).into()).map_err(CodecError::new)
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cached(ns = "markers", ttl = "medium", l1 = "off", codec = Raw, skip(load), tags = ["of:{id}", "is:{result}"])]
async fn raw(id: &str, load: GatedLoad<String>) -> String {
    load.load().await
}

/// What stands at `key`, as soon as the store answers in time.
async fn frame(store: &dyn Store, key: &Key) -> Bytes {
    loop {
        if let Ok(Some(frame)) = store.get(key).await {
            return frame;
        }
        tokio::task::yield_now().await;
    }
}

/// Whole entries as they stand in the store, and their beginnings.
async fn markers(store: &dyn Store) -> Vec<Vec<u8>> {
    let (key, holder) = (Key::new("markers:v1:other".to_owned()), Token::random());
    let lease = Lease { token: holder, expected: Duration::from_secs(1), acquired_ms: 1 };
    let term = Duration::from_mins(1);
    until("it is leased", async || store.lease(&key, lease, term, None).await.is_ok()).await;
    let lease = frame(store, &key).await;
    until("it is held", async || store.hold(std::slice::from_ref(&key), holder, term).await.is_ok()).await;
    let hold = frame(store, &key).await;
    assert_eq!((lease[0], hold[0]), (b'L', b'H'));
    let mut all: Vec<Vec<u8>> =
        [&b""[..], b"L", b"H", b"V", b"\0", b"0", b"\xFF", b"OK", b"check", b"set", b"*", b":", b"{", b"}"]
            .map(<[u8]>::to_vec)
            .into();
    for entry in [&lease[..], &hold] {
        all.extend([entry.to_vec(), entry[..17].to_vec(), [b"V", &entry[1..]].concat()]);
    }
    all.extend(["cache:fence:{markers:v1:raw:}", "cache:tag:{markers}:*", "cache:guard:"].map(Into::into));
    all
}

async fn read(process: &Process, id: &str, source: &GatedLoad<String>) -> (String, Outcome) {
    let (id, source) = (id.to_owned(), source.clone());
    process.spawn(async move { raw(&id, source).await }).end().await
}

#[tokio::test]
async fn what_looks_like_a_marker_is_a_value_like_others() {
    everywhere(async |world| {
        let (one, other) = (world.process().await, world.process().await);
        let store = world.store().await;
        let mut values = markers(&*store).await;
        // The frame of the first of them is the last one.
        for at in 0.. {
            let Some(value) = values.get(at).map(|bytes| text(bytes)) else { break };
            let source = GatedLoad::open(value.clone());
            let call = async |process: &Process| read(process, &value, &source).await;
            let hit = async |process: &Process| {
                until("it is a hit", async || call(process).await == (value.clone(), Outcome::Hit(Tier::L2)))
                    .await;
            };
            hit(&one).await;
            hit(&other).await;
            let key = other.0.scope_for(async { raw_entry(&value).key() }).await;
            let key = Key::new(key);
            let frame = async || frame(&*store, &key).await;
            let loaded = frame().await;
            assert!(loaded.starts_with(b"V") && loaded.ends_with(values[at].as_slice()));
            if at == 0 {
                values.push(loaded.to_vec());
            }
            // By a put under a hold, too, and by a load that replaces a value.
            one.0.scope_for(async { raw_entry(&value).put(value.clone()).await }).await;
            hit(&other).await;
            let put = frame().await;
            assert_ne!(put[TOKEN], loaded[TOKEN]);
            until("it is replaced", async || {
                let load = async { Ok::<_, String>(value.clone()) };
                let refreshed = one.0.scope_for(async { raw_entry(&value).refresh(load).await }).await;
                assert_eq!(refreshed.as_ref(), Ok(&value));
                frame().await[TOKEN] != put[TOKEN]
            })
            .await;
            assert!(frame().await.ends_with(values[at].as_slice()));
            hit(&other).await;
            // And it falls like others.
            source.set("new".to_owned());
            one.0.scope_for(async { raw_entry(&value).invalidate().await }).await;
            assert_eq!(call(&other).await.0, "new", "{value:?}");
        }
    })
    .await;
}
