//! Errors of a QMP client.

use std::io;
use std::sync::Arc;

use crate::json::ScanError;
use crate::message::{Malformed, ParseError, Reply, RequestError};
use crate::protocol::{SessionError, StateError};
use crate::text;

/// Why a session could not be established or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QmpError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The first bytes are not JSON: the peer speaks another protocol.
    #[error("this is not a QMP monitor: {peer}; it said `{}`", text::excerpt(seen, 60))]
    NotQmp {
        /// The kind of the peer.
        peer: NonQmpPeer,
        /// The first bytes.
        seen: Vec<u8>,
    },
    /// The peer closed the connection before its greeting.
    #[error("the peer closed the connection before its greeting: it is not a QMP monitor, or it is shutting down")]
    ClosedBeforeGreeting,
    /// The peer closed the connection in the middle of its greeting.
    #[error("the peer closed the connection in the middle of its greeting, after `{}`", text::excerpt(seen, 60))]
    GreetingCutShort {
        /// The bytes that had come.
        seen: Vec<u8>,
    },
    /// A reply came where the greeting was expected.
    #[error(
        "the peer sent a reply instead of a greeting: it is not a QMP monitor, or the session on this connection has already begun"
    )]
    ReplyBeforeGreeting,
    /// A greeting came where a guest agent's answer was expected.
    #[error("this is a QMP monitor, not a guest agent: it sent a greeting")]
    NoAgent,
    /// The guest agent closed the connection before its answer.
    #[error("the peer closed the connection before it answered as a guest agent")]
    ClosedBeforeSync,
    /// The guest agent refused to synchronize.
    #[error("the guest agent refused to synchronize: {}: {}", text::line(class), text::line(desc))]
    SyncRefused {
        /// The error's class.
        class: String,
        /// The error's description.
        desc: String,
    },
    /// The greeting, or a message before it, is not a message of QMP.
    #[error("the peer's greeting is not a QMP greeting: {0}")]
    BadGreeting(Malformed),
    /// The peer closed the connection during the negotiation.
    #[error("the peer closed the connection during the negotiation")]
    ClosedDuringNegotiation,
    /// The server refused `qmp_capabilities`.
    #[error("the negotiation failed: {}: {}", text::line(class), text::line(desc))]
    NegotiationRefused {
        /// The error's class.
        class: String,
        /// The error's description.
        desc: String,
    },
    /// The bytes are not a stream of JSON objects, or an object is too long.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The server sent an error without an id while not exactly one command was pending.
    #[error(
        "the server reports an error without saying for which command: {}: {}",
        text::line(class),
        text::line(desc)
    )]
    Unassigned {
        /// The error's class.
        class: String,
        /// The error's description.
        desc: String,
    },
    /// A message is not one of QMP while several commands were pending, so it may be the reply to any of them.
    #[error(transparent)]
    Malformed(Malformed),
}

/// The kind of a peer that does not speak QMP, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NonQmpPeer {
    /// A web server.
    #[error("a web server answers there")]
    Http,
    /// An SSH server.
    #[error("an SSH server answers there")]
    Ssh,
    /// A peer that speaks TLS.
    #[error("the peer speaks TLS, and this side does not")]
    Tls,
    /// A chardev with `telnet=on`.
    #[error("the peer speaks telnet (its chardev has telnet=on)")]
    Telnet,
    /// A human monitor (HMP) instead of QMP.
    #[error("it is a human monitor (start QEMU with -qmp, or -mon …,mode=control)")]
    Hmp,
    /// Another peer.
    #[error("the peer speaks another protocol")]
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

/// Why a command has no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The server refused the command, or it failed.
    #[error("{class}: {desc}")]
    Server {
        /// The error's class, such as `CommandNotFound`; not safe to show as it is.
        class: String,
        /// The error's description; not safe to show as it is.
        desc: String,
        /// The whole reply.
        reply: Reply,
    },
    /// The connection ended before the reply came. It is unknown if the command ran.
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
    /// The policy of the client does not allow the command. It was not sent.
    #[error("`{}` was not sent: it is not allowed here", text::line(command))]
    NotAllowed {
        /// Its name.
        command: String,
    },
    /// The command has an open file, and the connection cannot pass one. It was not sent.
    #[error("`{}` was not sent: only a Unix socket on this machine can pass an open file", text::line(command))]
    NoDescriptors {
        /// The command's name.
        command: String,
    },
    /// QEMU would not understand the command. It was not sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The reply is not a message of QMP.
    #[error(transparent)]
    Malformed(Malformed),
    /// The command succeeded, and its result is not of the type that was asked for.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// There is no session.
    #[error(transparent)]
    State(#[from] StateError),
}
