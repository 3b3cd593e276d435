//! The buffer a key is written in: on the stack up to [`INLINE`] bytes.

use xxhash_rust::xxh3;

/// Keys up to this many bytes need no allocation.
const INLINE: usize = 128;
/// A longer name (bytes) is shortened to a readable head and a hash.
const LONGEST: usize = 200;
/// What is left readable of a shortened name (bytes).
const HEAD: usize = 96;

/// What every shortened name shows at least (bytes): its head may end before a character that would not be whole.
pub(crate) const READABLE: usize = HEAD - 3;

/// A key without the application's name, as it is written and as it ends up.
pub(crate) struct KeyBuf {
    inline: [u8; INLINE],
    len: usize,
    spill: Vec<u8>,
    shortened: Option<Box<[u8]>>,
}

impl KeyBuf {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { inline: [0; INLINE], len: 0, spill: Vec::new(), shortened: None }
    }

    /// The name in the store: the written text, or its shortened form once [`finish`](Self::finish) found it too long.
    pub(crate) fn name(&self) -> &[u8] {
        self.shortened.as_deref().unwrap_or(self.written())
    }

    /// The whole text, where the name is a shortened one.
    pub(crate) fn full(&self) -> Option<&[u8]> {
        self.shortened.is_some().then(|| self.written())
    }

    /// The hash that picks stripes and shards; the same in every process.
    pub(crate) fn hash(&self) -> u64 {
        xxh3::xxh3_64(self.name())
    }

    /// All that was written.
    #[inline]
    pub(crate) fn written(&self) -> &[u8] {
        if self.spill.is_empty() { &self.inline[..self.len] } else { &self.spill }
    }

    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        // A spilled buffer is longer than the inline one.
        match self.inline.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.len = end;
            }
            None => self.spill(bytes),
        }
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.spill.is_empty() {
            self.spill.extend_from_slice(&self.inline[..self.len]);
        }
        self.spill.extend_from_slice(bytes);
        self.len = self.spill.len();
    }

    pub(super) fn insert(&mut self, at: usize, byte: u8) {
        let tail = self.written()[at..].to_vec();
        self.truncate(at);
        self.push(&[byte]);
        self.push(&tail);
    }

    fn truncate(&mut self, len: usize) {
        if self.spill.is_empty() {
            self.len = len;
        } else {
            self.spill.truncate(len);
            if len == 0 {
                self.len = 0;
            }
        }
    }

    /// Shortens a name that is too long; `#` occurs in no other name, so the two kinds never meet.
    pub(crate) fn finish(&mut self) {
        let text = self.written();
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
