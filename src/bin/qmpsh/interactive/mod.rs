//! The interactive shell: reads lines, runs them, and shows replies and events as they come.
//!
//! One task does everything. While it waits, `waiting` handles events, signals and the end of the connection. Lines come from
//! the terminal, `running` runs them, and `values` reads values that they name. `command` sends a command and waits for its reply,
//! `output` shows it, `paging` in a pager if it is long, `piped` feeds it to a pipeline. `connection` makes the session and reports its end, and `prompt` shows its
//! state. `frontend` is this shell as the built-in commands see it. `completion` helps while a line is typed.
//!
//! Leaving the shell is exit status 0, however its commands ended, as with psql.

mod command;
mod completion;
mod connection;
mod console;
mod edit;
mod frontend;
mod output;
mod paging;
mod piped;
mod prompt;
mod redirected;
mod running;
mod values;
mod waiting;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::cli::OutputMode;
use crate::config::Config;
use crate::connect::Opening;
use crate::output::messages::fit;
use crate::output::render::Renderer;
use crate::session::Session;
use crate::signals::{Ending, Interrupts, Signals, or_never};
use crate::status::{Failure, Status, Stop};
use crate::terminal::{Console, Readline, Sink};
use completion::Assistant;
pub(super) use console::open_console;
use prompt::Prompt;
use qmpsh::client::{Client, ExecuteError};
use qmpsh::events::{Delivery, EventStream};
use qmpsh::message::{Reply, Request};
use qmpsh::protocol::StateWatcher;
use redirected::Redirected;

/// Bytes of events that may wait for the terminal before the oldest are dropped and counted.
const EVENT_ROOM: usize = 4 << 20;

/// The interactive shell on a session; made before the client connects, so that no event is missed.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Repl<'a> {
    session: &'a mut Session,
    renderer: Renderer,
    /// The pipeline that gets the results in place of the terminal.
    redirected: Option<Redirected>,
    /// Results come until Ctrl-C.
    is_streaming: bool,
    /// The built-in commands that were named below a long result. Each is named once.
    suggested: Vec<String>,
    console: &'a mut Console,
    sink: Sink,
    events: EventStream,
    state: StateWatcher,
    prompt: Prompt,
    /// The next session, if qmpsh makes it by itself.
    opening: Option<Opening>,
    /// Commands that Ctrl-C or the time limit ended the waiting for.
    late: JoinSet<LateReply>,
    interrupts: Interrupts,
    /// Ctrl-C came between the end of a line and its arrival here.
    pressed_early: bool,
    ending: Ending,
    /// A progress line stands below everything else.
    shows_progress: bool,
    assistant: Arc<Assistant>,
    /// True if the editor asks the assistant.
    assists: bool,
    /// Fetches the schema for the assistant.
    fetching: JoinSet<()>,
    /// The text that was typed last, but for `.edit`.
    last_line: String,
    /// The line that stands for each word.
    aliases: BTreeMap<String, String>,
}

/// The reply to a command that the shell stopped waiting for.
struct LateReply {
    request: Request,
    answer: Result<Reply, ExecuteError>,
}

type Flow<T = ()> = Result<T, Stop>;

impl<'a> Repl<'a> {
    pub(super) fn new(session: &'a mut Session, console: &'a mut Console, signals: Signals, config: Config) -> Self {
        let mode = session.options.output.or(config.output).unwrap_or(OutputMode::Auto);
        let assistant = Assistant::new(session, config.aliases.clone().into_iter().collect());
        let assists = console.assist(assistant.clone());
        Self {
            renderer: Renderer::new(mode, session.options.color, session.options.quiet),
            redirected: None,
            is_streaming: false,
            suggested: Vec::new(),
            sink: console.sink(),
            prompt: Prompt::new(session, console.sink()),
            console,
            events: stream_of(&session.client, session),
            state: session.client.session().watch(),
            opening: None,
            late: JoinSet::new(),
            interrupts: signals.interrupts,
            pressed_early: false,
            ending: signals.ending,
            shows_progress: false,
            assistant,
            assists,
            fetching: JoinSet::new(),
            last_line: String::new(),
            aliases: config.aliases,
            session,
        }
    }

    /// Connects, then reads and runs lines until the user leaves.
    pub(super) async fn run(&mut self) -> Result<Status, Failure> {
        let notifier = self.notifier();
        let Session { client, connector, .. } = &mut *self.session;
        tokio::select! {
            opened = connector.open(client, &notifier) => opened?,
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
                        if text.trim() != ".edit" {
                            self.last_line = text;
                        }
                        self.after_line().await;
                    }
                    (Readline::Edit(text), _) => {
                        match self.edit(&text).await {
                            Ok(()) => {}
                            Err(Stop::Leave(status)) => return status,
                            Err(Stop::Failed(failure)) => {
                                self.show_failure(&failure);
                                self.console.set_next_text(text);
                            }
                        }
                        self.after_line().await;
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
                opened = or_never(self.opening.as_mut()) => self.on_opened_again(opened),
                Some(_) = self.fetching.join_next() => self.console.repaint(),
                    // At the prompt Ctrl-C is a key. A signal that comes here is older, or for the line on its way.
                () = self.interrupts.next() => self.pressed_early |= self.console.line_has_ended(),
                status = self.ending.signal() => return status,
            }
        }
    }

    /// Prepares for the next line.
    async fn after_line(&mut self) {
        self.after_commands();
        self.prompt.settle().await;
        // Earlier presses of Ctrl-C were for the last line.
        self.interrupts.forget();
    }

    /// Updates completion, prompt and schema after commands, which may have changed what exists or the language of the lines.
    fn after_commands(&mut self) {
        self.assistant.invalidate();
        self.prompt.redraw();
        if self.session.is_connected() && !self.session.schema.is_requested() {
            self.fetch_schema();
        }
    }

    fn say(&self, message: &str) {
        self.notifier().say(message);
    }

    /// Shows a failure, if it has a message.
    fn show_failure(&self, failure: &Failure) {
        if !failure.message.is_empty() {
            self.sink.line(self.renderer.colors.failure(&fit(&failure.message, &io::stdout())));
        }
    }

    /// Begins a new row after Ctrl-C, and shows `^C` if the terminal does not.
    fn end_row(&self) {
        if self.shows_progress {
            // The `^C` goes with that line.
            self.sink.transient(None);
        } else {
            self.sink.line(if self.console.has_echo() { "" } else { "^C" });
        }
    }
}

/// Returns the stream of the events that are shown. Call it before the client connects, so that no event is missed.
fn stream_of(client: &Client, session: &Session) -> EventStream {
    client.events_with(Delivery::Newest { room: EVENT_ROOM }, session.event_filter.filter())
}
