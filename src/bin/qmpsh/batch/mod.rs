//! A batch: runs commands from the command line, from files and from stdin, and returns an exit status.
//!
//! `work` is what there is to do, `running` runs lines, `in_flight` has those whose outcome is not shown yet, `piped` gives results to
//! a pipeline, and `frontend` is the batch as the built-in commands see it.

pub(crate) mod busy_wait;
mod frontend;
mod in_flight;
mod piped;
mod running;
mod waiting;
pub(crate) mod work;

use std::borrow::Cow;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::cli::OutputMode;
use crate::eval::{Parsed, Sources, Text};
use crate::input::lines::{Line, Lines, Location};
use crate::output::messages::{Messages, Notifier};
use crate::output::printer::{Printer, sleep_until_or_never};
use crate::output::render::Renderer;
use crate::session::outcome::{self, Lost, Outcome, name};
use crate::session::types::explain_error;
use crate::session::{Action, Session, hmp, peer, queries};
use crate::status::{Failure, Status, Stop};
use qmpsh::client::ExecuteError;
use qmpsh::language::syntax::Dialect;
use qmpsh::language::typing::Resend;
use qmpsh::message::{Reply, Request};
use waiting::{after_others, or_timeout};

/// How long stdout may take the last results after the time limit of a command.
const LEFT: Duration = Duration::from_secs(5);

/// A batch on a session; made before the client connects, so that no event is missed.
pub(crate) struct Batch<'a> {
    session: &'a mut Session,
    messages: Messages,
    printer: Printer,
    /// The worst status so far, with `--keep-going`.
    status: Status,
    /// The line whose built-in command runs.
    at: Location,
    /// The shell was asked to leave.
    leaves: bool,
    /// How the connection ended, which the session tells only once.
    end: OnceCell<(Status, String)>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(session: &'a mut Session, messages: Messages) -> Self {
        let options = session.options;
        Self {
            messages,
            printer: Printer::new(
                &session.client,
                options.events,
                Renderer::new(options.output.unwrap_or(OutputMode::Auto), options.color, options.quiet),
            ),
            status: Status::Success,
            at: Location { name: None, line: 1, message: None },
            leaves: false,
            end: OnceCell::new(),
            session,
        }
    }

    /// Establishes the session.
    pub(crate) async fn open(&mut self) -> Result<(), Failure> {
        let Session { client, connector, .. } = &mut *self.session;
        connector.open(client, &Notifier::Stderr(self.messages)).await?;
        self.session.connected();
        self.end = OnceCell::new();
        Ok(())
    }

    /// Runs the words of the command line: one command, or several messages.
    pub(crate) async fn words(mut self, actions: Vec<Action>) -> Result<Status, Failure> {
        let result = self.run_words(actions).await;
        self.finish(result).await
    }

    /// Runs the words of the command line, which need the peer's schema.
    pub(crate) async fn untyped_words(mut self, parsed: Parsed, text: Text<'_>) -> Result<Status, Failure> {
        let result = match self.typed(parsed, text, Sources { stdin: true }).await {
            Ok(action) => self.run_words(vec![action]).await,
            Err(failure) => Err(failure),
        };
        self.finish(result).await
    }

    async fn run_words(&mut self, actions: Vec<Action>) -> Result<(), Failure> {
        for (action, location) in self.at.clone().of_each(actions) {
            if let Err(failure) = self.run_action(action, &location).await {
                self.go_on_after(failure).await?;
            }
        }
        self.run_lines(&mut Lines::new(Vec::new(), Dialect::Qmp), Sources { stdin: true }).await
    }

    /// Runs lines until they end. `stdin` tells whether values can be read from stdin.
    pub(crate) async fn lines(mut self, mut lines: Lines, stdin: bool) -> Result<Status, Failure> {
        let sources = Sources { stdin };
        let result = self.run_lines(&mut lines, sources).await;
        self.finish(result).await
    }

    /// Prints what is left, whatever happened.
    async fn finish(mut self, result: Result<(), Failure>) -> Result<Status, Failure> {
        let status = result.as_ref().map_or_else(|failure| failure.status, |()| self.status);
        let timed_out = status == Status::TimedOut;
        if timed_out {
            queries::settle().await;
            // The peer may not even read the command, so do not wait for that either.
            self.session.client.session().abort();
        }
        // A reader of stdout that does not read must not defeat the time limit.
        let limit = timed_out.then(|| self.session.options.timeout.unwrap_or(LEFT));
        let flushed = or_timeout(limit, self.printer.print_all()).await;
        result?;
        flushed.unwrap_or(Ok(()))?;
        Ok(self.status)
    }

    async fn run_action(&mut self, action: Action, location: &Location) -> Result<(), Failure> {
        match action {
            Action::Send(request, resend) => self.execute_timed(request, resend, location).await,
            builtin => {
                self.at = location.clone();
                // The future is large, and most lines need none.
                match Box::pin(builtin.run(self)).await {
                    Ok(()) => Ok(()),
                    Err(stop) => self.stopped(stop, location),
                }
            }
        }
    }

    /// Leaves, or adds the place of the line to its failure.
    fn stopped(&mut self, stop: Stop, location: &Location) -> Result<(), Failure> {
        match stop {
            Stop::Leave(_) => {
                self.leaves = true;
                Ok(())
            }
            Stop::Failed(failure)
                if failure.is_placed() || matches!(failure.status, Status::StdoutClosed | Status::NotWritten) =>
            {
                Err(failure)
            }
            Stop::Failed(failure) => Err(about(location, failure.status, failure.message)),
        }
    }

    /// Runs a command, and says how long it took if `.timing` is on.
    async fn execute_timed(
        &mut self,
        request: Request,
        resend: Option<Box<Resend>>,
        location: &Location,
    ) -> Result<(), Failure> {
        let done = self.execute(request, resend, location).await;
        let time = self.session.timing.take();
        done?;
        if let Some(time) = time {
            self.printer.print_all().await?;
            self.messages.say(&time);
        }
        Ok(())
    }

    /// Runs the lines of the files that `.source` named next.
    fn include(&mut self, lines: &mut Lines) -> Result<(), Failure> {
        for path in std::mem::take(&mut self.session.included) {
            lines.include(path, &self.at).map_err(|message| about(&self.at, Status::Usage, message))?;
        }
        Ok(())
    }

    /// Shows a failure and remembers its status, if `--keep-going` allows more commands after it.
    async fn go_on_after(&mut self, failure: Failure) -> Result<(), Failure> {
        if !(failure.status.allows_more() && self.session.options.keep_going) {
            return Err(failure);
        }
        self.status = self.status.worse(failure.status);
        let limit = (failure.status == Status::TimedOut).then(|| self.session.options.timeout.unwrap_or(LEFT));
        let print = async {
            if self.session.options.pipeline > 1 {
                // Events may belong after replies that are not shown yet.
                self.printer.print_told().await
            } else {
                self.printer.print_all().await
            }
        };
        or_timeout(limit, print).await.unwrap_or(Ok(()))?;
        self.messages.tell(&failure);
        Ok(())
    }

    /// Runs a command. Its result is printed with what comes next.
    async fn execute(
        &mut self,
        request: Request,
        resend: Option<Box<Resend>>,
        location: &Location,
    ) -> Result<(), Failure> {
        if self.session.is_quitting() {
            return Err(self.lost(Lost::NotSent, &request, location).await);
        }
        self.warn(&request, location);
        let began = Instant::now();
        let (client, sent) = (self.session.client.clone(), request.clone());
        let Some(answer) = self.wait_for(client.execute(sent)).await? else {
            return Err(self.timed_out(&request, location));
        };
        self.session.timing.add(began);
        self.settle(answer, &request, resend, location).await
    }

    /// Warns of what the peer ignores of a command.
    fn warn(&self, request: &Request, location: &Location) {
        if let Some(warning) = peer::warning(&self.session.client, request) {
            self.messages.say(&format!("{}{warning}", location.prefix()));
        }
    }

    /// Shows the outcome of a command, after sending it again as long as its refusals say how. Its result is printed with what comes
    /// next.
    async fn settle(
        &mut self,
        mut answer: Result<Reply, ExecuteError>,
        request: &Request,
        mut resend: Option<Box<Resend>>,
        location: &Location,
    ) -> Result<(), Failure> {
        let mut request = Cow::Borrowed(request);
        while let Err(ExecuteError::Server { desc, .. }) = &answer
            && let Some(next) = resend.as_mut().and_then(|resend| resend.next(&request, desc))
        {
            let began = Instant::now();
            let (client, sent) = (self.session.client.clone(), next.clone());
            answer = match self.wait_for(client.execute(sent)).await? {
                Some(answer) => answer,
                None => return Err(self.timed_out(&next, location)),
            };
            self.session.timing.add(began);
            request = Cow::Owned(next);
        }
        let request = &*request;
        self.printer.print_printout().await?;
        match Outcome::of(request, answer) {
            Outcome::Returned(reply) => {
                self.session.succeeded(request);
                let monitor = &mut self.session.human_monitor;
                let (result, failure) = hmp::result(monitor, self.printer.current(), request, &reply);
                let result = result.map(|result| self.session.marked(result));
                self.printer.reply(Some(&reply), result).await?;
                let failure = failure.map(|text| format!("{}{text}", location.prefix()));
                failure.map_or(Ok(()), |message| Err(Failure::placed(Status::CommandFailed, message)))
            }
            Outcome::Refused { class, desc, reply } => {
                self.printer.refusal(&reply, request).await?;
                // The command was refused, whatever becomes of the question for the schema.
                let hints = explain_error(self, request, resend.as_deref(), &class, &desc).await.unwrap_or_default();
                let (class, desc) = (self.messages.peer(&class), self.messages.peer(&desc));
                Err(Failure::placed(Status::CommandFailed, format!("{}{class}: {desc}{hints}", location.prefix())))
            }
            Outcome::PeerEnded => {
                let renderer = self.printer.current();
                let result = (!renderer.omits_empty()).then(|| renderer.empty(request.own_id()));
                self.printer.reply(None, result).await?;
                self.session.succeeded(request);
                Ok(())
            }
            Outcome::Failed(status, message) => Err(about(location, status, message)),
            Outcome::Lost(lost) => Err(self.lost(lost, request, location).await),
        }
    }

    /// Waits for the reply to a command; `None` when the time limit comes first. Prints meanwhile.
    async fn wait_for(
        &mut self,
        execution: impl Future<Output = Result<Reply, ExecuteError>>,
    ) -> Result<Option<Result<Reply, ExecuteError>>, Failure> {
        let deadline = self.session.options.timeout.map(|limit| Instant::now() + limit);
        tokio::select! {
            biased;
            answer = execution => Ok(Some(answer)),
            failed = async { after_others().await; self.printer.print_meanwhile().await } => Err(failed.into()),
            () = sleep_until_or_never(deadline) => Ok(None),
        }
    }

    /// Prints everything and waits for the next line, or for the end of the connection.
    async fn next_line(&mut self, lines: &mut Lines) -> Result<Option<Result<Box<Line>, Failure>>, Failure> {
        loop {
            self.printer.print_all().await?;
            tokio::select! {
                biased;
                line = lines.next() => return Ok(line),
                () = self.printer.more_events() => {}
                () = outcome::ended(&self.session.client), if self.session.is_connected() => {
                    let (status, why) = self.reason().await;
                    let message = format!("the connection was lost while waiting for input: {why}; every command had its reply");
                    return Err(Failure::new(status, message));
                }
            }
        }
    }

    fn timed_out(&self, request: &Request, location: &Location) -> Failure {
        let no_reply = outcome::no_reply(request, self.session.options.timeout.unwrap_or_default());
        about(location, Status::TimedOut, no_reply)
    }

    /// The failure of a command whose session ended.
    async fn lost(&mut self, lost: Lost, request: &Request, location: &Location) -> Failure {
        let (status, why) = self.reason().await;
        let message = match lost {
            Lost::Unanswered if status == Status::NoSession => format!("{} did not run: {why}", name(request)),
            lost => lost.sentence(request, &why),
        };
        about(location, status, message)
    }

    /// How the connection ended.
    async fn reason(&self) -> (Status, String) {
        let (status, why) = self.end.get_or_init(|| outcome::reason(&self.session.client)).await.clone();
        if self.session.is_quitting() {
            (Status::ConnectionLost, "the server has quit".to_owned())
        } else {
            (status, why)
        }
    }
}

/// A failure of the command at `location`.
fn about(location: &Location, status: Status, message: String) -> Failure {
    let place = location.prefix();
    if place.is_empty() { Failure::new(status, message) } else { Failure::placed(status, place + &message) }
}
