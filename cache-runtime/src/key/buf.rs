//! The text of a key.

use xxhash_rust::xxh3;

/// A longer name (bytes) is shortened to a readable head and a hash.
const LONGEST: usize = 200;
/// What is left readable of a shortened name (bytes).
const HEAD: usize = 96;

/// What every shortened name shows at least (bytes): its head may end before a character that would not be whole.
pub(crate) const READABLE: usize = HEAD - 3;

/// A key without the application's name, as it is written and as it ends up.
#[derive(Default)]
pub(crate) struct KeyBuf {
    pub(super) text: Vec<u8>,
    shortened: Option<Box<[u8]>>,
}

impl KeyBuf {
    pub(crate) fn new() -> Self {
        Self { text: Vec::with_capacity(64), shortened: None }
    }

    /// The name in the store: the written text, or its shortened form once [`finish`](Self::finish) found it too long.
    pub(crate) fn name(&self) -> &[u8] {
        self.shortened.as_deref().unwrap_or(&self.text)
    }

    /// The whole text, where the name is a shortened one.
    pub(crate) fn full(&self) -> Option<&[u8]> {
        self.shortened.is_some().then_some(&self.text)
    }

    /// The hash that picks stripes and shards; the same in every process.
    pub(crate) fn hash(&self) -> u64 {
        xxh3::xxh3_64(self.name())
    }

    /// All that was written.
    pub(crate) fn written(&self) -> &[u8] {
        &self.text
    }

    /// Shortens a name that is too long; `#` occurs in no other name, so the two kinds never meet.
    pub(crate) fn finish(&mut self) {
        let text = &self.text;
        if text.len() <= LONGEST {
            return;
        }
        let hash = xxh3::xxh3_128(text);
        let head = &text[..whole_characters(text, HEAD)];
        self.shortened = Some([head, format!("#{hash:032x}").as_bytes()].concat().into());
    }
}

/// Whether the text of a name in the store begins with `prefix`, or may do so, where the name is shortened and shows too little of it.
pub(crate) fn may_begin_with(name: &[u8], prefix: &[u8]) -> bool {
    let head = name.iter().rposition(|&byte| byte == b'#').map(|at| &name[..at]);
    name.starts_with(prefix) || head.is_some_and(|head| head.len() >= READABLE && prefix.starts_with(head))
}

/// The largest cut up to `end` that splits neither an UTF-8 character nor a `%XX`.
fn whole_characters(text: &[u8], end: usize) -> usize {
    let mut end = end;
    while text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    match text[end.saturating_sub(2)..end].iter().position(|&byte| byte == b'%') {
        Some(offset) => end.saturating_sub(2) + offset,
        None => end,
    }
}
