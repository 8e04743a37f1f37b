//! What commands that wait for something in the peer have in common: asking about it, and telling how far it has come.

use std::time::Duration;

use tokio::time::Instant;

use super::Host;
use crate::session::queries::{self, Query};
use crate::status::Status;
use qmpsh::client::{ExecuteError, Origin};
use qmpsh::jobs::Attention;
use qmpsh::json::Document;
use qmpsh::message::{Message, Reply, Request};

/// How often a line is drawn anew that shows how far something has come, and its amounts asked for.
const DRAW: Duration = Duration::from_millis(250);

/// A question has at least this time for its answer, however short the time limit is.
const GRACE: Duration = Duration::from_secs(1);

/// A state that has held for so long is not left by itself.
const LASTING: Duration = Duration::from_millis(200);

/// The waiting for one thing.
#[derive(Debug)]
pub(super) struct Waiting {
    /// What is waited for, in a sentence.
    pub(super) what: String,
    pub(super) since: Instant,
    pub(super) limit: Option<Instant>,
    allowed: Option<Duration>,
    is_shown: bool,
    /// What it was seen to need, since when, and whether that was said.
    needed: Option<(Attention, Instant, bool)>,
}

/// What the peer says to a question.
pub(super) enum Asked {
    Reply(Box<Reply>),
    Refused { class: String, desc: String },
}

impl Waiting {
    /// `timeout` is the command's own; without one, that of the session holds.
    pub(super) fn new<H: Host>(host: &H, timeout: Option<Duration>, what: String) -> Self {
        let since = Instant::now();
        let allowed = timeout.or(host.time_limit());
        let limit = allowed.and_then(|allowed| since.checked_add(allowed));
        Self { what, since, limit, allowed, is_shown: false, needed: None }
    }

    /// Shows how far it has come, if there is a place for it and it takes a while; `line` gets how long it is waited for and the columns there are.
    pub(super) fn show<H: Host>(&mut self, host: &mut H, line: impl FnOnce(Duration, usize) -> String) {
        let width = host.progress_width();
        self.is_shown = width.is_some();
        let waited = self.since.elapsed();
        // What is over at once needs no line, and what came before it is printed by then.
        if let Some(width) = width.filter(|_| waited >= DRAW) {
            host.show_progress(Some(line(waited, width)));
        }
    }

    /// Says once what it needs from outside to go on, where no line shows that. `sentence` follows on [`what`](Self::what).
    pub(super) fn note<H: Host>(
        &mut self,
        host: &mut H,
        needs: Option<Attention>,
        sentence: impl FnOnce(Attention) -> String,
    ) {
        let Some(needs) = needs else {
            self.needed = None;
            return;
        };
        let since = match self.needed {
            Some((before, since, was_said)) if before == needs => {
                if was_said {
                    return;
                }
                since
            }
            _ => Instant::now(),
        };
        // Many a state is left again at once; this one lasts.
        let says = !self.is_shown && since.elapsed() >= LASTING;
        if says {
            host.say(&format!("{} {}", self.what, sentence(needs)));
        }
        self.needed = Some((needs, since, says));
    }

    /// How long to wait before the next look; `unseen` if nobody sees how far it has come.
    pub(super) fn tick(&self, unseen: Duration) -> Duration {
        if self.is_shown { DRAW } else { unseen }
    }

    /// The time allowed, in a sentence.
    pub(super) fn seconds(&self) -> String {
        format!("{} s", self.allowed.unwrap_or_default().as_secs_f64())
    }
}

/// Asks the peer for the shell's own sake.
pub(super) async fn ask<H: Host>(host: &mut H, query: Query, waiting: &Waiting) -> Result<Asked, H::Stop> {
    let client = host.client().clone();
    let command = query.request().command;
    answer(host, &command, async move { queries::ask(&client, &query).await }, waiting).await
}

/// Sends a command that is part of one of the shell's own, which a person gave: it is not shown, and moves no `.wait`.
#[expect(clippy::disallowed_methods, reason = "a person asked for it")]
pub(super) async fn send<H: Host>(host: &mut H, request: Request, waiting: &Waiting) -> Result<Asked, H::Stop> {
    let client = host.client().clone();
    let command = request.command.clone();
    let sent = async move { client.start_as(request, Origin::Program).await?.await };
    answer(host, &command, sent, waiting).await
}

/// Waits for the answer to a command.
async fn answer<H: Host>(
    host: &mut H,
    command: &str,
    answer: impl Future<Output = Result<Reply, ExecuteError>>,
    waiting: &Waiting,
) -> Result<Asked, H::Stop> {
    let limit = waiting.limit.map(|limit| limit.max(Instant::now() + GRACE));
    match host.attend(answer, limit, &waiting.what).await? {
        Some(Ok(reply)) => Ok(Asked::Reply(Box::new(reply))),
        Some(Err(ExecuteError::Server { class, desc, .. })) => Ok(Asked::Refused { class, desc }),
        Some(Err(ExecuteError::Malformed(malformed))) => {
            Err(host.fail(Status::CommandFailed, format!("no valid reply to `{command}`: {malformed}")))
        }
        Some(Err(_)) => Err(lost(host, waiting).await),
        None => {
            let message = format!("no reply to `{command}` within {}", waiting.seconds());
            Err(host.fail(Status::TimedOut, message))
        }
    }
}

/// The connection is gone: how is told where all losses are.
async fn lost<H: Host>(host: &mut H, waiting: &Waiting) -> H::Stop {
    if host.connection().is_there
        && let Err(stop) = host.attend(std::future::pending::<()>(), None, &waiting.what).await
    {
        return stop;
    }
    host.fail(Status::ConnectionLost, format!("cannot ask about {}: not connected", waiting.what))
}

/// Prints a result of the shell's own, as if the peer had returned it: so it has the same forms.
pub(super) async fn print_json<H: Host>(host: &mut H, json: &str) -> Result<(), H::Stop> {
    let document = Document::parse(format!(r#"{{"return": {json}}}"#).as_bytes());
    match document.map(Message::from_document) {
        Ok(Ok(Message::Reply(reply))) => print_reply(host, &reply).await,
        _ => Err(host.fail(Status::CommandFailed, "cannot display the result".to_owned())),
    }
}

/// Prints what the peer returned.
pub(super) async fn print_reply<H: Host>(host: &mut H, reply: &Reply) -> Result<(), H::Stop> {
    let result = host.renderer().reply(reply, None);
    host.print(result).await
}
