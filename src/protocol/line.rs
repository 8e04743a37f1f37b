//! Reads lines, for line protocols (E19).

use bytes::{Bytes, BytesMut};

/// Takes lines out of a buffer, for [`Protocol::decode`](super::Protocol::decode) of a line protocol.
///
/// It looks at each byte once, however a line is split.
#[derive(Debug, Clone)]
pub struct Lines {
    longest: usize,
    looked_at: usize,
}

/// A line is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a line from the peer is longer than {longest} bytes")]
pub struct LineError {
    /// The longest line allowed, in bytes, without its newline.
    pub longest: usize,
}

impl Lines {
    /// Makes a reader of lines of at most `longest` bytes, not counting the newline.
    pub fn new(longest: usize) -> Self {
        Self { longest, looked_at: 0 }
    }

    /// Takes the next line, with its newline. With `eof`, a last line may lack the newline.
    pub fn next(&mut self, buffer: &mut BytesMut, eof: bool) -> Result<Option<Bytes>, LineError> {
        let end = memchr::memchr(b'\n', &buffer[self.looked_at..]).map(|at| self.looked_at + at);
        self.looked_at = end.unwrap_or(buffer.len());
        if self.looked_at > self.longest {
            return Err(LineError { longest: self.longest });
        }
        let length = match end {
            Some(newline) => newline + 1,
            None if eof && !buffer.is_empty() => buffer.len(),
            None => return Ok(None),
        };
        self.looked_at = 0;
        Ok(Some(buffer.split_to(length).freeze()))
    }
}
