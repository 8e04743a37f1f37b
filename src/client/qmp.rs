//! QMP as a protocol on the engine: its greeting, its negotiation, and which reply belongs to which command.
//!
//! Source: QEMU's `qmp-spec.rst`.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use bytes::BytesMut;
use tokio::sync::oneshot;

use super::agent::{self, Found, Sync};
use super::pending::Pending;
use super::received::Received;
use super::{ClientOptions, ExecuteError, Origin, Progress, QmpError};
use crate::events::{Hub, Mark};
use crate::json::Scanner;
use crate::message::{Descriptor, Event, Fault, Greeting, Malformed, Message, Outcome, Reply, Request};
use crate::protocol::{Context, End, Protocol, SessionError, Wire};

/// The first version of QEMU that reads all of a TLS record; those before take one byte and forget the rest, until more
/// comes (docs/qmp.md, "TLS"). Source: QEMU's commit ffda5db65a.
const READS_WHOLE_RECORDS: u64 = 8;

/// The id of the negotiation; those of commands are counted from 1.
///
/// QEMU gives its client the reply to what an earlier one had asked when that went, and the earlier one may have been this program
/// too. It runs one command after the other, so such a reply comes before the one to the negotiation: all that comes until
/// then with another id is not for this session.
pub(super) const NEGOTIATION: u64 = 0;

/// The result of a command, for its sender.
pub(super) type Answer = Result<Reply, ExecuteError>;

/// A command on its way out, with the place where its answer goes.
pub struct Outgoing {
    pub(super) request: Arc<Request>,
    pub(super) origin: Origin,
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// When it was handed over, if it opens the window that waits look at.
    pub(super) mark: Option<Mark>,
}

impl Outgoing {
    /// One that belongs to establishing, which reads the answer itself.
    pub(super) fn unanswered(request: Request) -> Self {
        Self { request: request.into(), origin: Origin::Program, answer: None, mark: None }
    }
}

/// As [`Request`]: secrets are masked.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.request, f)
    }
}

/// What the client's handles see of the session.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) hub: Hub,
    pub(super) seen: Mutex<Seen>,
}

/// How far the current session has come.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) greeting: Option<Greeting>,
    pub(super) progress: Progress,
    /// Whether open files can be sent along.
    pub(super) passes_descriptors: bool,
}

/// One session of QMP.
#[derive(Debug)]
pub struct Qmp {
    pub(super) options: ClientOptions,
    pub(super) shared: Arc<Shared>,
    pub(super) scanner: Scanner,
    pub(super) pending: Pending<Waiter>,
    /// The negotiation is being sent.
    pub(super) negotiating: bool,
    pub(super) established: bool,
    /// The peer never answers two commands that come together.
    one_at_a_time: bool,
    /// What is discarded until a guest agent has answered.
    pub(super) sync: Option<Sync>,
    /// How many messages have come.
    pub(super) received: u64,
    /// Where events are gathered; empty between two runs.
    pub(super) run: Vec<Event>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) request: Arc<Request>,
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// Of a command whose success is silence: the ping that follows it. Of such a ping: that command.
    pub(super) partner: Option<u64>,
}

impl Waiter {
    /// Whether the caller has dropped the future of the reply.
    pub(super) fn is_given_up(&self) -> bool {
        self.answer.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    pub(super) fn answer(self, answer: Answer) {
        if let Some(sender) = self.answer {
            // The caller may have given the command up; its late reply is dropped.
            let _ = sender.send(answer);
        }
    }
}

impl Qmp {
    pub(super) fn new(options: ClientOptions, shared: Arc<Shared>) -> Self {
        shared.update(|seen| *seen = Seen::default());
        let scanner = Scanner::new(options.max_message);
        Self {
            options,
            shared,
            scanner,
            pending: Pending::default(),
            negotiating: false,
            established: false,
            one_at_a_time: false,
            sync: None,
            received: 0,
            run: Vec::new(),
        }
    }

    fn on_reply(&mut self, reply: Reply) -> Result<(), QmpError> {
        let Some(id) = reply.id else { return self.on_reply_without_id(reply) };
        let Some(waiter) = self.pending.take(id) else {
            warn_unknown(id);
            return Ok(());
        };
        if waiter.partner.is_some() && self.on_partner(&waiter) {
            return Ok(());
        }
        let answer = match &reply.outcome {
            Outcome::Return => Ok(reply),
            Outcome::Error { class, desc } => {
                Err(ExecuteError::Server { class: class.clone(), desc: desc.clone(), reply: Box::new(reply) })
            }
        };
        waiter.answer(answer);
        Ok(())
    }

    /// The server could not read a request: whose was it?
    fn on_reply_without_id(&mut self, reply: Reply) -> Result<(), QmpError> {
        let Outcome::Error { class, desc } = reply.outcome.clone() else {
            // Agents of long ago know no ids.
            if self.options.guest_agent
                && let Some(waiter) = self.pending.take_only()
            {
                waiter.answer(Ok(reply));
                return Ok(());
            }
            return self.on_malformed(Malformed::reply(Fault::NoId, &reply));
        };
        match self.pending.take_only() {
            Some(waiter) => {
                waiter.answer(Err(ExecuteError::Server { class, desc, reply: Box::new(reply) }));
                Ok(())
            }
            None => Err(QmpError::Unassigned { class, desc }),
        }
    }

    fn on_malformed(&mut self, malformed: Malformed) -> Result<(), QmpError> {
        if !may_be_a_reply(&malformed) {
            warn_dropped(&malformed);
            return Ok(());
        }
        let waiter = match malformed.id {
            Some(id) => self.pending.take(id),
            None => self.pending.take_only(),
        };
        match waiter {
            Some(waiter) => waiter.answer(Err(ExecuteError::Malformed(malformed))),
            None if self.pending.len() > 1 && malformed.id.is_none() => return Err(QmpError::Malformed(malformed)),
            None => warn_dropped(&malformed),
        }
        Ok(())
    }
}

impl Protocol for Qmp {
    const NAME: &'static str = "QMPClient";
    type In = Received;
    type Out = Outgoing;
    type Error = QmpError;

    fn decode(&mut self, buffer: &mut BytesMut, eof: bool) -> Result<Option<Self::In>, QmpError> {
        if let Some(sync) = &mut self.sync {
            match sync.find(&mut self.scanner, self.options.max_message, buffer) {
                Found::Nothing => return Ok(None),
                Found::Greeting => return Err(QmpError::NoAgent),
                Found::Answer(answer) => {
                    self.sync = None;
                    if let Some(observer) = &self.options.observer {
                        observer.received(&answer);
                    }
                    if !self.established {
                        return Ok(Some(Received::Other(Message::from_document(answer))));
                    }
                }
            }
        }
        self.receive(buffer, eof)
    }

    fn encode(&mut self, outgoing: Outgoing, buffer: &mut BytesMut) -> Result<(), QmpError> {
        let Outgoing { request, origin, answer, mark } = outgoing;
        if answer.as_ref().is_some_and(oneshot::Sender::is_closed) {
            // Given up before it was sent.
            return Ok(());
        }
        if let Some(mark) = mark {
            self.shared.hub.sent(mark);
        }
        if self.options.guest_agent {
            self.resynchronize(buffer);
            if request.command == agent::SYNC {
                buffer.extend_from_slice(&[agent::SENTINEL]);
            }
        }
        let is_silent = self.options.guest_agent && agent::is_silent(&request.command);
        let id = if self.negotiating {
            NEGOTIATION
        } else {
            self.pending.insert(Waiter { request: Arc::clone(&request), answer, partner: None })
        };
        let start = buffer.len();
        let open = request.text.strip_suffix('}').unwrap_or(&request.text);
        buffer.extend_from_slice(open.as_bytes());
        // No byte after the last brace: QEMU would still be reading when it has ended (docs/qmp.md, "Wire").
        buffer.extend_from_slice(b",\"id\":");
        buffer.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
        buffer.extend_from_slice(b"}");
        if let Some(observer) = &self.options.observer {
            observer.sent(&buffer[start..], origin);
        }
        if is_silent {
            self.ping_after(id, buffer);
        }
        Ok(())
    }

    fn may_send(&self) -> bool {
        !self.one_at_a_time || self.pending.len() == 0
    }

    fn descriptor(&self, outgoing: &Outgoing) -> Option<Arc<OwnedFd>> {
        outgoing.request.descriptor.as_ref().map(Descriptor::shared)
    }

    async fn establish(&mut self, wire: &mut Wire<'_>) -> Result<(), QmpError> {
        self.shared.update(|seen| seen.passes_descriptors = wire.passes_descriptors());
        if self.options.negotiate && self.options.guest_agent {
            self.synchronize(wire).await?;
        } else if self.options.negotiate {
            let greeting = self.greet(wire).await?;
            self.shared.update(|seen| seen.greeting = Some(greeting.clone()));
            self.one_at_a_time = greeting.version.is_of_libvirt_proxy();
            wire.one_byte_records(greeting.version.major < READS_WHOLE_RECORDS);
            self.negotiate(wire, &greeting).await?;
        }
        self.established = true;
        self.shared.update(|seen| seen.progress = Progress::Established);
        Ok(())
    }

    fn on_message(&mut self, message: Self::In, _: &mut Context<'_, Self>) -> Result<(), QmpError> {
        match message {
            Received::Events(mut events) => {
                self.shared.hub.publish(events.drain(..));
                self.run = events;
            }
            Received::Other(Ok(Message::Event(event))) => self.shared.hub.publish([event]),
            Received::Other(Ok(Message::Reply(reply))) => self.on_reply(*reply)?,
            Received::Other(Ok(Message::Greeting(greeting))) => {
                tracing::debug!("ignored a second greeting: {greeting:?}");
            }
            Received::Other(Err(malformed)) => self.on_malformed(malformed)?,
        }
        Ok(())
    }

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<()> {
        self.shared.hub.poll_room(context)
    }

    fn on_end(&mut self, end: &End<QmpError>) {
        let reason = end.as_ref().err();
        let went = end.as_ref().is_err_and(|error| match &**error {
            SessionError::EndOfFile => true,
            SessionError::Read(error) | SessionError::Write(error) => has_ended(error),
            _ => false,
        });
        for waiter in self.pending.drain() {
            if let (true, true, Some(reply)) = (went, waiter.partner.is_some(), agent::silent_reply()) {
                // It was shut down, as it was asked to.
                waiter.answer(Ok(reply));
                continue;
            }
            let error = ExecuteError::Interrupted { command: waiter.request.command.clone(), reason: reason.cloned() };
            waiter.answer(Err(error));
        }
    }
}

impl Shared {
    pub(super) fn update(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether some command may have this for its reply: what is clearly an event or a greeting is none.
pub(super) fn may_be_a_reply(malformed: &Malformed) -> bool {
    !matches!(malformed.fault, Fault::EventName | Fault::Greeting)
}

pub(super) fn warn_dropped(malformed: &Malformed) {
    tracing::warn!("dropped a message: {malformed}");
}

fn warn_unknown(id: u64) {
    tracing::warn!("dropped a reply whose id {id} belongs to no command");
}

/// End of file, or what a system says instead when the peer went with bytes unread.
pub(super) fn has_ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
