//! What is different with a guest agent: no greeting and no negotiation, but a synchronization; and some commands whose
//! success is silence.
//!
//! Source: QEMU's `qga/qapi-schema.json`, and docs/qmp.md, "Guest agent".

use std::time::{Duration, SystemTime};

use bytes::{Buf, BytesMut};

use super::qmp::{Outgoing, Qmp, Waiter, has_ended};
use super::{Origin, Progress, QmpError};
use crate::json::{Document, ScanError, Scanner};
use crate::message::{Message, Reply, Request};
use crate::protocol::Wire;

/// The byte that makes an agent forget what has come of a command, and that stands before its answer.
pub(super) const SENTINEL: u8 = 0xff;

/// The command that synchronizes.
pub(super) const SYNC: &str = "guest-sync-delimited";

/// The commands that have no reply if they succeed. Source: `'success-response': false` in `qga/qapi-schema.json`.
const SILENT: [&str; 4] = ["guest-shutdown", "guest-suspend-disk", "guest-suspend-ram", "guest-suspend-hybrid"];

/// How long the agent may be silent after one of them, until that is success; a refusal comes at once.
pub(super) const SILENCE: Duration = Duration::from_secs(5);

/// What is asked right after one of them: its answer says that the other one was done without a reply.
pub(super) const PING: &str = "guest-ping";

/// Whether the success of this command is silence.
pub(super) fn is_silent(command: &str) -> bool {
    SILENT.contains(&command)
}

/// The reply that stands for silence.
pub(super) fn silent_reply() -> Option<Reply> {
    match Message::from_document(Document::parse(br#"{"return": {}}"#.as_slice()).ok()?) {
        Ok(Message::Reply(reply)) => Some(*reply),
        _ => None,
    }
}

/// Discards what earlier sessions left in the stream, until the agent has answered a synchronization.
#[derive(Debug)]
pub(super) struct Sync {
    token: u64,
    /// The sentinel has come, so what follows may be the answer.
    sentinel: bool,
    /// The first bytes were checked for a greeting.
    checked: bool,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// More bytes are needed.
    Nothing,
    /// A greeting: the peer is a QMP monitor.
    Greeting,
    Answer(Document),
}

impl Sync {
    pub(super) fn new() -> Self {
        // Another number each time, so that the answer to an earlier client's is none.
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let token = (now.as_secs() & 0xf_ffff) << 30 | u64::from(now.subsec_nanos());
        Self { token, sentinel: false, checked: false }
    }

    pub(super) fn request(&self) -> Request {
        let text = format!(r#"{{"execute":"{SYNC}","arguments":{{"id":{}}}}}"#, self.token);
        Request { text, ..Request::new(SYNC) }
    }

    /// Discards what is not the answer.
    pub(super) fn find(&mut self, scanner: &mut Scanner, max: usize, buffer: &mut BytesMut) -> Found {
        loop {
            if !self.sentinel {
                if !self.checked && !buffer.is_empty() {
                    if is_greeting(buffer) {
                        return Found::Greeting;
                    }
                    // The beginning is enough to tell.
                    self.checked = buffer.len() > 20;
                }
                let Some(at) = memchr::memchr(SENTINEL, buffer) else {
                    if self.checked {
                        buffer.clear();
                    }
                    return Found::Nothing;
                };
                buffer.advance(at + 1);
                (self.sentinel, self.checked) = (true, true);
            }
            match scanner.next(buffer, false) {
                Ok(None) => return Found::Nothing,
                Ok(Some(answer)) if answer.get("return") == Some(self.token.to_string().as_bytes()) => {
                    return Found::Answer(answer);
                }
                Ok(Some(_)) => self.sentinel = false,
                Err(_error @ ScanError::TooLong { .. }) => {
                    (*scanner, self.sentinel) = (Scanner::new(max), false);
                    buffer.clear();
                }
                Err(_) => (*scanner, self.sentinel) = (Scanner::new(max), false),
            }
        }
    }
}

impl Qmp {
    /// Finds the place in the stream where the guest agent's answers to this session begin.
    pub(super) async fn synchronize(&mut self, wire: &mut Wire<'_>) -> Result<(), QmpError> {
        self.shared.update(|seen| seen.progress = Progress::Synchronizing);
        let sync = Sync::new();
        let request = sync.request();
        self.sync = Some(sync);
        let closed = |error| match error {
            QmpError::Io(error) if has_ended(&error) => QmpError::ClosedBeforeSync,
            error => error,
        };
        wire.send(self, Outgoing::unanswered(request)).await.map_err(closed)?;
        // Only the answer gets through.
        drop(wire.recv(self).await.map_err(closed)?);
        self.pending.drain().for_each(drop);
        Ok(())
    }

    /// If nothing is waited for but what was given up, its late reply must not be taken for another's: the guest agent is
    /// synchronized with again. Agents of long ago know no ids.
    pub(super) fn resynchronize(&mut self, buffer: &mut BytesMut) {
        if self.sync.is_some() || self.pending.take_all_if(Waiter::is_given_up).is_empty() {
            return;
        }
        let sync = Sync::new();
        buffer.extend_from_slice(&[SENTINEL]);
        let request = sync.request();
        buffer.extend_from_slice(request.text.as_bytes());
        if let Some(observer) = &self.options.observer {
            observer.sent(request.text.as_bytes(), Origin::Program);
        }
        self.sync = Some(sync);
    }

    /// Asks something harmless after a command whose success is silence: the agent takes one after the other.
    pub(super) fn ping_after(&mut self, id: u64, buffer: &mut BytesMut) {
        let ping = Waiter { request: Request::new(PING).into(), answer: None, partner: Some(id) };
        let ping = self.pending.insert(ping);
        if let Some(silent) = self.pending.get_mut(id) {
            silent.partner = Some(ping);
        }
        let text = format!(r#"{{"execute":"{PING}","id":{ping}}}"#);
        buffer.extend_from_slice(text.as_bytes());
        if let Some(observer) = &self.options.observer {
            observer.sent(text.as_bytes(), Origin::Program);
        }
    }

    /// Handles the reply to a command whose success is silence, or to its ping. True if it was the ping.
    pub(super) fn on_partner(&mut self, waiter: &Waiter) -> bool {
        let Some(partner) = waiter.partner else { return false };
        if waiter.request.command != PING {
            if let Some(ping) = self.pending.get_mut(partner) {
                ping.partner = None;
            }
            return false;
        }
        // What was asked before it has been done, without a reply.
        if let (Some(silent), Some(reply)) = (self.pending.take(partner), silent_reply()) {
            silent.answer(Ok(reply));
        }
        true
    }
}

/// Whether this begins as the greeting of a QMP monitor does.
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
            let mut found = Found::Nothing;
            for part in parts {
                buffer.extend_from_slice(part);
                found = sync.find(&mut scanner, 100, &mut buffer);
                if found != Found::Nothing {
                    break;
                }
            }
            let found = match found {
                Found::Answer(_) => Some(&buffer[..]),
                Found::Nothing => None,
                Found::Greeting => panic!("a greeting"),
            };
            assert_eq!(found, expected, "{parts:?}");
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
            assert_eq!(sync.find(&mut scanner, 100, &mut buffer), Found::Nothing);
            buffer.extend_from_slice(&[*byte]);
        }
        assert_eq!(sync.find(&mut scanner, 100, &mut buffer), Found::Greeting);
    }

    #[test]
    fn silence_is_an_empty_success() {
        assert_eq!(silent_reply().expect("a reply").result().as_deref(), Some(b"{}".as_slice()));
        assert!(is_silent("guest-shutdown") && !is_silent("guest-ping"));
    }
}
