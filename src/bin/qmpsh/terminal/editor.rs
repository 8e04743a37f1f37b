//! The thread that reads lines with rustyline.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use rustix::process::kill_current_process_group;
use rustix::termios::SpecialCodeIndex;
use rustyline::config::Configurer;
use rustyline::error::{ReadlineError, Signal};
use rustyline::history::History as _;
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, EditMode, Event, EventContext, EventHandler,
    ExternalPrinter, KeyCode, KeyEvent, Modifiers, RepeatCount,
};
use tokio::sync::mpsc::UnboundedSender;

use super::helper::{LineHelper, forget};
use super::history::{self, History};
use super::line::Readline;
use super::line::Typed;
use super::recall::RecallHistory;
use super::settings::{self, Terminal};
use super::state::Shared;
use crate::output::columns::wrap;
use qmpsh::error::describe;

/// How long the rest of a key that begins with Escape may take, in milliseconds, as in readline.
const ESCAPE: u16 = 500;

/// rustyline, and the history file.
pub(super) struct Editor {
    rustyline: rustyline::Editor<LineHelper, RecallHistory>,
    shared: Arc<Shared>,
    terminal: Arc<Terminal>,
    history: History,
    /// The line ended with Ctrl-C.
    dropped: Arc<AtomicBool>,
    /// The line ended with Ctrl-X Ctrl-E.
    edits: Arc<AtomicBool>,
}

impl Editor {
    /// Also returns rustyline's external printer, for the waker. It must exist before the first line: without it, signals
    /// do not reach a thread other than the main one.
    pub(super) fn new(
        helper: LineHelper,
        terminal: Arc<Terminal>,
        history: History,
        vi: bool,
    ) -> rustyline::Result<(Self, impl ExternalPrinter + Send + use<>)> {
        // Forced: with NO_COLOR rustyline would not ask the highlighter, which paints the pending lines. The helper decides
        // about colors.
        // Timeout: after a lone Escape rustyline would wait for the next key, and show nothing that comes meanwhile.
        // List: rustyline asks the helper at each Tab; the helper shows the list itself.
        let config = Config::builder()
            .color_mode(ColorMode::Forced)
            .completion_type(CompletionType::List)
            .edit_mode(if vi { EditMode::Vi } else { EditMode::Emacs })
            .keyseq_timeout(Some(ESCAPE))
            .build();
        let shared = Arc::clone(&helper.shared);
        let history_lines = RecallHistory::new(Arc::clone(&helper.recall));
        let mut rustyline = rustyline::Editor::with_history(config, history_lines)?;
        rustyline.set_max_history_size(history::LINES)?;
        bind_typing_keys(&mut rustyline, &helper);
        rustyline.set_helper(Some(helper));
        // The terminal has no VEOF while lines are read. rustyline would take its value for a key.
        rustyline.bind_sequence(key(char::from(settings::DISABLED)), Cmd::Noop);
        let mut bind = |code, handler: Box<dyn ConditionalEventHandler>| {
            if let Some(char) = terminal.key(code) {
                rustyline.bind_sequence(key(char), EventHandler::Conditional(handler));
            }
        };
        // On a line that is not empty the key keeps its usual meaning.
        let end = |context: &EventContext<'_>| context.line().is_empty().then_some(Cmd::EndOfFile);
        bind(SpecialCodeIndex::VEOF, Box::new(Handler(end)));
        // rustyline's own way to drop a line loses the keys that it has read behind this one.
        let dropped = Arc::new(AtomicBool::new(false));
        let drops = Arc::clone(&dropped);
        let drop_line = move |_: &EventContext<'_>| {
            drops.store(true, Ordering::Relaxed);
            Some(Cmd::AcceptLine)
        };
        bind(SpecialCodeIndex::VINTR, Box::new(Handler(drop_line)));
        // Stops the process group; see `stop`. rustyline's own way would leave the terminal with the settings for commands.
        let suspend = |_: &EventContext<'_>| {
            // There is such a group.
            let _ = kill_current_process_group(rustix::process::Signal::TSTP);
            Some(Cmd::Noop)
        };
        bind(SpecialCodeIndex::VSUSP, Box::new(Handler(suspend)));
        // The keys bound here and in `bind_typing_keys` are not among these.
        let drops_keys = Arc::clone(&shared);
        let drop_key = move |_: &EventContext<'_>| drops_keys.drops_keys().then_some(Cmd::Noop);
        rustyline.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(Handler(drop_key))));
        let edits = Arc::new(AtomicBool::new(false));
        let edits_line = Arc::clone(&edits);
        let edit = move |_: &EventContext<'_>| {
            edits_line.store(true, Ordering::Relaxed);
            Some(Cmd::AcceptLine)
        };
        let keys = [KeyEvent::ctrl('X'), KeyEvent::ctrl('E')];
        rustyline.bind_sequence(Event::KeySeq(keys.to_vec()), EventHandler::Conditional(Box::new(Handler(edit))));
        let printer = rustyline.create_external_printer()?;
        Ok((Self { rustyline, shared, terminal, history, dropped, edits }, printer))
    }

    /// Reads a line for each request, until the console is closed.
    pub(super) fn run(mut self, requests: &Receiver<String>, lines: &UnboundedSender<Readline>) {
        match self.history.load() {
            Ok(entries) => {
                for line in entries {
                    // In memory this cannot fail.
                    let _ = self.rustyline.history_mut().add_owned(line);
                }
            }
            Err(error) => self.warn(&error),
        }
        while let Ok(text) = requests.recv() {
            if lines.send(self.read(&text)).is_err() {
                return;
            }
        }
    }

    /// Reads a line that begins with `text`.
    fn read(&mut self, text: &str) -> Readline {
        loop {
            let Ok(()) = self.shared.begin() else { return Readline::Interrupted };
            let result = self.edit(text);
            // A signal may have kept rustyline from leaving raw mode. If this fails, so does the next read.
            let _ = self.terminal.settle();
            self.shared.end();
            return match result {
                Ok(_) if self.dropped.swap(false, Ordering::Relaxed) => Readline::Interrupted,
                Ok(line) if self.edits.swap(false, Ordering::Relaxed) => Readline::Edit(line),
                Ok(line) => {
                    self.remember(&line);
                    Readline::Line(line)
                }
                // `Signal`: it came after Ctrl-V, or within a paste.
                Err(ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt)) => Readline::Interrupted,
                // The size changed after Ctrl-V or within a paste, and rustyline has lost the line.
                Err(ReadlineError::Signal(Signal::Resize)) => continue,
                Err(ReadlineError::Eof) => Readline::EndOfFile,
                Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    self.shared.line("dropped the line: it is not UTF-8");
                    continue;
                }
                Err(error) => Readline::Failed(describe(&error)),
            };
        }
    }

    /// Edits a line. When the prompt changes its width, the line is begun anew with the same text.
    fn edit(&mut self, text: &str) -> rustyline::Result<String> {
        let mut typed = Typed::default();
        typed.set(text, text.len());
        self.shared.note(text, text.len());
        loop {
            let prompt = self.shared.prompt();
            self.terminal.settle()?;
            let result = self.rustyline.readline_with_initial(&prompt, typed.parts());
            if matches!(result, Ok(_) | Err(ReadlineError::Eof)) && self.shared.drops_line() {
                self.dropped.store(false, Ordering::Relaxed);
                self.edits.store(false, Ordering::Relaxed);
                continue;
            }
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

    /// Warns that the history is not kept, and keeps it in memory from now on.
    fn warn(&mut self, error: &io::Error) {
        if let Some(path) = self.history.give_up_file() {
            // Debug escapes control characters in the path.
            let path = path.to_string_lossy();
            let warning = format!("warning: cannot keep the history: {path:?}: {}", describe(&error));
            self.shared.line(wrap(&warning, settings::columns()));
        }
    }
}

/// Binds the keys that take a hint, search the history and show help.
fn bind_typing_keys(rustyline: &mut rustyline::Editor<LineHelper, RecallHistory>, helper: &LineHelper) {
    let mut bind = |key: KeyEvent, handler: Box<dyn ConditionalEventHandler>| {
        rustyline.bind_sequence(key, EventHandler::Conditional(handler));
    };
    for key in [named(KeyCode::Right), named(KeyCode::End), KeyEvent::ctrl('F')] {
        bind(key, Box::new(Handler(take_hint)));
    }
    for (code, up) in [(KeyCode::Up, true), (KeyCode::Down, false)] {
        let recall = Arc::clone(&helper.recall);
        let press = move |context: &EventContext<'_>| recall.press(context.line(), context.pos(), up);
        bind(named(code), Box::new(Handler(press)));
    }
    let listed = Arc::clone(&helper.listed);
    let clear = move |_: &EventContext<'_>| {
        forget(&listed);
        None
    };
    bind(KeyEvent::ctrl('L'), Box::new(Handler(clear)));
    let help = helper.help();
    let show = move |context: &EventContext<'_>| {
        help.show(context.line(), context.pos());
        Some(Cmd::Noop)
    };
    bind(named(KeyCode::F(1)), Box::new(Handler(show)));
    let help = helper.help();
    // In vi mode it would be Escape, and then h.
    let show = move |context: &EventContext<'_>| {
        (context.mode() == EditMode::Emacs).then(|| help.show(context.line(), context.pos()))?;
        Some(Cmd::Noop)
    };
    bind(KeyEvent::alt('h'), Box::new(Handler(show)));
}

/// Takes the next argument of the hint behind the cursor.
fn take_hint(context: &EventContext<'_>) -> Option<Cmd> {
    let is_there = context.has_hint() && context.pos() == context.line().len();
    // For a hint without an argument rustyline would ring the bell.
    is_there.then(|| if context.hint_text().is_some() { Cmd::CompleteHint } else { Cmd::Noop })
}

fn named(code: KeyCode) -> KeyEvent {
    KeyEvent(code, Modifiers::NONE)
}

fn key(char: char) -> KeyEvent {
    KeyEvent::new(char, Modifiers::NONE)
}

/// The function of a key.
struct Handler<F>(F);

impl<F: Fn(&EventContext<'_>) -> Option<Cmd> + Send + Sync> ConditionalEventHandler for Handler<F> {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        (self.0)(context)
    }
}
