//! `#[derive(KeyPart)]`.

use cache_runtime::{Cache, KeyPart, KeyWriter, Outcome, Tier, cached, observed};

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

/// Two values whose hashes are the same within a process: `4` is what stands there for a `None`.
#[derive(Clone, Copy)]
enum Alike {
    Absent,
    Four,
}

impl KeyPart for Alike {
    fn write(&self, key: &mut KeyWriter<'_>) {
        match self {
            Self::Absent => key.part(&None::<u8>),
            Self::Four => key.part(&4_u8),
        }
    }
}

#[tokio::test]
async fn values_with_one_hash_have_entries_of_their_own() {
    #[cached(ns = "parts", skip(value))]
    async fn alike(part: Alike, value: u8) -> u8 {
        let _ = part;
        value
    }
    let entries = Cache::in_process().scope_for(async {
        for _ in 0..3 {
            assert_eq!(alike(Alike::Absent, 1).await, 1);
            assert_eq!(alike(Alike::Four, 2).await, 2);
        }
        let (_, report) = observed(alike(Alike::Four, 3)).await;
        assert_eq!(report.outcome(), Some(Outcome::Hit(Tier::L1)));
    });
    entries.await;
}

#[tokio::test]
async fn a_key_has_the_text_of_its_template_before_between_and_after_its_parts() {
    #[cached(ns = "parts", key = "of:{a}:and:{b}:all")]
    async fn both(a: u8, b: u8) -> u8 {
        a + b
    }
    #[cached(ns = "parts", key = "one:and:only")]
    async fn neither() -> u8 {
        0
    }
    #[cached(ns = "parts")]
    async fn some(a: u8, #[cfg(not(test))] missing: Missing, b: u8) -> u8 {
        a + b
    }
    assert_eq!((both(1, 2).await, neither().await, some(1, 2).await), (3, 0, 3));
    assert_eq!(both_entry(1, 2).key(), "parts:v1:of:1:and:2:all");
    assert_eq!(neither_entry().key(), "parts:v1:one:and:only");
    assert_eq!(some_entry(1, 2).key(), "parts:v1:some:1:2");
}

#[tokio::test]
async fn templates_that_begin_alike_have_entries_of_their_own() {
    #[cached(ns = "parts", key = "{a}:and:{b}")]
    async fn together(a: u8, b: u8) -> String {
        format!("{a} and {b}")
    }
    #[cached(ns = "parts", key = "{a}:{b}")]
    async fn apart(a: u8, b: u8) -> String {
        format!("{a}:{b}")
    }
    let entries = Cache::in_process().scope_for(async {
        for _ in 0..3 {
            assert_eq!(together(1, 23).await, "1 and 23");
            assert_eq!(apart(1, 23).await, "1:23");
        }
    });
    entries.await;
}
