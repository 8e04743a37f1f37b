//! A session of QMP: its state, and the commands that it sends.
//!
//! Source: QEMU's `qmp-spec.rst`.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::error::ExecuteError;
use super::observer::Origin;
use super::options::ClientOptions;
use super::pending::Pending;
use super::shared::{Seen, Shared};
use super::sync::Sync;
use crate::events::Mark;
use crate::json::Scanner;
use crate::message::{Event, Fault, Malformed, Reply, Request};

/// The id of the negotiation; those of commands are counted from 1.
///
/// QEMU sends its client the replies to an earlier client that has gone, which may also have been this program. It runs one
/// command after the other, so they come before the reply to the negotiation: until then, any other id is not of this session.
pub(super) const NEGOTIATION: u64 = 0;

/// The outcome of a command, for its sender.
pub(super) type Answer = Result<Reply, ExecuteError>;

/// A command to send, with the sender for its outcome.
pub struct Outgoing {
    pub(super) request: Arc<Request>,
    pub(super) origin: Origin,
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// When it was queued, if it can open the window of waits.
    pub(super) mark: Option<Mark>,
}

impl Outgoing {
    /// Makes a command of the handshake, which reads the reply itself.
    pub(super) fn unanswered(request: Request) -> Self {
        Self { request: request.into(), origin: Origin::Program, answer: None, mark: None }
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
    pub(super) options: ClientOptions,
    pub(super) shared: Arc<Shared>,
    pub(super) scanner: Scanner,
    pub(super) pending: Pending<Waiter>,
    /// The next message to encode is the negotiation.
    pub(super) negotiating: bool,
    pub(super) established: bool,
    /// The capabilities that the negotiation has enabled.
    pub(super) enabled: &'static [&'static str],
    /// The peer never answers two commands that come at once.
    pub(super) one_at_a_time: bool,
    /// The synchronization that a guest agent has not answered.
    pub(super) sync: Option<Sync>,
    /// The number of messages that have come.
    pub(super) received: u64,
    /// The buffer for a run of events; empty between two runs.
    pub(super) run: Vec<Event>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) request: Arc<Request>,
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
    pub(super) fn new(options: ClientOptions, shared: Arc<Shared>) -> Self {
        *shared.seen() = Seen::default();
        let scanner = Scanner::new(options.max_message);
        Self {
            options,
            shared,
            scanner,
            pending: Pending::default(),
            negotiating: false,
            established: false,
            enabled: &[],
            one_at_a_time: false,
            sync: None,
            received: 0,
            run: Vec::new(),
        }
    }
}

/// Returns true if this may be a reply, not clearly an event or a greeting.
pub(super) fn may_be_a_reply(malformed: &Malformed) -> bool {
    !matches!(malformed.fault, Fault::EventName | Fault::Greeting)
}

pub(super) fn warn_dropped(malformed: &Malformed) {
    tracing::warn!("dropped a message: {malformed}");
}

/// Returns true for the end of file, and for the errors that replace it if the peer closes with unread bytes.
pub(super) fn has_ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
