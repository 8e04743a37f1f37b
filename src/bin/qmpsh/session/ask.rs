//! Asks the peer on the shell's own behalf, or as a part of a built-in command.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::outcome::{self, Outcome};
use super::queries::{self, Query};
use super::{Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::client::{ExecuteError, Origin};
use qmpsh::message::{Reply, Request};

/// The shortest time to wait for a reply, even if the built-in command has a shorter time limit.
const SHORTEST: Duration = Duration::from_secs(1);

/// A time limit, as a duration and as its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimit {
    allowed: Option<Duration>,
    pub(crate) end: Option<Instant>,
}

impl TimeLimit {
    /// Makes a time limit that begins now.
    pub(crate) fn new(allowed: Option<Duration>) -> Self {
        Self { allowed, end: allowed.and_then(|allowed| Instant::now().checked_add(allowed)) }
    }

    /// Returns its end, or a later one that leaves this long from now.
    fn at_least(self, least: Duration) -> Option<Instant> {
        self.end.map(|end| end.max(Instant::now() + least))
    }
}

/// Writes the duration for a sentence.
impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.allowed.unwrap_or_default().as_secs_f64())
    }
}

/// The peer's reply, or its error.
pub(crate) type Answer = Result<Reply, PeerError>;

/// The error of a command that the peer refused.
pub(crate) struct PeerError {
    pub(crate) class: String,
    pub(crate) desc: String,
}

impl PeerError {
    /// Returns true if the peer does not have the command.
    pub(crate) fn is_unknown_command(&self) -> bool {
        self.class == "CommandNotFound"
    }
}

impl From<PeerError> for Stop {
    fn from(error: PeerError) -> Self {
        Stop::failed(format!("{}: {}", error.class, error.desc))
    }
}

/// Sends a query and waits for its answer. `what` names its subject in messages.
pub(crate) async fn query(
    frontend: &mut dyn Frontend,
    query: Query,
    limit: TimeLimit,
    what: &str,
) -> Result<Answer, Stop> {
    let client = frontend.session().client.clone();
    let request = query.request();
    answer(frontend, &request, async move { queries::ask(&client, &query).await }, limit, what).await
}

/// Sends queries and waits for all their answers. `what` names their subject in messages.
pub(crate) async fn query_all(
    frontend: &mut dyn Frontend,
    queries: Vec<Query>,
    limit: TimeLimit,
    what: &str,
) -> Result<Vec<Answer>, Stop> {
    let client = frontend.session().client.clone();
    let asking = queries::ask_all(&client, &queries);
    let Some(replies) = attend(frontend, asking, limit.at_least(SHORTEST), what).await? else {
        return Err(Stop::new(Status::TimedOut, format!("no reply about {what} within {limit}")));
    };
    let mut answers = Vec::with_capacity(replies.len());
    for (query, answered) in queries.iter().zip(replies) {
        answers.push(of(frontend, &query.request(), answered, what).await?);
    }
    Ok(answers)
}

/// Sends a command that is part of a built-in one: its result is not shown, and `.wait` does not count it.
#[expect(clippy::disallowed_methods, reason = "a person asked for it")]
pub(crate) async fn send(
    frontend: &mut dyn Frontend,
    request: Request,
    limit: TimeLimit,
    what: &str,
) -> Result<Answer, Stop> {
    let client = frontend.session().client.clone();
    let sent = request.clone();
    let execution = async move { client.start_as(sent, Origin::Program).await?.await };
    answer(frontend, &request, execution, limit, what).await
}

/// Waits for the answer to a command.
pub(crate) async fn answer(
    frontend: &mut dyn Frontend,
    request: &Request,
    execution: impl Future<Output = Result<Reply, ExecuteError>>,
    limit: TimeLimit,
    what: &str,
) -> Result<Answer, Stop> {
    let Some(answered) = attend(frontend, execution, limit.at_least(SHORTEST), what).await? else {
        let message = outcome::too_late(&format!("no reply to {} within {limit}", outcome::name(request)));
        return Err(Stop::new(Status::TimedOut, message));
    };
    of(frontend, request, answered, what).await
}

/// Classifies an answer.
async fn of(
    frontend: &mut dyn Frontend,
    request: &Request,
    answered: Result<Reply, ExecuteError>,
    what: &str,
) -> Result<Answer, Stop> {
    match Outcome::of(request, answered) {
        Outcome::Returned(reply) => Ok(Ok(reply)),
        Outcome::Refused { class, desc, .. } => Ok(Err(PeerError { class, desc })),
        Outcome::Failed(status, message) => Err(Stop::new(status, message)),
        Outcome::Lost(_) | Outcome::PeerEnded => Err(lost(frontend, what).await),
    }
}

/// Returns the failure after the connection was lost. The frontend reports how.
pub(crate) async fn lost(frontend: &mut dyn Frontend, what: &str) -> Stop {
    if frontend.session().is_connected()
        && let Err(stop) = attend(frontend, std::future::pending::<()>(), None, what).await
    {
        return stop;
    }
    Stop::new(Status::ConnectionLost, format!("cannot ask about {what}: not connected"))
}
