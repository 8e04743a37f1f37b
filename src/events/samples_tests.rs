//! Events for the tests.

use bytes::BytesMut;

use crate::json::Scanner;
use crate::message::{Event, Message};

/// Reads an event, if the text is one.
pub(crate) fn try_event(text: &str) -> Option<Event> {
    let document = Scanner::new(1 << 20).next(&mut BytesMut::from(text), true).ok()??;
    match Message::from_document(document) {
        Ok(Message::Event(event)) => Some(event),
        _ => None,
    }
}

pub(crate) fn event_of(name: &str, data: &str) -> Event {
    try_event(&format!(r#"{{"event": "{name}", "data": {data}}}"#)).expect("an event")
}
