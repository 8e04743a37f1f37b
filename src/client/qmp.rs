//! A session of QMP: its state, and the commands that it sends.
//!
//! Source: QEMU's `qmp-spec.rst`.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::builder::ClientBuilder;
use super::error::ExecuteError;
use super::observer::Origin;
use super::pending::Pending;
use super::shared::{Seen, Shared};
use super::sync::{DELIMITED, Sync};
use crate::events::Mark;
use crate::json::Scanner;
use crate::message::{Event, Fault, Malformed, Reply, Request};

/// The outcome of a command, for its sender.
pub(super) type Answer = Result<Reply, ExecuteError>;

/// A command to send, with the sender for its outcome.
pub struct Outgoing {
    pub(super) request: Request,
    pub(super) origin: Origin,
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// When it was queued, if it can open the window of waits.
    pub(super) mark: Option<Mark>,
}

impl Outgoing {
    /// Makes a command of the handshake, which reads the reply itself.
    pub(super) fn unanswered(request: Request) -> Self {
        Self { request, origin: Origin::Program, answer: None, mark: None }
    }
}

/// Shows the [`Request`], with secrets masked.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.request, f)
    }
}

/// One session of QMP.
#[derive(Debug)]
pub struct Qmp {
    pub(super) options: ClientBuilder,
    pub(super) shared: Arc<Shared>,
    pub(super) scanner: Scanner,
    pub(super) pending: Pending<Waiter>,
    /// The id of the negotiation; those of commands are counted from 1.
    ///
    /// QEMU sends its client the replies to an earlier client that has gone, whatever ids that used. It runs one command after the
    /// other, so they come before the reply to the negotiation. A random id tells that reply from them.
    pub(super) negotiation: u64,
    /// The next message to encode is the negotiation.
    pub(super) negotiating: bool,
    pub(super) established: bool,
    /// The capabilities that the negotiation has enabled.
    pub(super) enabled: &'static [&'static str],
    /// The peer never answers two commands that come at once.
    pub(super) one_at_a_time: bool,
    /// The command with which this guest agent synchronizes.
    pub(super) sync_command: &'static str,
    /// The synchronization that a guest agent has not answered.
    pub(super) sync: Option<Sync>,
    pub(super) dropped: Dropped,
    /// The number of messages that have come.
    pub(super) received: u64,
    /// The buffer for a run of events; empty between two runs.
    pub(super) run: Vec<Event>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) request: Request,
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// For a command that succeeds silently, the id of the ping after it; for that ping, the id of the command.
    pub(super) partner: Option<u64>,
}

impl Waiter {
    /// Returns true if the caller has dropped the future of the reply.
    pub(super) fn is_canceled(&self) -> bool {
        self.answer.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    pub(super) fn answer(self, answer: Answer) {
        if let Some(sender) = self.answer {
            // It fails if the caller has canceled the command: then the reply is dropped.
            let _ = sender.send(answer);
        }
    }
}

impl Qmp {
    pub(super) fn new(options: ClientBuilder, shared: Arc<Shared>) -> Self {
        *shared.seen() = Seen::default();
        shared.tracker.clear();
        let scanner = Scanner::new(options.max_message);
        Self {
            options,
            shared,
            scanner,
            pending: Pending::default(),
            negotiation: random_id(),
            negotiating: false,
            established: false,
            enabled: &[],
            one_at_a_time: false,
            sync_command: DELIMITED,
            sync: None,
            dropped: Dropped::default(),
            received: 0,
            run: Vec::new(),
        }
    }
}

/// Returns a number of nine digits, another one in each session.
fn random_id() -> u64 {
    const NINE_DIGITS: u64 = 100_000_000;
    NINE_DIGITS + RandomState::new().build_hasher().finish() % (9 * NINE_DIGITS)
}

/// Returns true if this may be the reply to a command of this session: it is not clearly an event, a greeting, or the reply to
/// another client.
pub(super) fn may_be_a_reply(malformed: &Malformed) -> bool {
    !matches!(malformed.fault, Fault::EventName | Fault::Greeting | Fault::Id)
}

/// Warns of messages that were dropped: of the first, the tenth, the hundredth and so on, so that a peer that sends a million of
/// them does not flood the log.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    count: u64,
    warned: u64,
}

impl Dropped {
    pub(super) fn warn(&mut self, message: impl fmt::Display) {
        self.count += 1;
        if self.count == self.warned.saturating_mul(10).max(1) {
            self.warned = self.count;
            match self.count {
                1 => tracing::warn!("dropped a message: {message}"),
                count => tracing::warn!("dropped {count} messages so far, the last: {message}"),
            }
        }
    }

    /// Warns of the rest, at the end of the session.
    pub(super) fn warn_of_all(&self) {
        if self.count > self.warned {
            tracing::warn!("dropped {} messages in all", self.count);
        }
    }
}
