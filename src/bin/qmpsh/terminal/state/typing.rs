//! A line being typed, from its begin to its end: what the editor thread tells, and what the console asks of it.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::phase::{Life, Phase};
use super::{Shared, State};
use crate::terminal::typed::Typed;

/// How long the end of a line waits for the waker, which may be stuck until the next line.
const WAKER: Duration = Duration::from_millis(10);

/// The line was given up before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interrupted;

impl Shared {
    /// From here on the editor writes, once this returns.
    pub(crate) fn begin(&self) -> Result<(), Interrupted> {
        let mut state = self.lock();
        state.phase = Phase::Starting;
        state.transient.set(None);
        // What is pending now is printed first: painted with the prompt it would replace what stands in the row, which is
        // what was typed ahead, and a long result would come in pieces.
        state.first = state.queue.last();
        // The printer may have waited for a newer phase.
        self.changed.notify_all();
        while (state.writing.is_some() || state.comes_first() || state.stopping)
            && !state.interrupted
            && state.life == Life::Open
        {
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
    pub(crate) fn note(&self, text: &str, cursor: usize) {
        self.lock().typed.set(text, cursor);
    }

    /// The line behind `prompt` was given up; if that was for another prompt, it is to be edited on, and this is what was
    /// typed.
    pub(crate) fn begin_anew(&self, prompt: &str, columns: usize) -> Option<Typed> {
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
    pub(crate) fn end(&self) {
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

    /// Asks for the line being typed to be given up; true: rustyline has it, and needs a signal.
    pub(crate) fn interrupt(&self) -> bool {
        let mut state = self.lock();
        state.interrupted = true;
        self.changed.notify_all();
        state.phase == Phase::Typing { painted: true }
    }

    /// Whether the line being typed has ended and is on its way. rustyline leaves raw mode a moment before the editor thread
    /// can say so: `is_cooked` tells whether it has.
    pub(crate) fn line_has_ended(&self, is_cooked: impl FnOnce() -> bool) -> bool {
        let state = self.lock();
        state.line_ended || (state.phase == Phase::Typing { painted: true } && is_cooked())
    }

    /// The line that has ended is where it was to go.
    pub(crate) fn line_arrived(&self) {
        self.lock().line_ended = false;
    }

    /// The line was given up.
    pub(crate) fn interrupt_done(&self) {
        self.lock().interrupted = false;
    }
}
