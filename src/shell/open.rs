//! Getting connected, and saying why not.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::status::{Failure, Status};
use crate::address::Address;
use crate::cli::Options;
use crate::client::{Client, Progress, QmpError};
use crate::protocol::{Cause, ConnectError, OpenError};
use crate::text;
use crate::transport::Endpoint;

/// How long `--wait` waits between two attempts: at first, and at most.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LAST: Duration = Duration::from_millis(250);

/// Connects, with as many attempts as `--wait` allows.
pub(super) async fn connect(client: &Client, address: &Address, options: &Options) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut pause = RETRY_FIRST;
    loop {
        let left = options.wait.map(|wait| wait.saturating_sub(begun.elapsed()));
        // Waiting for a monitor that is in use is best done connected: then it is our turn when the other one leaves.
        let limit = options.connect_timeout.max(left.unwrap_or_default());
        let problem = match tokio::time::timeout(limit, client.connect(Endpoint::from(address))).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Problem::Failed(error),
            Err(_) => Problem::TookTooLong { progress: client.progress(), limit },
        };
        let left = options.wait.map(|wait| wait.saturating_sub(begun.elapsed()));
        match left {
            Some(left) if !left.is_zero() && problem.may_pass() => {
                tokio::time::sleep(pause.min(left)).await;
                pause = (pause * 2).min(RETRY_LAST);
            }
            _ => return Err(Failure::new(Status::NoSession, problem.explain(address))),
        }
    }
}

enum Problem {
    Failed(OpenError<QmpError>),
    TookTooLong { progress: Progress, limit: Duration },
}

impl Problem {
    /// Whether it can be otherwise a moment later: no socket yet, refused, or closed before the greeting.
    fn may_pass(&self) -> bool {
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

    fn explain(&self, address: &Address) -> String {
        let shown = text::line(&address.to_string()).into_owned();
        match self {
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Io(error), .. })) => {
                format!("cannot connect to {shown}: {}", explain_io(error, address))
            }
            Problem::Failed(OpenError::Connect(ConnectError { cause: Cause::Protocol(error), .. })) => {
                format!("no session with {shown}: {error}")
            }
            Problem::Failed(error) => format!("no session with {shown}: {error}"),
            Problem::TookTooLong { progress, limit } => explain_silence(progress, *limit, &shown),
        }
    }
}

/// What the system said, in words that say what to do.
fn explain_io(error: &io::Error, address: &Address) -> String {
    let path = match address {
        Address::Unix(path) => Some(path.as_path()),
        _ => None,
    };
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
