//! Finds documents in a stream of bytes that is split and joined anywhere.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};

use super::document::{Document, Member, Members, Outline, Span};
use super::error::{ScanError, beginning};
use super::marks::Marks;
use super::nesting::Nesting;
use super::tokens::is_space;

/// The most members of an object at its top level. Their ranges are kept, and without a bound a hostile message would take
/// several times its size.
const MAX_MEMBERS: usize = 0x1_0000;

/// The expected input, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two documents.
    Between,
    /// After a document that was not taken.
    Whole,
    /// A name, or the end of an empty object.
    FirstKey,
    /// A name, after a comma.
    Key,
    InKey,
    Colon,
    Value,
    InString,
    /// Inside an object or array that is a member's value, or before its bracket.
    InContainer,
    /// Inside a number, `true`, `inf`, or any other value that is neither string nor container.
    InScalar,
    /// A comma, or the end of the object.
    Comma,
}

/// Finds JSON objects in a stream of bytes: on one line or many, split anywhere, joined anywhere.
///
/// It delimits documents and their top-level members, and does not validate values: a number that is not JSON (QEMU prints `inf`)
/// or invalid UTF-8 must not cost the whole message. It remembers where it stopped, so time and memory are linear in the bytes
/// however they are split. A reader appends to the buffer and calls [`next`](Self::next).
#[derive(Debug)]
pub struct Scanner {
    limit: usize,
    state: State,
    /// The number of bytes of the document that were scanned. It begins at the front of the buffer.
    at: usize,
    marks: Marks,
    /// The open brackets of the current value.
    nesting: Nesting,
    members: Members,
    /// The range of the current member's name, and the start of its value.
    key: Range<usize>,
    value: usize,
    failed: Option<ScanError>,
}

impl Scanner {
    /// Makes a scanner for documents of at most `max_message` bytes, and at most 4 GiB.
    pub fn new(max_message: usize) -> Self {
        Self {
            limit: max_message.min(u32::MAX as usize),
            state: State::Between,
            at: 0,
            marks: Marks::default(),
            nesting: Nesting::default(),
            members: Members::default(),
            key: 0..0,
            value: 0,
            failed: None,
        }
    }

    /// Takes the next whole document off the front of `buf` without copying it; `None` if more bytes are needed.
    ///
    /// White space and 0xFF, with which a guest agent synchronizes, are skipped between documents. With `eof` no more bytes come.
    /// Between two calls, bytes may only be appended to `buf`. An error is final: every later call returns it.
    pub fn next(&mut self, buf: &mut BytesMut, eof: bool) -> Result<Option<Document>, ScanError> {
        Ok(self.find(buf, eof)?.then(|| self.take(buf)))
    }

    /// Finds the next document like [`next`](Self::next), but leaves it at the front of `buf`. Returns true if it is whole.
    pub(crate) fn find(&mut self, buf: &mut BytesMut, eof: bool) -> Result<bool, ScanError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.state == State::Whole {
            return Ok(true);
        }
        let found = self.resume(buf, eof);
        match &found {
            Ok(true) => self.state = State::Whole,
            Ok(false) => {}
            Err(error) => self.failed = Some(error.clone()),
        }
        found
    }

    /// Returns the outline of the document that was found.
    pub(crate) fn outline<'a>(&'a self, buf: &'a [u8]) -> Outline<'a> {
        let bytes = buf.get(..self.at).unwrap_or_default();
        Outline { bytes, members: &self.members, may_escape: self.marks.may_escape }
    }

    /// Takes the document that was found.
    pub(crate) fn take(&mut self, buf: &mut BytesMut) -> Document {
        let members = std::mem::take(&mut self.members);
        Document::new(self.take_bytes(buf), members, self.marks.may_escape)
    }

    /// Takes the bytes of the document that was found, and drops its outline.
    pub(crate) fn take_bytes(&mut self, buf: &mut BytesMut) -> Bytes {
        self.members = Members::new();
        self.state = State::Between;
        buf.split_to(self.at).freeze()
    }

    /// Returns true if the first `self.at` bytes of `buf` are a document.
    fn resume(&mut self, buf: &mut BytesMut, eof: bool) -> Result<bool, ScanError> {
        if self.state == State::Between {
            let separators = buf.iter().take_while(|&&byte| is_space(byte) || byte == 0xff).count();
            buf.advance(separators);
            match buf.first() {
                None => return Ok(false),
                Some(b'{') => {}
                Some(_) => return Err(ScanError::garbage(buf)),
            }
            self.marks = Marks::default();
            self.at = 1;
            self.state = State::FirstKey;
        }
        let within = &buf[..buf.len().min(self.limit)];
        if self.scan(within)? {
            return Ok(true);
        }
        // The limit is reached before the end of the document.
        if within.len() == self.limit {
            return Err(ScanError::TooLong { limit: self.limit, seen: beginning(buf) });
        }
        if eof {
            return Err(ScanError::truncated(buf));
        }
        Ok(false)
    }

    /// Continues where it stopped. Returns true if the document ends at `self.at`.
    ///
    /// Each round of the loop is a member, and each state leads to one further down. A round continues where it was cut short.
    fn scan(&mut self, bytes: &[u8]) -> Result<bool, ScanError> {
        // A local variable stays in a register; each step depends on the one before.
        let mut at = self.at;
        let found = self.scan_from(bytes, &mut at);
        self.at = at;
        found
    }

    #[inline]
    fn scan_from(&mut self, bytes: &[u8], at: &mut usize) -> Result<bool, ScanError> {
        loop {
            if let State::FirstKey | State::Key = self.state {
                match token(bytes, at) {
                    Some(b'"') => self.state = State::InKey,
                    Some(b'}') if self.state == State::FirstKey => return Ok(true),
                    Some(_) => return wrong(bytes, *at, "a quoted name"),
                    None => return Ok(false),
                }
                self.key.start = *at;
            }
            if self.state == State::InKey {
                let Some(end) = self.string_end(bytes, at) else { return Ok(false) };
                self.key.end = end;
                self.state = State::Colon;
            }
            if self.state == State::Colon {
                match token(bytes, at) {
                    Some(b':') => self.state = State::Value,
                    Some(_) => return wrong(bytes, *at, "a colon"),
                    None => return Ok(false),
                }
            }
            if self.state == State::Value {
                self.state = match token(bytes, at) {
                    Some(b'"') => State::InString,
                    Some(b'{' | b'[') => State::InContainer,
                    Some(b'}' | b']' | b',' | b':') => return wrong(bytes, *at, "a value"),
                    Some(_) => State::InScalar,
                    None => return Ok(false),
                };
                self.value = *at - 1;
            }
            let is_whole = match self.state {
                State::InString => self.string_end(bytes, at).is_some(),
                State::InContainer => self.container_ends(bytes, at)?,
                State::InScalar => scalar_ends(bytes, at),
                _ => true,
            };
            if !is_whole {
                return Ok(false);
            }
            if self.state != State::Comma {
                self.end_member(bytes, *at)?;
                self.state = State::Comma;
            }
            match token(bytes, at) {
                Some(b',') => self.state = State::Key,
                Some(b'}') => return Ok(true),
                Some(_) => return wrong(bytes, *at, "a comma or `}`"),
                None => return Ok(false),
            }
        }
    }

    /// Keeps the member whose value ends at `at`.
    #[inline]
    fn end_member(&mut self, bytes: &[u8], at: usize) -> Result<(), ScanError> {
        if self.members.len() == MAX_MEMBERS {
            return Err(ScanError::TooManyMembers { limit: MAX_MEMBERS, seen: beginning(bytes) });
        }
        let key = Span::new(self.key.start, self.key.end);
        let value = Span::new(self.value, at);
        self.members.push(Member { key, value });
        Ok(())
    }

    /// Inside a string: goes behind its closing quote and returns its place, or goes to the end of `bytes`.
    #[inline]
    fn string_end(&mut self, bytes: &[u8], at: &mut usize) -> Option<usize> {
        let end = self.marks.next_quote(bytes, *at);
        *at = end.map_or(bytes.len(), |end| end + 1);
        end
    }

    /// Inside a container: goes behind its closing bracket and returns true, or goes to the end of `bytes`.
    #[inline]
    fn container_ends(&mut self, bytes: &[u8], at: &mut usize) -> Result<bool, ScanError> {
        if self.nesting.depth() == 0 {
            let opening = bytes[*at - 1];
            // Most containers have no nested ones. `}` is `{` plus 2, and `]` is `[` plus 2.
            if let Some(found) = self.marks.next_bracket(bytes, *at)
                && bytes[found] == opening + 2
            {
                *at = found + 1;
                return Ok(true);
            }
            self.nesting.push(opening);
        }
        while let Some(found) = self.marks.next_bracket(bytes, *at) {
            *at = found + 1;
            let byte = bytes[found];
            // `{` and `[` have this bit, `}` and `]` do not.
            if byte & 2 != 0 {
                self.nesting.push(byte);
            } else if !self.nesting.pop(byte) {
                return Err(ScanError::malformed(bytes, found, self.nesting.closing()));
            } else if self.nesting.depth() == 0 {
                return Ok(true);
            }
        }
        *at = bytes.len();
        Ok(false)
    }
}

impl Document {
    /// Finds the members of a JSON object, which may have white space around it. It copies the bytes, so it is for small values.
    pub fn parse(object: &[u8]) -> Result<Self, ScanError> {
        let mut buf = BytesMut::from(object);
        let mut scanner = Scanner::new(object.len());
        let document = scanner.next(&mut buf, true)?.ok_or_else(|| ScanError::truncated(object))?;
        match scanner.next(&mut buf, true)? {
            None => Ok(document),
            Some(_) => Err(ScanError::garbage(object)),
        }
    }
}

/// Goes over white space and the next byte, which it returns, or goes to the end of `bytes`.
#[inline]
fn token(bytes: &[u8], at: &mut usize) -> Option<u8> {
    while let Some(&byte) = bytes.get(*at) {
        *at += 1;
        if !is_space(byte) {
            return Some(byte);
        }
    }
    None
}

/// Inside a scalar: goes behind it and returns true, or goes to the end of `bytes`.
fn scalar_ends(bytes: &[u8], at: &mut usize) -> bool {
    let ends = |&byte: &u8| is_space(byte) || matches!(byte, b',' | b'}' | b']' | b'{' | b'[' | b'"');
    let length = bytes[*at..].iter().position(ends);
    *at = length.map_or(bytes.len(), |length| *at + length);
    length.is_some()
}

/// Makes the error for the byte before `at`.
fn wrong(bytes: &[u8], at: usize, expected: &'static str) -> Result<bool, ScanError> {
    Err(ScanError::malformed(bytes, at - 1, expected))
}

#[cfg(test)]
#[path = "scanner_tests.rs"]
mod tests;
