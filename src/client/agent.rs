//! The differences of a guest agent: a synchronization instead of greeting and negotiation, and commands that succeed silently.
//!
//! Source: QEMU's `qga/qapi-schema.json`, and docs/qmp.md, "Guest agent".

use std::time::Duration;

use bytes::BytesMut;

use super::error::QmpError;
use super::observer::Origin;
use super::qmp::{Outgoing, Qmp, Waiter};
use super::received::Received;
use super::shared::Progress;
use super::sync::{DELIMITED, PLAIN, SENTINEL, Sync};
use crate::json::{Document, Scanner};
use crate::message::{Message, Outcome, Reply, Request};
use crate::protocol::{Wire, has_ended};
use crate::text;

/// The commands that send no reply when they succeed. Source: `'success-response': false` in `qga/qapi-schema.json`.
const SILENT: [&str; 4] = ["guest-shutdown", "guest-suspend-disk", "guest-suspend-ram", "guest-suspend-hybrid"];

/// How long the agent must be silent after one of them to mean success. An error comes at once.
pub(super) const SILENCE: Duration = Duration::from_secs(5);

/// The command that is sent after one of them. Its reply means that the other one succeeded silently.
pub(super) const PING: &str = "guest-ping";

/// Returns true if the command succeeds silently.
pub(super) fn is_silent(command: &str) -> bool {
    SILENT.contains(&command)
}

/// Returns the reply that stands for silence.
pub(super) fn silent_reply() -> Option<Reply> {
    match Message::from_document(Document::parse(br#"{"return": {}}"#.as_slice()).ok()?) {
        Ok(Message::Reply(reply)) => Some(reply),
        _ => None,
    }
}

impl Qmp {
    /// Finds where the guest agent's replies to this session begin.
    pub(super) async fn synchronize(&mut self, wire: &mut Wire<'_>) -> Result<(), QmpError> {
        self.shared.seen().progress = Progress::Synchronizing { refusal: None };
        let Err((class, desc)) = self.synchronize_with(DELIMITED, wire).await? else { return Ok(()) };
        // Agents before QEMU 1.1, and some that are not QEMU's, know only the other command.
        tracing::info!("the agent refused {DELIMITED}: {}: {}", text::line(&class), text::line(&desc));
        self.shared.seen().progress = Progress::Synchronizing { refusal: Some(format!("{class}: {desc}")) };
        let refused = QmpError::SyncRefused { class, desc };
        match self.synchronize_with(PLAIN, wire).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(QmpError::ClosedBeforeSync) => Err(refused),
            Err(error) => Err(error),
        }
    }

    /// Synchronizes with one command. The inner error is the class and the description of the agent's refusal.
    async fn synchronize_with(
        &mut self,
        command: &'static str,
        wire: &mut Wire<'_>,
    ) -> Result<Result<(), (String, String)>, QmpError> {
        let sync = Sync::new(command);
        let request = sync.request();
        self.sync_command = command;
        self.sync = Some(sync);
        let closed = |error| match error {
            QmpError::Io(error) if has_ended(&error) => QmpError::ClosedBeforeSync,
            error => error,
        };
        wire.send(self, Outgoing::unanswered(request)).await.map_err(closed)?;
        // Only the answer passes `decode`.
        let answer = wire.recv(self).await.map_err(closed)?;
        self.pending.drain().for_each(drop);
        Ok(match answer {
            Received::Other(Ok(Message::Reply(reply))) => match reply.outcome().clone() {
                Outcome::Error { class, desc } => Err((class, desc)),
                Outcome::Return => Ok(()),
            },
            _ => Ok(()),
        })
    }

    /// Synchronizes again if all pending commands were canceled, so that none of their late replies is taken for another's. Old
    /// agents know no ids.
    pub(super) fn resynchronize(&mut self, buffer: &mut BytesMut) {
        if self.sync.is_some() || self.pending.take_all_if(Waiter::is_canceled).is_empty() {
            return;
        }
        let sync = Sync::new(self.sync_command);
        if self.sync_command == DELIMITED {
            buffer.extend_from_slice(&[SENTINEL]);
        }
        let request = sync.request();
        self.write_own(request.text(), &request, buffer);
        self.sync = Some(sync);
        // It may be inside a late reply, which the synchronization discards.
        self.scanner = Scanner::new(self.options.max_message);
    }

    /// Sends a harmless command after one that succeeds silently: the agent runs one after the other.
    pub(super) fn ping_after(&mut self, id: u64, buffer: &mut BytesMut) {
        let ping = Waiter { request: Request::new(PING), answer: None, partner: Some(id) };
        let ping = self.pending.insert(ping);
        if let Some(silent) = self.pending.get_mut(id) {
            silent.partner = Some(ping);
        }
        self.write_own(&format!(r#"{{"execute":"{PING}","id":{ping}}}"#), &Request::new(PING), buffer);
    }

    /// Writes a message of the program's own.
    fn write_own(&self, text: &str, command: &Request, buffer: &mut BytesMut) {
        buffer.extend_from_slice(text.as_bytes());
        if let Some(observer) = &self.options.observer {
            observer.sent(text.as_bytes(), command, Origin::Program);
        }
    }

    /// Handles the reply to a command that succeeds silently, or to its ping. Returns true for the ping.
    pub(super) fn on_partner(&mut self, waiter: &Waiter) -> bool {
        let Some(partner) = waiter.partner else { return false };
        if waiter.request.command() != PING {
            if let Some(ping) = self.pending.get_mut(partner) {
                ping.partner = None;
            }
            return false;
        }
        // The command before the ping has succeeded without a reply.
        if let (Some(silent), Some(reply)) = (self.pending.take(partner), silent_reply()) {
            silent.answer(Ok(reply));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_an_empty_success() {
        assert_eq!(silent_reply().expect("a reply").result().as_deref(), Some(b"{}".as_slice()));
        assert!(is_silent("guest-shutdown") && !is_silent("guest-ping"));
    }
}
