//! What comes: messages one at a time, events in runs.

use bytes::BytesMut;

use super::qmp::Qmp;
use super::{Progress, QmpError};
use crate::message::{Event, Malformed, Message};

/// How many events go through the driver as one, at most.
const RUN: usize = 1000;

/// What has come.
#[derive(Debug)]
pub enum Received {
    /// Events, one behind the other: in a storm, to take each alone through the driver would cost more than all the rest.
    Events(Vec<Event>),
    /// Something else.
    Other(Result<Message, Malformed>),
}

impl Qmp {
    /// Takes a message, or a run of events, off the front of `buffer`.
    pub(super) fn receive(&mut self, buffer: &mut BytesMut, eof: bool) -> Result<Option<Received>, QmpError> {
        // Who looks at messages sees each one before the next has been read.
        let is_watched = self.options.observer.is_some() || tracing::enabled!(tracing::Level::DEBUG);
        if !is_watched {
            self.gather_events(buffer, eof);
            if !self.run.is_empty() {
                return Ok(Some(Received::Events(std::mem::take(&mut self.run))));
            }
        }
        if !self.scanner.find(buffer, eof)? {
            self.show_beginning(buffer);
            return Ok(None);
        }
        let document = self.scanner.take(buffer);
        if let Some(observer) = &self.options.observer {
            observer.received(&document);
        }
        let mut message = Message::from_document(document);
        if let Ok(message) = &mut message {
            message.set_arrival(self.received);
        }
        self.received += 1;
        Ok(Some(Received::Other(message)))
    }

    /// Takes the events off the front of `buffer`, as many as there is room for.
    fn gather_events(&mut self, buffer: &mut BytesMut, eof: bool) {
        let room = self.shared.hub.room();
        let mut bytes = 0;
        while self.run.is_empty() || (self.run.len() < RUN && bytes < room) {
            // An error comes again.
            let Ok(true) = self.scanner.find(buffer, eof) else { return };
            let Some(event) = Event::take(&mut self.scanner, buffer, self.received) else { return };
            self.received += 1;
            bytes += event.bytes().len();
            self.run.push(event);
        }
    }

    /// Shows what has come so far, if it is to become a greeting.
    fn show_beginning(&self, buffer: &[u8]) {
        if !self.established && !buffer.is_empty() {
            self.shared.update(|seen| {
                if let Progress::AwaitingGreeting { seen } = &mut seen.progress {
                    *seen = buffer[..buffer.len().min(100)].to_vec();
                }
            });
        }
    }
}
