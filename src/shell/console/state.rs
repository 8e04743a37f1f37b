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

mod phase;
#[cfg(test)]
mod tests;
mod transient;

use std::borrow::Cow;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use unicode_width::UnicodeWidthStr;

use super::queue::{Chunk, Queue};
use super::typed::Typed;
pub(super) use phase::Interrupted;
use phase::{Life, Phase, PlainPrompt, Repaint};
use transient::Transient;

/// About how much is written at once, in bytes: the longest a key waits for a repaint, or a line for the printer.
const CHUNK: usize = 64 * 1024;

/// How long the end of a line waits for the waker, which may be stuck until the next line.
const WAKER: Duration = Duration::from_millis(10);

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

    // The sinks.

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

    pub(super) fn cut_results(&self) {
        let mut state = self.lock();
        if state.queue.cut_results() && state.queue.is_empty() && state.writing.is_none() {
            let last = state.queue.last();
            state.printed(last);
        }
        // The editor may have waited for them.
        self.changed.notify_all();
    }

    /// Tells when everything added so far was printed; none: it was.
    pub(super) fn flushed(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        if state.printed >= state.queue.last() && !state.transient.must_go() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let last = state.queue.last();
        state.waiting.push((last, sender));
        Some(receiver)
    }

    // The prompt.

    pub(super) fn set_prompt(&self, prompt: String) {
        let mut state = self.lock();
        if state.prompt != prompt {
            state.prompt = prompt;
            state.repaint.stale = true;
            self.wake.notify_all();
        }
    }

    /// What is painted would be another now.
    pub(super) fn repaint(&self) {
        self.lock().repaint.stale = true;
        self.wake.notify_all();
    }

    pub(super) fn prompt(&self) -> String {
        self.lock().prompt.clone()
    }

    /// Plain mode: shows the prompt after what is pending, and again after what is printed later.
    pub(super) fn show_prompt(&self) {
        let mut state = self.lock();
        if state.plain == PlainPrompt::Hidden {
            state.plain = PlainPrompt::Wanted;
        }
        self.changed.notify_all();
    }

    /// Plain mode: a line was read, the cursor is on a new row.
    pub(super) fn hide_prompt(&self) {
        self.lock().plain = PlainPrompt::Hidden;
    }

    // The editor thread.

    /// From here on the editor writes, once this returns.
    pub(super) fn begin(&self) -> Result<(), Interrupted> {
        let mut state = self.lock();
        state.phase = Phase::Starting;
        state.transient.set(None);
        // What is pending now is printed first: painted with the prompt it would replace what stands in the row, which is
        // what was typed ahead, and a long result would come in pieces.
        state.first = state.queue.last();
        // The printer may have waited for a newer phase.
        self.changed.notify_all();
        while (state.writing.is_some() || state.comes_first()) && !state.interrupted && state.life == Life::Open {
            state = self.wait(state);
        }
        if state.interrupted || state.life != Life::Open {
            state.phase = Phase::Idle;
            self.changed.notify_all();
            return Err(Interrupted);
        }
        state.phase = Phase::Typing { painted: false };
        state.repaint.asked = false;
        state.typed = Typed::default();
        Ok(())
    }

    /// What has been typed so far.
    pub(super) fn note(&self, text: &str, cursor: usize) {
        self.lock().typed.set(text, cursor);
    }

    /// The line behind `prompt` was given up; if that was for another prompt, it is to be edited on, and this is what was
    /// typed.
    pub(super) fn begin_anew(&self, prompt: &str, columns: usize) -> Option<Typed> {
        let mut state = self.lock();
        if !std::mem::take(&mut state.anew) || state.interrupted || state.life != Life::Open {
            return None;
        }
        // As at the end of a line.
        state.phase = Phase::Ending;
        state = self.let_waker_pass(state);
        state.phase = Phase::Typing { painted: false };
        state.repaint.asked = false;
        state.erase = if columns == 0 { 0 } else { state.typed.rows(prompt, columns) };
        Some(state.typed.clone())
    }

    /// From here on the printer writes.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.phase = Phase::Ending;
        state.line_ended = true;
        state = self.let_waker_pass(state);
        state.anew = false;
        state.erase = 0;
        state.phase = Phase::Idle;
        self.changed.notify_all();
    }

    /// With raw mode off the waker's token goes out directly, so none may be on its way when the printer starts. The waker
    /// can be stuck, but then its token is past that point; so the wait is bounded.
    fn let_waker_pass<'g>(&self, state: MutexGuard<'g, State>) -> MutexGuard<'g, State> {
        if !state.repaint.waking {
            return state;
        }
        let waited = self.changed.wait_timeout_while(state, WAKER, |state| state.repaint.waking);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// What rustyline is to paint where it would paint `prompt`: the pending lines, and the prompt. A prompt set since
    /// then takes its place if it is as wide, because the layout was made for `prompt`; for another one the line is begun anew.
    /// `default` is false for the prompts of rustyline itself (Ctrl-R).
    pub(super) fn paint<'p>(&self, prompt: &'p str, default: bool) -> Cow<'p, str> {
        let mut state = self.lock();
        state.phase = Phase::Typing { painted: true };
        let mut shown = Cow::Borrowed(prompt);
        let mut give_up = None;
        if default {
            // Not during Ctrl-R: there the token stays in its pipe, and a second one would block the waker.
            state.repaint.asked = false;
            state.repaint.stale = false;
            if state.prompt.width() != prompt.width() {
                give_up = self.give_up.get().filter(|_| !std::mem::replace(&mut state.anew, true));
            } else if state.prompt != prompt {
                shown = Cow::Owned(state.prompt.clone());
            }
        }
        let erase = std::mem::take(&mut state.erase);
        let mut pending = Vec::new();
        while let Some(chunk) = state.queue.take(CHUNK) {
            pending.extend_from_slice(&chunk.text);
            state.printed(chunk.through);
            // The prompt needs a row of its own.
            if pending.last() == Some(&b'\n') {
                let mut text = String::from_utf8_lossy(&pending).into_owned();
                text.push_str(&shown);
                shown = Cow::Owned(text);
                break;
            }
        }
        self.wake.notify_all();
        drop(state);
        if let Some(give_up) = give_up {
            give_up();
        }
        if erase > 0 {
            // Up to the first row of the line that was given up, and away with what is there.
            shown = Cow::Owned(format!("\x1b[{erase}A\r\x1b[J{shown}"));
        }
        shown
    }

    // The waker.

    /// Waits until the editor has to be asked for a repaint; false: the waker is not needed any more.
    pub(super) fn wait_to_wake(&self) -> bool {
        let mut state = self.lock();
        while state.life == Life::Open && !state.to_wake() {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.life == Life::Open
    }

    /// Claims the repaint, if it is still needed.
    pub(super) fn begin_wake(&self) -> bool {
        let mut state = self.lock();
        let needed = state.to_wake();
        state.repaint.waking = needed;
        state.repaint.asked |= needed;
        needed
    }

    pub(super) fn end_wake(&self) {
        self.lock().repaint.waking = false;
        self.changed.notify_all();
    }

    // The printer.

    /// Waits for something to write; none: there will be nothing more.
    pub(super) fn next_chunk(&self) -> Option<Chunk> {
        let mut state = self.lock();
        loop {
            if state.life == Life::Closed {
                return None;
            }
            let may = match state.phase {
                Phase::Idle => true,
                Phase::Starting => state.comes_first(),
                Phase::Typing { .. } | Phase::Ending | Phase::Lent => false,
            };
            if may && let Some(chunk) = state.next_chunk() {
                state.writing = Some(chunk.through);
                return Some(chunk);
            }
            if may && state.life == Life::Closing {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// The chunk was written; false: the terminal is gone.
    pub(super) fn wrote(&self, chunk: &Chunk, alive: bool) {
        let mut state = self.lock();
        state.writing = None;
        state.printed(chunk.through);
        if !alive {
            state.close();
        }
        self.changed.notify_all();
        self.wake.notify_all();
    }

    // The console.

    /// Asks for the line being typed to be given up; true: rustyline has it, and needs a signal.
    pub(super) fn interrupt(&self) -> bool {
        let mut state = self.lock();
        state.interrupted = true;
        self.changed.notify_all();
        state.phase == Phase::Typing { painted: true }
    }

    /// Whether the line being typed has ended and is on its way. rustyline leaves raw mode a moment before the editor thread
    /// can say so: `is_cooked` tells whether it has.
    pub(super) fn line_has_ended(&self, is_cooked: impl FnOnce() -> bool) -> bool {
        let state = self.lock();
        state.line_ended || (state.phase == Phase::Typing { painted: true } && is_cooked())
    }

    /// The line that has ended is where it was to go.
    pub(super) fn line_arrived(&self) {
        self.lock().line_ended = false;
    }

    /// The line was given up.
    pub(super) fn interrupt_done(&self) {
        self.lock().interrupted = false;
    }

    /// Stops the printer, while no line is being read; none: it writes nothing, else tells when it has written its chunk.
    pub(super) fn lend(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        state.phase = Phase::Lent;
        let through = state.writing?;
        let (sender, receiver) = oneshot::channel();
        state.waiting.push((through, sender));
        Some(receiver)
    }

    /// The printer may write again.
    pub(super) fn take_back(&self) {
        self.lock().phase = Phase::Idle;
        self.changed.notify_all();
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
            Phase::Idle | Phase::Starting | Phase::Ending | Phase::Lent => self.changed.notify_all(),
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
    fn to_wake(&self) -> bool {
        self.phase == Phase::Typing { painted: true }
            && !self.repaint.asked
            && (self.repaint.stale || !self.queue.is_empty())
    }

    /// Whether something is pending that is printed before the line begins.
    fn comes_first(&self) -> bool {
        self.transient.must_go() || self.queue.has_result() || (self.printed < self.first && !self.queue.is_empty())
    }

    fn next_chunk(&mut self) -> Option<Chunk> {
        if let Some(mut chunk) = self.queue.take(CHUNK) {
            if self.plain == PlainPrompt::Shown {
                self.plain = PlainPrompt::Wanted;
                chunk.text = [b"\n", &*chunk.text].concat().into();
            }
            return Some(self.above_transient(chunk));
        }
        if self.plain == PlainPrompt::Wanted {
            self.plain = PlainPrompt::Shown;
            return Some(Chunk { text: Bytes::from(self.prompt.clone()), through: self.printed });
        }
        self.draw_transient()
    }

    /// Remembers what was printed, and tells who waits for it.
    fn printed(&mut self, through: u64) {
        // Dropped events at the end have no piece of their own.
        self.printed = if self.queue.is_empty() { self.queue.last() } else { through };
        let printed = self.printed;
        for (_, sender) in self.waiting.extract_if(.., |(number, _)| *number <= printed) {
            // Who does not wait any more need not be told.
            let _ = sender.send(());
        }
    }

    fn close(&mut self) {
        self.life = Life::Closed;
        self.queue.clear();
        self.printed(self.queue.last());
    }
}
