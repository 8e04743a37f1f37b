//! The first steps of a session of QMP: the greeting, and the negotiation of capabilities.
//!
//! Source: QEMU's `qmp-spec.rst`, "Server Greeting" and "Capabilities Negotiation".

use super::error::{NonQmpPeer, QmpError};
use super::qmp::{NEGOTIATION, Outgoing, Qmp, has_ended, may_be_a_reply, warn_dropped};
use super::received::Received;
use super::shared::Progress;
use crate::json::ScanError;
use crate::message::{Fault, Greeting, Malformed, Message, Outcome, Request};
use crate::protocol::Wire;

impl Qmp {
    pub(super) async fn greet(&mut self, wire: &mut Wire<'_>) -> Result<Greeting, QmpError> {
        self.shared.seen().progress = Progress::AwaitingGreeting { seen: Vec::new() };
        loop {
            match self.recv(wire).await {
                Ok(Ok(Message::Greeting(greeting))) => return Ok(*greeting),
                // With `mux=on` an event may come first (docs/qmp.md, "Wire").
                Ok(Ok(Message::Event(event))) => self.shared.hub.publish([event]),
                Ok(Ok(Message::Reply(_))) => return Err(QmpError::ReplyBeforeGreeting),
                Ok(Err(malformed)) if malformed.fault == Fault::EventName => warn_dropped(&malformed),
                Ok(Err(malformed)) => return Err(QmpError::BadGreeting(malformed)),
                Err(QmpError::Scan(ScanError::Garbage { seen, .. })) => {
                    return Err(QmpError::NotQmp { peer: NonQmpPeer::of(&seen), seen });
                }
                Err(QmpError::Scan(ScanError::Truncated { seen, .. })) => {
                    return Err(QmpError::GreetingCutShort { seen });
                }
                Err(QmpError::Io(error)) if has_ended(&error) => return Err(QmpError::ClosedBeforeGreeting),
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for one message, and publishes the events before it.
    async fn recv(&mut self, wire: &mut Wire<'_>) -> Result<Result<Message, Malformed>, QmpError> {
        loop {
            match wire.recv(self).await? {
                Received::Events(events) => self.shared.hub.publish(events),
                Received::Other(message) => return Ok(message),
            }
        }
    }

    pub(super) async fn negotiate(&mut self, wire: &mut Wire<'_>, greeting: &Greeting) -> Result<(), QmpError> {
        self.shared.seen().progress = Progress::Negotiating;
        let offered = greeting.capabilities.iter().any(|capability| capability == "oob");
        let text = if self.options.out_of_band && offered {
            r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}"#
        } else {
            r#"{"execute":"qmp_capabilities"}"#
        };
        let request = Request { text: text.to_owned(), ..Request::new("qmp_capabilities") };
        self.negotiating = true;
        let sent = wire.send(self, Outgoing::unanswered(request)).await;
        self.negotiating = false;
        sent.map_err(closed_during_negotiation)?;
        loop {
            match self.recv(wire).await.map_err(closed_during_negotiation)? {
                Ok(Message::Reply(reply)) => {
                    match (reply.id, &reply.outcome) {
                        (Some(id), _) if id != NEGOTIATION => {
                            tracing::debug!("dropped the reply {id} to an earlier client");
                            continue;
                        }
                        // A negotiation returns nothing.
                        (None, Outcome::Return) if reply.result().is_none_or(|result| *result != *b"{}") => {
                            tracing::debug!("dropped a reply to an earlier client");
                            continue;
                        }
                        (None, Outcome::Return) => {
                            return Err(QmpError::Malformed(Malformed::new(Fault::NoId, reply.document())));
                        }
                        // An error without an id is about the negotiation.
                        _ => {}
                    }
                    return match reply.outcome {
                        Outcome::Return => Ok(()),
                        Outcome::Error { class, desc } => Err(QmpError::NegotiationRefused { class, desc }),
                    };
                }
                Ok(Message::Event(event)) => self.shared.hub.publish([event]),
                // A pty opened during start-up gets the greeting twice (docs/qmp.md, "Wire").
                Ok(Message::Greeting(_)) => {}
                Err(malformed) if malformed.fault == Fault::Id => {
                    tracing::debug!("dropped a reply to an earlier client: {malformed}");
                }
                Err(malformed) if !may_be_a_reply(&malformed) => warn_dropped(&malformed),
                Err(malformed) => return Err(QmpError::Malformed(malformed)),
            }
        }
    }
}

fn closed_during_negotiation(error: QmpError) -> QmpError {
    match error {
        QmpError::Io(error) if has_ended(&error) => QmpError::ClosedDuringNegotiation,
        QmpError::Scan(ScanError::Truncated { .. }) => QmpError::ClosedDuringNegotiation,
        error => error,
    }
}
