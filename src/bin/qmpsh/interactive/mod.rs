//! The interactive shell: lines typed, replies and events shown as they come.
//!
//! One task does everything, and each file here is one thing that it does or knows. Lines come from `terminal`; `running` runs
//! them, with `sources` and `peer` for what a line needs to be understood; `command` sends one and waits for its reply, `output`
//! shows it, `piped` gives it to a pipeline. `events` and `connection` have what comes unasked, `prompt` what it shows of that.
//! `host` is this shell as its own commands see it, `dialect` what lines are taken for. `assistant` helps while a line is typed,
//! with the `values` that it asks for and finds in `replies`. The loop is here: it never waits for one thing alone, so events,
//! signals and the end of the connection are taken care of meanwhile.
//!
//! However the commands of a session ended, leaving it is exit status 0, as with psql.

mod assistant;
mod command;
mod connection;
mod dialect;
mod events;
mod host;
mod output;
mod peer;
mod piped;
mod prompt;
mod qom_types;
mod replies;
mod running;
mod sources;
mod terminal;
mod values;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::builtins::{Display, EventFilter};
use crate::cli::{EventsMode, Options};
use crate::connect::{Connector, Opening};
use crate::output::messages::fit;
use crate::output::render::Renderer;
use crate::output::wire_log::WireLog;
use crate::session::job_memory::JobMemory;
use crate::session::schema::SessionSchema;
use crate::signals::{Ending, Interrupts, Signals};
use crate::status::{Failure, Status};
use crate::terminal::{Console, Readline, Sink};
use assistant::{Assistant, Coming};
use command::Late;
pub(super) use dialect::SharedDialect;
use piped::Redirected;
use prompt::Prompt;
use qmpsh::client::Client;
use qmpsh::events::{Delivery, EventStream};
use qmpsh::language::hmp::HumanMonitor;
use qmpsh::protocol::StateWatcher;
pub(super) use terminal::open_console;

/// Bytes of events that may wait for the terminal before the oldest are dropped and counted.
const EVENT_ROOM: usize = 4 << 20;

/// The interactive shell on a client; made before the client connects, so that no event is missed.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Repl<'a, 'b> {
    client: &'a Client,
    connector: &'a mut Connector<'b>,
    options: &'a Options,
    renderer: Renderer,
    /// Where results go in place of the terminal.
    redirected: Option<Redirected>,
    display: Display,
    log: Arc<WireLog>,
    console: &'a mut Console,
    sink: Sink,
    events: EventStream,
    /// Which events are shown.
    event_filter: EventFilter,
    /// Events go to a stderr that is not this terminal.
    events_to_stderr: bool,
    state: StateWatcher,
    connected: bool,
    prompt: Prompt,
    /// The session that comes back by itself.
    opening: Option<Opening>,
    /// The peer was asked to end, so its going is no surprise.
    has_quit: bool,
    /// Commands whose waiting Ctrl-C or the time limit ended.
    late: JoinSet<Late>,
    interrupts: Interrupts,
    /// Ctrl-C came when a line was finished and not here yet.
    pressed_early: bool,
    ending: Ending,
    session_schema: SessionSchema,
    human_monitor: HumanMonitor,
    dialect: SharedDialect,
    jobs: Arc<JobMemory>,
    /// A line that is replaced stands below everything else.
    shows_progress: bool,
    assistant: Arc<Assistant>,
    /// Whether the assistant is asked: lines are edited.
    assists: bool,
    /// The schema that the assistant waits for.
    coming: Option<Coming>,
    /// Answers what the assistant asks.
    _answers: JoinSet<()>,
    /// The lines of a file are being run.
    in_file: bool,
    /// Files whose lines are to be run next.
    included: Vec<PathBuf>,
}

/// Why the lines after this one are not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It failed, and that has been said.
    Failed,
    /// Ctrl-C.
    Interrupted,
    /// Nobody reads the results any more.
    Unread,
    /// The shell ends.
    Leave(Status),
}

type Flow<T = ()> = Result<T, Stop>;

impl<'a, 'b> Repl<'a, 'b> {
    pub(super) fn new(
        client: &'a Client,
        connector: &'a mut Connector<'b>,
        options: &'a Options,
        console: &'a mut Console,
        signals: Signals,
        dialect: SharedDialect,
        log: Arc<WireLog>,
    ) -> Self {
        let event_filter = EventFilter::all(options.events != Some(EventsMode::Hide));
        let prompt = Prompt::new(console.sink(), dialect.clone());
        let (assistant, mut answers) = Assistant::new(client, dialect.clone());
        let assists = console.assist(assistant.clone());
        let mut answering = JoinSet::new();
        answering.spawn(async move { answers.run().await });
        Self {
            client,
            connector,
            options,
            renderer: Renderer::new(options.output, options.color),
            redirected: None,
            display: Display::new(options.output),
            log,
            sink: console.sink(),
            console,
            events: client.events(Delivery::Newest { room: EVENT_ROOM }, event_filter.filter()),
            event_filter,
            events_to_stderr: options.events == Some(EventsMode::Stderr) && !io::stderr().is_terminal(),
            state: client.session().watch(),
            connected: false,
            prompt,
            opening: None,
            has_quit: false,
            late: JoinSet::new(),
            interrupts: signals.interrupts,
            pressed_early: false,
            ending: signals.ending,
            session_schema: SessionSchema::default(),
            human_monitor: HumanMonitor::default(),
            dialect,
            jobs: Arc::new(JobMemory::new(client, true)),
            shows_progress: false,
            assistant,
            assists,
            coming: None,
            _answers: answering,
            in_file: false,
            included: Vec::new(),
        }
    }

    /// Connects, then reads and runs lines until the person leaves.
    pub(super) async fn run(&mut self) -> Result<Status, Failure> {
        let notifier = self.notifier();
        tokio::select! {
            opened = self.connector.open(self.client, &notifier) => opened?,
            () = self.interrupts.next() => {
                self.end_row();
                return Ok(Status::Interrupted);
            }
            status = self.ending.signal() => return Ok(status),
        }
        self.on_connected();
        self.say("Type .help for help.");
        self.prompt.settle().await;
        Ok(self.read_and_run().await)
    }

    async fn read_and_run(&mut self) -> Status {
        loop {
            tokio::select! {
                input = self.console.read() => match (input, std::mem::take(&mut self.pressed_early)) {
                    (Readline::Line(text), pressed) => {
                        if pressed {
                            self.end_row();
                            self.say("interrupted: nothing was sent");
                        } else if let Some(status) = self.run_text(&text).await {
                            return status;
                        }
                        self.after_commands();
                        self.prompt.settle().await;
                        // What was pressed until now was for that line.
                        self.interrupts.forget();
                    }
                    (Readline::Interrupted, _) => {}
                    (Readline::EndOfFile, _) => return Status::Success,
                    (Readline::Failed(why), _) => {
                        self.say(&format!("cannot read from the terminal: {why}"));
                        return Status::Usage;
                    }
                },
                batch = self.events.batch() => self.show_events(&batch),
                Some(Ok(late)) = self.late.join_next() => {
                    if let Err(Stop::Leave(status)) = self.show_late(late).await {
                        return status;
                    }
                }
                Some(state) = self.state.changed() => self.on_state(state).await,
                opened = connection::opened_again(&mut self.opening) => self.on_opened_again(opened),
                schema = assistant::come(&mut self.coming) => self.on_schema(schema),
                // At the prompt Ctrl-C is a key; a signal that comes there is from before it, or for the line on its way.
                () = self.interrupts.next() => self.pressed_early |= self.console.line_has_ended(),
                status = self.ending.signal() => return status,
            }
        }
    }

    fn say(&self, message: &str) {
        self.sink.line(fit(message, &io::stdout()));
    }

    /// Says what went wrong.
    fn say_failure(&self, message: &str) {
        self.sink.line(self.renderer.colors.failure(&fit(message, &io::stdout())));
    }

    /// After Ctrl-C: shows it, or goes behind the `^C` that the terminal has shown.
    fn end_row(&self) {
        if self.shows_progress {
            // That line goes, and the `^C` with it.
            self.sink.transient(None);
        } else {
            self.sink.line(if self.console.has_echo() { "" } else { "^C" });
        }
    }
}
