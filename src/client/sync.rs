//! The synchronization with a guest agent.

use std::time::SystemTime;

use bytes::{Buf, BytesMut};

use super::error::QmpError;
use crate::json::{Document, ScanError, Scanner};
use crate::message::Request;

/// The byte that makes an agent forget the beginning of a command, and that the agent sends before its answer.
pub(super) const SENTINEL: u8 = 0xff;

/// The command that synchronizes.
pub(super) const SYNC: &str = "guest-sync-delimited";

/// Discards what earlier sessions left in the stream, until the agent answers a synchronization.
#[derive(Debug)]
pub(super) struct Sync {
    token: u64,
    /// The sentinel has come, so the answer may follow.
    sentinel: bool,
    /// The first bytes were checked for a greeting.
    checked: bool,
}

impl Sync {
    pub(super) fn new() -> Self {
        // A new number each time, so that the answer to an earlier client does not match.
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let token = (now.as_secs() & 0xf_ffff) << 30 | u64::from(now.subsec_nanos());
        Self { token, sentinel: false, checked: false }
    }

    pub(super) fn request(&self) -> Request {
        let text = format!(r#"{{"execute":"{SYNC}","arguments":{{"id":{}}}}}"#, self.token);
        Request { text, ..Request::new(SYNC) }
    }

    /// Discards all before the answer and returns the answer; `None` if more bytes are needed. A greeting is an error.
    pub(super) fn find(
        &mut self,
        scanner: &mut Scanner,
        max: usize,
        buffer: &mut BytesMut,
    ) -> Result<Option<Document>, QmpError> {
        loop {
            if !self.sentinel {
                if !self.checked && !buffer.is_empty() {
                    if is_greeting(buffer) {
                        return Err(QmpError::NoAgent);
                    }
                    // The beginning shows if it is a greeting.
                    self.checked = buffer.len() > 20;
                }
                let Some(at) = memchr::memchr(SENTINEL, buffer) else {
                    if self.checked {
                        buffer.clear();
                    }
                    return Ok(None);
                };
                buffer.advance(at + 1);
                (self.sentinel, self.checked) = (true, true);
            }
            match scanner.next(buffer, false) {
                Ok(None) => return Ok(None),
                Ok(Some(answer)) if answer.get("return") == Some(self.token.to_string().as_bytes()) => {
                    return Ok(Some(answer));
                }
                Ok(Some(_)) => self.sentinel = false,
                Err(error) => {
                    (*scanner, self.sentinel) = (Scanner::new(max), false);
                    if matches!(error, ScanError::TooLong { .. }) {
                        buffer.clear();
                    }
                }
            }
        }
    }
}

/// Returns true if this begins like the greeting of a QMP monitor.
fn is_greeting(bytes: &[u8]) -> bool {
    let rest = bytes.trim_ascii_start().strip_prefix(b"{");
    rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\"QMP\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_before_the_answer_is_discarded() {
        #[track_caller]
        fn check(parts: &[&[u8]], expected: Option<&[u8]>) {
            let (mut scanner, mut buffer) = (Scanner::new(100), BytesMut::new());
            let mut sync = Sync { token: 7, sentinel: false, checked: false };
            let mut found = None;
            for part in parts {
                buffer.extend_from_slice(part);
                found = sync.find(&mut scanner, 100, &mut buffer).expect("no greeting");
                if found.is_some() {
                    break;
                }
            }
            assert_eq!(found.map(|_| &buffer[..]), expected, "{parts:?}");
        }
        check(&[b"\xff{\"return\": 7}\n"], Some(b"\n"));
        check(&[b"\xff", b"{\"ret", b"urn\": 7, \"id\": 1}\n{\"x\": 1}"], Some(b"\n{\"x\": 1}"));
        check(&[b"{\"error\": {}}\n", b"{\"return\": 7}\n", b"rest of a re\xff{\"return\":7}"], Some(b""));
        check(&[b"\xff{\"return\": 6}\n\xff{\"return\": 7}\n"], Some(b"\n"));
        check(&[b"\xff\xff garbage \xff{\"return\": 7}"], Some(b""));
        check(&[b"\xff{\"return\": 7"], None);
        check(&[b"{\"return\": 7}"], None);
        check(&[&[b'x'; 1000], b"\xff", &[b'{'; 1000], b"\xff{\"return\": 7}"], Some(b""));
    }

    #[test]
    fn a_greeting_is_known_however_it_comes() {
        let mut sync = Sync::new();
        let (mut scanner, mut buffer) = (Scanner::new(100), BytesMut::new());
        for byte in b"{\r\n    \"QMP\"" {
            assert!(matches!(sync.find(&mut scanner, 100, &mut buffer), Ok(None)));
            buffer.extend_from_slice(&[*byte]);
        }
        assert!(matches!(sync.find(&mut scanner, 100, &mut buffer), Err(QmpError::NoAgent)));
    }
}
