//! Who may write to the terminal: one mutex decides between the printer and the line editor.
//!
//! ```text
//!            begin()                     first repaint
//!   Idle ──────────────▶ Starting ─▶ Typing ─────────▶ Typing, painted
//!    ▲  the printer writes   pending    │  the editor writes; the waker asks it to
//!    │                       first      │
//!    └───────────── end() ◀─────────────┘
//! ```
//!
//! While a line is being typed only rustyline writes. It asks for the text of its prompt after it has cleared the row,
//! and gets the pending lines with the prompt behind them.
//!
//! This file has what a sink calls. `typing` has what the editor, the waker and the console call, `printing` what the printer
//! thread calls and how to wait for it.

mod printing;
#[cfg(test)]
mod tests;
mod typing;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::line::Typed;
use super::queue::Queue;

/// About how much is written at once, in bytes: the longest a key waits for a repaint, or a line for the printer.
const CHUNK: usize = 64 * 1024;

/// Takes what is to be shown on the terminal, from any thread, and never blocks.
///
/// Texts come out in the order of the calls: above the line being typed, or directly while there is none. They must
/// have been made safe to show (see [`qmpsh::text`]). A missing newline at the end is added. After the console was
/// closed, or its terminal has gone, texts are dropped.
pub(crate) type Sink = Arc<Shared>;

/// What the threads and the sinks share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Makes rustyline give up the line being typed. The editor thread calls it while it paints.
    give_up: fn(),
    /// For the printer and the editor thread.
    changed: Condvar,
    /// For the waker.
    wake: Condvar,
}

#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct State {
    queue: Queue,
    phase: Phase,
    life: Life,
    prompt: String,
    /// The text of the line being typed.
    typed: Typed,
    /// The line being typed is to be given up.
    interrupted: bool,
    /// The line being typed is given up, to go on under the prompt that was set.
    anew: bool,
    /// What was typed ahead is to be dropped before the next line is typed.
    dropping: bool,
    /// How many rows above the cursor are of the line that was given up.
    erase: usize,
    /// A line has ended, and [`super::Console`] has not got it yet.
    line_ended: bool,
    /// The program is about to stop or has just continued: no line begins.
    stopping: bool,
    /// The waker is about to ask for a repaint.
    waking: bool,
    /// A repaint was asked for and has not come.
    asked: bool,
    /// The prompt or the colors are not those on the screen.
    stale: bool,
    /// The printer holds a chunk, through this number.
    writing: Option<u64>,
    /// Every piece up to this number was written or dropped.
    printed: u64,
    /// Every piece up to this number is printed before the line begins.
    first: u64,
    plain_prompt: PlainPrompt,
    /// The line that is wanted below everything else, and the one that stands there.
    transient: Option<String>,
    transient_shown: Option<String>,
    /// Those who wait until the pieces up to a number are printed.
    waiting: Vec<(u64, oneshot::Sender<()>)>,
}

/// What the threads are at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No line is being edited.
    #[default]
    Idle,
    /// A line will be edited when the printer has written what is pending.
    Starting,
    /// A line is being edited. Not painted: rustyline has not drawn the prompt, the terminal may not be raw yet.
    Typing { painted: bool },
    /// The line has ended; the waker may still be at it.
    Ending,
    /// Another program has the terminal.
    HandedOver,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Open,
    /// No line is read anymore, and the threads end when the queue is empty.
    Closing,
    /// The terminal is gone, or everything has ended: texts are dropped.
    Closed,
}

/// The prompt where lines are not edited: the printer writes it when nothing else is left to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PlainPrompt {
    #[default]
    Hidden,
    Wanted,
    /// The cursor stands behind it, so the next text begins on a new row.
    Shown,
}

impl Shared {
    pub(super) fn new(prompt: String, give_up: fn()) -> Self {
        let state = Mutex::new(State { prompt, ..State::default() });
        Self { state, give_up, changed: Condvar::new(), wake: Condvar::new() }
    }

    /// Shows one or more lines. They wait in memory until they are printed; texts that can come in any number go to
    /// [`event`](Self::event).
    pub(crate) fn line(&self, text: impl Into<String>) {
        self.push(|queue| queue.push_line(text.into()));
    }

    /// Shows lines that may be dropped when they come faster than the terminal takes them. The oldest go first, and
    /// `… 8,431 more BLOCK_IO_ERROR` stands in their place.
    pub(crate) fn event(&self, name: &str, text: impl Into<String>) {
        self.push(|queue| queue.push_event(name, text.into()));
    }

    /// Counts an event of many that come at once: only the newest [`EVENTS`](super::EVENTS) of them can wait to be shown.
    pub(crate) fn skipped(&self, name: &str) {
        self.push(|queue| queue.skip_event(name));
    }

    /// Shows a result, of any length, without copying it. No event comes between its lines unless a line is being
    /// typed. Wait for [`flushed`](Self::flushed) before making the next long one.
    pub(crate) fn output(&self, text: impl Into<Bytes>) {
        self.push(|queue| queue.push_result(text.into()));
    }

    /// Shows that events were dropped before they came here.
    pub(crate) fn missed(&self, name: &str, count: u64) {
        self.push(|queue| queue.push_missed(name, count));
    }

    /// Shows a line that stays below everything else, such as a progress bar, in place of the one before; `None` takes
    /// it away. It must be narrower than the terminal. The next prompt takes it away too.
    ///
    /// It must not be used where [`can_edit`](super::can_edit) is false.
    pub(crate) fn transient(&self, text: Option<String>) {
        self.lock().transient = text;
        self.changed.notify_all();
    }

    /// Changes the prompt, also of the line being typed. If the new one has another width, that line is begun anew with
    /// what was typed, which forgets what could be undone.
    pub(crate) fn set_prompt(&self, prompt: impl Into<String>) {
        let (mut state, prompt) = (self.lock(), prompt.into());
        if state.prompt != prompt {
            state.prompt = prompt;
            state.stale = true;
            self.wake.notify_all();
        }
    }

    pub(super) fn prompt(&self) -> String {
        self.lock().prompt.clone()
    }

    /// Ends the reading of lines. The threads end when they have printed what is pending.
    pub(super) fn start_closing(&self) {
        let mut state = self.lock();
        if state.life == Life::Open {
            state.life = Life::Closing;
        }
        state.transient = None;
        self.notify_all();
    }

    /// Drops what is pending, and everything from now on.
    pub(super) fn close(&self) {
        self.lock().close();
        self.notify_all();
    }

    fn push(&self, add: impl FnOnce(&mut Queue)) {
        let mut state = self.lock();
        if state.life == Life::Closed {
            return;
        }
        add(&mut state.queue);
        if let Phase::Typing { .. } = state.phase { &self.wake } else { &self.changed }.notify_all();
    }

    fn notify_all(&self) {
        self.changed.notify_all();
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close(&mut self) {
        self.life = Life::Closed;
        self.queue.clear();
        self.printed(self.queue.last());
    }
}

/// Waits until the condition variable is notified.
fn wait<'s>(changed: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    changed.wait(state).unwrap_or_else(PoisonError::into_inner)
}
