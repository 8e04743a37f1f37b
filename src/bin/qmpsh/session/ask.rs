//! Asking the peer for the shell's own sake, or as a part of a built-in command.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::outcome::{self, Outcome};
use super::queries::{self, Query};
use super::{Frontend, attend};
use crate::status::{Failure, Status, Stop};
use qmpsh::client::{ExecuteError, Origin};
use qmpsh::message::{Reply, Request};

/// The shortest time that a question has for its reply, however short the time limit of the built-in command is.
const SHORTEST: Duration = Duration::from_secs(1);

/// A time limit: how long something may take, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimit {
    allowed: Option<Duration>,
    pub(crate) end: Option<Instant>,
}

impl TimeLimit {
    /// A time limit from now on, or none.
    pub(crate) fn new(allowed: Option<Duration>) -> Self {
        Self { allowed, end: allowed.and_then(|allowed| Instant::now().checked_add(allowed)) }
    }
}

/// The time allowed, in a sentence.
impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.allowed.unwrap_or_default().as_secs_f64())
    }
}

/// What the peer says to a question.
pub(crate) enum Answer {
    Reply(Reply),
    Refused { class: String, desc: String },
}

/// Sends a query, and waits for its answer. `what` names in messages what it is about.
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

/// Sends a command that is part of a built-in one: it is not shown, and `.wait` does not count it.
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
    let end = limit.end.map(|end| end.max(Instant::now() + SHORTEST));
    let Some(answered) = attend(frontend, execution, end, what).await? else {
        let message = format!("no reply to {} within {limit}", outcome::name(request));
        return Err(Failure::new(Status::TimedOut, message).into());
    };
    match Outcome::of(request, answered) {
        Outcome::Returned(reply) => Ok(Answer::Reply(reply)),
        Outcome::Refused { class, desc, .. } => Ok(Answer::Refused { class, desc }),
        Outcome::Failed(status, message) => Err(Failure::new(status, message).into()),
        Outcome::Lost(_) | Outcome::PeerEnded => Err(lost(frontend, what).await),
    }
}

/// The failure after the connection was lost: the frontend says how.
pub(crate) async fn lost(frontend: &mut dyn Frontend, what: &str) -> Stop {
    if frontend.session().is_connected()
        && let Err(stop) = attend(frontend, std::future::pending::<()>(), None, what).await
    {
        return stop;
    }
    Failure::new(Status::ConnectionLost, format!("cannot ask about {what}: not connected")).into()
}
