//! The messages of QMP as they stand on the wire: greeting, command, reply, event.
//!
//! What is received keeps the bytes that came. Only small members (`id`, `error`, `event`) are looked into, never the
//! `return`: it may have a hundred megabytes, or hold what is no JSON.

mod event;

use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use bytes::Bytes;

use crate::json::{self, Document, Outline, Span};
use crate::secrets;

pub use event::Event;

/// A command ready to be sent: one compact JSON object without an `id`.
///
/// The client adds the `id` when it knows which is free. Source: QEMU's `qmp-spec.rst`.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `{"execute":"NAME"}` or `{"execute":"NAME","arguments":{…}}`, or with `exec-oob`; compact, without `id`.
    pub text: String,
    /// The command's name, decoded.
    pub command: String,
    /// Whether it is to run out-of-band (`exec-oob`).
    pub out_of_band: bool,
    /// The `id` that the user's own JSON line carried, as compact JSON text; put back in `raw` output.
    pub own_id: Option<String>,
    /// The line of the human monitor that this carries, if the answer is to be read as that monitor's text.
    pub hmp_line: Option<String>,
    /// An open file that is sent with it, for `getfd` and `add-fd`; only over a Unix socket.
    pub descriptor: Option<Descriptor>,
}

/// An open file, to be sent with a command. Clones share it; two are equal if they do.
#[derive(Clone)]
pub struct Descriptor(Arc<OwnedFd>);

impl Descriptor {
    /// Takes an open file.
    pub fn new(file: impl Into<OwnedFd>) -> Self {
        Self(Arc::new(file.into()))
    }

    pub(crate) fn shared(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.0)
    }
}

impl PartialEq for Descriptor {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Descriptor {}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Descriptor({})", self.0.as_raw_fd())
    }
}

impl Request {
    /// A command without arguments. `command` must be a plain name, with nothing that JSON escapes.
    pub fn new(command: &str) -> Self {
        Self {
            text: format!(r#"{{"execute":"{command}"}}"#),
            command: command.to_owned(),
            out_of_band: false,
            own_id: None,
            hmp_line: None,
            descriptor: None,
        }
    }

    /// What a person calls it: the command's name, or the line of the human monitor. Not safe to show as it is.
    pub fn label(&self) -> &str {
        self.hmp_line.as_deref().filter(|line| !secrets::line_has_secret(line)).unwrap_or(&self.command)
    }

    /// Whether a success ends the peer.
    pub fn ends_peer(&self) -> bool {
        match &self.hmp_line {
            Some(line) => matches!(line.trim(), "quit" | "q"),
            None => self.command == "quit",
        }
    }

    /// Makes it out-of-band: it does not wait for those before it. Source: `qmp-spec.rst`, "Out-of-band execution".
    pub fn send_out_of_band(&mut self) {
        const IN_BAND: &str = r#"{"execute":"#;
        if self.text.starts_with(IN_BAND) {
            self.text.replace_range(..IN_BAND.len(), r#"{"exec-oob":"#);
        }
        self.out_of_band = true;
    }
}

/// Passwords and the like are shown as `***`.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("text", &secrets::mask(&self.text))
            .field("out_of_band", &self.out_of_band)
            .field("own_id", &self.own_id)
            .finish_non_exhaustive()
    }
}

/// What a QMP server sends.
#[derive(Debug, Clone)]
pub enum Message {
    /// The first message of a session.
    Greeting(Box<Greeting>),
    /// Something happened.
    Event(Event),
    /// The answer to a command.
    Reply(Box<Reply>),
}

impl Message {
    /// What `document` is, told by its members: `QMP`, `event`, or one of `return` and `error`.
    pub fn from_document(document: Document) -> Result<Self, Malformed> {
        Self::new(Kind::of(document.outline()), document)
    }

    /// The message of a known kind that `document` is.
    pub(crate) fn new(kind: Result<Kind, Fault>, document: Document) -> Result<Self, Malformed> {
        match kind {
            Ok(Kind::Greeting) => Greeting::parse(&document).map(|greeting| Self::Greeting(Box::new(greeting))),
            Ok(Kind::Event(name)) => Ok(Self::Event(Event::new(document.into_bytes(), name, 0))),
            Ok(Kind::Reply { id, error, result }) => {
                Reply::parse(document, id, error, result).map(|reply| Self::Reply(Box::new(reply)))
            }
            Err(fault) => Err(Malformed::new(fault, &document)),
        }
    }

    /// It came after `arrival` others.
    pub(crate) fn set_arrival(&mut self, arrival: u64) {
        match self {
            Self::Greeting(_) => {}
            Self::Event(event) => event.set_arrival(arrival),
            Self::Reply(reply) => reply.arrival = arrival,
        }
    }
}

/// What a message is, and where it has what is looked at.
pub(crate) enum Kind {
    Greeting,
    /// With this name.
    Event(Span),
    Reply {
        id: Option<Span>,
        error: Option<Span>,
        result: Option<Span>,
    },
}

impl Kind {
    /// As its members tell.
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

/// QEMU's version, as the greeting gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// 7 in 7.2.22.
    pub major: u64,
    /// 2 in 7.2.22.
    pub minor: u64,
    /// 22 in 7.2.22.
    pub micro: u64,
    /// What the distribution calls its package; not safe to show as it is.
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
}

impl Version {
    /// Whether this is how virt-qemu-qmp-proxy of libvirt greets: it makes the package up of the version, without what
    /// distributions put behind that. Source: libvirt's `tools/virt-qemu-qmp-proxy`.
    pub(crate) fn is_of_libvirt_proxy(&self) -> bool {
        self.package == format!("qemu-{self}")
    }
}

/// As `7.2.22`, without the package.
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
    /// What can be enabled in the negotiation, such as `oob`.
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
    /// It succeeded; [`Reply::result`] is what it returned.
    Return,
    /// The server refused it, or it failed.
    Error {
        /// The error's class, such as `GenericError`; not safe to show as it is.
        class: String,
        /// What went wrong, for people; not safe to show as it is.
        desc: String,
    },
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The `id` of the command. A server that could not parse a command answers without one.
    pub id: Option<u64>,
    /// How the command ended.
    pub outcome: Outcome,
    document: Document,
    result: Option<Span>,
    arrival: u64,
}

impl Reply {
    fn parse(
        document: Document,
        id: Option<Span>,
        error: Option<Span>,
        result: Option<Span>,
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
        Ok(Self { id, outcome, document, result, arrival: 0 })
    }

    /// The value of `return` as it stands on the wire, sharing the bytes of the reply; `None` for an error.
    pub fn result(&self) -> Option<Bytes> {
        Some(self.document.bytes().slice(self.result?.range()))
    }

    /// How many messages had come before it in its session: among events and replies, the lower came first.
    pub fn arrival(&self) -> u64 {
        self.arrival
    }

    /// The whole reply as it came.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

fn parse_error(raw: &[u8]) -> Option<Outcome> {
    let error = Document::parse(raw).ok()?;
    let text = |key| Some(json::decode(error.get(key)?)?.into_owned());
    Some(Outcome::Error { class: text("class")?, desc: text("desc")? })
}

/// Digits and nothing else: what a client that counts its commands can have sent.
fn plain_integer(raw: &[u8]) -> Option<u64> {
    let canonical = raw == b"0" || (raw.first() != Some(&b'0') && raw.iter().all(u8::is_ascii_digit));
    if canonical { std::str::from_utf8(raw).ok()?.parse().ok() } else { None }
}

/// What is wrong with a message that is a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It has none of the members that tell what it is.
    Unknown,
    /// It has two or more of them.
    Ambiguous,
    /// A greeting without a version, or with something else in its place.
    Greeting,
    /// An event whose name is not a string.
    EventName,
    /// A reply whose `id` is not a number that a client could have sent.
    Id,
    /// A success that does not say of which command.
    NoId,
    /// An error without `class` and `desc`.
    Error,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the server sent a message that is not a greeting, an event or a reply",
            Self::Ambiguous => "the server sent a message that is two things at once",
            Self::Greeting => "the server sent a greeting without a valid version",
            Self::EventName => "the server sent an event whose name is not a string",
            Self::Id => "the server sent a reply with an unknown id",
            Self::NoId => "the server sent a reply without the id of its command",
            Self::Error => "the server sent an error without class and description",
        })
    }
}

/// A JSON object that is not a message of QMP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}: `{excerpt}`")]
pub struct Malformed {
    /// What is wrong with it.
    pub fault: Fault,
    /// The `id` of the command that this was to answer, where there is one: that command fails, and no other.
    pub id: Option<u64>,
    /// The message, shortened, safe to show, secrets masked.
    pub excerpt: String,
}

impl Malformed {
    /// A reply is not what it should be.
    pub(crate) fn reply(fault: Fault, reply: &Reply) -> Self {
        Self::new(fault, &reply.document)
    }

    fn new(fault: Fault, document: &Document) -> Self {
        let id = document.get("id").and_then(plain_integer);
        Self { fault, id, excerpt: secrets::excerpt(document.bytes(), 120) }
    }
}

#[cfg(test)]
mod tests;
