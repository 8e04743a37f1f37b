//! The exit statuses, and the failures that lead to them.

use std::process::ExitCode;

use rustix::io::Errno;

use qmpsh::error::describe;
use qmpsh::message::RequestError;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Everything succeeded.
    Success,
    /// A command failed: the server answered with an error.
    CommandFailed,
    /// A bad option or address, or a line that does not parse; nothing of it was sent.
    Usage,
    /// No session: connecting, the greeting or the negotiation failed.
    NoSession,
    /// The connection was lost before the input ended.
    ConnectionLost,
    /// A reply did not come in time.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
    /// SIGHUP: the terminal is gone.
    HungUp,
    /// SIGQUIT: Ctrl-\ while a command runs.
    Quit,
    /// SIGTERM.
    Terminated,
    /// Results could not be written, as on a full disk.
    NotWritten,
    /// stdout was closed with work left.
    StdoutClosed,
}

impl Status {
    /// Returns the number that the calling process gets.
    pub(crate) fn code(self) -> u8 {
        match self {
            Status::Success => 0,
            Status::CommandFailed | Status::NotWritten => 1,
            Status::Usage => 2,
            Status::NoSession => 3,
            Status::ConnectionLost => 4,
            Status::TimedOut => 5,
            Status::HungUp => 129,
            Status::Interrupted => 130,
            Status::Quit => 131,
            Status::StdoutClosed => 141,
            Status::Terminated => 143,
        }
    }

    /// Returns true if `--keep-going` runs the commands after one that ended so.
    pub(crate) fn allows_more(self) -> bool {
        matches!(self, Status::CommandFailed | Status::Usage | Status::TimedOut)
    }

    /// The higher of two.
    #[must_use]
    pub(crate) fn worse(self, other: Self) -> Self {
        if other.code() > self.code() { other } else { self }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status.code())
    }
}

/// A failure that ends the program: a status, and a message for stderr.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    /// Empty if there is nothing to say.
    pub(crate) message: String,
    /// The message begins with a place in the input or the class of the server's error.
    placed: bool,
    /// The command whose arguments were not understood: the schema may say which it takes.
    pub(crate) command: Option<String>,
}

impl Failure {
    /// Makes a failure of the whole program, shown as `qmpsh: …`.
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), placed: false, command: None }
    }

    /// Makes a failure to establish a session.
    pub(crate) fn no_session(message: impl Into<String>) -> Self {
        Self::new(Status::NoSession, message)
    }

    /// Makes a failure that is shown as it is: `FILE:LINE: …`, `CLASS: DESC`, a line with a caret.
    pub(crate) fn placed(status: Status, message: impl Into<String>) -> Self {
        Self { placed: true, ..Self::new(status, message) }
    }

    /// Returns true if the message begins with a place, or needs none.
    pub(crate) fn is_placed(&self) -> bool {
        self.placed || self.message.is_empty()
    }

    pub(crate) fn silent(status: Status) -> Self {
        Self::new(status, "")
    }

    /// Returns the message as it is shown outside the interactive shell.
    pub(crate) fn shown(&self) -> String {
        if self.placed { self.message.clone() } else { format!("qmpsh: {}", self.message) }
    }
}

/// Why the commands after this one do not run.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The command failed.
    Failed(Failure),
    /// The shell ends.
    Leave(Status),
}

impl Stop {
    /// Makes a failure of the command at hand.
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Failure::new(status, message).into()
    }

    /// Makes a failure with the status [`CommandFailed`](Status::CommandFailed).
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Status::CommandFailed, message)
    }

    /// A failure that needs no message, or has had it.
    pub(crate) fn silent(status: Status) -> Self {
        Failure::silent(status).into()
    }

    /// The status that the program ends with if nothing else happens.
    pub(crate) fn status(&self) -> Status {
        match self {
            Stop::Failed(failure) => failure.status,
            Stop::Leave(status) => *status,
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

impl From<RequestError> for Stop {
    fn from(error: RequestError) -> Self {
        Self::new(Status::Usage, error.to_string())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Failure::from(error).into()
    }
}

/// A failed write to stdout. A reader that has gone is not worth a message; a full disk is.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Failure::silent(Status::StdoutClosed);
        }
        let why = match Errno::from_io_error(&error) {
            Some(Errno::BADF) => "stdout is not open for writing".to_owned(),
            _ => describe(&error),
        };
        Failure::new(Status::NotWritten, format!("cannot write the results: {why}"))
    }
}
