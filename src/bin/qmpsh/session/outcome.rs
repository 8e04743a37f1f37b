//! How a command ended.

use std::time::Duration;

use crate::status::Status;
use qmpsh::client::{Client, ExecuteError, QmpError};
use qmpsh::error::describe;
use qmpsh::json::ScanError;
use qmpsh::message::{Reply, Request};
use qmpsh::processes;
use qmpsh::protocol::{Runstate, SessionError};
use qmpsh::secrets;
use qmpsh::text;
use qmpsh::transport::TlsError;

/// The longest description of an error in a message, in bytes.
const LONGEST: usize = 4096;

/// How a command ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The peer returned a value.
    Returned(Reply),
    /// The peer returned an error.
    Refused { class: String, desc: String, reply: Reply },
    /// The peer ended, as the command asked, before it replied.
    PeerEnded,
    /// Something else failed, and the session goes on.
    Failed(Status, String),
    /// The session ended first.
    Lost(Lost),
}

/// What is known of a command whose session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It was not sent.
    NotSent,
    /// It was sent, and whether it ran is unknown.
    Unanswered,
}

impl Lost {
    /// Says what became of `request` when the session ended because of `why`.
    pub(crate) fn sentence(self, request: &Request, why: &str) -> String {
        let command = name(request);
        match self {
            Self::NotSent => format!("{command} was not sent: {why}"),
            Self::Unanswered => format!(
                "the connection was lost before the reply to {command} came, so whether it ran is unknown: {why}"
            ),
        }
    }
}

impl Outcome {
    /// Classifies the answer to `request`.
    pub(crate) fn of(request: &Request, answer: Result<Reply, ExecuteError>) -> Self {
        match answer {
            Ok(reply) => Outcome::Returned(reply),
            Err(ExecuteError::Server { class, desc, reply }) => Outcome::Refused { class, desc: shown(desc), reply },
            Err(ExecuteError::Interrupted { reason, .. })
                if request.ends_peer() && reason.as_deref().is_some_and(SessionError::is_of_peer) =>
            {
                Outcome::PeerEnded
            }
            Err(ExecuteError::Interrupted { .. }) => Outcome::Lost(Lost::Unanswered),
            Err(ExecuteError::NotSent { .. } | ExecuteError::State(_)) => Outcome::Lost(Lost::NotSent),
            Err(ExecuteError::Malformed(malformed)) => {
                Outcome::Failed(Status::CommandFailed, format!("no valid reply to {}: {malformed}", name(request)))
            }
            Err(error @ ExecuteError::NotAllowed { .. }) => Outcome::Failed(Status::CommandFailed, error.to_string()),
            Err(error) => Outcome::Failed(Status::Usage, error.to_string()),
        }
    }
}

/// A command's name in a sentence.
pub(crate) fn name(request: &Request) -> String {
    format!("`{}`", text::line(request.label()))
}

/// Says that nothing came within the time limit, in `what`, and that QEMU is stopped, if it is.
pub(crate) fn too_late(what: &str) -> String {
    processes::stopped_peer().map_or_else(|| what.to_owned(), |stopped| format!("{what}: {stopped}"))
}

/// Says that the reply to a command did not come within `limit`, and why, as far as that is known.
pub(crate) fn no_reply(request: &Request, limit: Duration) -> String {
    let why = processes::stopped_peer().unwrap_or_else(|| "it may still be running".to_owned());
    format!("no reply to {} within {} s: {why}", name(request), limit.as_secs_f64())
}

/// Waits until the session has ended. Cancel safe.
pub(crate) async fn ended(client: &Client) {
    let mut state = client.session().watch();
    while client.session().state() == Runstate::Running && state.changed().await.is_some() {}
}

/// How the session ended: the status, and why.
///
/// Without negotiation a peer that refuses us in TLS is found out only here, so there may never have been a session.
pub(crate) async fn reason(client: &Client) -> (Status, String) {
    let why = match client.disconnect().await {
        Ok(()) => "the connection was closed".to_owned(),
        Err(error) => match &*error {
            SessionError::Protocol(QmpError::Scan(too_long @ ScanError::TooLong { .. })) => {
                format!("{too_long} (--max-message SIZE allows more)")
            }
            SessionError::Read(error) | SessionError::Write(error)
                if let Some(refusal) = TlsError::of(error).filter(|error| error.is_refusal()) =>
            {
                return (Status::NoSession, refusal.to_string());
            }
            error => describe(error),
        },
    };
    (Status::ConnectionLost, why)
}

/// Returns a description as a message shows it: not longer than [`LONGEST`], without the passwords of URLs.
fn shown(desc: String) -> String {
    if desc.len() <= LONGEST {
        return secrets::mask_urls(&desc).into_owned();
    }
    let beginning = &desc[..desc.floor_char_boundary(LONGEST)];
    format!("{}…", secrets::mask_urls(beginning))
}
