//! QMP as a protocol on the engine: encodes commands, and finds the command of each reply.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::BytesMut;
use tokio::sync::oneshot;

use super::agent;
use super::error::{ExecuteError, QmpError};
use super::qmp::{Answer, Outgoing, Qmp, Waiter, may_be_a_reply};
use super::received::Received;
use super::shared::Progress;
use super::sync::{DELIMITED, SENTINEL};
use crate::message::{Descriptor, Fault, Malformed, Message, Outcome, Reply};
use crate::protocol::{Context, End, Protocol, Wire};

/// The first version of QEMU that reads whole TLS records. Earlier ones take one byte and do not see the rest until more comes
/// (docs/qmp.md, "TLS"). Source: QEMU's commit ffda5db65a.
const READS_WHOLE_RECORDS: u64 = 8;

impl Qmp {
    fn on_reply(&mut self, reply: Reply) -> Result<(), QmpError> {
        let Some(id) = reply.id() else { return self.on_reply_without_id(reply) };
        let Some(waiter) = self.pending.take(id) else {
            self.dropped.warn(format_args!("a reply whose id {id} belongs to no command"));
            return Ok(());
        };
        if waiter.partner.is_some() && self.on_partner(&waiter) {
            return Ok(());
        }
        if waiter.request.ends_peer() && *reply.outcome() == Outcome::Return {
            self.shared.seen().has_quit = true;
        }
        waiter.answer(outcome(reply));
        Ok(())
    }

    /// Finds the command of a reply without an id: the server could not read it, or is an old agent, which knows no ids.
    fn on_reply_without_id(&mut self, reply: Reply) -> Result<(), QmpError> {
        let is_of_agent = self.options.guest_agent && self.pending.len() == 1;
        if *reply.outcome() == Outcome::Return && !is_of_agent {
            return self.on_malformed(Malformed::new(Fault::NoId, reply.document()));
        }
        match (self.pending.take_only(), outcome(reply)) {
            (Some(waiter), outcome) => waiter.answer(outcome),
            (None, Err(ExecuteError::Server { class, desc, .. })) => return Err(QmpError::Unassigned { class, desc }),
            (None, _) => {}
        }
        Ok(())
    }

    fn on_malformed(&mut self, malformed: Malformed) -> Result<(), QmpError> {
        if !may_be_a_reply(&malformed) {
            self.dropped.warn(malformed);
            return Ok(());
        }
        let waiter = match malformed.id {
            Some(id) => self.pending.take(id),
            None => self.pending.take_only(),
        };
        match waiter {
            Some(waiter) => waiter.answer(Err(ExecuteError::Malformed(malformed))),
            None if self.pending.len() > 1 && malformed.id.is_none() => return Err(QmpError::Malformed(malformed)),
            None => self.dropped.warn(malformed),
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
            let Some(answer) = sync.find(&mut self.scanner, self.options.max_message, buffer)? else { return Ok(None) };
            self.sync = None;
            if let Some(observer) = &self.options.observer {
                observer.received(&answer);
            }
            if !self.established {
                return Ok(Some(Received::Other(Message::from_document(answer))));
            }
        }
        self.receive(buffer, eof)
    }

    fn encode(&mut self, outgoing: Outgoing, buffer: &mut BytesMut) -> Result<(), QmpError> {
        let Outgoing { request, origin, answer, mark } = outgoing;
        if answer.as_ref().is_some_and(oneshot::Sender::is_closed) {
            // Canceled before it was sent.
            return Ok(());
        }
        if self.established
            && let Some(reply) = self.negotiated(&request)
        {
            Waiter { request, answer, partner: None }.answer(outcome(reply));
            return Ok(());
        }
        if let Some(mark) = mark {
            self.shared.hub.sent(mark);
        }
        if self.options.guest_agent {
            self.resynchronize(buffer);
            // Before a user's own, it would only make the agent report an error.
            if request.command() == DELIMITED && !self.established {
                buffer.extend_from_slice(&[SENTINEL]);
            }
        }
        let is_silent = self.options.guest_agent && agent::is_silent(request.command());
        let id = if self.negotiating {
            self.negotiation
        } else {
            self.pending.insert(Waiter { request: request.clone(), answer, partner: None })
        };
        let start = buffer.len();
        let open = request.text().strip_suffix('}').unwrap_or(request.text());
        buffer.extend_from_slice(open.as_bytes());
        // A byte after the last brace of `quit` would lose its reply (docs/qmp.md, "Wire").
        buffer.extend_from_slice(b",\"id\":");
        buffer.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
        buffer.extend_from_slice(b"}");
        if let Some(observer) = &self.options.observer {
            observer.sent(&buffer[start..], &request, origin);
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
        outgoing.request.open_file().map(Descriptor::shared)
    }

    async fn establish(&mut self, wire: &mut Wire<'_>) -> Result<(), QmpError> {
        {
            let mut seen = self.shared.seen();
            seen.passes_descriptors = wire.passes_descriptors();
            seen.credentials = wire.credentials();
        }
        if self.options.negotiate && self.options.guest_agent {
            self.synchronize(wire).await?;
        } else if self.options.negotiate {
            let greeting = self.greet(wire).await?;
            self.shared.seen().greeting = Some(greeting.clone());
            self.one_at_a_time = greeting.version.is_of_libvirt_proxy();
            wire.one_byte_records(greeting.version.major < READS_WHOLE_RECORDS);
            self.negotiate(wire, &greeting).await?;
        }
        self.established = true;
        self.shared.seen().progress = Progress::Established;
        Ok(())
    }

    fn on_message(&mut self, message: Self::In, _: &mut Context<'_, Self>) -> Result<(), QmpError> {
        match message {
            Received::Events(mut events) => {
                self.shared.publish(events.drain(..));
                self.run = events;
            }
            Received::Other(Ok(Message::Event(event))) => self.shared.publish([event]),
            Received::Other(Ok(Message::Reply(reply))) => self.on_reply(reply)?,
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
        self.dropped.warn_of_all();
        let reason = end.as_ref().err();
        let went = end.as_ref().is_err_and(|error| error.is_of_peer());
        for waiter in self.pending.drain() {
            if let (true, true, Some(reply)) = (went, waiter.partner.is_some(), agent::silent_reply()) {
                // The command has shut the guest down.
                waiter.answer(Ok(reply));
                continue;
            }
            let error =
                ExecuteError::Interrupted { command: waiter.request.command().to_owned(), reason: reason.cloned() };
            waiter.answer(Err(error));
        }
        self.shared.hub.end_session();
        self.shared.tracker.tell();
    }
}

/// Returns the outcome of the command of a reply.
fn outcome(reply: Reply) -> Answer {
    match reply.outcome() {
        Outcome::Return => Ok(reply),
        Outcome::Error { class, desc } => Err(ExecuteError::Server { class: class.clone(), desc: desc.clone(), reply }),
    }
}
