//! The terminal of the interactive shell: lines in, everything that is shown out. It knows nothing of connections or
//! messages.
//!
//! Three threads stand between the shell's one task and the terminal, so that neither can stop the other:
//!
//! - the **editor** reads lines with rustyline, one for each [`Console::read`];
//! - the **printer** writes what the [`Sink`]s were given, while no line is being typed;
//! - the **waker** asks the editor to repaint when something is pending while a line is being typed: the pending lines
//!   are a part of what rustyline gets as its prompt, so they appear above the line, which stays as it was.
//!
//! Whether editor or printer may write is decided in `state`, under one mutex. All three sleep while nothing happens. A
//! fourth thread, in `stop`, waits for Ctrl-Z.
//!
//! While no line is being read the terminal is in its usual mode: Ctrl-C is then the signal SIGINT, and what is typed
//! waits for the next line. Where lines cannot be edited (`TERM=dumb`) a plain thread reads them, and the printer writes
//! everything.

mod editor;
mod handover;
mod helper;
mod history;
mod line;
mod list;
mod plain;
mod printer;
mod queue;
mod recall;
mod settings;
mod state;
mod stop;
mod waker;

use std::io;
use std::os::unix::thread::JoinHandleExt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::pthread::{Pthread, pthread_kill};
use nix::sys::signal::{Signal, raise};
use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

pub(crate) use handover::Handover;
pub(crate) use helper::Assistant;
pub(crate) use line::Readline;
pub(crate) use queue::EVENTS;
pub(crate) use settings::{can_edit, is_dumb};
pub(crate) use state::Sink;

use editor::Editor;
use helper::LineHelper;
use history::History;
use line::IsComplete;
use plain::PlainText;
use settings::Terminal;
use state::Shared;

use crate::signals::Interrupts;

/// How long one signal has to end a line before the next is sent: a signal can get lost between two system calls.
const AGAIN: Duration = Duration::from_millis(20);

/// How long dropping a console waits for a terminal that takes no output.
const CLOSING: Duration = Duration::from_secs(2);

/// The options of a [`Console`].
pub(crate) struct ConsoleOptions {
    /// The prompt, without colors.
    pub prompt: String,
    /// The history file. Without one, the history lasts as long as the shell.
    pub history: Option<PathBuf>,
    /// Returns true for a line that does not go to the file.
    pub has_secret: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// Returns false for a text with an open bracket, quote or transaction: Enter then adds a line to it.
    pub is_complete: IsComplete,
    /// Shows colors, and with them hints.
    pub color: bool,
    /// The keys are those of vi, not those of Emacs.
    pub vi: bool,
    /// Ctrl-C where lines are not edited. tokio must catch SIGINT before the first line, because rustyline restores the
    /// handler that it found.
    pub interrupts: Interrupts,
}

/// The terminal, as the shell's main loop uses it.
///
/// Dropping it gives up the line being typed, prints what is pending, ends the threads and puts the terminal's settings
/// back. It blocks meanwhile, for at most two seconds; text that the terminal has not taken by then is lost.
/// `std::process::exit` does not do that, and leaves the terminal raw.
pub(crate) struct Console {
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<String>>,
    lines: UnboundedReceiver<Readline>,
    /// A line was asked for and has not come.
    pending: bool,
    /// The text with which the next line begins.
    next_text: String,
    /// A line that came although it was given up; the next read returns it.
    next: Option<Readline>,
    mode: Mode,
    /// The threads that end with the console. The editor, if there is one, comes first.
    threads: Vec<JoinHandle<()>>,
    assistant: Arc<OnceLock<Arc<dyn Assistant>>>,
}

enum Mode {
    Editor { terminal: Arc<Terminal> },
    Plain(PlainText),
}

impl Console {
    /// Starts the threads, and remembers the settings of the terminal. Shows nothing yet.
    ///
    /// # Errors
    /// The terminal or the threads cannot be set up.
    pub(crate) fn open(options: ConsoleOptions) -> anyhow::Result<Self> {
        let ConsoleOptions { prompt, history, has_secret, is_complete, color, vi, interrupts } = options;
        let shared = Arc::new(Shared::new(prompt, interrupt_editing));
        let (requests, requested) = mpsc::channel();
        let (sender, lines) = unbounded_channel();
        let mut console = Self {
            shared: Arc::clone(&shared),
            requests: Some(requests),
            lines,
            pending: false,
            next_text: String::new(),
            next: None,
            mode: Mode::Plain(PlainText::new(is_complete.clone(), interrupts)),
            threads: Vec::new(),
            assistant: Arc::default(),
        };
        if settings::can_edit() {
            let terminal = Arc::new(Terminal::open().context("cannot set up the terminal")?);
            // From here on dropping the console restores the terminal.
            console.mode = Mode::Editor { terminal: Arc::clone(&terminal) };
            stop::block();
            let stopper = (Arc::clone(&shared), Arc::clone(&terminal));
            spawn("stopper", move || stop::run(&stopper.0, &stopper.1))?;
            let helper = LineHelper::new(Arc::clone(&shared), is_complete, Arc::clone(&console.assistant), color);
            let editor = Editor::new(helper, terminal, History::new(history, has_secret), vi);
            let (editor, printer) = editor.context("cannot set up the line editor")?;
            console.threads.push(spawn("editor", move || editor.run(&requested, &sender))?);
            let waked = Arc::clone(&shared);
            console.threads.push(spawn("waker", move || waker::run(&waked, printer))?);
        } else {
            let shared = Arc::clone(&shared);
            // Never joined: only the end of stdin ends a read that blocks.
            spawn("reader", move || plain::run(&shared, &requested, &sender))?;
        }
        console.threads.push(spawn("printer", move || printer::run(&shared))?);
        Ok(console)
    }

    /// Returns a sink for everything to be shown.
    pub(crate) fn sink(&self) -> Sink {
        Arc::clone(&self.shared)
    }

    /// Sets the assistant for completion and, with color, hints and colors. Only the first one counts. Returns true if it
    /// will be asked, which it is not where lines are not edited.
    pub(crate) fn assist(&self, assistant: Arc<dyn Assistant>) -> bool {
        self.assistant.set(assistant).is_ok() && !self.has_echo()
    }

    /// Returns true if the terminal shows keys such as `^C` by itself while no line is typed. Where lines are edited it does
    /// not: text typed ahead would stand in the middle of output, and again behind the next prompt.
    pub(crate) fn has_echo(&self) -> bool {
        matches!(self.mode, Mode::Plain(_))
    }

    /// Paints the line being typed again: its colors have changed.
    pub(crate) fn repaint(&self) {
        self.shared.repaint();
    }

    /// Sets the text with which the next line begins, where lines are edited.
    pub(crate) fn set_next_text(&mut self, text: String) {
        self.next_text = text;
    }

    /// Shows the prompt and reads a line.
    ///
    /// Cancel safe: if the future is dropped the line stays on the terminal and can be typed on, and the next call gets
    /// it.
    pub(crate) async fn read(&mut self) -> Readline {
        if let Some(next) = self.next.take() {
            return next;
        }
        loop {
            self.request();
            let read = match &mut self.mode {
                Mode::Editor { .. } => self.lines.recv().await,
                Mode::Plain(plain) => tokio::select! {
                    biased;
                    // Ctrl-C after the end of a line is for that line.
                    read = self.lines.recv() => read,
                    // The kernel has dropped the line, and the thread waits for another one.
                    () = plain.interrupts.next() => {
                        plain.drop_text();
                        self.shared.hide_prompt();
                        self.shared.line("");
                        return Readline::Interrupted;
                    }
                },
            };
            self.pending = false;
            self.shared.line_arrived();
            let Some(read) = read else { return Readline::Failed("the line editor has ended".to_owned()) };
            let Mode::Plain(plain) = &mut self.mode else { return read };
            if let Some(read) = plain.add(read, &mut self.next) {
                return read;
            }
        }
    }

    /// Returns true if the line that [`Console::read`] waits for has ended and is on its way. A Ctrl-C that comes as a signal
    /// is then for the command in that line. While a line is being typed Ctrl-C is a key, so a signal was sent before, or by
    /// another program.
    pub(crate) fn line_has_ended(&self) -> bool {
        // Where lines are not edited, `read` handles Ctrl-C.
        !self.has_echo() && self.shared.line_has_ended(settings::is_cooked)
    }

    /// Gives up the line being typed, if there is one. If it was finished at the same moment, the next
    /// [`Console::read`] gets it.
    ///
    /// The editor is interrupted with SIGINT, so listeners to that signal may see one that no user sent.
    ///
    /// Cancel safe: the line may then be given up, or not.
    async fn interrupt(&mut self) {
        if !self.pending {
            return;
        }
        if let Mode::Plain(plain) = &mut self.mode {
            // The kernel edits the line, and reading continues.
            plain.drop_text();
            return;
        }
        let read = loop {
            self.signal();
            if let Ok(read) = timeout(AGAIN, self.lines.recv()).await {
                break read;
            }
        };
        self.pending = false;
        self.shared.line_arrived();
        self.shared.interrupt_done();
        self.next = read.filter(|read| *read != Readline::Interrupted);
    }

    /// Gives the terminal, with the settings it was found with, to another program until the handover is dropped. Gives up a
    /// line being typed, and prints pending text first. Meanwhile the sinks only collect.
    ///
    /// Cancel safe: the terminal then stays here.
    pub(crate) async fn hand_over(&mut self) -> Handover {
        self.interrupt().await;
        self.shared.flushed().await;
        let terminal = match &self.mode {
            Mode::Editor { terminal } => Some(Arc::clone(terminal)),
            Mode::Plain(_) => None,
        };
        Handover::begin(self.sink(), terminal).await
    }

    /// Does what [`Console::hand_over`] does, for a question that is answered without echo: the settings stay, so what was
    /// typed too early is not shown.
    pub(crate) async fn hand_over_unchanged(&mut self) -> Handover {
        self.interrupt().await;
        self.shared.flushed().await;
        Handover::begin(self.sink(), None).await
    }

    /// Drops what was typed ahead: it may be the answer to a question, typed too early, and must not run as a command.
    pub(crate) fn drop_typed_ahead(&self) {
        // On an error the terminal is gone.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        self.shared.drop_typed_ahead();
    }

    /// Asks for a line, if none is being read.
    fn request(&mut self) {
        if let Mode::Plain(plain) = &mut self.mode {
            if !self.pending {
                // A Ctrl-C while a command ran was for that command.
                plain.interrupts.forget();
            }
            if !plain.has_text() {
                self.shared.show_prompt();
            }
        }
        if !self.pending
            && let Some(requests) = &self.requests
        {
            // On an error the answer does not come, and `read` fails.
            self.pending = requests.send(std::mem::take(&mut self.next_text)).is_ok();
        }
    }

    /// Asks the editor thread to give up its line, and interrupts it where it waits for a key.
    fn signal(&self) {
        if self.shared.interrupt()
            && let Some(editor) = self.threads.first()
        {
            // The thread was not joined, so its id is valid. It may have ended, which is the only error. The id is a number for
            // the standard library, and a pointer for musl.
            let _ = pthread_kill(editor.as_pthread_t() as Pthread, Signal::SIGINT);
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.requests = None;
        self.shared.start_closing();
        let end = Instant::now() + CLOSING;
        while !self.threads.iter().all(JoinHandle::is_finished) && Instant::now() < end {
            if self.pending && !self.has_echo() {
                self.signal();
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.shared.close();
        if let Mode::Editor { terminal } = &self.mode {
            terminal.restore();
        }
    }
}

/// Makes rustyline give up the line. The handler is rustyline's while a line is being edited; it takes note, and rustyline
/// looks when it waits for a key.
fn interrupt_editing() {
    // There is such a signal.
    let _ = raise(Signal::SIGINT);
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work).context("cannot start a thread")
}
