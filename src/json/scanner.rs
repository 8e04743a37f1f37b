//! Documents found in a stream of bytes, which may be split and joined anywhere.

use std::ops::Range;

use bytes::{Buf, BytesMut};

use super::blocks::{self, Masks};
use super::document::{Document, Member, Members, Span};
use super::error::{ScanError, beginning};
use super::is_space;
use super::nesting::Nesting;

/// The most members that an object may have at its top level. Their ranges are kept: without a bound a hostile message
/// would take several times its size.
const MAX_MEMBERS: usize = 0x1_0000;

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two documents.
    Between,
    /// A name, or the end of an empty object.
    FirstKey,
    /// A name: there was a comma.
    Key,
    InKey,
    Colon,
    Value,
    InString,
    /// A number, `true`, `inf`, or whatever else is neither string nor container.
    InScalar,
    /// Inside an object or array that is a member's value.
    InContainer,
    /// A comma, or the end of the object.
    Comma,
}

/// Finds JSON objects in a stream of bytes: on one line or many, split anywhere, joined anywhere.
///
/// It delimits documents and their top-level members and validates nothing inside the values, so that a number that is
/// no JSON (QEMU prints `inf`) or invalid UTF-8 does not cost the whole message. It remembers where it stopped: the
/// work is linear in the bytes however they are split, and so is the memory (one bit for each open bracket). A reader
/// only appends to the buffer and calls [`next`](Self::next); nothing else is needed to keep the growth linear.
#[derive(Debug)]
pub struct Scanner {
    limit: usize,
    state: State,
    /// How many bytes of the document have been looked at; it begins at the front of the buffer.
    at: usize,
    /// Inside a string inside a container.
    quoted: bool,
    /// The next byte is escaped.
    escape: bool,
    nesting: Nesting,
    members: Members,
    /// Where the member that is being read has its name, and where its value begins.
    key: Range<usize>,
    value: usize,
    failed: Option<ScanError>,
}

impl Scanner {
    /// A scanner for documents of at most `max_message` bytes, or 4 GiB if that is less.
    pub fn new(max_message: usize) -> Self {
        Self {
            limit: max_message.min(u32::MAX as usize),
            state: State::Between,
            at: 0,
            quoted: false,
            escape: false,
            nesting: Nesting::default(),
            members: Members::default(),
            key: 0..0,
            value: 0,
            failed: None,
        }
    }

    /// Takes the next whole document off the front of `buf`, without copying it; `None` if more bytes are needed.
    /// White space and 0xFF (with which a guest agent and its clients synchronise) are skipped between documents.
    ///
    /// `eof` says that no more bytes will come. Between two calls bytes may be appended to `buf`, nothing else. An
    /// error is final: it comes again from every later call.
    pub fn next(&mut self, buf: &mut BytesMut, eof: bool) -> Result<Option<Document>, ScanError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.find(buf, eof) {
            Ok(true) => {
                self.state = State::Between;
                let bytes = buf.split_to(self.at).freeze();
                Ok(Some(Document::new(bytes, std::mem::take(&mut self.members))))
            }
            Ok(false) => Ok(None),
            Err(error) => {
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// True if the first `self.at` bytes of `buf` are a document.
    fn find(&mut self, buf: &mut BytesMut, eof: bool) -> Result<bool, ScanError> {
        if self.state == State::Between {
            let separators = buf.iter().take_while(|&&byte| is_space(byte) || byte == 0xff).count();
            buf.advance(separators);
            match buf.first() {
                None => return Ok(false),
                Some(b'{') => {}
                Some(_) => return Err(ScanError::garbage(buf)),
            }
            self.nesting.clear();
            self.nesting.push(b'{');
            self.at = 1;
            self.state = State::FirstKey;
        }
        let within = &buf[..buf.len().min(self.limit)];
        if self.scan(within)? {
            return Ok(true);
        }
        // All that is allowed has come, and the end was not among it.
        if within.len() == self.limit {
            return Err(ScanError::TooLong { limit: self.limit, seen: beginning(buf) });
        }
        if eof {
            return Err(ScanError::truncated(buf));
        }
        Ok(false)
    }

    /// Goes on from where it stopped; true if the document ends at `self.at`.
    fn scan(&mut self, bytes: &[u8]) -> Result<bool, ScanError> {
        while self.at < bytes.len() {
            let is_whole = match self.state {
                State::InKey | State::InString => self.string(bytes),
                State::InContainer => self.container(bytes)?,
                State::InScalar => self.scalar(bytes),
                _ => {
                    if self.between_tokens(bytes)? {
                        return Ok(true);
                    }
                    continue;
                }
            };
            match self.state {
                _ if !is_whole => break,
                State::InKey => self.end_key(bytes),
                _ => self.end_member(bytes)?,
            }
        }
        Ok(false)
    }

    /// Goes over one byte outside of names and values; true if it ends the document.
    fn between_tokens(&mut self, bytes: &[u8]) -> Result<bool, ScanError> {
        let wrong = |expected| Err(ScanError::malformed(bytes, self.at, expected));
        let byte = bytes[self.at];
        match self.state {
            State::Value => {
                self.value = self.at;
                self.state = match byte {
                    b'"' => State::InString,
                    b'{' | b'[' if bytes.get(self.at + 1) == Some(&(byte + 2)) => {
                        self.at += 2;
                        self.end_member(bytes)?;
                        return Ok(false);
                    }
                    b'{' | b'[' => {
                        self.nesting.push(byte);
                        State::InContainer
                    }
                    b'}' | b']' | b',' | b':' => return wrong("a value"),
                    _ if is_space(byte) => State::Value,
                    _ => State::InScalar,
                };
            }
            _ if is_space(byte) => {}
            State::FirstKey | State::Key => match byte {
                b'"' => {
                    self.key.start = self.at + 1;
                    self.state = State::InKey;
                }
                b'}' if self.state == State::FirstKey => {
                    self.at += 1;
                    return Ok(true);
                }
                _ => return wrong("a quoted name"),
            },
            State::Colon => match byte {
                b':' => self.state = State::Value,
                _ => return wrong("a colon"),
            },
            _ => match byte {
                b',' => self.state = State::Key,
                b'}' => {
                    self.at += 1;
                    return Ok(true);
                }
                _ => return wrong("a comma or `}`"),
            },
        }
        self.at += 1;
        Ok(false)
    }

    fn end_key(&mut self, bytes: &[u8]) {
        self.key.end = self.at - 1;
        self.state = State::Colon;
        // Usual separators are taken at once: a jump for each byte costs more than all the rest.
        if self.take(bytes, b':') {
            self.take(bytes, b' ');
            self.state = State::Value;
        }
    }

    #[inline]
    fn end_member(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        if self.members.as_slice().len() == MAX_MEMBERS {
            return Err(ScanError::TooManyMembers { limit: MAX_MEMBERS, seen: beginning(bytes) });
        }
        let key = Span::new(self.key.start, self.key.end);
        let value = Span::new(self.value, self.at);
        self.members.push(Member { key, value });
        self.state = State::Comma;
        if self.take(bytes, b',') {
            self.take(bytes, b' ');
            self.state = State::Key;
            if self.take(bytes, b'"') {
                self.key.start = self.at;
                self.state = State::InKey;
            }
        }
        Ok(())
    }

    /// Goes over the next byte if it is `byte`.
    #[inline]
    fn take(&mut self, bytes: &[u8], byte: u8) -> bool {
        let found = bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    /// Inside a scalar: goes behind it, and true; or to the end of `bytes`, and false.
    fn scalar(&mut self, bytes: &[u8]) -> bool {
        let ends = |&byte: &u8| is_space(byte) || matches!(byte, b',' | b'}' | b']' | b'{' | b'[' | b'"');
        let length = bytes[self.at..].iter().position(ends);
        self.at = length.map_or(bytes.len(), |length| self.at + length);
        length.is_some()
    }

    /// Inside a string: goes behind its closing quote, and true; or to the end of `bytes`, and false.
    #[inline]
    fn string(&mut self, bytes: &[u8]) -> bool {
        let mut at = self.at + usize::from(std::mem::take(&mut self.escape));
        loop {
            at += blocks::text_length(&bytes[at..]);
            match bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return true;
                }
                // What it escapes may not have come yet.
                Some(_) if at + 1 == bytes.len() => {
                    self.escape = true;
                    self.at = at + 1;
                    return false;
                }
                Some(_) => at += 2,
                None => {
                    self.at = at;
                    return false;
                }
            }
        }
    }

    /// Inside a container: goes behind the bracket that closes it, and true; or to the end of `bytes`, and false.
    ///
    /// 64 bytes at a time. At the end of what has come a block is shorter and filled up with zeros, which mean nothing.
    fn container(&mut self, bytes: &[u8]) -> Result<bool, ScanError> {
        while self.at < bytes.len() {
            let rest = &bytes[self.at..];
            let mut filled;
            let (block, length) = if let Some(block) = rest.first_chunk::<64>() {
                (block, 64)
            } else {
                filled = [0; 64];
                filled[..rest.len()].copy_from_slice(rest);
                (&filled, rest.len())
            };
            let masks = Masks::of(block);
            let (escaped, after) = blocks::escaped(masks.backslashes, self.escape);
            let quotes = masks.quotes & !escaped;
            let inside = blocks::parity(quotes) ^ if self.quoted { u64::MAX } else { 0 };
            let mut brackets = masks.brackets & !inside;
            while brackets != 0 {
                let i = brackets.trailing_zeros() as usize;
                brackets &= brackets - 1;
                let byte = block[i];
                // `{` and `[` have this bit, `}` and `]` do not.
                if byte & 2 != 0 {
                    self.nesting.push(byte);
                } else if !self.nesting.pop(byte) {
                    return Err(ScanError::malformed(bytes, self.at + i, self.nesting.closing()));
                } else if self.nesting.depth() == 1 {
                    self.at += i + 1;
                    self.quoted = false;
                    self.escape = false;
                    return Ok(true);
                }
            }
            self.quoted = inside >> 63 == 1;
            self.escape = if length == 64 { after } else { escaped >> length & 1 == 1 };
            self.at += length;
            if self.quoted && masks.quotes | masks.backslashes == 0 {
                self.at += blocks::text_length(&bytes[self.at..]);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
#[path = "scanner_tests.rs"]
mod tests;
