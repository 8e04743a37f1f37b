//! The synchronization with a guest agent.

use std::time::SystemTime;

use bytes::{Buf, BytesMut};

use super::error::QmpError;
use crate::json::{self, Document, ScanError, Scanner};
use crate::message::Request;

/// The byte that makes an agent forget the beginning of a command, and that the agent sends before its answer.
pub(super) const SENTINEL: u8 = 0xff;

/// The command that synchronizes, and answers after a [`SENTINEL`].
pub(super) const DELIMITED: &str = "guest-sync-delimited";

/// The command for agents that do not know [`DELIMITED`]. Its answer is a line like any other.
pub(super) const PLAIN: &str = "guest-sync";

/// The longest line, in bytes, that is kept until its end comes, because it may be the answer.
const LONGEST: usize = 4096;

/// Discards what earlier sessions left in the stream, until the agent answers a synchronization.
#[derive(Debug)]
pub(super) struct Sync {
    command: &'static str,
    token: u64,
    /// The sentinel has come, so the answer may follow.
    sentinel: bool,
    /// The first bytes were checked for a greeting.
    checked: bool,
}

impl Sync {
    pub(super) fn new(command: &'static str) -> Self {
        // A new number each time, so that the answer to an earlier client does not match.
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let token = (now.as_secs() & 0xf_ffff) << 30 | u64::from(now.subsec_nanos());
        Self { command, token, sentinel: false, checked: false }
    }

    pub(super) fn request(&self) -> Request {
        Request::new(self.command).with_arguments_text(&format!(r#"{{"id":{}}}"#, self.token))
    }

    /// Discards all before the answer and returns the answer, which may be a refusal; `None` if more bytes are needed. A greeting is
    /// an error.
    pub(super) fn find(
        &mut self,
        scanner: &mut Scanner,
        max: usize,
        buffer: &mut BytesMut,
    ) -> Result<Option<Document>, QmpError> {
        if self.command == PLAIN {
            return Ok(self.find_line(buffer));
        }
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
                    return Ok(if self.checked { self.find_line(buffer) } else { None });
                };
                buffer.advance(at + 1);
                (self.sentinel, self.checked) = (true, true);
            }
            match scanner.next(buffer, false) {
                Ok(None) => return Ok(None),
                Ok(Some(answer)) if self.is_answer(&answer) => return Ok(Some(answer)),
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

impl Sync {
    /// Discards the lines before the one that answers or refuses the command, and returns that one.
    fn find_line(&self, buffer: &mut BytesMut) -> Option<Document> {
        while let Some(end) = memchr::memchr(b'\n', buffer) {
            let line = buffer.split_to(end + 1);
            if let Some(document) = self.read(&line) {
                return Some(document);
            }
        }
        let found = self.read(buffer);
        if found.is_some() || buffer.len() > LONGEST {
            buffer.clear();
        }
        found
    }

    /// Reads a line that answers or refuses the command. What stands before it may be the end of a message to an earlier client.
    fn read(&self, line: &[u8]) -> Option<Document> {
        let line = line.get(memchr::memrchr(SENTINEL, line).map_or(0, |at| at + 1)..)?.trim_ascii();
        if line.len() > LONGEST || !line.ends_with(b"}") {
            return None;
        }
        let document = Document::parse(line).ok()?;
        let refuses = || {
            let error = Document::parse(document.get("error")?).ok()?;
            let desc = json::decode(error.get("desc")?)?.into_owned();
            Some(names(&desc, self.command))
        };
        let answers = self.command == PLAIN && self.is_answer(&document);
        (answers || refuses().unwrap_or(false)).then_some(document)
    }

    fn is_answer(&self, document: &Document) -> bool {
        document.get("return") == Some(self.token.to_string().as_bytes())
    }
}

/// Returns true if the text has the whole name of the command.
fn names(text: &str, command: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == command)
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
            let mut sync = Sync { command: DELIMITED, token: 7, sentinel: false, checked: false };
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
    fn a_refusal_and_a_plain_answer_are_lines() {
        #[track_caller]
        fn check(command: &'static str, said: &[u8], expected: Option<&str>) {
            for parts in [vec![said], said.chunks(1).collect()] {
                let (mut scanner, mut buffer) = (Scanner::new(100), BytesMut::new());
                let mut sync = Sync { command, token: 7, sentinel: false, checked: false };
                let mut found = None;
                for part in parts {
                    buffer.extend_from_slice(part);
                    if found.is_none() {
                        found = sync.find(&mut scanner, 100, &mut buffer).expect("no greeting");
                    }
                }
                let found = found.map(|found| String::from_utf8_lossy(found.bytes()).into_owned());
                assert_eq!(found.as_deref(), expected, "{}", said.escape_ascii());
            }
        }
        let unknown =
            r#"{"error": {"class": "CommandNotFound", "desc": "The command guest-sync-delimited has not been found"}}"#;
        check(DELIMITED, format!("{unknown}\n").as_bytes(), Some(unknown));
        check(DELIMITED, unknown.as_bytes(), Some(unknown));
        check(DELIMITED, format!("\"x\"}}\n{{}}\n{unknown}\n").as_bytes(), Some(unknown));
        check(DELIMITED, br#"{"error": {"class": "GenericError", "desc": "Invalid JSON syntax"}}"#, None);
        check(DELIMITED, unknown.replace("-delimited", "").as_bytes(), None);
        let unknown = unknown.replace("-delimited", "");
        check(PLAIN, unknown.as_bytes(), Some(&unknown));
        check(PLAIN, b"{\"return\": 7}\n", Some("{\"return\": 7}"));
        check(
            PLAIN,
            b"{\"return\": 6}\nrest\n{\"return\": {}, \"id\": 7}\n{\"return\": 7, \"id\": 1}\n",
            Some("{\"return\": 7, \"id\": 1}"),
        );
        check(PLAIN, b"\xff{\"return\": 7}\n", Some("{\"return\": 7}"));
    }

    #[test]
    fn a_greeting_is_known_however_it_comes() {
        let mut sync = Sync::new(DELIMITED);
        let (mut scanner, mut buffer) = (Scanner::new(100), BytesMut::new());
        for byte in b"{\r\n    \"QMP\"" {
            assert!(matches!(sync.find(&mut scanner, 100, &mut buffer), Ok(None)));
            buffer.extend_from_slice(&[*byte]);
        }
        assert!(matches!(sync.find(&mut scanner, 100, &mut buffer), Err(QmpError::NoAgent)));
    }
}
