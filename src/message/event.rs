//! Events, which are small and cheap to make.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::ParseError;
use crate::json::{self, Document, Span};
use crate::secrets;

/// An event: a name, a time stamp and data.
///
/// There can be a million of them in a second, so it is small, and members that are rarely needed are looked up on demand.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    bytes: Bytes,
    name: Span,
    arrival: u64,
}

impl Event {
    /// Makes an event of its bytes, with its name at `name`.
    pub(crate) fn new(bytes: Bytes, name: Span, arrival: u64) -> Self {
        Self { bytes, name, arrival }
    }

    /// Returns the name, decoded; not safe to show as it is.
    pub fn name(&self) -> Cow<'_, str> {
        json::decode(self.name.of(&self.bytes)).unwrap_or_default()
    }

    /// Returns the name as bytes, decoded: faster to compare, because they need not be UTF-8.
    pub(crate) fn name_bytes(&self) -> Cow<'_, [u8]> {
        match self.name.of(&self.bytes) {
            [b'"', inner @ .., b'"'] => json::decode_name(inner),
            _ => Cow::Borrowed(b""),
        }
    }

    /// Reads the `data` as `T`. An event without data reads an empty object.
    ///
    /// ```
    /// # use qmpsh::{json::Document, message::{Message, ParseError}};
    /// # let text = br#"{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}"#;
    /// # let Ok(Message::Event(event)) = Message::from_document(Document::parse(text.as_slice())?) else { return Ok(()) };
    /// #[derive(serde::Deserialize)]
    /// struct Shutdown {
    ///     guest: bool,
    /// }
    /// assert!(event.data::<Shutdown>()?.guest);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The data is not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ParseError> {
        ParseError::parse("data", &self.raw_data().unwrap_or(Cow::Borrowed(b"{}")))
    }

    /// Returns the `data` as on the wire. From libvirt's virt-qemu-qmp-proxy, which sends the object in a string, it is the object.
    pub fn raw_data(&self) -> Option<Cow<'_, [u8]>> {
        let raw = self.get("data")?;
        Some(match json::decode(raw) {
            Some(object) if object.starts_with('{') => Cow::Owned(object.into_owned().into_bytes()),
            _ => Cow::Borrowed(raw),
        })
    }

    /// Returns the time stamp: seconds since 1970, and microseconds. Both are -1 if the server's clock failed.
    pub fn timestamp(&self) -> Option<(i64, i64)> {
        let timestamp = Document::parse(self.get("timestamp")?).ok()?;
        let number = |key| std::str::from_utf8(timestamp.get(key)?).ok()?.parse().ok();
        Some((number("seconds")?, number("microseconds")?))
    }

    /// Returns the value of the last member `key`.
    fn get(&self, key: &str) -> Option<&[u8]> {
        let named = json::members(&self.bytes)?.filter(|(name, _)| json::decode_inner(name) == key);
        named.last().map(|(_, value)| value)
    }

    /// Returns the whole event as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns how many messages came before it in its session, which gives the order of events and replies.
    pub fn arrival(&self) -> u64 {
        self.arrival
    }

    /// Copies the event into its own memory. Otherwise an event that is kept long keeps the whole buffer it was read into.
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
