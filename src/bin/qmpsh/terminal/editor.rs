//! The thread that reads lines with rustyline.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use rustix::process::kill_current_process_group;
use rustyline::config::Configurer;
use rustyline::error::{ReadlineError, Signal};
use rustyline::history::{History as _, MemHistory};
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Event, EventContext, EventHandler,
    ExternalPrinter, KeyEvent, Modifiers, RepeatCount,
};
use tokio::sync::mpsc::UnboundedSender;

use super::helper::Lines;
use super::history::{self, History};
use super::settings::{self, Terminal};
use super::state::Shared;
use super::typed::Typed;
use super::{Error, Input};

/// How long the rest of a key that begins with Escape may take, in milliseconds: as in readline.
const ESCAPE: u16 = 500;

/// rustyline and what it is told.
pub(super) struct Editor {
    rustyline: rustyline::Editor<Lines, MemHistory>,
    shared: Arc<Shared>,
    terminal: Arc<Terminal>,
    history: History,
    /// The line that has ended was dropped.
    dropped: Arc<AtomicBool>,
    warned: bool,
}

impl Editor {
    pub(super) fn new(lines: Lines, terminal: Arc<Terminal>, history: History) -> Result<Self, Error> {
        // Without "forced" the variable NO_COLOR would turn the highlighter off, and with it the painting of what is
        // pending. Color itself is not rustyline's matter.
        // After a lone Escape rustyline would wait for the next key, and show nothing that comes meanwhile.
        // Each Tab is a question of its own: what is found is listed elsewhere.
        let config = Config::builder()
            .color_mode(ColorMode::Forced)
            .completion_type(CompletionType::List)
            .keyseq_timeout(Some(ESCAPE))
            .build();
        let shared = Arc::clone(&lines.shared);
        // The handler is rustyline's while a line is being edited; it takes note, and rustyline looks when it waits for a key.
        shared.set_give_up(|| {
            // There is such a signal.
            let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGINT);
        });
        let mut rustyline = rustyline::Editor::with_history(config, MemHistory::new()).map_err(Error::Editor)?;
        rustyline.set_max_history_size(history::LINES).map_err(Error::Editor)?;
        rustyline.set_helper(Some(lines));
        // rustyline takes this key from the settings of the terminal, where it is off.
        rustyline.bind_sequence(key(char::from(settings::DISABLED)), Cmd::Noop);
        if let Some(end) = terminal.end_of_file() {
            rustyline.bind_sequence(key(end), EventHandler::Conditional(Box::new(EndOfFile)));
        }
        let dropped = Arc::new(AtomicBool::new(false));
        if let Some(interrupt) = terminal.interrupt() {
            let drop_line = DropLine(Arc::clone(&dropped));
            rustyline.bind_sequence(key(interrupt), EventHandler::Conditional(Box::new(drop_line)));
        }
        if let Some(suspend) = terminal.suspend() {
            rustyline.bind_sequence(key(suspend), EventHandler::Conditional(Box::new(Suspend)));
        }
        Ok(Self { rustyline, shared, terminal, history, dropped, warned: false })
    }

    /// For the waker. It must exist before the first line: without one, signals do not reach a thread that is not the
    /// main one.
    pub(super) fn printer(&mut self) -> Result<impl ExternalPrinter + Send + use<>, Error> {
        self.rustyline.create_external_printer().map_err(Error::Editor)
    }

    /// Reads a line for each request, until nobody can make one.
    pub(super) fn run(mut self, requests: &Receiver<()>, inputs: &UnboundedSender<Input>) {
        match self.history.load() {
            Ok(lines) => {
                for line in lines {
                    // In memory this cannot fail.
                    let _ = self.rustyline.history_mut().add_owned(line);
                }
            }
            Err(error) => self.warn(&error),
        }
        while requests.recv().is_ok() {
            if inputs.send(self.read()).is_err() {
                return;
            }
        }
    }

    fn read(&mut self) -> Input {
        loop {
            let Ok(()) = self.shared.begin() else { return Input::Interrupted };
            let result = self.edit();
            // A signal can have kept rustyline from leaving raw mode. If this fails, so does the next read.
            let _ = self.terminal.settle();
            self.shared.end();
            return match result {
                Ok(_) if self.dropped.swap(false, Ordering::Relaxed) => Input::Interrupted,
                Ok(line) => {
                    self.remember(&line);
                    Input::Line(line)
                }
                // The second: the signal came after Ctrl-V, or within a paste.
                Err(ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt)) => Input::Interrupted,
                // A change of the size there; rustyline has lost the line.
                Err(ReadlineError::Signal(Signal::Resize)) => continue,
                Err(ReadlineError::Eof) => Input::EndOfFile,
                Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    self.shared.line("dropped the line: it is not UTF-8".to_owned());
                    continue;
                }
                Err(error) => Input::Failed(error.to_string()),
            };
        }
    }

    /// A line, under one prompt or, when that changes, several.
    fn edit(&mut self) -> rustyline::Result<String> {
        let mut typed = Typed::default();
        loop {
            let prompt = self.shared.prompt();
            self.terminal.settle()?;
            let result = self.rustyline.readline_with_initial(&prompt, typed.parts());
            if !matches!(result, Err(ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt))) {
                return result;
            }
            match self.shared.begin_anew(&prompt, settings::columns()) {
                Some(again) => typed = again,
                None => return result,
            }
        }
    }

    fn remember(&mut self, line: &str) {
        if !self.history.wants(line) {
            return;
        }
        // In memory this cannot fail.
        let _ = self.rustyline.add_history_entry(line);
        if let Err(error) = self.history.append(line) {
            self.warn(&error);
        }
    }

    /// Says once that the history is not kept.
    fn warn(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.warned, true)
            && let Some(path) = self.history.path()
        {
            // A path can hold anything.
            let path = path.to_string_lossy();
            self.shared.line(format!("warning: cannot keep the history: {path:?}: {error}"));
        }
    }
}

fn key(char: char) -> KeyEvent {
    KeyEvent::new(char, Modifiers::NONE)
}

/// Drops the line. With its own way of doing so rustyline loses what it has read behind the key.
struct DropLine(Arc<AtomicBool>);

impl ConditionalEventHandler for DropLine {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::Relaxed);
        Some(Cmd::AcceptLine)
    }
}

/// Stops the program, and whoever is in its process group; see `stop`. rustyline itself would leave the terminal with the settings that
/// hold while a command runs.
struct Suspend;

impl ConditionalEventHandler for Suspend {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        // There is such a group.
        let _ = kill_current_process_group(rustix::process::Signal::TSTP);
        Some(Cmd::Noop)
    }
}

/// Ends the input on an empty line; on any other the key does what it does without this.
struct EndOfFile;

impl ConditionalEventHandler for EndOfFile {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        context.line().is_empty().then_some(Cmd::EndOfFile)
    }
}
