//! Receives messages one at a time, and events in runs.

use std::fmt;

use bytes::BytesMut;

use super::error::QmpError;
use super::qmp::Qmp;
use super::shared::Progress;
use crate::message::{Event, Fault, Kind, Malformed, Message};

/// The most events in a run.
const RUN: usize = 1000;

/// A message or a run of events from the peer.
pub enum Received {
    /// Events that came in a row. In a storm of events, passing each alone through the driver would cost more than all the rest.
    Events(Vec<Event>),
    /// Any other message, or an event while messages are observed or logged.
    Other(Result<Message, Malformed>),
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Received::Events(events) => events.fmt(f),
            Received::Other(message) => message.fmt(f),
        }
    }
}

impl Qmp {
    /// Takes a message, or a run of events, off the front of `buffer`.
    pub(super) fn receive(&mut self, buffer: &mut BytesMut, eof: bool) -> Result<Option<Received>, QmpError> {
        // An observer must see each message before the next one is read.
        let is_watched = self.options.observer.is_some() || tracing::enabled!(tracing::Level::DEBUG);
        let room = self.shared.hub.room();
        let mut bytes = 0;
        while self.run.is_empty() || (self.run.len() < RUN && bytes < room) {
            match self.scanner.find(buffer, eof) {
                Ok(true) => {}
                // The scanner returns the error again.
                _ if !self.run.is_empty() => break,
                Ok(false) => {
                    self.show_beginning(buffer);
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
            match Kind::of(self.scanner.outline(buffer)) {
                Ok(Kind::Event(name)) if !is_watched => {
                    let event = Event::new(self.scanner.take_bytes(buffer), name, self.received);
                    self.received += 1;
                    bytes += event.bytes().len();
                    self.run.push(event);
                }
                // The message stays in the buffer until the events are routed.
                _ if !self.run.is_empty() => break,
                kind => return Ok(Some(Received::Other(self.take(kind, buffer)))),
            }
        }
        Ok(Some(Received::Events(std::mem::take(&mut self.run))))
    }

    /// Consumes the message that was found.
    fn take(&mut self, kind: Result<Kind, Fault>, buffer: &mut BytesMut) -> Result<Message, Malformed> {
        let document = self.scanner.take(buffer);
        if let Some(observer) = &self.options.observer {
            observer.received(&document);
        }
        let message = Message::new(kind, document, self.received);
        self.received += 1;
        message
    }

    /// Keeps the beginning of a greeting that is not complete.
    fn show_beginning(&self, buffer: &[u8]) {
        if !self.established
            && !buffer.is_empty()
            && let Progress::AwaitingGreeting { seen } = &mut self.shared.seen().progress
        {
            *seen = buffer[..buffer.len().min(100)].to_vec();
        }
    }
}
