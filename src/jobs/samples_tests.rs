//! Events for the tests of this module.

use crate::json::Document;
use crate::message::{Event, Kind};

/// Makes an event that came after `arrival` other messages.
pub(super) fn event(arrival: u64, name: &str, data: &str) -> Event {
    parsed(arrival, &format!(r#"{{"event":"{name}","data":{data}}}"#))
}

/// Makes an event of its text.
pub(super) fn parsed(arrival: u64, text: &str) -> Event {
    let document = Document::parse(text.as_bytes()).unwrap();
    match Kind::of(document.outline()) {
        Ok(Kind::Event(name)) => Event::new(document.into_bytes(), name, arrival),
        _ => panic!("{document:?}"),
    }
}
