//! What a worker tells the driver of each call, in records of six words, and when nothing older can follow.

use crate::measure::{Nanos, now};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

/// Bytes of a record.
pub(crate) const SIZE: usize = 48;

/// A register: the contestant's number and one of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Key {
    pub(crate) contestant: u8,
    pub(crate) id: u16,
}

impl Key {
    pub(crate) fn to_word(self) -> u64 {
        u64::from(self.contestant) << 16 | u64::from(self.id)
    }

    pub(crate) fn from_word(word: u64) -> Self {
        let [low, high, contestant, ..] = word.to_le_bytes();
        Self { contestant, id: u16::from_le_bytes([low, high]) }
    }
}

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub(crate) enum $name { $($(#[$item_doc])* $item),* }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$item),*];
        }
    };
}

bytes! {
    /// What a record is about.
    Kind {
        Read,
        Write,
        /// The queue that held this mutation's invalidation is empty at the record's end.
        Drained,
        /// The process got no processor from start to end.
        Gap,
        /// The library met errors of the store between start and end.
        Trouble,
        /// A task panicked.
        Panic,
        /// No mutation that began before the record's start is still to be told.
        Watermark,
    }
}

bytes! {
    /// How a call ended.
    How {
        HitL1,
        HitL2,
        Joined,
        Loaded,
        Stale,
        Bypassed,
        /// The caller went away.
        Cancelled,
        /// The loader's own error.
        Failed,
        /// The value of another key.
        Foreign,
        Applied,
        Queued,
        /// A mutation that the library refused before it changed anything.
        Refused,
        /// A transaction that was not committed.
        RolledBack,
        /// A read within a transaction.
        Inside,
        /// Trouble: the store did not answer in time.
        Late,
    }
}

bytes! {
    /// How a mutation says what it makes untrue.
    Way {
        /// `#[invalidates]`, after the body.
        After,
        Around,
        /// `#[updates]`.
        Updates,
        /// In a transaction that is committed.
        Scope,
        /// The same, with holds around the commit.
        ScopeAround,
        Rollback,
        /// By a tag that an argument gives.
        Tag,
        /// By a tag that the returned value gives.
        TagOfResult,
        /// `invalidate_tag`.
        TagByHand,
        /// A whole namespace.
        Namespace,
        /// `clear_namespace`.
        Clear,
    }
}

impl Way {
    pub(crate) fn to_word(self, key: Key) -> u64 {
        (self as u64) << 24 | key.to_word()
    }

    pub(crate) fn of_word(word: u64) -> Self {
        Self::ALL[usize::from(word.to_le_bytes()[3])]
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Around => "around",
            Self::Updates => "updates",
            Self::Scope => "scope",
            Self::ScopeAround => "scope around",
            Self::Rollback => "rollback",
            Self::Tag => "tag",
            Self::TagOfResult => "tag of result",
            Self::TagByHand => "tag by hand",
            Self::Namespace => "namespace",
            Self::Clear => "clear",
        }
    }

    /// Whether entries are held from before the commit until after it.
    pub(crate) fn holds(self) -> bool {
        matches!(self, Self::Around | Self::Updates | Self::ScopeAround)
    }

    /// Whether a mutation that cannot take its holds changes nothing.
    pub(crate) fn insists(self) -> bool {
        matches!(self, Self::Around | Self::Updates)
    }
}

/// One record; for a mutation the load is the commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) how: How,
    /// Of a mutation.
    pub(crate) way: Way,
    pub(crate) key: Key,
    pub(crate) version: u64,
    pub(crate) start: Nanos,
    pub(crate) end: Nanos,
    pub(crate) load_start: Nanos,
    pub(crate) load_end: Nanos,
}

impl Record {
    /// A record that is not about a call.
    pub(crate) fn of(kind: Kind, start: Nanos, end: Nanos) -> Self {
        let (how, way, key) = (How::Applied, Way::After, Key::default());
        Self { kind, how, way, key, version: 0, start, end, load_start: 0, load_end: 0 }
    }

    fn to_bytes(self) -> [u8; SIZE] {
        let head = (self.kind as u64) << 40 | (self.how as u64) << 32 | self.way.to_word(self.key);
        let words = [head, self.version, self.start, self.end, self.load_start, self.load_end];
        let mut bytes = [0; SIZE];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; SIZE]) -> Self {
        let word = |at: usize| {
            u64::from_le_bytes(bytes[at * 8..at * 8 + 8].try_into().expect("eight bytes were taken"))
        };
        let head = word(0).to_le_bytes();
        Self {
            kind: Kind::ALL[usize::from(head[5])],
            how: How::ALL[usize::from(head[4])],
            way: Way::of_word(word(0)),
            key: Key::from_word(word(0)),
            version: word(1),
            start: word(2),
            end: word(3),
            load_start: word(4),
            load_end: word(5),
        }
    }
}

/// The records of one worker until they are sent.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Buffer>);

#[derive(Debug, Default)]
struct Buffer {
    records: Vec<Record>,
    /// When the mutations began that are still under way.
    writing: Vec<Nanos>,
}

impl Recorder {
    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, record: Record) {
        self.buffer().records.push(record);
    }

    /// What was pushed and not sent.
    pub(crate) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.buffer().records)
    }

    /// Begins a mutation.
    pub(crate) fn begin_write(&self) -> Nanos {
        let mut buffer = self.buffer();
        let start = now();
        buffer.writing.push(start);
        start
    }

    /// Ends the mutation that began at the record's start.
    pub(crate) fn end_write(&self, record: Record) {
        let mut buffer = self.buffer();
        if let Some(at) = buffer.writing.iter().position(|start| *start == record.start) {
            buffer.writing.swap_remove(at);
        }
        buffer.records.push(record);
    }

    /// Sends the records as they come, until the driver is gone.
    pub(crate) async fn send_to(&self, mut driver: UnixStream) {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            {
                let mut buffer = self.buffer();
                let oldest = buffer.writing.iter().copied().min().unwrap_or_else(now);
                buffer.records.push(Record::of(Kind::Watermark, oldest, oldest));
                buffer.records.drain(..).for_each(|record| bytes.extend_from_slice(&record.to_bytes()));
            }
            if driver.write_all(&bytes).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
