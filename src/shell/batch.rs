//! Commands from the command line, from files or from stdin, one after the other, and an exit status.

use std::future::pending;
use std::io::Write;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use super::describe;
use super::eval::{self, Action, Sources, Text};
use super::lines::{Line, Lines, Origin};
use super::messages::Messages;
use super::render::{Pieces, Renderer};
use super::status::{Failure, Status};
use super::stdout::Stdout;
use crate::cli::{EventsMode, Options};
use crate::client::{Client, ExecuteError, Execution, QmpError};
use crate::events::{Batch as EventBatch, Delivery, EventStream};
use crate::message::{Reply, Request};
use crate::protocol::{Runstate, SessionError, StateWatcher};
use crate::text;

/// Bytes of events that may wait to be printed before reading waits for them.
const EVENT_ROOM: usize = 1 << 20;

/// How late a reply must be for what is gathered on stdout to be written meanwhile.
const LATE: Duration = Duration::from_millis(1);

/// A batch on a client; made before the client connects, so that no event is missed.
pub(super) struct Batch<'a> {
    client: &'a Client,
    options: &'a Options,
    renderer: Renderer,
    messages: Messages,
    stdout: Stdout,
    events: Option<EventStream>,
    state: StateWatcher,
    /// The worst that happened, with `--keep-going`.
    status: Status,
    /// The server has ended as it was asked to.
    has_quit: bool,
}

/// What is printed of a command, later than it came: the next command goes out first.
struct Printout {
    pieces: Pieces,
}

impl<'a> Batch<'a> {
    pub(super) fn new(client: &'a Client, options: &'a Options, renderer: Renderer, messages: Messages) -> Self {
        let delivery = Delivery::Lossless { room: EVENT_ROOM };
        let events = match options.events {
            Some(EventsMode::Show | EventsMode::Stderr) => Some(client.events(delivery, |_| true)),
            Some(EventsMode::Hide) | None => None,
        };
        let state = client.session().watch();
        let stdout = Stdout::new();
        Self { client, options, renderer, messages, stdout, events, state, status: Status::Success, has_quit: false }
    }

    /// Runs the words of the command line.
    pub(super) async fn words(mut self, action: Option<Action>) -> Result<Status, Failure> {
        let result = self.run_one(action, &Origin { name: None, line: 1 }).await;
        self.finish(result).await
    }

    /// Runs lines until they end.
    pub(super) async fn lines(mut self, mut lines: Lines, stdin: bool) -> Result<Status, Failure> {
        let result = self.run_lines(&mut lines, stdin).await;
        self.finish(result).await
    }

    /// What has been printed so far gets out, whatever happened.
    async fn finish(mut self, result: Result<(), Failure>) -> Result<Status, Failure> {
        let flushed = async {
            self.print_events_so_far().await?;
            self.stdout.flush().await
        }
        .await;
        result?;
        flushed?;
        // Nothing is pending, and how the server takes it changes nothing.
        let _ = self.client.disconnect().await;
        Ok(self.status)
    }

    async fn run_one(&mut self, action: Option<Action>, origin: &Origin) -> Result<(), Failure> {
        if let Some(Action::Send(request)) = action {
            let (execution, request) = self.start(request, origin).await?;
            if let Some(printout) = self.answer(execution, &request, origin).await? {
                self.print(printout).await?;
            }
        }
        Ok(())
    }

    async fn run_lines(&mut self, lines: &mut Lines, stdin: bool) -> Result<(), Failure> {
        let mut sources = Sources { stdin };
        let mut last: Option<Printout> = None;
        loop {
            // The next command goes out before the last result is printed, if it is there already.
            let line = match take_if_there(lines).await {
                Some(line) => line,
                None => {
                    self.print_last(&mut last).await?;
                    self.next_line(lines).await?
                }
            };
            let Some(line) = line else { return self.print_last(&mut last).await };
            let (line, action) = match line.and_then(|line| {
                let action = action(&line, &mut sources)?;
                Ok((line, action))
            }) {
                Ok((line, Some(action))) => (line, action),
                Ok((_, None)) => continue,
                Err(failure) => {
                    self.print_last(&mut last).await?;
                    self.go_on_after(failure)?;
                    continue;
                }
            };
            let request = match action {
                Action::Send(request) => request,
                Action::Quit => return self.print_last(&mut last).await,
            };
            let started = self.start(request, &line.origin).await;
            self.print_last(&mut last).await?;
            let (execution, request) = started?;
            last = match self.answer(execution, &request, &line.origin).await {
                Ok(printout) => printout,
                Err(failure) => {
                    self.go_on_after(failure)?;
                    None
                }
            };
        }
    }

    /// With `--keep-going`, a failure that leaves the session alive is told and remembered.
    fn go_on_after(&mut self, failure: Failure) -> Result<(), Failure> {
        let may_go_on = matches!(failure.status, Status::CommandFailed | Status::Usage | Status::TimedOut);
        if !(may_go_on && self.options.keep_going) {
            return Err(failure);
        }
        self.status = self.status.worse(failure.status);
        self.messages.tell(&failure);
        Ok(())
    }

    async fn start(&mut self, request: Request, origin: &Origin) -> Result<(Execution, Request), Failure> {
        match self.client.start(request.clone()).await {
            Ok(execution) => Ok((execution, request)),
            Err(_) => Err(self.lost(&format!("{origin}`{}` was not sent", text::line(&request.command))).await),
        }
    }

    /// Waits for a reply, and takes care of everything else meanwhile.
    async fn answer(
        &mut self,
        execution: Execution,
        request: &Request,
        origin: &Origin,
    ) -> Result<Option<Printout>, Failure> {
        let Some(answer) = self.wait_for(execution).await? else { return Err(self.timed_out(request, origin)) };
        self.print_events_so_far().await?;
        match answer {
            Ok(reply) => Ok(Some(self.printout(&reply, request))),
            Err(ExecuteError::Server { class, desc, reply }) => {
                if self.renderer.form == super::render::Form::Raw {
                    let printout = self.printout(&reply, request);
                    self.print(printout).await?;
                }
                self.stdout.flush().await?;
                Err(Failure::new(Status::CommandFailed, format!("{origin}{class}: {desc}")))
            }
            Err(ExecuteError::Interrupted { reason, .. })
                if request.command == "quit" && reason.as_deref().is_some_and(is_end) =>
            {
                self.has_quit = true;
                let pieces = self.renderer.empty();
                Ok(Some(Printout { pieces }))
            }
            Err(ExecuteError::Malformed(malformed)) => {
                Err(Failure::new(Status::CommandFailed, format!("{origin}{malformed}")))
            }
            Err(ExecuteError::Interrupted { .. }) => {
                let command = text::line(&request.command);
                let what =
                    format!("{origin}`{command}` was sent, but its reply did not come: whether it ran is unknown");
                Err(self.lost(&what).await)
            }
            Err(ExecuteError::NotSent { .. } | ExecuteError::State(_)) => {
                Err(self.lost(&format!("{origin}`{}` was not sent", text::line(&request.command))).await)
            }
        }
    }

    /// The answer; `None` when the time limit came first.
    async fn wait_for(&mut self, execution: Execution) -> Result<Option<Result<Reply, ExecuteError>>, Failure> {
        let mut execution = pin!(execution);
        let mut limit = pin!(self.options.timeout.map(sleep));
        let mut late = pin!(self.stdout.is_pending().then(|| sleep(LATE)));
        loop {
            tokio::select! {
                biased;
                answer = &mut execution => return Ok(Some(answer)),
                batch = next_events(self.events.as_mut()) => {
                    self.print_events(batch).await?;
                    if late.is_none() {
                        late.set(Some(sleep(LATE)));
                    }
                }
                () = or_never(late.as_mut().as_pin_mut()) => {
                    late.set(None);
                    self.stdout.flush().await?;
                }
                () = or_never(limit.as_mut().as_pin_mut()) => return Ok(None),
            }
        }
    }

    /// Waits for the next line, flushed; the connection may be lost meanwhile.
    async fn next_line(&mut self, lines: &mut Lines) -> Result<Option<Result<Line, Failure>>, Failure> {
        loop {
            self.stdout.flush().await?;
            tokio::select! {
                biased;
                line = lines.next() => return Ok(line),
                batch = next_events(self.events.as_mut()) => self.print_events(batch).await?,
                () = disconnecting(&mut self.state), if !self.has_quit => {
                    return Err(self.lost("nothing was pending; the input had not ended").await);
                }
            }
        }
    }

    fn timed_out(&self, request: &Request, origin: &Origin) -> Failure {
        let seconds = self.options.timeout.unwrap_or_default().as_secs_f64();
        let command = text::line(&request.command);
        Failure::new(
            Status::TimedOut,
            format!("{origin}no reply to `{command}` within {seconds} s; it was sent, and may still be running"),
        )
    }

    /// The connection is gone: why, and what became of the command at hand.
    async fn lost(&mut self, what: &str) -> Failure {
        let reason = match self.client.disconnect().await {
            _ if self.has_quit => "the server has quit".to_owned(),
            Ok(()) => "the connection was closed".to_owned(),
            Err(error) => format!("the connection was lost: {}", describe(&error)),
        };
        Failure::new(Status::ConnectionLost, format!("{reason}\n{what}, and nothing after it was sent"))
    }

    fn printout(&self, reply: &Reply, request: &Request) -> Printout {
        Printout { pieces: self.renderer.reply(reply, request.own_id.as_deref()) }
    }

    async fn print_last(&mut self, last: &mut Option<Printout>) -> Result<(), Failure> {
        match last.take() {
            Some(printout) => self.print(printout).await,
            None => Ok(()),
        }
    }

    async fn print(&mut self, printout: Printout) -> Result<(), Failure> {
        for piece in printout.pieces {
            self.stdout.put(piece).await?;
        }
        Ok(())
    }

    async fn print_events_so_far(&mut self) -> std::io::Result<()> {
        match &mut self.events {
            Some(events) => {
                let batch = events.try_batch();
                self.print_events(batch).await
            }
            None => Ok(()),
        }
    }

    async fn print_events(&mut self, batch: EventBatch) -> std::io::Result<()> {
        if self.options.events == Some(EventsMode::Stderr) {
            let mut lines = Vec::new();
            for event in batch.events {
                self.renderer.event(&event, &mut lines);
            }
            return std::io::stderr().write_all(&lines);
        }
        for event in batch.events {
            self.renderer.event(&event, self.stdout.buffer());
            self.stdout.settle().await?;
        }
        Ok(())
    }
}

fn action(line: &Line, sources: &mut Sources) -> Result<Option<Action>, Failure> {
    let Origin { name, line: first } = &line.origin;
    eval::action(Text::Line { text: &line.text, name: name.as_deref(), first: *first }, sources)
}

/// The next line, or the end, if it need not be waited for.
async fn take_if_there(lines: &mut Lines) -> Option<Option<Result<Line, Failure>>> {
    tokio::select! {
        biased;
        line = lines.next() => Some(line),
        () = std::future::ready(()) => None,
    }
}

async fn next_events(events: Option<&mut EventStream>) -> EventBatch {
    match events {
        Some(events) => events.batch().await,
        None => pending().await,
    }
}

async fn or_never(sleep: Option<std::pin::Pin<&mut tokio::time::Sleep>>) {
    match sleep {
        Some(sleep) => sleep.await,
        None => pending().await,
    }
}

/// Until the session ends.
async fn disconnecting(state: &mut StateWatcher) {
    while let Some(state) = state.changed().await {
        if state == Runstate::Disconnecting {
            return;
        }
    }
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
