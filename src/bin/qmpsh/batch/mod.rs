//! Commands from the command line, from files or from stdin, one after the other, and an exit status.

pub(crate) mod busy_wait;
mod flight;
mod host;
mod peer;
mod piped;
mod running;
mod waiting;
pub(crate) mod work;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::builtins::{self, Display, EventFilter, human};
use crate::cli::{EventsMode, Options};
use crate::connect::Connector;
use crate::input::lines::{Line, Lines, Location};
use crate::output::messages::{Messages, Notifier};
use crate::output::printer::{Printer, sleep_until_or_never};
use crate::output::render::Renderer;
use crate::output::wire_log::WireLog;
use crate::session::eval::{Action, Parsed, Sources, Text};
use crate::session::job_memory::JobMemory;
use crate::session::schema::{SessionSchema, explain_error};
use crate::status::{Failure, Status};
use qmpsh::client::{Client, ExecuteError, QmpError};
use qmpsh::error::describe;
use qmpsh::json::ScanError;
use qmpsh::language::hmp::HumanMonitor;
use qmpsh::language::syntax::Dialect;
use qmpsh::language::typing::Resend;
use qmpsh::message::{Reply, Request};
use qmpsh::protocol::{SessionError, StateWatcher};
use qmpsh::text;
use qmpsh::transport::TlsError;
use waiting::{after_others, disconnecting, or_timeout};

/// How long stdout may take what is left after a time limit that a command has of its own.
const LEFT: Duration = Duration::from_secs(5);

/// A batch on a client; made before the client connects, so that no event is missed.
pub(crate) struct Batch<'a, 'b> {
    client: &'a Client,
    connector: &'a mut Connector<'b>,
    options: &'a Options,
    messages: Messages,
    printer: Printer,
    state: StateWatcher,
    /// The worst that happened, with `--keep-going`.
    status: Status,
    /// The server has ended as it was asked to.
    has_quit: bool,
    session_schema: SessionSchema,
    human_monitor: HumanMonitor,
    jobs: Arc<JobMemory>,
    /// The line whose command of the shell's own runs, or for which the peer is asked.
    at: Location,
    display: Display,
    log: Arc<WireLog>,
    /// Files whose lines are to be run next.
    included: Vec<PathBuf>,
    /// The lines of a file are being run whose results are for a pipeline.
    in_file: bool,
    /// The shell was asked to leave.
    leaves: bool,
    /// Which events are shown.
    event_filter: EventFilter,
}

impl<'a, 'b> Batch<'a, 'b> {
    /// `looks_back`: whether a command may come that asks what events have told before it.
    pub(crate) fn new(
        client: &'a Client,
        connector: &'a mut Connector<'b>,
        options: &'a Options,
        renderer: Renderer,
        messages: Messages,
        looks_back: bool,
        log: Arc<WireLog>,
    ) -> Self {
        Self {
            client,
            connector,
            options,
            messages,
            printer: Printer::new(client, options.events, renderer),
            state: client.session().watch(),
            status: Status::Success,
            has_quit: false,
            session_schema: SessionSchema::default(),
            human_monitor: HumanMonitor::default(),
            jobs: Arc::new(JobMemory::new(client, looks_back)),
            at: Location { name: None, line: 1 },
            display: Display::new(options.output),
            log,
            included: Vec::new(),
            in_file: false,
            leaves: false,
            event_filter: EventFilter::all(matches!(options.events, Some(EventsMode::Show | EventsMode::Stderr))),
        }
    }

    /// Establishes the session.
    pub(crate) async fn open(&mut self) -> Result<(), Failure> {
        self.connector.open(self.client, &Notifier::Stderr(self.messages)).await
    }

    /// Runs the words of the command line.
    pub(crate) async fn words(mut self, action: Action) -> Result<Status, Failure> {
        let result = self.run_words(action).await;
        self.finish(result).await
    }

    /// Runs the words of the command line, which cannot be typed without asking the peer.
    pub(crate) async fn untyped_words(mut self, parsed: Parsed, text: Text<'_>) -> Result<Status, Failure> {
        let result = match self.typed(parsed, text, Sources { stdin: true }).await {
            Ok(action) => self.run_words(action).await,
            Err(failure) => Err(failure),
        };
        self.finish(result).await
    }

    async fn run_words(&mut self, action: Action) -> Result<(), Failure> {
        let location = self.at.clone();
        self.run_action(action, &location).await?;
        self.run_lines(&mut Lines::new(Vec::new(), Dialect::Qmp), Sources { stdin: true }).await
    }

    /// Runs lines until they end. `stdin`: whether stdin is free for values.
    pub(crate) async fn lines(mut self, mut lines: Lines, stdin: bool) -> Result<Status, Failure> {
        let sources = Sources { stdin };
        let result = self.run_lines(&mut lines, sources).await;
        self.finish(result).await
    }

    /// What there is to print gets out, whatever happened.
    async fn finish(mut self, result: Result<(), Failure>) -> Result<Status, Failure> {
        let status = result.as_ref().map_or_else(|failure| failure.status, |()| self.status);
        let timed_out = status == Status::TimedOut;
        if timed_out {
            // What was given up may be in a queue that the peer does not read: do not wait for that either.
            self.client.session().abort();
        }
        // A reader of stdout that has stopped reading must not make the time limit worthless.
        let limit = timed_out.then(|| self.options.timeout.unwrap_or(LEFT));
        let flushed = or_timeout(limit, self.printer.print_all()).await;
        result?;
        flushed.unwrap_or(Ok(()))?;
        Ok(self.status)
    }

    async fn run_action(&mut self, action: Action, location: &Location) -> Result<(), Failure> {
        match action {
            Action::Send(request, resend) => {
                let done = self.execute(request, resend, location).await;
                let time = self.display.time();
                done?;
                if let Some(time) = time {
                    self.printer.print_all().await?;
                    self.messages.say(&time);
                }
                Ok(())
            }
            Action::Builtin(command) => {
                self.at = location.clone();
                // The future is large, and most lines do without it.
                Box::pin(builtins::run(self, command)).await
            }
        }
    }

    /// The lines of files that were asked for come next.
    fn include(&mut self, lines: &mut Lines) -> Result<(), Failure> {
        for path in self.included.drain(..) {
            lines.include(path, &self.at).map_err(|message| about(&self.at, Status::Usage, message))?;
        }
        Ok(())
    }

    /// With `--keep-going`, a failure that leaves the session alive is told and remembered.
    async fn go_on_after(&mut self, failure: Failure) -> Result<(), Failure> {
        let may_go_on = matches!(failure.status, Status::CommandFailed | Status::Usage | Status::TimedOut);
        if !(may_go_on && self.options.keep_going) {
            return Err(failure);
        }
        self.status = self.status.worse(failure.status);
        let limit = (failure.status == Status::TimedOut).then(|| self.options.timeout.unwrap_or(LEFT));
        let print = async {
            if self.options.pipeline > 1 {
                // Events that have come may stand behind replies that are told later.
                self.printer.print_told().await
            } else {
                self.printer.print_all().await
            }
        };
        or_timeout(limit, print).await.unwrap_or(Ok(()))?;
        self.messages.tell(&failure);
        Ok(())
    }

    /// Runs one command; its result is printed with what comes next.
    async fn execute(
        &mut self,
        request: Request,
        resend: Option<Box<Resend>>,
        location: &Location,
    ) -> Result<(), Failure> {
        if self.has_quit {
            return Err(self.lost(LostCommand::NotSent, &request, location).await);
        }
        self.warn(&request, location);
        let began = Instant::now();
        let Some(answer) = self.wait_for(self.client.execute(request.clone())).await? else {
            return Err(self.timed_out(&request, location));
        };
        self.display.answered(began);
        self.settle(answer, &request, resend, location).await
    }

    /// Says what the peer will ignore of a command.
    fn warn(&self, request: &Request, location: &Location) {
        if let Some(warning) = builtins::warning(self.client, request) {
            self.messages.say(&format!("{}{warning}", location.prefix()));
        }
    }

    /// Tells how a command ended, which is sent again as long as its refusals say how; its result is printed with what comes next.
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
            answer = match self.wait_for(self.client.execute(next.clone())).await? {
                Some(answer) => answer,
                None => return Err(self.timed_out(&next, location)),
            };
            self.display.answered(began);
            request = Cow::Owned(next);
        }
        let request = &*request;
        self.printer.print_printout().await?;
        match answer {
            Ok(reply) => {
                self.has_quit = request.ends_peer();
                let Some(told) = human::hmp_result(&mut self.human_monitor, *self.printer.renderer(), request, &reply)
                else {
                    return self.printer.reply(&reply, request).await;
                };
                self.printer.text_reply(&reply, told.result).await?;
                let failure = told.failure.map(|said| format!("{}{said}", location.prefix()));
                failure.map_or(Ok(()), |said| Err(Failure::placed(Status::CommandFailed, said)))
            }
            Err(ExecuteError::Server { class, desc, reply }) => {
                self.printer.refusal(&reply, request).await?;
                // Whatever becomes of that question, it was refused.
                let hints = explain_error(self, request, resend.as_deref(), &class, &desc).await.unwrap_or_default();
                let (class, desc) = (self.messages.peer(&class), self.messages.peer(&desc));
                Err(Failure::placed(Status::CommandFailed, format!("{}{class}: {desc}{hints}", location.prefix())))
            }
            Err(ExecuteError::Interrupted { reason, .. })
                if request.ends_peer() && reason.as_deref().is_some_and(is_end) =>
            {
                self.printer.no_reply(request).await?;
                self.has_quit = true;
                Ok(())
            }
            Err(ExecuteError::Malformed(malformed)) => {
                Err(about(location, Status::CommandFailed, format!("no valid reply to {}: {malformed}", name(request))))
            }
            Err(error @ ExecuteError::NoDescriptors { .. }) => Err(about(location, Status::Usage, error.to_string())),
            Err(ExecuteError::Interrupted { .. }) => Err(self.lost(LostCommand::Unknown, request, location).await),
            Err(ExecuteError::NotSent { .. } | ExecuteError::State(_)) => {
                Err(self.lost(LostCommand::NotSent, request, location).await)
            }
        }
    }

    /// Waits for the answer to a command, printing meanwhile; `None` when the time limit came first.
    async fn wait_for(
        &mut self,
        execution: impl Future<Output = Result<Reply, ExecuteError>>,
    ) -> Result<Option<Result<Reply, ExecuteError>>, Failure> {
        let deadline = self.options.timeout.map(|limit| Instant::now() + limit);
        tokio::select! {
            biased;
            answer = execution => Ok(Some(answer)),
            failed = async { after_others().await; self.printer.print_meanwhile().await } => Err(failed.into()),
            () = sleep_until_or_never(deadline) => Ok(None),
        }
    }

    /// Waits for the next line, with everything printed; the connection may be lost meanwhile.
    async fn next_line(&mut self, lines: &mut Lines) -> Result<Option<Result<Line, Failure>>, Failure> {
        loop {
            self.printer.print_all().await?;
            tokio::select! {
                biased;
                line = lines.next() => return Ok(line),
                () = self.printer.more_events() => {}
                () = disconnecting(&mut self.state), if !self.has_quit => {
                    let (status, why) = self.reason().await;
                    let message = format!("the connection was lost while waiting for input: {why}; every command had its reply");
                    return Err(Failure::new(status, message));
                }
            }
        }
    }

    fn timed_out(&self, request: &Request, location: &Location) -> Failure {
        let seconds = self.options.timeout.unwrap_or_default().as_secs_f64();
        let message = format!("no reply to {} within {seconds} s: it may still be running", name(request));
        about(location, Status::TimedOut, message)
    }

    /// The connection is gone, and with it this command or its reply.
    async fn lost(&mut self, lost: LostCommand, request: &Request, location: &Location) -> Failure {
        let (command, (status, why)) = (name(request), self.reason().await);
        let message = match lost {
            LostCommand::NotSent => format!("{command} was not sent: {why}"),
            LostCommand::Unknown if status == Status::NoSession => format!("{command} did not run: {why}"),
            LostCommand::Unknown => format!(
                "the connection was lost before the reply to {command} came, so whether it ran is unknown: {why}"
            ),
        };
        about(location, status, message)
    }

    /// How the connection ended, and whether there ever was a session: without negotiation a peer that refuses us in TLS
    /// is found out only here.
    async fn reason(&self) -> (Status, String) {
        let why = match self.client.disconnect().await {
            _ if self.has_quit => "the server has quit".to_owned(),
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
}

/// What became of a command when the connection was lost.
enum LostCommand {
    NotSent,
    /// Sent, but not answered.
    Unknown,
}

/// A failure of the command at `location`.
fn about(location: &Location, status: Status, message: String) -> Failure {
    match location.name {
        Some(_) => Failure::placed(status, format!("{}{message}", location.prefix())),
        None => Failure::new(status, message),
    }
}

/// A command's name in a sentence.
fn name(request: &Request) -> String {
    format!("`{}`", text::line(request.label()))
}

/// Whether the peer just went: end of file, or what the system says when there were bytes it had not read.
fn is_end(error: &SessionError<QmpError>) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    match error {
        SessionError::EndOfFile => true,
        SessionError::Read(error) | SessionError::Write(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionReset)
        }
        _ => false,
    }
}
