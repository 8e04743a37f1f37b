//! The interactive shell: reads lines, runs them, and shows replies and events as they come.
//!
//! One task does everything. It never waits for one thing alone: `waiting` takes care of events, signals and the end of the
//! connection meanwhile. Lines come from the terminal, `running` runs them, `values` reads what does not stand in them. `command`
//! sends one and waits for its reply, `output` shows it, `piped` gives it to a pipeline. `connection` has what becomes of the
//! session, `prompt` what the prompt shows of it, and `events` what comes unasked. `frontend` is this shell as the built-in
//! commands see it. `assistant` helps while a line is typed, with the `live` values that it asks for and finds in `replies`.
//!
//! Leaving the shell is exit status 0, however its commands ended, as with psql.

mod assistant;
mod command;
mod connection;
mod events;
mod frontend;
mod live;
mod output;
mod piped;
mod prompt;
mod qom_types;
mod replies;
mod running;
mod terminal;
mod values;
mod waiting;

use std::io;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::connect::Opening;
use crate::output::messages::fit;
use crate::output::render::Renderer;
use crate::session::Session;
use crate::signals::{Ending, Interrupts, Signals};
use crate::status::{Failure, Status, Stop};
use crate::terminal::{Console, Readline, Sink};
use assistant::Assistant;
use command::Late;
use piped::Redirected;
use prompt::Prompt;
use qmpsh::events::{Delivery, EventStream};
use qmpsh::protocol::StateWatcher;
pub(super) use terminal::open_console;

/// Bytes of events that may wait for the terminal before the oldest are dropped and counted.
const EVENT_ROOM: usize = 4 << 20;

/// The interactive shell on a session; made before the client connects, so that no event is missed.
pub(super) struct Repl<'a> {
    session: &'a mut Session,
    renderer: Renderer,
    /// The pipeline that gets the results in place of the terminal.
    redirected: Option<Redirected>,
    console: &'a mut Console,
    sink: Sink,
    events: EventStream,
    state: StateWatcher,
    prompt: Prompt,
    /// The session that comes back by itself.
    opening: Option<Opening>,
    /// Commands whose waiting Ctrl-C or the time limit ended.
    late: JoinSet<Late>,
    interrupts: Interrupts,
    /// Ctrl-C came between the end of a line and its arrival here.
    pressed_early: bool,
    ending: Ending,
    /// A progress line stands below everything else.
    shows_progress: bool,
    assistant: Arc<Assistant>,
    /// Whether the editor asks the assistant.
    assists: bool,
    /// Fetches the schema for the assistant.
    fetching: JoinSet<()>,
}

type Flow<T = ()> = Result<T, Stop>;

impl<'a> Repl<'a> {
    pub(super) fn new(session: &'a mut Session, console: &'a mut Console, signals: Signals) -> Self {
        let assistant = Assistant::new(session);
        let assists = console.assist(assistant.clone());
        Self {
            renderer: Renderer::new(session.options.output, session.options.color),
            redirected: None,
            sink: console.sink(),
            prompt: Prompt::new(session, console.sink()),
            console,
            events: session.client.events(Delivery::Newest { room: EVENT_ROOM }, session.event_filter.filter()),
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
                Some(_) = self.fetching.join_next() => self.console.repaint(),
                // At the prompt Ctrl-C is a key; a signal that comes there is from before it, or for the line on its way.
                () = self.interrupts.next() => self.pressed_early |= self.console.line_has_ended(),
                status = self.ending.signal() => return status,
            }
        }
    }

    /// Takes note that commands ran: they may have changed what exists, the language of the lines, and how the schema is fetched.
    fn after_commands(&mut self) {
        self.assistant.invalidate();
        self.prompt.redraw();
        if self.session.is_connected() && !self.session.schema.is_requested() {
            self.fetch_schema();
        }
    }

    fn say(&self, message: &str) {
        self.sink.line(fit(message, &io::stdout()));
    }

    /// Shows a failure, if there is something to say.
    fn show_failure(&self, failure: &Failure) {
        if !failure.message.is_empty() {
            self.sink.line(self.renderer.colors.failure(&fit(&failure.message, &io::stdout())));
        }
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
