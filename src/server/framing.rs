//! Finds requests in a stream of bytes that is split and joined anywhere.

use bytes::{Buf, Bytes, BytesMut};

use super::lexer::{Lexer, Step, Token};
use crate::json::MAX_NESTING;

/// The longest request that a server takes by default, in bytes: 1 MiB. QEMU takes 3 seconds to read that much.
pub const MAX_REQUEST: usize = 1 << 20;

/// How much of a token that cannot be read its error shows, in bytes.
const SHOWN: usize = 1024;

/// Finds the end of each request: where all brackets are closed.
///
/// Nothing is kept of a request that is too deep or too long: it is one mistake, and its end is looked for.
#[derive(Debug)]
pub(super) struct Framing {
    limit: usize,
    lexer: Lexer,
    /// The number of bytes of the buffer that were looked at.
    at: usize,
    /// Where the token at hand begins.
    token: usize,
    begun: bool,
    skips: bool,
    braces: i64,
    brackets: i64,
}

impl Framing {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, lexer: Lexer::default(), at: 0, token: 0, begun: false, skips: false, braces: 0, brackets: 0 }
    }

    /// Takes the next request off the front of the buffer, or the description of a mistake. `None` asks for more bytes.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Option<Result<Bytes, String>> {
        while let Some(&byte) = buffer.get(self.at) {
            let step = self.lexer.step(byte);
            if !matches!(step, Step::Follows(_)) {
                self.at += 1;
            }
            let whole = match step {
                Step::Between => {
                    self.token = self.at;
                    if !self.begun {
                        self.drop_seen(buffer);
                    }
                    continue;
                }
                Step::Inside => false,
                Step::Ends(token) | Step::Follows(token) => self.is_whole(token),
                Step::Stray => {
                    let stray = &buffer[self.token..self.at];
                    let shown = String::from_utf8_lossy(&stray[..stray.len().min(SHOWN)]).replace('\0', "");
                    self.end(buffer);
                    return Some(Err(format!("JSON parse error, stray '{shown}'")));
                }
            };
            if !matches!(step, Step::Inside) {
                self.token = self.at;
            }
            let fault = match self.braces + self.brackets {
                _ if self.skips => None,
                depth if usize::try_from(depth).is_ok_and(|depth| depth > MAX_NESTING) => {
                    Some("JSON nesting depth limit exceeded".to_owned())
                }
                _ if self.at > self.limit => Some(format!("JSON token size limit exceeded: {} bytes", self.limit)),
                _ => None,
            };
            let skipped = self.skips;
            self.skips |= fault.is_some();
            if whole {
                let request = self.end(buffer);
                if !skipped {
                    return Some(fault.map_or(Ok(request), Err));
                }
            } else if let Some(fault) = fault {
                return Some(Err(fault));
            }
        }
        if self.skips {
            self.drop_seen(buffer);
        }
        None
    }

    /// Returns true if a part of a request is in the buffer that was looked at.
    pub(super) fn is_inside(&self) -> bool {
        self.at > 0
    }

    /// Counts the brackets. Returns true if the request ends with this token.
    fn is_whole(&mut self, token: Token) -> bool {
        self.begun = true;
        match token {
            Token::OpenObject => self.braces += 1,
            Token::CloseObject => self.braces -= 1,
            Token::OpenArray => self.brackets += 1,
            Token::CloseArray => self.brackets -= 1,
            _ => {}
        }
        let is_open = (self.braces > 0 || self.brackets > 0) && self.braces >= 0 && self.brackets >= 0;
        !is_open
    }

    fn drop_seen(&mut self, buffer: &mut BytesMut) {
        buffer.advance(self.at);
        (self.at, self.token) = (0, 0);
    }

    /// Takes what was looked at off the buffer.
    fn end(&mut self, buffer: &mut BytesMut) -> Bytes {
        let taken = buffer.split_to(self.at).freeze();
        (self.at, self.token, self.begun, self.skips) = (0, 0, false, false);
        (self.braces, self.brackets) = (0, 0);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requests and mistakes in what comes in pieces of this size.
    fn found(stream: &[u8], size: usize, limit: usize) -> Vec<String> {
        let mut framing = Framing::new(limit);
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for piece in stream.chunks(size) {
            buffer.extend_from_slice(piece);
            while let Some(next) = framing.next(&mut buffer) {
                found.push(next.map_or_else(|fault| fault, |request| String::from_utf8_lossy(&request).into_owned()));
            }
        }
        found
    }

    #[test]
    fn requests_are_found_however_the_stream_is_split() {
        #[track_caller]
        fn check(stream: &str, expected: &[&str]) {
            for size in [1, 2, 3, 7, 1000] {
                let found: Vec<_> = found(stream.as_bytes(), size, 100);
                let found: Vec<_> = found.iter().map(|text| text.trim()).collect();
                assert_eq!(found, expected, "{stream:?}, {size} bytes at a time");
            }
        }
        check("{}{} {\"a\":[1,\"}\"]}\r\n[1]", &["{}", "{}", "{\"a\":[1,\"}\"]}", "[1]"]);
        check("{'a\"}':'it\\'s'}{", &["{'a\"}':'it\\'s'}"]);
        check("foo 12 \"x\"}", &["foo", "12", "\"x\"", "}"]);
        check("{]}", &["{]", "}"]);
        check("FOO bar {}", &["JSON parse error, stray 'F'", "{}"]);
        check("{\"id\":01}", &["JSON parse error, stray '01'", "}"]);
        check("{\"id\":1.}{}", &["JSON parse error, stray '1.}'", "{}"]);
        check("{\"a\nb\"}", &["JSON parse error, stray '\"a\n'", "}"]);
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_one_mistake() {
        let deep = |depth| format!("{}{}{{}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(found(deep(1024).as_bytes(), 100, 10_000).len(), 2);
        assert_eq!(found(deep(1025).as_bytes(), 100, 10_000), ["JSON nesting depth limit exceeded", "{}"]);
        assert_eq!(found(deep(100_000).as_bytes(), 100, 10_000), ["JSON nesting depth limit exceeded", "{}"]);
        let long = format!("{{\"a\":\"{}\"}}{{}}", "x".repeat(50));
        assert_eq!(found(long.as_bytes(), 7, 58), [&long[..58], "{}"]);
        assert_eq!(found(long.as_bytes(), 7, 57), ["JSON token size limit exceeded: 57 bytes", "{}"]);
    }

    #[test]
    fn nothing_is_kept_of_what_is_skipped() {
        let mut framing = Framing::new(100);
        let mut buffer = BytesMut::new();
        for piece in [&b"FOO"[..], b"{\"a\":\""] {
            buffer.extend_from_slice(piece);
            while framing.next(&mut buffer).is_some() {}
            for _ in 0..100 {
                buffer.extend_from_slice(&[b'x'; 50]);
                while framing.next(&mut buffer).is_some() {}
                assert!(buffer.len() <= 150, "{}", buffer.len());
            }
        }
    }
}
