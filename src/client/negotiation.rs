//! The first steps of a session of QMP: the greeting, and the negotiation of capabilities.
//!
//! Source: QEMU's `qmp-spec.rst`, "Server Greeting" and "Capabilities Negotiation".

use std::time::Duration;

use serde::Deserialize;

use super::error::{NonQmpPeer, QmpError};
use super::qmp::{Outgoing, Qmp, may_be_a_reply};
use super::received::Received;
use super::shared::Progress;
use crate::json::{Document, ScanError};
use crate::message::{Fault, Greeting, Kind, Malformed, Message, Outcome, Reply, Request};
use crate::protocol::{Wire, has_ended};

/// The command that negotiates.
const NEGOTIATE: &str = "qmp_capabilities";

/// How long a greeting may take after a reply. A session that has already begun has none.
const AFTER_A_REPLY: Duration = Duration::from_secs(1);

/// The capability of commands that run out of band.
const OUT_OF_BAND: &str = "oob";

impl Qmp {
    pub(super) async fn greet(&mut self, wire: &mut Wire<'_>) -> Result<Greeting, QmpError> {
        self.shared.seen().progress = Progress::AwaitingGreeting { seen: Vec::new() };
        let mut has_reply = false;
        loop {
            let received = if has_reply {
                match tokio::time::timeout(AFTER_A_REPLY, self.recv(wire)).await {
                    Err(_) => return Err(QmpError::ReplyBeforeGreeting),
                    Ok(Err(QmpError::Io(error))) if has_ended(&error) => return Err(QmpError::ReplyBeforeGreeting),
                    Ok(received) => received,
                }
            } else {
                self.recv(wire).await
            };
            match received {
                Ok(Ok(Message::Greeting(greeting))) => return Ok(*greeting),
                // With `mux=on` an event may come first (docs/qmp.md, "Wire").
                Ok(Ok(Message::Event(event))) => self.shared.hub.publish([event]),
                // It is for an earlier client if the greeting follows (docs/qmp.md, "Wire").
                Ok(Ok(Message::Reply(_))) => has_reply = true,
                Ok(Err(malformed)) if malformed.fault == Fault::EventName => self.dropped.warn(malformed),
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
        let offered = greeting.capabilities.iter().any(|capability| capability == OUT_OF_BAND);
        let mut request = Request::new(NEGOTIATE);
        if self.options.out_of_band && offered {
            self.enabled = &[OUT_OF_BAND];
            request = request.with_arguments_text(&format!(r#"{{"enable":["{OUT_OF_BAND}"]}}"#));
        }
        self.negotiating = true;
        let sent = wire.send(self, Outgoing::unanswered(request)).await;
        self.negotiating = false;
        sent.map_err(closed_during_negotiation)?;
        // What a reply without an id means if none with the id follows.
        let mut unassigned = None;
        loop {
            let message = match self.recv(wire).await.map_err(closed_during_negotiation) {
                Err(QmpError::ClosedDuringNegotiation) => {
                    return Err(unassigned.unwrap_or(QmpError::ClosedDuringNegotiation));
                }
                received => received?,
            };
            match message {
                Ok(Message::Reply(reply)) if reply.id() == Some(self.negotiation) => {
                    return match reply.outcome().clone() {
                        Outcome::Return => Ok(()),
                        Outcome::Error { class, desc } => Err(QmpError::NegotiationRefused { class, desc }),
                    };
                }
                Ok(Message::Reply(reply)) => {
                    tracing::debug!("dropped the reply to an earlier client: {:?}", reply.document());
                    let is_empty = || reply.result().is_some_and(|result| *result == *b"{}");
                    match reply.outcome().clone() {
                        _ if reply.id().is_some() => {}
                        Outcome::Error { class, desc } => {
                            unassigned = Some(QmpError::NegotiationRefused { class, desc });
                        }
                        // The negotiation returns nothing.
                        Outcome::Return if is_empty() => {
                            let malformed = Malformed::new(Fault::NoId, reply.document());
                            unassigned = Some(QmpError::Malformed(malformed));
                        }
                        Outcome::Return => {}
                    }
                }
                Ok(Message::Event(event)) => self.shared.hub.publish([event]),
                // A pty opened during start-up gets the greeting twice (docs/qmp.md, "Wire").
                Ok(Message::Greeting(_)) => {}
                Err(malformed) if malformed.fault == Fault::Id => {
                    tracing::debug!("dropped a reply to an earlier client: {malformed}");
                }
                Err(malformed) if !may_be_a_reply(&malformed) => self.dropped.warn(malformed),
                Err(malformed) => return Err(QmpError::Malformed(malformed)),
            }
        }
    }

    /// Returns the reply to a negotiation in a session that has negotiated: input made for a plain socket begins with one.
    /// `None` if the peer must reply to this command. QEMU would refuse to negotiate again (docs/qmp.md, "Wire").
    pub(super) fn negotiated(&self, request: &Request) -> Option<Reply> {
        let is_ours = self.options.negotiate && !self.options.guest_agent;
        if request.command() != NEGOTIATE || request.is_out_of_band() || !is_ours {
            return None;
        }
        let Command { arguments } = serde_json::from_str(request.text()).ok()?;
        let missing = arguments.enable.iter().find(|name| !self.enabled.contains(&name.as_str()));
        let id = self.negotiation;
        let reply = match missing {
            None => format!(r#"{{"return": {{}}, "id": {id}}}"#),
            Some(name) => {
                let offered = self.shared.seen().greeting.as_ref()?.capabilities.join(", ");
                let offered = if offered.is_empty() { "none" } else { &offered };
                let desc = format!("the capability `{name}` is not enabled; the server offers {offered}");
                let desc = serde_json::to_string(&desc).ok()?;
                format!(r#"{{"id": {id}, "error": {{"class": "GenericError", "desc": {desc}}}}}"#)
            }
        };
        let document = Document::parse(reply.as_bytes()).ok()?;
        match Message::new(Kind::of(document.outline()), document, self.received) {
            Ok(Message::Reply(reply)) => Some(reply),
            _ => None,
        }
    }
}

/// A negotiation as QEMU accepts it.
#[derive(Deserialize)]
struct Command {
    #[serde(default)]
    arguments: Arguments,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    enable: Vec<String>,
}

fn closed_during_negotiation(error: QmpError) -> QmpError {
    match error {
        QmpError::Io(error) if has_ended(&error) => QmpError::ClosedDuringNegotiation,
        QmpError::Scan(ScanError::Truncated { .. }) => QmpError::ClosedDuringNegotiation,
        error => error,
    }
}
