//! Events: small, and cheap to make.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::json::{self, Document, Span};
use crate::secrets;

/// Something that happened: its name, when, and what it says about it.
///
/// There may be a million of them in a second, so it is small: what is seldom asked for is looked up then.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    bytes: Bytes,
    name: Span,
    arrival: u64,
}

impl Event {
    /// `bytes` are an event; its name stands at `name`.
    pub(crate) fn new(bytes: Bytes, name: Span, arrival: u64) -> Self {
        Self { bytes, name, arrival }
    }

    /// The event's name, decoded; not safe to show as it is.
    pub fn name(&self) -> Cow<'_, str> {
        json::decode(self.name.of(&self.bytes)).unwrap_or_default()
    }

    /// The `data`, as it stands on the wire. virt-qemu-qmp-proxy of libvirt makes a string of the object: then the object.
    pub fn data(&self) -> Option<Cow<'_, [u8]>> {
        let raw = self.get("data")?;
        Some(match json::decode(raw) {
            Some(object) if object.starts_with('{') => Cow::Owned(object.into_owned().into_bytes()),
            _ => Cow::Borrowed(raw),
        })
    }

    /// Seconds since 1970, and microseconds. Both are -1 if the server's clock failed.
    pub fn timestamp(&self) -> Option<(i64, i64)> {
        let timestamp = Document::parse(self.get("timestamp")?).ok()?;
        let number = |key| std::str::from_utf8(timestamp.get(key)?).ok()?.parse().ok();
        Some((number("seconds")?, number("microseconds")?))
    }

    /// The value of the member `key`; of several the last one counts.
    fn get(&self, key: &str) -> Option<&[u8]> {
        let named = json::members(&self.bytes)?.filter(|(name, _)| json::decode_inner(name) == key);
        named.last().map(|(_, value)| value)
    }

    /// The whole event as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many messages had come before it in its session: among events and replies, the lower came first.
    pub fn arrival(&self) -> u64 {
        self.arrival
    }

    pub(super) fn set_arrival(&mut self, arrival: u64) {
        self.arrival = arrival;
    }

    /// Copies the event into memory of its own. An event that is kept long would otherwise keep alive the whole block
    /// of bytes that it was read with.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), ..*self }
    }
}

/// Shortened, secrets masked.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({})", secrets::excerpt(&self.bytes, 200))
    }
}
