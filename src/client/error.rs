//! Errors between a QMP client and its server.

use std::io;
use std::sync::Arc;

use crate::json::ScanError;
use crate::message::{Malformed, Reply};
use crate::protocol::{SessionError, StateError};
use crate::text;

/// Why a session could not be established, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The first bytes are not JSON: the peer speaks another protocol.
    #[error("this is not a QMP monitor: {peer}; it said `{}`", text::excerpt(seen, 60))]
    NotQmp {
        /// What it looks like.
        peer: NonQmpPeer,
        /// What came.
        seen: Vec<u8>,
    },
    /// The peer closed the connection before it had sent a greeting.
    #[error("the peer closed the connection before its greeting: it is not a QMP monitor, or it is shutting down")]
    ClosedBeforeGreeting,
    /// The peer closed the connection in the middle of its greeting.
    #[error("the peer closed the connection in the middle of its greeting, after `{}`", text::excerpt(seen, 60))]
    GreetingCutShort {
        /// What had come.
        seen: Vec<u8>,
    },
    /// A reply came where the greeting was expected.
    #[error(
        "the peer sent a reply instead of a greeting: it is not a QMP monitor, or the session on this connection has already begun"
    )]
    ReplyBeforeGreeting,
    /// A greeting came where a guest agent's answer was expected.
    #[error("this is a QMP monitor, not a guest agent: it sent a greeting (omit --qga to use it)")]
    NoAgent,
    /// The guest agent closed the connection before it had answered.
    #[error("the peer closed the connection before it answered as a guest agent")]
    ClosedBeforeSync,
    /// The greeting, or what came before it, is not a message of QMP.
    #[error("the peer's greeting is not a QMP greeting: {0}")]
    BadGreeting(Malformed),
    /// The connection was closed while capabilities were negotiated.
    #[error("the peer closed the connection during the negotiation")]
    ClosedDuringNegotiation,
    /// The server refused `qmp_capabilities`.
    #[error("the negotiation failed: {}: {}", text::line(class), text::line(desc))]
    NegotiationRefused {
        /// The error's class.
        class: String,
        /// What the server says.
        desc: String,
    },
    /// The bytes that came are no stream of JSON objects, or one is too long.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The server sent an error that belongs to no command, or to one of several.
    #[error(
        "the server reports an error without saying for which command: {}: {}",
        text::line(class),
        text::line(desc)
    )]
    Unassigned {
        /// The error's class.
        class: String,
        /// What the server says.
        desc: String,
    },
    /// A message came that is none of QMP's, while several commands were waiting: it may have been any one's reply.
    #[error(transparent)]
    Malformed(Malformed),
}

/// The kind of a peer that does not speak QMP, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonQmpPeer {
    /// A web server.
    Http,
    /// An SSH server.
    Ssh,
    /// A peer that wants TLS, or answers in it.
    Tls,
    /// A chardev with `telnet=on`.
    Telnet,
    /// A human monitor (HMP) instead of QMP.
    Hmp,
    /// Something else.
    Unknown,
}

impl NonQmpPeer {
    pub(super) fn of(seen: &[u8]) -> Self {
        let starts = |with: &[u8]| seen.starts_with(with);
        if starts(b"HTTP/") || starts(b"<!DOCTYPE") || starts(b"<html") {
            NonQmpPeer::Http
        } else if starts(b"SSH-") {
            NonQmpPeer::Ssh
        } else if starts(&[0x15, 0x03]) || starts(&[0x16, 0x03]) {
            NonQmpPeer::Tls
        } else if starts(&[0xff, 0xfb]) || starts(&[0xff, 0xfd]) || starts(&[0xfb]) || starts(&[0xfd]) {
            NonQmpPeer::Telnet
        } else if starts(b"QEMU ") {
            NonQmpPeer::Hmp
        } else {
            NonQmpPeer::Unknown
        }
    }
}

impl std::fmt::Display for NonQmpPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NonQmpPeer::Http => "a web server answers there",
            NonQmpPeer::Ssh => "an SSH server answers there",
            NonQmpPeer::Tls => "the peer speaks TLS (--tls-creds DIR)",
            NonQmpPeer::Telnet => "the peer speaks telnet (its chardev has telnet=on)",
            NonQmpPeer::Hmp => "it is a human monitor (start QEMU with -qmp, or -mon …,mode=control)",
            NonQmpPeer::Unknown => "the peer speaks another protocol",
        })
    }
}

/// Why a command has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// The server refused the command, or it failed.
    #[error("{class}: {desc}")]
    Server {
        /// The error's class, such as `CommandNotFound`; not safe to show as it is.
        class: String,
        /// What went wrong, for people; not safe to show as it is.
        desc: String,
        /// The whole reply.
        reply: Box<Reply>,
    },
    /// The connection ended before the reply came: whether the command ran is unknown.
    #[error("the connection ended before the reply came, so whether `{}` ran is unknown", text::line(command))]
    Interrupted {
        /// The command's name.
        command: String,
        /// How the connection ended; `None` if it was closed from this side.
        #[source]
        reason: Option<Arc<SessionError<QmpError>>>,
    },
    /// The connection ended before the command was sent.
    #[error("the connection ended before `{}` was sent", text::line(command))]
    NotSent {
        /// The command's name.
        command: String,
    },
    /// It has an open file to be sent with it, and the connection cannot pass one; nothing was sent.
    #[error("`{}` was not sent: only a Unix socket on this machine can pass an open file", text::line(command))]
    NoDescriptors {
        /// The command's name.
        command: String,
    },
    /// The reply is none that QMP knows.
    #[error(transparent)]
    Malformed(Malformed),
    /// There is no session.
    #[error(transparent)]
    State(#[from] StateError),
}
