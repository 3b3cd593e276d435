//! Writing parts so that different arguments never give one text.

#![expect(clippy::inline_always, reason = "only inlined does what a hit calls know what form it writes")]

use super::args::{Comparison, Hash, Parts};
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
    form: Form<'a>,
    /// The text of the template that is still to be written; only a key has it.
    template: &'static [&'static str],
}

/// What is written, and where to.
enum Form<'a> {
    /// The key, as it stands in a store.
    Text(&'a mut KeyBuf),
    /// The calls of this writer, one after the other, so that each can be told from the bytes: what is written alike in this form is
    /// written alike in the other. It is shorter to write, and never leaves the process.
    Calls(&'a mut Vec<u8>),
    /// The hash of those calls.
    Hash(Hash),
    /// Whether they are the same as others.
    Same(Comparison<'a>),
}

/// What a call is, in [`Form::Calls`].
mod call {
    pub(super) const TEXT: u8 = 0;
    pub(super) const NAME: u8 = 1;
    pub(super) const OPEN: u8 = 2;
    pub(super) const CLOSE: u8 = 3;
    pub(super) const NONE: u8 = 4;
    pub(super) const SOME: u8 = 5;
    /// And beyond: integers, by their size and sign.
    pub(super) const INTEGER: u8 = 16;
    /// Ends a text. No text has it: it is not UTF-8.
    pub(super) const END: u8 = 0xFF;
}

impl<'a> KeyWriter<'a> {
    pub(crate) fn new(buf: &'a mut KeyBuf) -> Self {
        Self::of(Form::Text(buf))
    }

    /// Writes a key with the text before each of its parts, and after the last.
    pub(crate) fn of_template(buf: &'a mut KeyBuf, template: &'static [&'static str]) -> Self {
        Self { template, ..Self::new(buf) }
    }

    #[inline(always)]
    const fn of(form: Form<'a>) -> Self {
        Self { form, template: &[] }
    }

    /// Writes what tells two calls apart as well as their keys, and sooner.
    pub(super) fn of_calls(calls: &'a mut Vec<u8>) -> Self {
        Self::of(Form::Calls(calls))
    }

    /// The hash of the calls that `parts` make, begun with `seed`.
    #[inline(always)]
    pub(super) fn hash(seed: u64, parts: &(impl Parts + ?Sized)) -> u64 {
        let mut writer = KeyWriter::of(Form::Hash(Hash::seeded(seed)));
        parts.write(&mut writer);
        match writer.form {
            Form::Hash(hash) => hash.end(),
            _ => unreachable!("a writer keeps its form"),
        }
    }

    /// Whether `parts` make these calls.
    #[inline(always)]
    pub(super) fn makes(calls: &[u8], parts: &impl Parts) -> bool {
        let mut writer = KeyWriter::of(Form::Same(Comparison::with(calls)));
        parts.write(&mut writer);
        match writer.form {
            Form::Same(comparison) => comparison.is_same(),
            _ => unreachable!("a writer keeps its form"),
        }
    }

    /// Writes literal text, as it is.
    #[inline(always)]
    pub fn text(&mut self, literal: &str) {
        match &mut self.form {
            Form::Text(buf) => literally(buf, literal),
            _ => self.called(call::TEXT, literal),
        }
    }

    /// Writes the next text of the key's template, if it is a key: what every call at a site has there tells none apart.
    #[inline(always)]
    pub(crate) fn template(&mut self) {
        if let (Form::Text(buf), Some((text, rest))) = (&mut self.form, self.template.split_first()) {
            literally(buf, text);
            self.template = rest;
        }
    }

    /// Writes one argument.
    #[inline(always)]
    pub fn part<T: KeyPart + ?Sized>(&mut self, value: &T) {
        value.write(self);
    }

    /// Writes a text, escaped.
    #[inline(always)]
    pub fn name(&mut self, text: &str) {
        match &mut self.form {
            Form::Text(buf) => escaped(buf, text),
            _ => self.called(call::NAME, text),
        }
    }

    /// Writes what `value` displays, escaped; equal texts must mean equal values.
    pub fn display(&mut self, value: &(impl Display + ?Sized)) {
        // The adapters never fail; a `Display` that does leaves what it wrote.
        if let Form::Text(buf) = &mut self.form {
            let start = buf.text.len();
            let _ = write!(Escaping(&mut buf.text), "{value}");
            if buf.text.len() == start {
                buf.text.extend_from_slice(EMPTY);
            }
            return;
        }
        self.code(call::NAME);
        let _ = write!(Calling(self), "{value}");
        self.code(call::END);
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

    #[inline(always)]
    pub(super) fn integer<const SIZE: usize>(
        &mut self,
        value: impl itoa::Integer,
        bytes: [u8; SIZE],
        signed: bool,
    ) {
        let [size, ..] = SIZE.to_le_bytes();
        let code = call::INTEGER + 2 * size + u8::from(signed);
        match &mut self.form {
            Form::Text(buf) => in_digits(buf, value),
            Form::Calls(calls) => called(calls, code, &bytes),
            Form::Hash(hash) => hash.integer(bytes),
            Form::Same(comparison) => {
                comparison.expect([code]);
                comparison.expect(bytes);
            }
        }
    }

    #[inline(always)]
    pub(super) fn option<T: KeyPart>(&mut self, value: Option<&T>) {
        let start = match &self.form {
            Form::Text(buf) => buf.text.len(),
            _ => 0,
        };
        match value {
            Some(_) => self.code(call::SOME),
            None => self.structure(if self.is_text() { NONE } else { call::NONE }),
        }
        // One place, for it to be inlined.
        if let Some(value) = value {
            value.write(self);
        }
        if let Form::Text(buf) = &mut self.form {
            marked(buf, start, value.is_some());
        }
    }

    #[inline(always)]
    fn is_text(&self) -> bool {
        matches!(self.form, Form::Text(_))
    }

    fn sequence(&mut self, [open, close]: [u8; 2], parts: impl FnOnce(&mut Sequence<'_, 'a>)) {
        let is_text = self.is_text();
        if !is_text {
            self.code(call::OPEN);
        }
        self.structure(open);
        parts(&mut Sequence { key: self, first: true });
        self.structure(if is_text { close } else { call::CLOSE });
    }

    /// One byte, whatever the form.
    #[inline(always)]
    fn structure(&mut self, byte: u8) {
        match &mut self.form {
            Form::Text(buf) => buf.text.push(byte),
            _ => self.code(byte),
        }
    }

    /// One byte of a form that is no text.
    #[inline(always)]
    fn code(&mut self, code: u8) {
        match &mut self.form {
            Form::Text(_) => {}
            Form::Calls(calls) => called(calls, code, &[]),
            Form::Hash(hash) => hash.integer([code]),
            Form::Same(comparison) => comparison.expect([code]),
        }
    }

    /// A text in a form that is no text.
    #[inline(always)]
    fn called(&mut self, code: u8, text: &str) {
        match &mut self.form {
            Form::Text(_) => {}
            Form::Calls(calls) => {
                called(calls, code, text.as_bytes());
                called(calls, call::END, &[]);
            }
            Form::Hash(hash) => hash.text(text.as_bytes()),
            Form::Same(comparison) => {
                comparison.expect([code]);
                comparison.expect_text(text.as_bytes());
                comparison.expect([call::END]);
            }
        }
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
        if !std::mem::take(&mut self.first)
            && let Form::Text(buf) = &mut self.key.form
        {
            buf.text.push(b',');
        }
        value.write(self.key);
    }
}

/// What is displayed, as a part of a text.
struct Escaping<'a>(&'a mut Vec<u8>);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

/// What is displayed, in a form that is no text.
struct Calling<'k, 'a>(&'k mut KeyWriter<'a>);

impl Write for Calling<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match &mut self.0.form {
            Form::Text(_) => {}
            Form::Calls(calls) => calls.extend_from_slice(text.as_bytes()),
            Form::Hash(hash) => hash.text(text.as_bytes()),
            Form::Same(comparison) => comparison.expect_text(text.as_bytes()),
        }
        Ok(())
    }
}

// Apart, so that the other forms are short enough to be inlined.

#[inline(never)]
fn literally(buf: &mut KeyBuf, literal: &str) {
    buf.text.extend_from_slice(literal.as_bytes());
}

/// A present value that looks like an absent one, made to look otherwise.
#[inline(never)]
fn marked(buf: &mut KeyBuf, start: usize, is_present: bool) {
    if is_present && buf.text.get(start) == Some(&NONE) {
        buf.text.insert(start, NONE);
    }
}

#[inline(never)]
fn in_digits(buf: &mut KeyBuf, value: impl itoa::Integer) {
    buf.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[inline(never)]
fn escaped(buf: &mut KeyBuf, text: &str) {
    if text.is_empty() {
        buf.text.extend_from_slice(EMPTY);
    }
    escape(&mut buf.text, text);
}

#[inline(never)]
fn called(calls: &mut Vec<u8>, code: u8, bytes: &[u8]) {
    calls.push(code);
    calls.extend_from_slice(bytes);
}

fn escape(buf: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| !plain(byte)) {
        buf.extend_from_slice(&rest[..at]);
        let hex = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
        buf.extend_from_slice(&[b'%', hex(rest[at] >> 4), hex(rest[at] & 15)]);
        rest = &rest[at + 1..];
    }
    buf.extend_from_slice(rest);
}

const fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/') || byte >= 0x80
}
