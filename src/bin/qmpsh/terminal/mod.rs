//! The terminal of the interactive shell: lines in, everything that is shown out. It knows nothing of QMP.
//!
//! Three threads stand between the shell's one task and the terminal, so that neither can stop the other:
//!
//! - the **editor** reads lines with rustyline, one for each [`Console::read`];
//! - the **printer** writes what the [`Sink`]s were given, while no line is being typed;
//! - the **waker** asks the editor to repaint when something is pending while a line is being typed: the pending lines
//!   are a part of what rustyline gets as its prompt, so they appear above the line, which stays as it was.
//!
//! Which of editor and printer may write is decided in `state`, under one mutex. All three sleep while nothing happens.
//!
//! While no line is being read the terminal is in its usual mode: Ctrl-C is then the signal SIGINT, and what is typed
//! waits for the next line. Where lines cannot be edited (`TERM=dumb`, stdin or stdout no terminal) a plain thread
//! reads them, and what is shown goes through the printer alone.

mod editor;
mod error;
mod guard;
mod handover;
mod helper;
mod history;
mod list;
mod options;
mod plain;
mod printer;
mod queue;
mod settings;
mod sink;
mod state;
mod stop;
mod threads;
mod typed;
mod waker;

use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

pub(crate) use error::Error;
pub(crate) use guard::TerminalGuard;
pub(crate) use handover::Handover;
pub(crate) use helper::Assistant;
pub(crate) use history::HistoryOptions;
pub(crate) use options::{ConsoleOptions, IsComplete};
pub(crate) use settings::{can_edit, is_dumb};
pub(crate) use sink::Sink;

use editor::Editor;
use helper::Lines;
use history::History;
use plain::PlainText;
use settings::Terminal;
use state::Shared;
use threads::Threads;

/// How long one signal has to end a line before the next is sent: it can come between two system calls.
const AGAIN: Duration = Duration::from_millis(20);

/// How long [`Console::close`] waits for a terminal that takes nothing.
const CLOSING: Duration = Duration::from_secs(1);

/// How long dropping a console waits for its threads.
const DROPPING: Duration = Duration::from_millis(200);

/// What came from the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A line, or several with newlines between them (a text that went on, or was pasted), without the last newline.
    Line(String),
    /// Ctrl-C: the line being typed was dropped.
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal is gone.
    EndOfFile,
    /// The terminal cannot be read; the text says why. What follows is the same again.
    Failed(String),
}

/// The terminal, as the shell's main loop uses it.
///
/// Call [`Console::close`] before the program ends, also when a signal ends it: dropping does the same, but cannot wait
/// long. `std::process::exit` does neither, and leaves the terminal raw.
#[derive(Debug)]
pub(crate) struct Console {
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<()>>,
    inputs: UnboundedReceiver<Input>,
    /// A line was asked for and has not come.
    pending: bool,
    /// What came and was not asked for any more.
    kept: Option<Input>,
    mode: Mode,
    closed: bool,
    threads: Threads,
    assistant: Arc<OnceLock<Arc<dyn Assistant>>>,
}

#[derive(Debug)]
enum Mode {
    Editor { terminal: Arc<Terminal> },
    Plain(PlainText),
}

impl Console {
    /// Starts the threads; nothing is shown yet. The terminal's settings are remembered, for [`Console::close`].
    ///
    /// It also makes tokio catch SIGINT, for good: the editor is interrupted by that signal.
    ///
    /// # Errors
    /// The terminal, the signal or the threads cannot be set up.
    ///
    /// # Panics
    /// Outside of a tokio runtime that has its I/O enabled.
    pub(crate) fn open(options: ConsoleOptions) -> Result<Self, Error> {
        let ConsoleOptions { prompt, history, is_complete, color } = options;
        // Before the first line: rustyline puts back the handler it found.
        let interrupts = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
        let shared = Arc::new(Shared::new(prompt));
        let (requests, requested) = mpsc::channel();
        let (sender, inputs) = unbounded_channel();
        let mut console = Self {
            shared: Arc::clone(&shared),
            requests: Some(requests),
            inputs,
            pending: false,
            kept: None,
            mode: Mode::Plain(PlainText::new(is_complete.clone(), interrupts)),
            closed: false,
            threads: Threads::new(),
            assistant: Arc::default(),
        };
        if settings::can_edit() {
            let terminal = Arc::new(Terminal::open().map_err(Error::Terminal)?);
            // From here on dropping the console puts the terminal back.
            console.mode = Mode::Editor { terminal: Arc::clone(&terminal) };
            stop::block();
            let stopper = (Arc::clone(&shared), Arc::clone(&terminal));
            threads::spawn("stopper", move || stop::run(&stopper.0, &stopper.1))?;
            let lines = Lines::new(Arc::clone(&shared), is_complete, Arc::clone(&console.assistant), color);
            let mut editor = Editor::new(lines, terminal, History::new(history))?;
            let printer = editor.printer()?;
            console.threads.start("editor", move || editor.run(&requested, &sender))?;
            let waked = Arc::clone(&shared);
            console.threads.start("waker", move || waker::run(&waked, printer))?;
        } else {
            let shared = Arc::clone(&shared);
            threads::spawn("reader", move || plain::run(&shared, &requested, &sender))?;
        }
        console.threads.start("printer", move || printer::run(&shared))?;
        Ok(console)
    }

    /// Where everything to be shown goes in.
    pub(crate) fn sink(&self) -> Sink {
        Sink::new(Arc::clone(&self.shared))
    }

    /// Has somebody help with the lines: completion, and with color hints and colors. The first who is given stays; where
    /// lines are not edited nobody is asked. True if somebody will be.
    pub(crate) fn assist(&self, assistant: Arc<dyn Assistant>) -> bool {
        self.assistant.set(assistant).is_ok() && matches!(self.mode, Mode::Editor { .. })
    }

    /// Whether the terminal shows by itself what is pressed while no line is being typed, such as `^C`. Where lines are edited it
    /// does not: what is typed ahead would stand in the middle of what is printed, and again behind the next prompt.
    pub(crate) fn has_echo(&self) -> bool {
        matches!(self.mode, Mode::Plain(_))
    }

    /// Paints the line being typed again: its colors are others now.
    pub(crate) fn repaint(&self) {
        self.shared.repaint();
    }

    /// Shows the prompt and waits for what the person does.
    ///
    /// Cancel safe: if the future is dropped the line stays on the terminal and can be typed on, and the next call gets
    /// it.
    pub(crate) async fn read(&mut self) -> Input {
        if let Some(input) = self.kept.take() {
            return input;
        }
        loop {
            self.request();
            let input = match &mut self.mode {
                Mode::Editor { .. } => self.inputs.recv().await,
                Mode::Plain(plain) => tokio::select! {
                    biased;
                    // A line that was finished before Ctrl-C is what that was for.
                    input = self.inputs.recv() => input,
                    // The kernel has dropped the line; the thread goes on waiting for another one.
                    () = plain.interrupted() => {
                        plain.drop_text();
                        self.shared.hide_prompt();
                        self.shared.line(String::new());
                        return Input::Interrupted;
                    }
                },
            };
            self.pending = false;
            self.shared.line_arrived();
            let Some(input) = input else { return Input::Failed("the line editor has ended".to_owned()) };
            let Mode::Plain(plain) = &mut self.mode else { return input };
            if let Some(input) = plain.add(input, &mut self.kept) {
                return input;
            }
        }
    }

    /// Whether the line that [`Console::read`] waits for has been finished and is on its way: a Ctrl-C that comes as a signal
    /// is then for what the line asks for. While a line is being typed Ctrl-C is a key, so a signal that comes there was
    /// sent before, or by another program.
    pub(crate) fn line_has_ended(&self) -> bool {
        match &self.mode {
            Mode::Editor { .. } => self.shared.line_has_ended(settings::is_cooked),
            // There the kernel drops the line, and reading tells it.
            Mode::Plain(_) => false,
        }
    }

    /// Gives up the line being typed, if there is one. If it was finished at the same moment, the next
    /// [`Console::read`] gets it.
    ///
    /// The editor is interrupted with SIGINT, so whoever listens to that signal can see one that nobody sent.
    ///
    /// Cancel safe: the line may then be given up, or not.
    pub(crate) async fn interrupt(&mut self) {
        if !self.pending {
            return;
        }
        if let Mode::Plain(plain) = &mut self.mode {
            // There the line belongs to the kernel, and reading goes on.
            plain.drop_text();
            return;
        }
        let input = loop {
            self.signal();
            if let Ok(input) = timeout(AGAIN, self.inputs.recv()).await {
                break input;
            }
        };
        self.pending = false;
        self.shared.line_arrived();
        self.shared.interrupt_done();
        self.kept = input.filter(|input| *input != Input::Interrupted);
    }

    /// Gives up the line being typed, prints what is pending, ends the threads and puts the terminal's settings back.
    /// Takes at most about two seconds, when the terminal takes no output; then what is pending is lost.
    ///
    /// Cancel safe, in that dropping the console does the rest.
    pub(crate) async fn close(&mut self) {
        // An error means that it took too long.
        let _ = timeout(CLOSING, self.interrupt()).await;
        self.requests = None;
        self.shared.start_closing();
        let ended = self.threads.have_ended(CLOSING).await;
        self.finish(ended);
    }

    /// Asks for a line, if none is being read.
    fn request(&mut self) {
        if let Mode::Plain(plain) = &mut self.mode {
            if !self.pending {
                // What was pressed while a command ran was for the command.
                plain.forget_interrupts();
            }
            if !plain.has_text() {
                self.shared.show_prompt();
            }
        }
        if !self.pending
            && let Some(requests) = &self.requests
        {
            // An error shows when the answer does not come.
            self.pending = requests.send(()).is_ok();
        }
    }

    /// Asks the editor thread to give up its line, and interrupts it where it waits for a key.
    fn signal(&self) {
        if self.shared.interrupt() {
            self.threads.interrupt_editor();
        }
    }

    /// Ends what is left: the threads are joined if they have ended, and left alone if not.
    fn finish(&mut self, ended: bool) {
        self.closed = true;
        self.shared.close();
        if ended {
            self.threads.join();
        } else {
            self.threads.forget();
        }
        if let Mode::Editor { terminal } = &self.mode {
            terminal.restore();
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        self.requests = None;
        self.shared.start_closing();
        let is_typing = self.pending && matches!(self.mode, Mode::Editor { .. });
        let ended = self.threads.have_ended_blocking(DROPPING, || {
            if is_typing {
                self.signal();
            }
        });
        self.finish(ended);
    }
}
