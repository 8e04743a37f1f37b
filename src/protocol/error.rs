//! Errors of a session of any protocol.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use super::runstate::StateError;
use crate::error::message;

/// The part of connecting that failed (E8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connecting to the peer, or accepting it.
    Connection,
    /// The protocol's first steps: greeting, negotiation.
    Session,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Connection => "Failed to establish connection",
            Phase::Session => "Failed to establish session",
        })
    }
}

/// The root cause of a [`ConnectError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause<E> {
    /// The system reported an error.
    #[error(transparent)]
    Io(io::Error),
    /// The protocol's first steps failed.
    #[error(transparent)]
    Protocol(E),
    /// Another task called `disconnect()` meanwhile.
    #[error("cancelled by disconnect()")]
    Cancelled,
}

/// Connecting, accepting or establishing failed, and the session is idle again (E8).
///
/// `Display` shows the phase and the root cause, or the cause's kind if it has no text.
#[derive(Debug)]
pub struct ConnectError<E> {
    /// The part that failed.
    pub phase: Phase,
    /// The root cause.
    pub cause: Cause<E>,
}

impl<E: fmt::Debug + fmt::Display> fmt::Display for ConnectError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, kind) = match &self.cause {
            Cause::Io(error) => (message(error), format!("{:?}", error.kind())),
            Cause::Protocol(error) => (error.to_string(), format!("{error:?}")),
            Cause::Cancelled => ("cancelled by disconnect()".to_owned(), String::new()),
        };
        write!(f, "{}: {}", self.phase, if text.is_empty() { kind } else { text })
    }
}

/// Returns the source of the cause, because the cause itself is in the text.
impl<E: StdError + 'static> StdError for ConnectError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            Cause::Io(error) => error.source(),
            Cause::Protocol(error) => error.source(),
            Cause::Cancelled => None,
        }
    }
}

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError<E: StdError + 'static> {
    /// The session was in a state that does not allow it, and stays in it.
    #[error(transparent)]
    State(#[from] StateError),
    /// `accept()` came while there was nothing to accept on (E5).
    #[error("nothing to accept on: call start_server(), open_with_listener() or open_with_socket() first")]
    NothingOpened,
    /// The attempt failed.
    #[error(transparent)]
    Connect(#[from] ConnectError<E>),
}

/// Why a running session ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError<E: StdError + 'static> {
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    EndOfFile,
    /// Reading failed.
    #[error("cannot read from the peer")]
    Read(#[source] io::Error),
    /// Writing failed.
    #[error("cannot write to the peer")]
    Write(#[source] io::Error),
    /// Closing failed, after everything had been sent.
    #[error("cannot close the connection")]
    Close(#[source] io::Error),
    /// The protocol reported an error.
    #[error(transparent)]
    Protocol(E),
    /// The driver panicked, or its runtime was shut down.
    #[error("the session's task ended unexpectedly: {0}")]
    DriverLost(String),
}

impl<E: StdError> SessionError<E> {
    /// Returns true if the peer closed the connection.
    pub fn is_of_peer(&self) -> bool {
        match self {
            Self::EndOfFile => true,
            Self::Read(error) | Self::Write(error) => has_ended(error),
            _ => false,
        }
    }
}

/// Returns true for the end of file, and for the errors that replace it if the peer closes with unread bytes.
pub(crate) fn has_ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
