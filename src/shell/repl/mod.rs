//! The interactive shell: lines typed, replies and events shown as they come.
//!
//! One task does everything (`mod`: the loop over lines; `command`: a command and its reply; `connection`: lost and found;
//! `output`: long results; `peer`: what is asked to understand a line; `piped`: pipelines; `prompt`: what it shows; `sources`: values that are asked for). It never waits for one thing alone: events, signals and
//! the end of the connection are taken care of meanwhile.
//!
//! However the commands of a session ended, leaving it is exit status 0, as with psql.

mod assistant;
mod command;
mod connection;
mod dialect;
mod host;
mod output;
mod peer;
mod piped;
mod prompt;
mod replies;
mod sources;
mod values;

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::color::Colors;
use super::console::{Console, ConsoleOptions, HistoryOptions, Input, IsComplete, Sink};
use super::describe;
use super::doors::{Entrance, Opening};
use super::eval::Action;
use super::job_memory::JobMemory;
use super::lines::Lines;
use super::own::{self, Choice, Display, Host as _};
use super::render::Renderer;
use super::session_schema::SessionSchema;
use super::signals::{Ending, Interrupts, Signals};
use super::status::{Failure, Status};
use crate::cli::{EventsMode, History, Options, Source};
use crate::client::Client;
use crate::events::{Batch, Delivery, EventStream};
use crate::hmp::HumanMonitor;
use crate::message::Event;
use crate::protocol::StateWatcher;
use crate::syntax::{Assembler, LogicalLine};
use crate::{secrets, text};
use assistant::{Assistant, Coming};
use command::Late;
pub(super) use dialect::SharedDialect;
use piped::Redirected;
use prompt::Prompt;

/// Bytes of events that may wait for the terminal before the oldest are dropped and counted.
const EVENT_ROOM: usize = 4 << 20;

/// The interactive shell on a client; made before the client connects, so that no event is missed.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Repl<'a, 'b> {
    client: &'a Client,
    entrance: &'a mut Entrance<'b>,
    options: &'a Options,
    renderer: Renderer,
    /// Where results go in place of the terminal.
    redirected: Option<Redirected>,
    display: Display,
    console: &'a mut Console,
    sink: Sink,
    events: EventStream,
    /// Which events are shown.
    choice: Choice,
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

/// The terminal for the shell; nothing is shown yet.
pub(super) fn open_console(options: &Options, dialect: &SharedDialect) -> Result<Console, Failure> {
    let dialect = dialect.clone();
    let console = Console::open(ConsoleOptions {
        prompt: prompt::DISCONNECTED.to_owned(),
        history: HistoryOptions { path: history_path(&options.history), keep: |text| !has_secret(text) },
        is_complete: IsComplete::new(move |text| {
            let mut assembler = Assembler::of(dialect.get());
            text.lines().for_each(|line| drop(assembler.push_line(line)));
            !assembler.is_open()
        }),
        colour: Colors::of_stdout(options.color).are_on(),
    });
    console.map_err(|error| Failure::new(Status::Usage, describe(&error)))
}

impl<'a, 'b> Repl<'a, 'b> {
    pub(super) fn new(
        client: &'a Client,
        entrance: &'a mut Entrance<'b>,
        options: &'a Options,
        console: &'a mut Console,
        signals: Signals,
        dialect: SharedDialect,
    ) -> Self {
        let choice = Choice::all(options.events != Some(EventsMode::Hide));
        let prompt = Prompt::new(console.sink(), dialect.clone());
        let (assistant, mut answers) = Assistant::new(client, dialect.clone());
        let assists = console.assist(assistant.clone());
        let mut answering = JoinSet::new();
        answering.spawn(async move { answers.run().await });
        Self {
            client,
            entrance,
            options,
            renderer: Renderer::new(options.output, options.color),
            redirected: None,
            display: Display::new(options.output),
            sink: console.sink(),
            console,
            events: client.events(Delivery::Newest { room: EVENT_ROOM }, choice.filter()),
            choice,
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
        let teller = self.teller();
        tokio::select! {
            opened = self.entrance.open(self.client, &teller) => opened?,
            () = self.interrupts.next() => {
                self.end_row();
                return Ok(Status::Interrupted);
            }
            status = self.ending.signal() => return Ok(status),
        }
        self.on_connected();
        self.say("`help` tells how to write a command.");
        self.prompt.settle().await;
        Ok(self.read_and_run().await)
    }

    async fn read_and_run(&mut self) -> Status {
        loop {
            tokio::select! {
                input = self.console.read() => match (input, std::mem::take(&mut self.pressed_early)) {
                    (Input::Line(text), pressed) => {
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
                    (Input::Interrupted, _) => {}
                    (Input::EndOfFile, _) => return Status::Success,
                    (Input::Failed(why), _) => {
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

    /// Runs what was typed or pasted: one line or several, up to the first that fails. A status ends the shell.
    async fn run_text(&mut self, text: &str) -> Option<Status> {
        let mut assembler = Assembler::of(self.dialect.get());
        let mut lines: Vec<_> = text.lines().filter_map(|line| assembler.push_line(line)).collect();
        lines.extend(assembler.finish());
        lines.retain(|line| !line.text.trim().is_empty());
        for (index, line) in lines.iter().enumerate() {
            let stop = match self.run_line(line, None).await {
                Ok(()) => continue,
                Err(Stop::Leave(status)) => return Some(status),
                Err(stop) => stop,
            };
            let left = lines.len() - index - 1;
            if left > 0 && !(stop == Stop::Failed && self.options.keep_going && self.connected) {
                let lines = if left == 1 { "line was" } else { "lines were" };
                self.say(&format!("it was line {}; {left} more {lines} not run", line.first_line));
                return None;
            }
        }
        None
    }

    /// Runs a line that was typed, or stands in the file `name`.
    async fn run_line(&mut self, line: &LogicalLine, name: Option<&str>) -> Flow {
        match self.action(line, name).await? {
            None => Ok(()),
            Some(action) => self.run_action(action).await,
        }
    }

    /// Runs the lines of a file, and of those that it includes, up to the first that fails.
    async fn run_file(&mut self, path: PathBuf) -> Flow {
        if self.in_file {
            self.included.push(path);
            return Ok(());
        }
        self.in_file = true;
        let done = self.run_lines(Lines::new(vec![Source::File(path)], self.dialect.get())).await;
        self.in_file = false;
        self.included.clear();
        done
    }

    async fn run_lines(&mut self, mut lines: Lines) -> Flow {
        while let Some(line) = self.attend(lines.next(), None, "the file").await?.flatten() {
            let line = match line {
                Ok(line) => line,
                Err(failure) => return Err(self.fail(failure.status, failure.message)),
            };
            let logical = LogicalLine { text: line.text, first_line: line.origin.line };
            let mut done = self.run_line(&logical, line.origin.name.as_deref()).await;
            for path in std::mem::take(&mut self.included) {
                done = done.and(lines.include(path).map_err(|message| self.fail(Status::Usage, message)));
            }
            match done {
                Ok(()) => {}
                Err(Stop::Failed) if self.options.keep_going && self.connected => {}
                Err(Stop::Failed) => {
                    let place = line.origin.prefix();
                    return Err(
                        self.fail(Status::CommandFailed, format!("{place}the lines after this one are not run"))
                    );
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    async fn run_action(&mut self, action: Action) -> Flow {
        match action {
            Action::Send(request, retry) => {
                let done = self.execute(request, retry).await;
                if let Some(time) = self.display.time() {
                    self.say(&time);
                }
                done
            }
            Action::Own(command) => Box::pin(own::run(self, command)).await,
        }
    }

    fn show_events(&self, batch: &Batch) {
        for (name, count) in &batch.dropped {
            self.sink.missed(&text::line(name), *count);
        }
        self.show_each(&batch.events, self.events_to_stderr);
    }

    fn show_each(&self, events: &VecDeque<Event>, to_stderr: bool) {
        for event in events {
            let mut shown = Vec::new();
            self.renderer.event(event, &mut shown);
            if to_stderr {
                // Where else to complain?
                let _ = io::stderr().write_all(&shown);
            } else {
                self.sink.event(&text::line(&event.name()), String::from_utf8_lossy(&shown));
            }
        }
    }

    fn show_events_so_far(&mut self) {
        let batch = self.events.try_batch();
        self.show_events(&batch);
    }

    fn say(&self, message: &str) {
        self.sink.line(text::lines(message));
    }

    /// Says what went wrong.
    fn say_failure(&self, message: &str) {
        self.sink.line(self.renderer.colors.failure(&text::lines(message)));
    }

    /// After Ctrl-C the terminal stands behind the `^C` that it has shown.
    fn end_row(&self) {
        if self.shows_progress {
            // That line goes, and the `^C` with it.
            self.sink.transient(None);
        } else {
            self.sink.line("");
        }
    }
}

/// A text of several lines has one if any of them has, or all together.
fn has_secret(text: &str) -> bool {
    secrets::line_has_secret(text) || text.lines().any(secrets::line_has_secret)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_several_lines() {
        for (text, expected) in [
            ("stop\ncont", false),
            ("{\"execute\": \"stop\"}\nset_password protocol=vnc password=x", true),
            ("stop\n{\"execute\": \"x\", \"arguments\": {\"password\": \"y\"}}", true),
            ("{\"execute\": \"x\", \"arguments\": {\"password\":\n\"y\"}}", true),
        ] {
            assert_eq!(has_secret(text), expected, "{text}");
        }
    }
}
