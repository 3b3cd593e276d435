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
    form: Form,
}

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The key, as it stands in a store.
    Text,
    /// The calls of this writer, one after the other, so that each can be told from the bytes: what is written alike in this form is
    /// written alike in the other. It is shorter to write, and never leaves the process.
    Calls,
}

/// What a call is, in [`Form::Calls`]; where its length may vary, the length follows.
mod call {
    pub(super) const TEXT: u8 = 0;
    pub(super) const NAME: u8 = 1;
    pub(super) const OPEN: u8 = 2;
    pub(super) const CLOSE: u8 = 3;
    pub(super) const NONE: u8 = 4;
    pub(super) const SOME: u8 = 5;
    /// The text that most keys have between their parts.
    pub(super) const COLON: u8 = 6;
    /// And beyond: integers, by their size and sign.
    pub(super) const INTEGER: u8 = 16;
}

impl<'a> KeyWriter<'a> {
    pub(crate) fn new(buf: &'a mut KeyBuf) -> Self {
        Self { buf, form: Form::Text }
    }

    /// Writes what tells two calls apart as well as their keys, and sooner.
    #[inline]
    pub(crate) fn of_calls(buf: &'a mut KeyBuf) -> Self {
        Self { buf, form: Form::Calls }
    }

    /// Writes literal text of a template, as it is.
    #[inline]
    pub fn text(&mut self, literal: &str) {
        match self.form {
            Form::Text => self.buf.push(literal.as_bytes()),
            Form::Calls if literal == ":" => self.buf.push(&[call::COLON]),
            Form::Calls => self.sized(call::TEXT, literal.as_bytes()),
        }
    }

    /// Writes one argument.
    #[inline]
    pub fn part<T: KeyPart + ?Sized>(&mut self, value: &T) {
        value.write(self);
    }

    /// Writes a text, escaped.
    #[inline]
    pub fn name(&mut self, text: &str) {
        match self.form {
            Form::Calls => self.sized(call::NAME, text.as_bytes()),
            Form::Text if text.is_empty() => self.buf.push(EMPTY),
            Form::Text => self.escaped(text.as_bytes()),
        }
    }

    /// Writes what `value` displays, escaped; equal texts must mean equal values.
    pub fn display(&mut self, value: &(impl Display + ?Sized)) {
        // The adapters below never fail; a `Display` that does leaves what it wrote.
        if self.form == Form::Calls {
            let mut text = String::new();
            let _ = write!(text, "{value}");
            return self.name(&text);
        }
        let start = self.buf.written().len();
        let _ = write!(Escaping(self), "{value}");
        if self.buf.written().len() == start {
            self.buf.push(EMPTY);
        }
    }

    /// Writes `(a,b)`.
    pub fn tuple(&mut self, parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        self.sequence(*b"()", parts);
    }

    /// Writes `[a,b]`.
    pub fn list(&mut self, parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        self.sequence(*b"[]", parts);
    }

    /// Writes `name(a,b)`.
    pub fn variant(&mut self, name: &str, parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        self.name(name);
        self.tuple(parts);
    }

    #[inline]
    pub(super) fn integer<const SIZE: usize>(
        &mut self,
        value: impl itoa::Integer,
        bytes: [u8; SIZE],
        signed: bool,
    ) {
        match self.form {
            Form::Text => self.buf.push(itoa::Buffer::new().format(value).as_bytes()),
            Form::Calls => {
                let [size, ..] = SIZE.to_le_bytes();
                let mut call = [0; 17];
                call[0] = call::INTEGER + 2 * size + u8::from(signed);
                call[1..=SIZE].copy_from_slice(&bytes);
                self.buf.push(&call[..=SIZE]);
            }
        }
    }

    #[inline]
    pub(super) fn option<T: KeyPart>(&mut self, value: Option<&T>) {
        if self.form == Form::Calls {
            self.buf.push(&[if value.is_some() { call::SOME } else { call::NONE }]);
            return value.into_iter().for_each(|value| value.write(self));
        }
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

    fn sequence(&mut self, [open, close]: [u8; 2], parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        let calls = self.form == Form::Calls;
        if calls {
            self.buf.push(&[call::OPEN]);
        }
        self.buf.push(&[open]);
        parts(&mut Sequence { key: self, first: true });
        self.buf.push(&[if calls { call::CLOSE } else { close }]);
    }

    #[inline]
    fn sized(&mut self, call: u8, bytes: &[u8]) {
        let mut head = [call; 9];
        head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.buf.push(&head);
        self.buf.push(bytes);
    }

    #[inline(never)]
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
        if !std::mem::take(&mut self.first) && self.key.form == Form::Text {
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
