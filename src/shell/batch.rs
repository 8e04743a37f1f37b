//! Commands from the command line, from files or from stdin, one after the other, and an exit status.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::describe;
use super::eval::{self, Action, Sources, Text};
use super::lines::{Line, Lines, Origin};
use super::messages::Messages;
use super::render::{Form, Pieces, Renderer};
use super::status::{Failure, Status};
use super::stdout::Stdout;
use crate::cli::{EventsMode, Options};
use crate::client::{Client, ExecuteError, QmpError};
use crate::events::{Delivery, EventStream};
use crate::json::ScanError;
use crate::message::{Event, Reply, Request};
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
    events: Option<Events>,
    state: StateWatcher,
    /// What is left to print of the last reply: the next command goes out first.
    printout: Option<Pieces>,
    /// The worst that happened, with `--keep-going`.
    status: Status,
    /// The server has ended as it was asked to.
    has_quit: bool,
}

/// Events that are shown.
struct Events {
    stream: EventStream,
    /// Those that came after the reply at hand: they are shown after it.
    held: VecDeque<Event>,
    /// Where they go, if not to stdout.
    stderr: Option<Stdout>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(client: &'a Client, options: &'a Options, renderer: Renderer, messages: Messages) -> Self {
        let listen = |stderr| Events {
            stream: client.events(Delivery::Lossless { room: EVENT_ROOM }, |_| true),
            held: VecDeque::new(),
            stderr,
        };
        let events = match options.events {
            Some(EventsMode::Show) => Some(listen(None)),
            Some(EventsMode::Stderr) => Some(listen(Some(Stdout::new(rustix::stdio::stderr())))),
            Some(EventsMode::Hide) | None => None,
        };
        Self {
            client,
            options,
            renderer,
            messages,
            stdout: Stdout::new(rustix::stdio::stdout()),
            events,
            state: client.session().watch(),
            printout: None,
            status: Status::Success,
            has_quit: false,
        }
    }

    /// Runs the words of the command line.
    pub(super) async fn words(mut self, action: Action) -> Result<Status, Failure> {
        let result = match action {
            Action::Send(request) => self.execute(request, &Origin { name: None, line: 1 }).await,
            Action::Quit => Ok(()),
        };
        self.finish(result).await
    }

    /// Runs lines until they end. `stdin`: whether stdin is free for values.
    pub(super) async fn lines(mut self, mut lines: Lines, stdin: bool) -> Result<Status, Failure> {
        let result = self.run_lines(&mut lines, Sources { stdin }).await;
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
        let limit = self.options.timeout.filter(|_| timed_out);
        let flushed = or_timeout(limit, self.print_all()).await;
        result?;
        flushed.unwrap_or(Ok(()))?;
        // Nothing is pending, and how the server takes it changes nothing.
        let _ = self.client.disconnect().await;
        Ok(self.status)
    }

    async fn run_lines(&mut self, lines: &mut Lines, sources: Sources) -> Result<(), Failure> {
        loop {
            // The next command goes out before the last result is printed, if it is there already.
            let line = match take_if_there(lines).await {
                Some(line) => line,
                None => self.next_line(lines).await?,
            };
            let Some(line) = line else { return Ok(()) };
            let done = match line {
                Ok(line) => match action(&line, sources).await {
                    Ok(Some(Action::Send(request))) => self.execute(request, &line.origin).await,
                    Ok(Some(Action::Quit)) => return Ok(()),
                    Ok(None) => Ok(()),
                    Err(failure) => Err(failure),
                },
                Err(failure) => Err(failure),
            };
            if let Err(failure) = done {
                self.go_on_after(failure).await?;
            }
        }
    }

    /// With `--keep-going`, a failure that leaves the session alive is told and remembered.
    async fn go_on_after(&mut self, failure: Failure) -> Result<(), Failure> {
        let may_go_on = matches!(failure.status, Status::CommandFailed | Status::Usage | Status::TimedOut);
        if !(may_go_on && self.options.keep_going) {
            return Err(failure);
        }
        self.status = self.status.worse(failure.status);
        let limit = self.options.timeout.filter(|_| failure.status == Status::TimedOut);
        or_timeout(limit, self.print_all()).await.unwrap_or(Ok(()))?;
        self.messages.tell(&failure);
        Ok(())
    }

    /// Runs one command; its result is printed with what comes next.
    async fn execute(&mut self, request: Request, origin: &Origin) -> Result<(), Failure> {
        if self.has_quit {
            return Err(self.lost(Fate::NotSent, &request, origin).await);
        }
        let Some(answer) = self.wait_for(request.clone()).await? else {
            return Err(self.timed_out(&request, origin));
        };
        self.print_rest().await?;
        match answer {
            Ok(reply) => {
                self.take_events(Some(reply.arrival())).await?;
                self.printout = Some(self.renderer.reply(&reply, request.own_id.as_deref()));
                self.has_quit = request.command == "quit";
                Ok(())
            }
            Err(ExecuteError::Server { class, desc, reply }) => {
                self.take_events(Some(reply.arrival())).await?;
                if self.renderer.form == Form::Raw {
                    self.printout = Some(self.renderer.reply(&reply, request.own_id.as_deref()));
                }
                let (class, desc) = (self.messages.peer(&class), self.messages.peer(&desc));
                Err(Failure::placed(Status::CommandFailed, format!("{}{class}: {desc}", origin.prefix())))
            }
            Err(ExecuteError::Interrupted { reason, .. })
                if request.command == "quit" && reason.as_deref().is_some_and(is_end) =>
            {
                self.take_events(None).await?;
                self.printout = Some(self.renderer.empty(request.own_id.as_deref()));
                self.has_quit = true;
                Ok(())
            }
            Err(ExecuteError::Malformed(malformed)) => {
                Err(about(origin, Status::CommandFailed, format!("no valid reply to {}: {malformed}", name(&request))))
            }
            Err(ExecuteError::Interrupted { .. }) => Err(self.lost(Fate::Unknown, &request, origin).await),
            Err(ExecuteError::NotSent { .. } | ExecuteError::State(_)) => {
                Err(self.lost(Fate::NotSent, &request, origin).await)
            }
        }
    }

    /// Sends a command and waits for its answer, printing meanwhile; `None` when the time limit came first.
    async fn wait_for(&mut self, request: Request) -> Result<Option<Result<Reply, ExecuteError>>, Failure> {
        let execution = self.client.execute(request);
        let deadline = self.options.timeout.map(|limit| Instant::now() + limit);
        tokio::select! {
            biased;
            answer = execution => Ok(Some(answer)),
            failed = self.print_meanwhile() => Err(failed.into()),
            () = sleep_until_or_never(deadline) => Ok(None),
        }
    }

    /// Prints what there is and the events that come, until that fails. Cancel safe.
    async fn print_meanwhile(&mut self) -> io::Error {
        let print = async {
            self.print_rest().await?;
            let mut late = None;
            loop {
                if self.stdout.is_pending() && late.is_none() {
                    late = Some(Instant::now() + LATE);
                }
                tokio::select! {
                    biased;
                    () = sleep_until_or_never(late) => {
                        late = None;
                        self.stdout.flush().await?;
                    }
                    () = next_events(self.events.as_mut()) => self.print_held().await?,
                }
            }
        };
        let result: Result<Infallible, io::Error> = print.await;
        match result {
            Err(error) => error,
        }
    }

    /// Waits for the next line, with everything printed; the connection may be lost meanwhile.
    async fn next_line(&mut self, lines: &mut Lines) -> Result<Option<Result<Line, Failure>>, Failure> {
        loop {
            self.print_all().await?;
            tokio::select! {
                biased;
                line = lines.next() => return Ok(line),
                () = next_events(self.events.as_mut()) => {}
                () = disconnecting(&mut self.state), if !self.has_quit => {
                    let why = self.reason().await;
                    let message = format!("the connection was lost while waiting for input: {why}; no command was unanswered");
                    return Err(Failure::new(Status::ConnectionLost, message));
                }
            }
        }
    }

    fn timed_out(&self, request: &Request, origin: &Origin) -> Failure {
        let seconds = self.options.timeout.unwrap_or_default().as_secs_f64();
        let message = format!("no reply to {} within {seconds} s: it may still be running", name(request));
        about(origin, Status::TimedOut, message)
    }

    /// The connection is gone, and with it this command or its reply.
    async fn lost(&mut self, fate: Fate, request: &Request, origin: &Origin) -> Failure {
        let (command, why) = (name(request), self.reason().await);
        let message = match fate {
            Fate::NotSent => format!("{command} was not sent: {why}"),
            Fate::Unknown => format!(
                "the connection was lost before the reply to {command} came, so whether it ran is unknown: {why}"
            ),
        };
        about(origin, Status::ConnectionLost, message)
    }

    /// How the connection ended.
    async fn reason(&self) -> String {
        match self.client.disconnect().await {
            _ if self.has_quit => "the server has quit".to_owned(),
            Ok(()) => "the connection was closed".to_owned(),
            Err(error) => match &*error {
                SessionError::Protocol(QmpError::Scan(too_long @ ScanError::TooLong { .. })) => {
                    format!("{too_long} (--max-message SIZE allows more)")
                }
                error => describe(error),
            },
        }
    }

    /// Prints what is left of the last reply, then what came after it. Cancel safe.
    async fn print_rest(&mut self) -> io::Result<()> {
        while let Some(piece) = self.printout.as_mut().and_then(Iterator::next) {
            self.stdout.push(piece);
            self.stdout.settle().await?;
        }
        self.printout = None;
        self.print_held().await
    }

    /// Prints all there is, and waits until it is written. Cancel safe.
    async fn print_all(&mut self) -> io::Result<()> {
        self.print_rest().await?;
        self.take_events(None).await?;
        self.stdout.flush().await
    }

    /// Prints the events that have come, but holds those back that came after the message `until`. Cancel safe.
    async fn take_events(&mut self, until: Option<u64>) -> io::Result<()> {
        let Some(events) = &mut self.events else { return Ok(()) };
        events.held.append(&mut events.stream.try_batch().events);
        let count = match until {
            Some(until) => events.held.partition_point(|event| event.arrival() < until),
            None => events.held.len(),
        };
        self.print_events(count).await
    }

    async fn print_held(&mut self) -> io::Result<()> {
        let held = self.events.as_ref().map_or(0, |events| events.held.len());
        self.print_events(held).await
    }

    /// Prints so many of the events held.
    async fn print_events(&mut self, count: usize) -> io::Result<()> {
        let Some(events) = &mut self.events else { return Ok(()) };
        let (out, renderer) = match &mut events.stderr {
            Some(stderr) => (stderr, self.renderer.for_stderr()),
            None => (&mut self.stdout, self.renderer),
        };
        for _ in 0..count {
            let Some(event) = events.held.pop_front() else { break };
            renderer.event(&event, out.buffer());
            out.settle().await?;
        }
        match &mut events.stderr {
            Some(stderr) => stderr.flush().await,
            None => Ok(()),
        }
    }
}

/// What became of a command when the connection was lost.
enum Fate {
    NotSent,
    /// Sent, but not answered.
    Unknown,
}

/// A failure of the command at `origin`.
fn about(origin: &Origin, status: Status, message: String) -> Failure {
    match origin.name {
        Some(_) => Failure::placed(status, format!("{}{message}", origin.prefix())),
        None => Failure::new(status, message),
    }
}

/// A command's name in a sentence.
fn name(request: &Request) -> String {
    format!("`{}`", text::line(&request.command))
}

async fn action(line: &Line, sources: Sources) -> Result<Option<Action>, Failure> {
    let Origin { name, line: first } = &line.origin;
    eval::action_apart(Text::Line { text: &line.text, name: name.as_deref(), first: *first }, sources).await
}

/// The next line, or the end, if it need not be waited for.
async fn take_if_there(lines: &mut Lines) -> Option<Option<Result<Line, Failure>>> {
    tokio::select! {
        biased;
        line = lines.next() => Some(line),
        () = std::future::ready(()) => None,
    }
}

/// Waits for events, and puts them to those that are held. Cancel safe.
async fn next_events(events: Option<&mut Events>) {
    match events {
        Some(events) => events.held.append(&mut events.stream.batch().await.events),
        None => pending().await,
    }
}

async fn sleep_until_or_never(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// What `work` gives; `None` if there is a limit and it came first.
async fn or_timeout<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => timeout(limit, work).await.ok(),
        None => Some(work.await),
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
