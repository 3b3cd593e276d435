//! `#[derive(KeyPart)]`.

use cache_runtime::{KeyPart, cached};

#[derive(Clone, Copy, KeyPart)]
struct TaskId(u64);

#[derive(Clone, Copy, KeyPart)]
struct Page {
    limit: u32,
    offset: u32,
}

#[derive(Clone, Copy, KeyPart)]
struct Everything;

#[derive(Clone, KeyPart)]
enum Status {
    Open,
    InProgress,
    By(TaskId, u8),
    Since { year: u16 },
}

#[derive(Clone, Copy, KeyPart)]
#[key(display)]
struct Shown<T>(T);

impl<T: std::fmt::Debug> std::fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{:?}>", self.0)
    }
}

#[derive(Clone, Copy, KeyPart)]
struct Both<'a, T: ?Sized, const N: usize>(&'a T, [u8; N]);

#[derive(Clone, Copy, KeyPart)]
enum Impossible {}

#[cached(ns = "parts")]
async fn by<T: KeyPart + Send>(part: T) -> u8 {
    drop(part);
    1
}

fn key(part: impl KeyPart + Send) -> String {
    let key = by_entry(part).key();
    key.split_once("v1:by:").unwrap().1.to_owned()
}

#[tokio::test]
async fn every_shape_has_a_text_of_its_own() {
    assert_eq!(by(TaskId(1)).await, 1);
    assert_eq!(key(TaskId(42)), "42");
    assert_eq!(key(Page { limit: 20, offset: 0 }), "(20,0)");
    assert_eq!(key(Everything), "everything");
    assert_eq!(key(Status::Open), "open");
    assert_eq!(key(Status::InProgress), "in_progress");
    assert_eq!(key(Status::By(TaskId(1), 2)), "by(1,2)");
    assert_eq!(key(Status::Since { year: 2026 }), "since(2026)");
    assert_eq!(key(Shown("a:b")), "%3C%22a%3Ab%22%3E");
    assert_eq!(key(Both("x", [1, 2])), "(x,[1,2])");
    assert_eq!(key(None::<Impossible>), "~");
}
