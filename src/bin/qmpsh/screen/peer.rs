//! Commands for the peer, which are no commands of the user.

use serde_json::Value;

use crate::session::outcome::{self, Outcome};
use crate::status::{Status, Stop};
use qmpsh::client::{Client, Origin};
use qmpsh::message::Request;
use qmpsh::text;

/// Why the screen cannot be read or a key not be pressed.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The peer refused a command: its class and its description.
    Refused { class: String, desc: String },
    /// Something else failed, and the session goes on.
    Failed(Status, String),
    /// The session ended.
    Lost,
}

impl Problem {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Problem::Failed(Status::CommandFailed, message.into())
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Refused { class, desc } => Stop::failed(format!("{}: {}", text::line(&class), text::line(&desc))),
            Problem::Failed(status, message) => Stop::new(status, message),
            Problem::Lost => Stop::new(Status::ConnectionLost, "not connected"),
        }
    }
}

/// Sends a command and returns what the peer returned.
#[expect(clippy::disallowed_methods, reason = "a person asked for it")]
pub(super) async fn send(client: &Client, request: Request) -> Result<Value, Problem> {
    let execution = async { client.start_as(request.clone(), Origin::Program).await?.await };
    match Outcome::of(&request, execution.await) {
        Outcome::Returned(reply) => serde_json::from_slice(&reply.result().unwrap_or_default())
            .map_err(|error| Problem::failed(format!("no valid reply to {}: {error}", outcome::name(&request)))),
        Outcome::Refused { class, desc, .. } => Err(Problem::Refused { class, desc }),
        Outcome::Failed(status, message) => Err(Problem::Failed(status, message)),
        Outcome::Lost(_) | Outcome::PeerEnded => Err(Problem::Lost),
    }
}

/// Makes a request with these arguments.
pub(super) fn request(command: &str, arguments: &Value) -> Result<Request, Problem> {
    Request::new(command).arguments(arguments).map_err(|error| Problem::Failed(Status::Usage, error.to_string()))
}

/// Sends a line to the human monitor and returns its answer.
pub(super) async fn human(client: &Client, line: &str) -> Result<String, Problem> {
    let answer = send(client, request("human-monitor-command", &serde_json::json!({ "command-line": line }))?).await?;
    Ok(answer.as_str().unwrap_or_default().to_owned())
}
