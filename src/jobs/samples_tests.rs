//! Events for the tests of this module.

use bytes::BytesMut;

use crate::json::Scanner;
use crate::message::{Event, Message};

/// An event that came after `arrival` other messages.
pub(super) fn event(arrival: u64, name: &str, data: &str) -> Event {
    let mut bytes = BytesMut::from(format!(r#"{{"event":"{name}","data":{data}}}"#).as_str());
    let document = Scanner::new(1 << 20).next(&mut bytes, true).unwrap().unwrap();
    let mut message = Message::from_document(document).unwrap();
    message.set_arrival(arrival);
    match message {
        Message::Event(event) => event,
        other => panic!("{other:?}"),
    }
}
