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
//! While a line is being typed nothing but rustyline writes. What is pending goes out when rustyline paints its prompt:
//! it asks for the prompt's text after it has cleared the row, and gets the pending lines and then the prompt.
//!
//! What the threads call is with what they do: `typing` (the editor, and the console that ends its line), `painting` (the
//! editor and the waker), `printing` (the printer, and who waits for it). What the sinks call is here.

mod painting;
mod phase;
mod printing;
mod stopping;
#[cfg(test)]
mod tests;
mod transient;
mod typing;

use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::queue::Queue;
use super::typed::Typed;
use painting::Repaint;
use phase::{Life, Phase};
use printing::PlainPrompt;
use transient::Transient;

/// About how much is written at once, in bytes: the longest a key waits for a repaint, or a line for the printer.
const CHUNK: usize = 64 * 1024;

/// What the threads and the sinks share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Makes rustyline give up the line being typed; to be called by the editor thread while it paints. None: it is not there.
    give_up: OnceLock<fn()>,
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
    /// The printer holds a chunk, through this number.
    writing: Option<u64>,
    repaint: Repaint,
    prompt: String,
    /// What has been typed.
    typed: Typed,
    /// The line being typed is given up, to go on under the prompt that was set.
    anew: bool,
    /// So many rows above the cursor are of the line that was given up.
    erase: usize,
    plain: PlainPrompt,
    transient: Transient,
    /// The line being typed is to be given up.
    interrupted: bool,
    /// The program is about to stop, or has just gone on: no line begins.
    stopping: bool,
    /// A line has been finished, or given up, and [`super::Console`] has not got it yet.
    line_ended: bool,
    life: Life,
    /// Every piece up to this number was written or dropped.
    printed: u64,
    /// Every piece up to this number is printed before the line begins.
    first: u64,
    waiting: Vec<(u64, oneshot::Sender<()>)>,
}

impl Shared {
    pub(super) fn new(prompt: String) -> Self {
        let state = State { prompt, ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// How the editor thread makes rustyline give up the line being typed.
    pub(super) fn set_give_up(&self, give_up: fn()) {
        // It does not change.
        let _ = self.give_up.set(give_up);
    }

    pub(super) fn prompt(&self) -> String {
        self.lock().prompt.clone()
    }

    pub(super) fn line(&self, text: String) {
        self.push(|queue| queue.push_line(text));
    }

    pub(super) fn result(&self, text: Bytes) {
        self.push(|queue| queue.push_result(text));
    }

    pub(super) fn event(&self, name: &str, text: String) {
        self.push(|queue| queue.push_event(name, text));
    }

    pub(super) fn missed(&self, name: &str, count: u64) {
        self.push(|queue| queue.push_missed(name, count));
    }

    /// No more lines will be read; the threads end when they have printed what is pending.
    pub(super) fn start_closing(&self) {
        let mut state = self.lock();
        if state.life == Life::Open {
            state.life = Life::Closing;
        }
        state.transient.set(None);
        self.changed.notify_all();
        self.wake.notify_all();
    }

    /// Everything has ended.
    pub(super) fn close(&self) {
        self.lock().close();
        self.changed.notify_all();
        self.wake.notify_all();
    }

    fn push(&self, add: impl FnOnce(&mut Queue)) {
        let mut state = self.lock();
        if state.life == Life::Closed {
            return;
        }
        add(&mut state.queue);
        match state.phase {
            Phase::Idle | Phase::Starting | Phase::Ending | Phase::TerminalGuard => self.changed.notify_all(),
            Phase::Typing { .. } => self.wake.notify_all(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State>) -> MutexGuard<'g, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close(&mut self) {
        self.life = Life::Closed;
        self.queue.clear();
        self.printed(self.queue.last());
    }
}
