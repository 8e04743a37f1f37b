//! Why there is no session, in words that say what to do.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use crate::client::{Progress, QmpError};
use crate::protocol::{Cause, ConnectError, OpenError};
use crate::text;

/// Why there is no session.
pub(super) enum Problem {
    Failed(OpenError<QmpError>),
    TookTooLong { progress: Progress, limit: Duration },
}

impl Problem {
    /// Whether it can be otherwise a moment later: no socket yet, refused, or closed before the greeting.
    pub(super) fn may_pass(&self) -> bool {
        use io::ErrorKind::{AddrNotAvailable, ConnectionAborted, ConnectionRefused, ConnectionReset, NotFound};
        match self {
            Problem::TookTooLong { .. } => true,
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Io(error), .. })) => matches!(
                error.kind(),
                NotFound | ConnectionRefused | ConnectionReset | ConnectionAborted | AddrNotAvailable
            ),
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Protocol(error), .. })) => {
                matches!(error, QmpError::ClosedBeforeGreeting | QmpError::GreetingCutShort { .. })
            }
            Problem::Failed(_) => false,
        }
    }

    /// What to say of it: `shown` is the address, fit for a terminal, and `path` the socket file, if it is one.
    pub(super) fn explain(&self, shown: &str, path: Option<&Path>) -> String {
        match self {
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Io(error), .. })) => {
                format!("cannot connect to {shown}: {}", explain_io(error, path))
            }
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Protocol(error), .. })) => {
                format!("no session with {shown}: {error}")
            }
            Problem::Failed(error) => format!("no session with {shown}: {error}"),
            Problem::TookTooLong { progress, limit } => explain_silence(progress, *limit, shown),
        }
    }
}

/// What the system said, in words that say what to do.
fn explain_io(error: &io::Error, path: Option<&Path>) -> String {
    match (error.kind(), path) {
        (io::ErrorKind::NotFound, Some(path)) => explain_missing(path),
        (io::ErrorKind::ConnectionRefused, Some(path)) if !is_socket(path) => "this file is no socket".to_owned(),
        (io::ErrorKind::ConnectionRefused, Some(_)) => "nobody listens there: the process that made this socket has \
             ended, or it does not listen yet (--wait SECONDS keeps trying)"
            .to_owned(),
        (io::ErrorKind::ConnectionRefused, None) => {
            "nobody listens there (--wait SECONDS keeps trying, if QEMU is still starting)".to_owned()
        }
        (io::ErrorKind::PermissionDenied, Some(_)) => {
            "permission denied: run qmpsh as the user who runs QEMU, or as root".to_owned()
        }
        _ => error.to_string(),
    }
}

fn explain_missing(path: &Path) -> String {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            format!("there is no directory {}", text::line(&parent.display().to_string()))
        }
        _ => "there is no such socket; QEMU makes it with -qmp unix:PATH,server=on,wait=off \
              (--wait SECONDS keeps trying, if QEMU is still starting)"
            .to_owned(),
    }
}

fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

fn explain_silence(progress: &Progress, limit: Duration, address: &str) -> String {
    let seconds = limit.as_secs_f64();
    match progress {
        Progress::Connecting => format!(
            "cannot connect to {address} within {seconds} s: nobody takes the connection; a monitor serves one client \
             at a time, and others are waiting already, or the host does not answer"
        ),
        Progress::AwaitingGreeting { seen } if seen.is_empty() => format!(
            "no greeting from {address} within {seconds} s: the connection works, but the peer is silent\n  \
             - QMP serves one client at a time: another one (libvirt, a second shell) may hold this monitor\n  \
             - QEMU may still be starting: --wait SECONDS waits longer\n  \
             - a guest agent sends no greeting: this may be one"
        ),
        Progress::AwaitingGreeting { seen } => format!(
            "no greeting from {address} within {seconds} s: only a part of one came: `{}`",
            text::excerpt(seen, 60)
        ),
        Progress::Negotiating | Progress::Established => format!(
            "no answer to the negotiation from {address} within {seconds} s: the greeting came, then nothing; QEMU \
             may be stopped or very busy"
        ),
    }
}
