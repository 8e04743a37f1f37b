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
mod handover;
mod helper;
mod history;
mod list;
mod plain;
mod printer;
mod queue;
mod sink;
mod state;
mod terminal;
mod typed;
mod waker;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::os::unix::thread::JoinHandleExt;
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::pthread::pthread_kill;
use nix::sys::signal::{SigSet, Signal};
use rustyline::error::ReadlineError;
use tokio::signal::unix::{self as signal, SignalKind};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

pub use handover::Handover;
pub use helper::Assistant;
pub use history::HistoryOptions;
pub use sink::Sink;
pub(super) use terminal::is_dumb;

use editor::Editor;
use helper::Lines;
use history::History;
use state::Shared;
use terminal::Terminal;

/// How long one signal has to end a line before the next is sent: it can come between two system calls.
const AGAIN: Duration = Duration::from_millis(20);

/// How long [`Console::close`] waits for a terminal that takes nothing.
const CLOSING: Duration = Duration::from_secs(1);

/// How long dropping a console waits for its threads.
const DROPPING: Duration = Duration::from_millis(200);

/// Says whether a text is finished.
#[derive(Clone)]
pub struct IsComplete(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl IsComplete {
    /// From what decides it.
    pub fn new(is_complete: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_complete))
    }

    fn of(&self, text: &str) -> bool {
        (self.0)(text)
    }
}

impl fmt::Debug for IsComplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IsComplete")
    }
}

/// How a [`Console`] is to be.
#[derive(Clone, Debug)]
pub struct ConsoleOptions {
    /// The prompt, without colours.
    pub prompt: String,
    /// Where lines are kept, and which.
    pub history: HistoryOptions,
    /// Says false for a text that is not finished (an open bracket, quote, transaction): Enter then adds a line to it.
    pub is_complete: IsComplete,
    /// Whether there are colours, and with them hints.
    pub colour: bool,
}

/// What came from the person at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line, or several with newlines between them (a text that went on, or was pasted), without the last newline.
    Line(String),
    /// Ctrl-C: the line being typed was dropped.
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal is gone.
    EndOfFile,
    /// The terminal cannot be read; the text says why. What follows is the same again.
    Failed(String),
}

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings of the terminal cannot be read or changed.
    #[error("cannot set up the terminal")]
    Terminal(#[source] io::Error),
    /// The line editor cannot be made.
    #[error("cannot set up the line editor")]
    Editor(#[source] ReadlineError),
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// SIGINT cannot be caught.
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
}

/// The terminal, as the shell's main loop uses it.
///
/// Call [`Console::close`] before the program ends, also when a signal ends it: dropping does the same, but cannot wait
/// long. `std::process::exit` does neither, and leaves the terminal raw.
#[derive(Debug)]
pub struct Console {
    shared: Arc<Shared>,
    requests: Option<mpsc::Sender<()>>,
    inputs: UnboundedReceiver<Input>,
    /// A line was asked for and has not come.
    pending: bool,
    /// What came and was not asked for any more.
    kept: Option<Input>,
    mode: Mode,
    closed: bool,
    /// The threads that can be joined: the editor comes first.
    threads: Vec<JoinHandle<()>>,
    /// Ends when the last of those threads has ended.
    alive: UnboundedReceiver<Infallible>,
    assistant: Arc<OnceLock<Arc<dyn Assistant>>>,
}

#[derive(Debug)]
enum Mode {
    Editor { terminal: Arc<Terminal> },
    Plain { is_complete: IsComplete, text: String, interrupts: signal::Signal },
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
    pub fn open(options: ConsoleOptions) -> Result<Self, Error> {
        let ConsoleOptions { prompt, history, is_complete, colour } = options;
        // Before the first line: rustyline puts back the handler it found.
        let interrupts = signal::signal(SignalKind::interrupt()).map_err(Error::Signals)?;
        let shared = Arc::new(Shared::new(prompt));
        let (requests, requested) = mpsc::channel();
        let (sender, inputs) = unbounded_channel();
        let (running, alive) = unbounded_channel();
        let mut console = Self {
            shared: Arc::clone(&shared),
            requests: Some(requests),
            inputs,
            pending: false,
            kept: None,
            mode: Mode::Plain { is_complete: is_complete.clone(), text: String::new(), interrupts },
            closed: false,
            threads: Vec::new(),
            alive,
            assistant: Arc::default(),
        };
        if terminal::can_edit() {
            let terminal = Arc::new(Terminal::open().map_err(Error::Terminal)?);
            // From here on dropping the console puts the terminal back.
            console.mode = Mode::Editor { terminal: Arc::clone(&terminal) };
            // For Ctrl-Z rustyline sends this signal and goes on when it is back. That it has stopped by then is sure only
            // if no other thread can take the signal. An error would be one of the arguments.
            let _ = SigSet::from(Signal::SIGTSTP).thread_block();
            let lines = Lines::new(Arc::clone(&shared), is_complete, Arc::clone(&console.assistant), colour);
            let mut editor = Editor::new(lines, terminal, History::new(history))?;
            let printer = editor.printer()?;
            console.start("editor", &running, move || {
                let _ = SigSet::from(Signal::SIGTSTP).thread_unblock();
                editor.run(&requested, &sender);
            })?;
            let waked = Arc::clone(&shared);
            console.start("waker", &running, move || waker::run(&waked, printer))?;
        } else {
            let shared = Arc::clone(&shared);
            spawn("reader", move || plain::run(&shared, &requested, &sender))?;
        }
        console.start("printer", &running, move || printer::run(&shared))?;
        Ok(console)
    }

    /// Where everything to be shown goes in.
    pub fn sink(&self) -> Sink {
        Sink::new(Arc::clone(&self.shared))
    }

    /// Has somebody help with the lines: completion, and with colour hints and colours. The first who is given stays; where
    /// lines are not edited nobody is asked. True if somebody will be.
    pub fn assist(&self, assistant: Arc<dyn Assistant>) -> bool {
        self.assistant.set(assistant).is_ok() && matches!(self.mode, Mode::Editor { .. })
    }

    /// Paints the line being typed again: its colours are others now.
    pub fn repaint(&self) {
        self.shared.repaint();
    }

    /// Shows the prompt and waits for what the person does.
    ///
    /// Cancel safe: if the future is dropped the line stays on the terminal and can be typed on, and the next call gets
    /// it.
    pub async fn read(&mut self) -> Input {
        if let Some(input) = self.kept.take() {
            return input;
        }
        loop {
            self.request();
            let input = match &mut self.mode {
                Mode::Editor { .. } => self.inputs.recv().await,
                Mode::Plain { interrupts, .. } => tokio::select! {
                    biased;
                    // A line that was finished before Ctrl-C is what that was for.
                    input = self.inputs.recv() => input,
                    // The kernel has dropped the line; the thread goes on waiting for another one.
                    Some(()) = interrupts.recv() => {
                        self.drop_text();
                        self.shared.hide_prompt();
                        self.shared.line(String::new());
                        return Input::Interrupted;
                    }
                },
            };
            self.pending = false;
            self.shared.line_arrived();
            let Some(input) = input else { return Input::Failed("the line editor has ended".to_owned()) };
            if let Some(input) = self.complete(input) {
                return input;
            }
        }
    }

    /// Whether the line that [`Console::read`] waits for has been finished and is on its way: a Ctrl-C that comes as a signal
    /// is then for what the line asks for. While a line is being typed Ctrl-C is a key, so a signal that comes there was
    /// sent before, or by another program.
    pub fn line_has_ended(&self) -> bool {
        match &self.mode {
            Mode::Editor { .. } => self.shared.line_has_ended(terminal::is_cooked),
            // There the kernel drops the line, and reading tells it.
            Mode::Plain { .. } => false,
        }
    }

    /// Gives up the line being typed, if there is one. If it was finished at the same moment, the next
    /// [`Console::read`] gets it.
    ///
    /// The editor is interrupted with SIGINT, so whoever listens to that signal can see one that nobody sent.
    ///
    /// Cancel safe: the line may then be given up, or not.
    pub async fn interrupt(&mut self) {
        if !self.pending {
            return;
        }
        if let Mode::Plain { .. } = self.mode {
            // There the line belongs to the kernel, and reading goes on.
            self.drop_text();
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

    /// Gives the terminal to another program (a pager, a pipeline that writes to it) with the settings it was found
    /// with, until the guard is dropped. Before, what is pending is printed; meanwhile the sinks only collect. A line
    /// being typed is given up.
    ///
    /// Cancel safe: the terminal is then not lent.
    pub async fn lend(&mut self) -> Lent<'_> {
        self.interrupt().await;
        self.sink().flushed().await;
        let lent = Lent { console: self };
        if let Some(written) = lent.console.shared.lend() {
            // An error means that the console is gone, and nothing is written.
            let _ = written.await;
        }
        if let Mode::Editor { terminal } = &lent.console.mode {
            terminal.restore();
        }
        lent
    }

    /// Gives up the line being typed, prints what is pending, ends the threads and puts the terminal's settings back.
    /// Takes at most about two seconds, when the terminal takes no output; then what is pending is lost.
    ///
    /// Cancel safe, in that dropping the console does the rest.
    pub async fn close(&mut self) {
        // An error means that it took too long.
        let _ = timeout(CLOSING, self.interrupt()).await;
        self.requests = None;
        self.shared.start_closing();
        let ended = timeout(CLOSING, self.alive.recv()).await.is_ok();
        self.finish(ended);
    }

    fn start(
        &mut self,
        name: &str,
        running: &UnboundedSender<Infallible>,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), Error> {
        let running = running.clone();
        self.threads.push(spawn(name, move || {
            work();
            drop(running);
        })?);
        Ok(())
    }

    /// Asks for a line, if none is being read.
    fn request(&mut self) {
        if let Mode::Plain { text, interrupts, .. } = &mut self.mode {
            if !self.pending {
                // What was pressed while a command ran was for the command.
                let _ = interrupts.poll_recv(&mut Context::from_waker(Waker::noop()));
            }
            if text.is_empty() {
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

    /// Plain mode: puts the lines of a text together; none: it goes on.
    fn complete(&mut self, input: Input) -> Option<Input> {
        let Mode::Plain { is_complete, text, .. } = &mut self.mode else { return Some(input) };
        match input {
            Input::Line(line) => {
                text.push_str(&line);
                if is_complete.of(text) {
                    return Some(Input::Line(std::mem::take(text)));
                }
                text.push('\n');
                None
            }
            input if text.is_empty() => Some(input),
            // The input ends within a text: who gets it can say what is missing.
            input => {
                self.kept = Some(input);
                Some(Input::Line(std::mem::take(text)))
            }
        }
    }

    /// Plain mode: forgets the beginning of a text.
    fn drop_text(&mut self) {
        if let Mode::Plain { text, .. } = &mut self.mode {
            text.clear();
        }
    }

    /// Asks the editor thread to give up its line, and interrupts it where it waits for a key.
    fn signal(&self) {
        if self.shared.interrupt()
            && let Some(editor) = self.threads.first()
        {
            // The thread was not joined, so its id is valid even if it has ended, which is the one possible error.
            let _ = pthread_kill(editor.as_pthread_t(), Signal::SIGINT);
        }
    }

    /// Ends what is left: the threads are joined if they have ended, and left alone if not.
    fn finish(&mut self, ended: bool) {
        self.closed = true;
        self.shared.close();
        for thread in self.threads.drain(..) {
            if ended {
                // A thread that panicked has said so on stderr.
                let _ = thread.join();
            }
        }
        if let Mode::Editor { terminal } = &self.mode {
            terminal.restore();
        }
    }
}

/// The terminal is another program's, until this is dropped.
#[derive(Debug)]
#[must_use = "the terminal comes back when this is dropped"]
pub struct Lent<'c> {
    console: &'c mut Console,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Mode::Editor { terminal } = &self.console.mode {
            // If this fails so does the next read, which says it.
            let _ = terminal.settle();
        }
        self.console.shared.take_back();
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        self.requests = None;
        self.shared.start_closing();
        let end = Instant::now() + DROPPING;
        let ended = loop {
            if self.threads.iter().all(JoinHandle::is_finished) {
                break true;
            }
            if Instant::now() > end {
                break false;
            }
            if self.pending && matches!(self.mode, Mode::Editor { .. }) {
                self.signal();
            }
            thread::sleep(Duration::from_millis(5));
        };
        self.finish(ended);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Error::Thread)
}
