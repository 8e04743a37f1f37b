//! A place in one word of a line.

use super::error::{SyntaxError, SyntaxErrorKind, shown};
use super::span::Span;

/// Reads `text`, which stands at `base` in the line.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) pos: usize,
    base: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, base: usize) -> Self {
        Self { text, pos: 0, base }
    }

    /// The span in the line of the whole word.
    pub(super) fn whole(&self) -> Span {
        Span::new(self.base, self.base + self.text.len())
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.pos..]
    }

    pub(super) fn next_char(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Skips JSON's white space.
    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
    }

    /// The text between `from` and here.
    pub(super) fn since(&self, from: usize) -> &'a str {
        &self.text[from..self.pos]
    }

    /// The span in the line between `from` and here.
    pub(super) fn span(&self, from: usize) -> Span {
        Span::new(self.base + from, self.base + self.pos)
    }

    /// The span in the line of one byte.
    pub(super) fn span_at(&self, at: usize) -> Span {
        Span::new(self.base + at, self.base + at + 1)
    }

    /// An error about the text between `from` and here.
    pub(super) fn error(&self, from: usize, kind: SyntaxErrorKind, expected: &'static [&'static str]) -> SyntaxError {
        SyntaxError::new(self.span(from), kind, expected)
    }

    /// The error that another word, or character, should stand here.
    pub(super) fn unexpected(&mut self, expected: &'static [&'static str]) -> SyntaxError {
        let from = self.pos;
        let word = self.rest().find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest().len());
        if word > 0 {
            self.pos += word;
        } else if self.next_char().is_none() {
            return self.error(from, SyntaxErrorKind::Unexpected("end".into()), expected);
        }
        self.error(from, SyntaxErrorKind::Unexpected(shown(self.since(from))), expected)
    }
}

/// Returns true if `byte` separates words, as JSON's white space does.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
