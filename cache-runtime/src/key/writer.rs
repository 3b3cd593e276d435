//! Writing parts so that different arguments never give one text.

use super::{KeyBuf, KeyPart};
use std::fmt::{self, Display, Write};

/// Stands for `None`; an inner part that begins with it gets one more.
const NONE: u8 = b'~';
/// Stands for the empty text, which would otherwise vanish between two separators.
const EMPTY: &[u8] = b"%";

/// Writes the parts of one key.
///
/// Text keeps letters, digits, `-`, `_`, `.`, `/` and everything beyond ASCII; any other byte becomes `%XX`. What structures
/// a key (`:` between parts, `,`, `()`, `[]` within one, `~` for `None`) therefore never comes from an argument.
pub struct KeyWriter<'a> {
    buf: &'a mut KeyBuf,
}

impl<'a> KeyWriter<'a> {
    pub(crate) fn new(buf: &'a mut KeyBuf) -> Self {
        Self { buf }
    }

    /// Writes literal text of a template, as it is.
    pub fn text(&mut self, literal: &str) {
        self.buf.push(literal.as_bytes());
    }

    /// Writes one argument.
    pub fn part<T: KeyPart + ?Sized>(&mut self, value: &T) {
        value.write(self);
    }

    /// Writes a text, escaped.
    pub fn name(&mut self, text: &str) {
        if text.is_empty() { self.buf.push(EMPTY) } else { self.escaped(text.as_bytes()) }
    }

    /// Writes what `value` displays, escaped; equal texts must mean equal values.
    pub fn display(&mut self, value: &(impl Display + ?Sized)) {
        let start = self.buf.written().len();
        // The adapter below never fails; a `Display` that does leaves what it wrote.
        let _ = write!(Escaping(self), "{value}");
        if self.buf.written().len() == start {
            self.buf.push(EMPTY);
        }
    }

    /// Writes `(a,b)`.
    pub fn tuple(&mut self, parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        self.sequence(b"(", b")", parts);
    }

    /// Writes `[a,b]`.
    pub fn list(&mut self, parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        self.sequence(b"[", b"]", parts);
    }

    /// Writes `name(a,b)`.
    pub fn variant(&mut self, name: &str, parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        self.name(name);
        self.tuple(parts);
    }

    pub(super) fn integer(&mut self, value: impl itoa::Integer) {
        self.buf.push(itoa::Buffer::new().format(value).as_bytes());
    }

    pub(super) fn option<T: KeyPart>(&mut self, value: Option<&T>) {
        let start = self.buf.written().len();
        match value {
            None => self.buf.push(&[NONE]),
            Some(value) => {
                value.write(self);
                if self.buf.written().get(start) == Some(&NONE) {
                    self.buf.insert(start, NONE);
                }
            }
        }
    }

    fn sequence(&mut self, open: &[u8], close: &[u8], parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        self.buf.push(open);
        parts(&mut Sequence { key: self, first: true });
        self.buf.push(close);
    }

    fn escaped(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some(at) = rest.iter().position(|&byte| !plain(byte)) {
            self.buf.push(&rest[..at]);
            let hex = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
            self.buf.push(&[b'%', hex(rest[at] >> 4), hex(rest[at] & 15)]);
            rest = &rest[at + 1..];
        }
        self.buf.push(rest);
    }
}

/// The parts within one bracket.
pub struct Sequence<'k, 'a> {
    key: &'k mut KeyWriter<'a>,
    first: bool,
}

impl Sequence<'_, '_> {
    /// Writes the next part.
    pub fn part<T: KeyPart + ?Sized>(&mut self, value: &T) {
        if !std::mem::take(&mut self.first) {
            self.key.buf.push(b",");
        }
        value.write(self.key);
    }
}

struct Escaping<'k, 'a>(&'k mut KeyWriter<'a>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.escaped(text.as_bytes());
        Ok(())
    }
}

const fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/') || byte >= 0x80
}
