//! The messages of QMP as they stand on the wire: greeting, command, reply, event.
//!
//! A received message keeps the bytes that came. Only small members (`id`, `error`, `event`) are parsed, never the `return`,
//! which may have a hundred megabytes, or values that are not JSON.

mod event;
mod parse;
mod request;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::json::{self, Document, Outline, Span};
use crate::secrets;

pub use event::Event;
pub use parse::ParseError;
pub use request::{Descriptor, Request, RequestError};

/// A message from a QMP server.
#[derive(Debug, Clone)]
pub enum Message {
    /// The first message of a session.
    Greeting(Box<Greeting>),
    /// An event.
    Event(Event),
    /// The reply to a command.
    Reply(Reply),
}

impl Message {
    /// Reads a document as a message. Its kind follows from its members: `QMP`, `event`, `return` or `error`.
    pub fn from_document(document: Document) -> Result<Self, Malformed> {
        Self::new(Kind::of(document.outline()), document, 0)
    }

    /// Reads the document as a message of a known kind that came after `arrival` others.
    pub(crate) fn new(kind: Result<Kind, Fault>, document: Document, arrival: u64) -> Result<Self, Malformed> {
        match kind {
            Ok(Kind::Greeting) => Greeting::parse(&document).map(|greeting| Self::Greeting(Box::new(greeting))),
            Ok(Kind::Event(name)) => Ok(Self::Event(Event::new(document.into_bytes(), name, arrival))),
            Ok(Kind::Reply { id, error, result }) => Reply::read(document, id, error, result, arrival).map(Self::Reply),
            Err(fault) => Err(Malformed::new(fault, &document)),
        }
    }
}

/// The kind of a message, with the places of the members that are parsed.
pub(crate) enum Kind {
    Greeting,
    /// An event with this name.
    Event(Span),
    Reply {
        id: Option<Span>,
        error: Option<Span>,
        result: Option<Span>,
    },
}

impl Kind {
    /// Determines the kind by the members.
    pub(crate) fn of(outline: Outline<'_>) -> Result<Self, Fault> {
        let mut greets = false;
        let (mut event, mut id, mut error, mut result) = (None, None, None, None);
        for (name, value) in outline.named_spans() {
            match &*name {
                b"event" => event = Some(value),
                b"id" => id = Some(value),
                b"QMP" => greets = true,
                b"return" => result = Some(value),
                b"error" => error = Some(value),
                _ => {}
            }
        }
        match (greets, event, result, error) {
            (true, None, None, None) => Ok(Self::Greeting),
            (false, Some(name), None, None) if outline.at(name).starts_with(b"\"") => Ok(Self::Event(name)),
            (false, Some(_), None, None) => Err(Fault::EventName),
            (false, None, Some(_), None) | (false, None, None, Some(_)) => Ok(Self::Reply { id, error, result }),
            (false, None, None, None) => Err(Fault::Unknown),
            _ => Err(Fault::Ambiguous),
        }
    }
}

/// QEMU's version in the greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// 7 in 7.2.22.
    pub major: u64,
    /// 2 in 7.2.22.
    pub minor: u64,
    /// 22 in 7.2.22.
    pub micro: u64,
    /// The name of the distribution's package; not safe to show as it is.
    pub package: String,
}

impl Version {
    fn parse(value: &[u8]) -> Option<Self> {
        let version = Document::parse(value).ok()?;
        let qemu = Document::parse(version.get("qemu")?).ok()?;
        let number = |key| plain_integer(qemu.get(key)?);
        let package = json::decode(version.get("package").unwrap_or(br#""""#))?.into_owned();
        Some(Self { major: number("major")?, minor: number("minor")?, micro: number("micro")?, package })
    }

    /// Returns true for the greeting of libvirt's virt-qemu-qmp-proxy. It makes the package from the version, without the
    /// suffix of a distribution. Source: libvirt's `tools/virt-qemu-qmp-proxy`.
    pub(crate) fn is_of_libvirt_proxy(&self) -> bool {
        self.package == format!("qemu-{self}")
    }
}

/// Shows `7.2.22`, without the package.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// The first message of a session: the server's version and capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The server's version.
    pub version: Version,
    /// The capabilities that the negotiation can enable, such as `oob`.
    pub capabilities: Vec<String>,
}

impl Greeting {
    fn parse(document: &Document) -> Result<Self, Malformed> {
        let parse = || {
            let qmp = Document::parse(document.get("QMP")?).ok()?;
            let capabilities = match qmp.get("capabilities") {
                Some(list) => serde_json::from_slice(list).ok()?,
                None => Vec::new(),
            };
            Some(Self { version: Version::parse(qmp.get("version")?)?, capabilities })
        };
        parse().ok_or_else(|| Malformed::new(Fault::Greeting, document))
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded; [`Reply::result`] has the value.
    Return,
    /// The server refused it, or it failed.
    Error {
        /// The error's class, such as `GenericError`; not safe to show as it is.
        class: String,
        /// What went wrong, for people; not safe to show as it is.
        desc: String,
    },
}

/// The reply to a command. Clones share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(Arc<ReplyContent>);

#[derive(Debug, PartialEq, Eq)]
struct ReplyContent {
    id: Option<u64>,
    outcome: Outcome,
    document: Document,
    result: Option<Span>,
    arrival: u64,
}

impl Reply {
    fn read(
        document: Document,
        id: Option<Span>,
        error: Option<Span>,
        result: Option<Span>,
        arrival: u64,
    ) -> Result<Self, Malformed> {
        let text = |span: Span| span.of(document.bytes());
        let id = match id.map(text) {
            None => None,
            Some(raw) => Some(plain_integer(raw).ok_or_else(|| Malformed::new(Fault::Id, &document))?),
        };
        let outcome = match error.map(text) {
            None => Outcome::Return,
            Some(error) => parse_error(error).ok_or_else(|| Malformed::new(Fault::Error, &document))?,
        };
        Ok(Self(Arc::new(ReplyContent { id, outcome, document, result, arrival })))
    }

    /// Returns the `id` of the command; `None` if the server could not parse the command.
    pub fn id(&self) -> Option<u64> {
        self.0.id
    }

    /// Returns how the command ended.
    pub fn outcome(&self) -> &Outcome {
        &self.0.outcome
    }

    /// Reads the value of `return` as `T`. An empty object is also a `()`.
    ///
    /// # Errors
    ///
    /// The value is not a `T`, or the reply is an error.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ParseError> {
        ParseError::parse("return", &self.result().unwrap_or_default())
    }

    /// Returns the value of `return` as on the wire, sharing the bytes of the reply; `None` for an error.
    pub fn result(&self) -> Option<Bytes> {
        Some(self.document().bytes().slice(self.0.result?.range()))
    }

    /// Returns the reply as it came but with this `id`, or without one: what stands before it, itself, and what stands after it.
    /// A reply without an `id` gets none.
    pub fn with_id(&self, id: Option<&[u8]>) -> [Bytes; 3] {
        let bytes = self.document().bytes();
        let Some(place) = self.document().range("id") else { return [bytes.clone(), Bytes::new(), Bytes::new()] };
        if let Some(id) = id {
            return [bytes.slice(..place.start), Bytes::copy_from_slice(id), bytes.slice(place.end..)];
        }
        // A comma on one side goes with the member.
        let key = memchr::memrchr2(b'{', b',', &bytes[..place.start]).unwrap_or(0);
        let skip_space = |from: usize| {
            let space = bytes[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            from + space
        };
        let after = skip_space(place.end);
        let (before, after) = match (bytes[key], bytes.get(after)) {
            (b',', _) => (key, place.end),
            (_, Some(b',')) => (skip_space(key + 1), skip_space(after + 1)),
            _ => (key + 1, place.end),
        };
        [bytes.slice(..before), Bytes::new(), bytes.slice(after..)]
    }

    /// Returns how many messages came before it in its session, which gives the order of events and replies.
    pub fn arrival(&self) -> u64 {
        self.0.arrival
    }

    /// Returns the whole reply as it came.
    pub fn document(&self) -> &Document {
        &self.0.document
    }
}

fn parse_error(raw: &[u8]) -> Option<Outcome> {
    let error = Document::parse(raw).ok()?;
    let text = |key| Some(json::decode(error.get(key)?)?.into_owned());
    Some(Outcome::Error { class: text("class")?, desc: text("desc")? })
}

/// Parses an id that a client could have sent: digits only.
fn plain_integer(raw: &[u8]) -> Option<u64> {
    let canonical = raw == b"0" || (raw.first() != Some(&b'0') && raw.iter().all(u8::is_ascii_digit));
    if canonical { std::str::from_utf8(raw).ok()?.parse().ok() } else { None }
}

/// Why a JSON object is not a message of QMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It has no member that identifies a kind of message.
    #[error("the server sent a message that is not a greeting, an event or a reply")]
    Unknown,
    /// Its members identify two or more kinds.
    #[error("the server sent a message that is two things at once")]
    Ambiguous,
    /// A greeting without a valid version.
    #[error("the server sent a greeting without a valid version")]
    Greeting,
    /// An event whose name is not a string.
    #[error("the server sent an event whose name is not a string")]
    EventName,
    /// A reply whose `id` is not a number that a client could have sent.
    #[error("the server sent a reply with an unknown id")]
    Id,
    /// A success without the `id` of its command.
    #[error("the server sent a reply without the id of its command")]
    NoId,
    /// An error without `class` and `desc`.
    #[error("the server sent an error without class and description")]
    Error,
}

/// A JSON object that is not a message of QMP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}: `{excerpt}`")]
#[non_exhaustive]
pub struct Malformed {
    /// Why it is not one.
    pub fault: Fault,
    /// Its `id`, if it has one: then only that command fails.
    pub id: Option<u64>,
    /// The message, shortened, safe to show, secrets masked.
    pub excerpt: String,
}

impl Malformed {
    pub(crate) fn new(fault: Fault, document: &Document) -> Self {
        let raw = document.get("id");
        let id = raw.and_then(plain_integer);
        let fault = match fault {
            Fault::Unknown | Fault::Ambiguous if raw.is_some() && id.is_none() => Fault::Id,
            fault => fault,
        };
        Self { fault, id, excerpt: secrets::excerpt(document.bytes(), 120) }
    }
}

#[cfg(test)]
mod tests;
