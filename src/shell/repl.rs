//! The interactive shell: lines typed, replies and events shown as they come.

mod peer;

use std::path::PathBuf;
use std::pin::Pin;

use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::console::{Console, ConsoleOptions, HistoryOptions, Input, Sink};
use super::describe;
use super::doors::{Entrance, Opening, Teller};
use super::eval::{Action, Text};
use super::render::Renderer;
use super::session_schema::{SessionSchema, teach};
use super::signals::{self, Ending};
use super::status::{Failure, Status};
use crate::cli::{EventsMode, History, Options};
use crate::client::{Client, ExecuteError, Execution};
use crate::events::{Batch, Delivery, EventStream};
use crate::message::{Reply, Request};
use crate::protocol::{Runstate, StateWatcher};
use crate::syntax::{self, Assembler};
use crate::typing::Retry;
use crate::{secrets, text};

/// Bytes of events that may wait for the terminal before the oldest are dropped and counted.
const EVENT_ROOM: usize = 4 << 20;

/// The interactive shell on a client; made before the client connects, so that no event is missed.
pub(super) struct Repl<'a, 'b> {
    client: &'a Client,
    entrance: &'a mut Entrance<'b>,
    options: &'a Options,
    renderer: Renderer,
    sink: Sink,
    events: EventStream,
    state: StateWatcher,
    connected: bool,
    /// The session that comes back by itself.
    opening: Option<Opening>,
    /// Replies to commands whose waiting Ctrl-C ended.
    late: (mpsc::UnboundedSender<Late>, mpsc::UnboundedReceiver<Late>),
    /// Ctrl-C while no line is being typed.
    interrupt: Signal,
    ending: Ending,
    session_schema: SessionSchema,
}

/// A reply that comes when nobody waits for it any more.
struct Late {
    request: Request,
    answer: Result<Reply, ExecuteError>,
}

/// How the waiting for a reply ended.
enum Waited {
    Answered(Box<Result<Reply, ExecuteError>>),
    Interrupted,
    TimedOut,
}

/// The terminal for the shell; nothing is shown yet.
pub(super) fn open_console(options: &Options) -> Result<Console, Failure> {
    let console = Console::open(ConsoleOptions {
        prompt: prompt(true),
        history: HistoryOptions { path: history_path(&options.history), keep: |line| !secrets::line_has_secret(line) },
        is_complete: |text| !matches!(syntax::parse(text), Err(error) if error.is_incomplete()),
    });
    console.map_err(|error| Failure::new(Status::Usage, describe(&error)))
}

impl<'a, 'b> Repl<'a, 'b> {
    pub(super) fn new(
        client: &'a Client,
        entrance: &'a mut Entrance<'b>,
        options: &'a Options,
        renderer: Renderer,
        console: &Console,
    ) -> Result<Self, Failure> {
        let hidden = options.events == Some(EventsMode::Hide);
        Ok(Self {
            client,
            entrance,
            options,
            renderer,
            sink: console.sink(),
            events: client.events(Delivery::Newest { room: EVENT_ROOM }, move |_| !hidden),
            state: client.session().watch(),
            connected: false,
            opening: None,
            late: mpsc::unbounded_channel(),
            interrupt: signals::interrupt()?,
            ending: Ending::new()?,
            session_schema: SessionSchema::default(),
        })
    }

    /// Connects, then reads and runs lines until the person leaves.
    pub(super) async fn run(&mut self, console: &mut Console) -> Result<Status, Failure> {
        let teller = self.teller();
        tokio::select! {
            opened = self.entrance.open(self.client, &teller) => opened?,
            _ = self.interrupt.recv() => return Ok(Status::Interrupted),
            status = self.ending.signal() => return Ok(status),
        }
        self.welcome();
        Ok(self.read_and_run(console).await)
    }

    fn teller(&self) -> Teller {
        Teller::Console(self.sink.clone())
    }

    /// A session was established.
    fn welcome(&mut self) {
        while self.state.try_changed().is_some() {}
        self.connected = true;
        // Another peer may be there now.
        self.session_schema = SessionSchema::default();
        if let Some(greeting) = self.client.greeting() {
            let package = text::line(&greeting.version.package).into_owned();
            let package = if package.is_empty() { package } else { format!(" ({package})") };
            self.say(&format!("QEMU {}{package} at {}; Ctrl-D leaves", greeting.version, self.entrance.shown()));
        }
    }

    async fn read_and_run(&mut self, console: &mut Console) -> Status {
        loop {
            tokio::select! {
                input = console.read() => match input {
                    Input::Line(text) => {
                        if let Some(status) = self.run_text(&text).await {
                            return status;
                        }
                    }
                    Input::Interrupted => {}
                    Input::EndOfFile => return Status::Success,
                    Input::Failed(why) => {
                        self.sink.line(format!("cannot read from the terminal: {why}"));
                        return Status::Usage;
                    }
                },
                batch = self.events.batch() => self.show_events(&batch),
                Some(late) = self.late.1.recv() => self.show_late(late).await,
                Some(state) = self.state.changed() => self.on_state(state, console).await,
                opened = opened_again(&mut self.opening) => self.on_opened(opened, console),
                status = self.ending.signal() => return status,
            }
        }
    }

    /// Runs what was typed or pasted: one line or several. A status ends the shell.
    async fn run_text(&mut self, text: &str) -> Option<Status> {
        let mut assembler = Assembler::new();
        let mut lines: Vec<_> = text.lines().filter_map(|line| assembler.push_line(line)).collect();
        lines.extend(assembler.finish());
        for line in lines {
            let text = Text::Line { text: &line.text, name: None, first: line.first_line };
            match self.action(text).await {
                Ok(None) => {}
                Ok(Some(Action::Quit)) => return Some(Status::Success),
                Ok(Some(Action::Send(request, retry))) => match self.execute(request, retry).await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(status) => return Some(status),
                },
                Err(stop) => return stop,
            }
        }
        None
    }

    /// Sends a command and shows its reply; whether the lines after it go on.
    async fn execute(&mut self, request: Request, retry: Option<Retry>) -> Result<bool, Status> {
        let Ok(execution) = self.client.start(request.clone()).await else {
            self.say(&format!("not sent: there is no connection to {}", self.entrance.shown()));
            return Ok(false);
        };
        let mut execution = Box::pin(execution);
        let why = match self.wait_for(&mut execution).await? {
            Waited::Answered(answer) => {
                if let (Err(ExecuteError::Server { desc, .. }), Some(retry)) = (&*answer, retry)
                    && let Some(request) = retry.request(&request, desc)
                {
                    return Box::pin(self.execute(request, None)).await;
                }
                return self.show_answer(&request, *answer).await;
            }
            Waited::Interrupted => "interrupted".to_owned(),
            Waited::TimedOut => self.too_late(),
        };
        let command = text::line(&request.command).into_owned();
        self.say(&format!(
            "{why}: `{command}` was sent and may still be running; its reply will be shown when it comes"
        ));
        let sender = self.late.0.clone();
        tokio::spawn(async move {
            let answer = execution.await;
            // The shell may have ended.
            let _ = sender.send(Late { request, answer });
        });
        Ok(false)
    }

    fn too_late(&self) -> String {
        format!("no reply within {} s", self.options.timeout.unwrap_or_default().as_secs_f64())
    }

    /// Waits for a reply, and takes care of everything else meanwhile. What came before the reply is shown before it.
    async fn wait_for(&mut self, execution: &mut Pin<Box<Execution>>) -> Result<Waited, Status> {
        let limit = self.options.timeout;
        let mut limit = Box::pin(async move {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        });
        self.forget_interrupts();
        let waited = loop {
            tokio::select! {
                biased;
                answer = &mut *execution => break Waited::Answered(Box::new(answer)),
                batch = self.events.batch() => self.show_events(&batch),
                Some(late) = self.late.1.recv() => self.show_late(late).await,
                _ = self.interrupt.recv() => break Waited::Interrupted,
                () = &mut limit => break Waited::TimedOut,
                status = self.ending.signal() => return Err(status),
            }
        };
        let so_far = self.events.try_batch();
        self.show_events(&so_far);
        Ok(waited)
    }

    /// Shows how a command ended; whether it succeeded.
    async fn show_answer(&mut self, request: &Request, answer: Result<Reply, ExecuteError>) -> Result<bool, Status> {
        match answer {
            Ok(reply) => {
                self.show_reply(&reply, request).await;
                Ok(true)
            }
            Err(ExecuteError::Server { class, desc, reply }) => {
                if self.renderer.form == super::render::Form::Raw {
                    self.show_reply(&reply, request).await;
                }
                let hints = match teach(self, request, &class, &desc).await {
                    Ok(hints) => hints,
                    Err(Some(status)) => return Err(status),
                    Err(None) => String::new(),
                };
                self.say(&format!("{class}: {desc}{hints}"));
                Ok(false)
            }
            // The loss of the connection is told by itself; `quit` asked for it.
            Err(ExecuteError::Interrupted { .. }) if request.command == "quit" => Ok(true),
            Err(error) => {
                self.say(&error.to_string());
                Ok(false)
            }
        }
    }

    async fn show_reply(&mut self, reply: &Reply, request: &Request) {
        self.sink.output(self.renderer.reply(reply, request.own_id.as_deref()).whole());
        self.sink.flushed().await;
    }

    async fn show_late(&mut self, late: Late) {
        let command = text::line(&late.request.command).into_owned();
        match late.answer {
            Ok(reply) => {
                self.say(&format!("the reply to `{command}`:"));
                self.show_reply(&reply, &late.request).await;
            }
            Err(error) => self.say(&format!("`{command}` failed: {error}")),
        }
    }

    fn show_events(&self, batch: &Batch) {
        for (name, count) in &batch.dropped {
            self.say(&format!("… {count} more {}", text::line(name)));
        }
        for event in &batch.events {
            let mut shown = Vec::new();
            self.renderer.event(event, &mut shown);
            self.sink.event(&text::line(&event.name()), String::from_utf8_lossy(&shown));
        }
    }

    /// Tells at once that the connection is gone, also while a line is being typed.
    async fn on_state(&mut self, state: Runstate, console: &Console) {
        if state != Runstate::Disconnecting || !self.connected {
            return;
        }
        self.connected = false;
        let reason = match self.client.disconnect().await {
            Ok(()) => "it was closed".to_owned(),
            Err(error) => describe(&error),
        };
        let so_far = self.events.try_batch();
        self.show_events(&so_far);
        self.say(&format!("the connection to {} was lost: {reason}", self.entrance.shown()));
        console.set_prompt(prompt(false));
        self.opening = self.entrance.again(self.client, &self.teller());
    }

    /// The peer is back, or will not come.
    fn on_opened(&mut self, opened: Result<(), Failure>, console: &Console) {
        match opened {
            Ok(()) => {
                self.welcome();
                console.set_prompt(prompt(true));
            }
            Err(failure) => self.say(&failure.message),
        }
    }

    /// Ctrl-C pressed before was not for what comes now.
    fn forget_interrupts(&mut self) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        while self.interrupt.poll_recv(&mut context).is_ready() {}
    }

    fn say(&self, message: &str) {
        self.sink.line(text::lines(message));
    }
}

/// How opening the session again ended; never, if nothing is being opened. Cancel safe.
async fn opened_again(opening: &mut Option<Opening>) -> Result<(), Failure> {
    let Some(pending) = opening else { return std::future::pending().await };
    let opened = pending.await;
    *opening = None;
    opened
}

fn prompt(connected: bool) -> String {
    if connected { "(QEMU) ".to_owned() } else { "(disconnected) ".to_owned() }
}

fn history_path(history: &History) -> Option<PathBuf> {
    match history {
        History::Off => None,
        History::File(path) => Some(path.clone()),
        History::Default => {
            use etcetera::BaseStrategy;
            let strategy = etcetera::choose_base_strategy().ok()?;
            let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
            Some(state.join("qmpsh").join("history"))
        }
    }
}
