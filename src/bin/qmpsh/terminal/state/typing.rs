//! A line being typed, from its begin to its end: what rustyline paints for it, and who ends it.

use std::borrow::Cow;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::{CHUNK, Life, Phase, Shared, State, wait};
use crate::output::color::{Tint, painted, start};
use crate::terminal::line::Typed;

/// How long the end of a line waits for the waker, which may be stuck until the next line.
const WAKER: Duration = Duration::from_millis(10);

/// How long a program that is to stop waits for a line that is just beginning or ending.
const TRANSITION: Duration = Duration::from_millis(100);

/// The line was given up before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::terminal) struct Interrupted;

impl Shared {
    /// Lets the editor write, once this returns.
    pub(in crate::terminal) fn begin(&self) -> Result<(), Interrupted> {
        let mut state = self.lock();
        state.phase = Phase::Starting;
        state.transient = None;
        // What is pending now is printed first: painted with the prompt it would replace what stands in the row, which is
        // what was typed ahead, and a long result would come in pieces.
        state.first = state.queue.last();
        // The printer may have waited for a newer phase.
        self.changed.notify_all();
        while (state.writing.is_some() || state.comes_first() || state.stopping) && state.goes_on() {
            state = wait(&self.changed, state);
        }
        if !state.goes_on() {
            state.phase = Phase::Idle;
            self.changed.notify_all();
            return Err(Interrupted);
        }
        state.start_typing();
        state.typed = Typed::default();
        Ok(())
    }

    /// Remembers what has been typed so far.
    pub(in crate::terminal) fn note(&self, text: &str, cursor: usize) {
        self.lock().typed.set(text, cursor);
    }

    /// What rustyline is to paint where it would paint `prompt`: the pending lines, and the prompt. A prompt set since
    /// then takes its place if it is as wide, because the layout was made for `prompt`; for another one the line is begun anew.
    /// `default` is false for the prompts of rustyline itself (Ctrl-R).
    pub(in crate::terminal) fn paint<'p>(&self, prompt: &'p str, default: bool, color: bool) -> Cow<'p, str> {
        let mut state = self.lock();
        state.phase = Phase::Typing { painted: true };
        let mut shown = Cow::Borrowed(prompt);
        let mut gives_up = false;
        if default {
            // Not during Ctrl-R: there the token stays in its pipe, and a second one would block the waker.
            state.asked = false;
            state.stale = false;
            if state.dropping || state.prompt.width() != prompt.width() {
                gives_up = !std::mem::replace(&mut state.anew, true);
            } else if state.prompt != prompt {
                shown = Cow::Owned(state.prompt.clone());
            }
        }
        if color && default && !start(Tint::Prompt).is_empty() {
            shown = Cow::Owned(painted(Tint::Prompt, &shown));
        }
        let erase = std::mem::take(&mut state.erase);
        let mut pending = Vec::new();
        while let Some(chunk) = state.queue.take(CHUNK) {
            pending.extend_from_slice(&chunk.text);
            state.printed(chunk.through);
            // The prompt needs a row of its own.
            if pending.last() == Some(&b'\n') {
                shown = Cow::Owned(format!("{}{shown}", String::from_utf8_lossy(&pending)));
                break;
            }
        }
        self.wake.notify_all();
        drop(state);
        if gives_up {
            (self.give_up)();
        }
        if erase > 0 {
            // Up to the first row of the line that was given up, and away with what is there.
            shown = Cow::Owned(format!("\x1b[{erase}A\r\x1b[J{shown}"));
        }
        shown
    }

    /// Has the line being typed painted again: its prompt or its colors have changed.
    pub(in crate::terminal) fn repaint(&self) {
        self.lock().stale = true;
        self.wake.notify_all();
    }

    /// Waits until the editor must repaint; returns false if the waker is not needed anymore.
    pub(in crate::terminal) fn wait_to_wake(&self) -> bool {
        let mut state = self.lock();
        while state.life == Life::Open && !state.needs_repaint() {
            state = wait(&self.wake, state);
        }
        state.life == Life::Open
    }

    /// Claims the repaint, if it is still needed.
    pub(in crate::terminal) fn begin_wake(&self) -> bool {
        let mut state = self.lock();
        state.waking = state.needs_repaint();
        state.asked |= state.waking;
        state.waking
    }

    pub(in crate::terminal) fn end_wake(&self) {
        self.lock().waking = false;
        self.changed.notify_all();
    }

    /// The line behind `prompt` was given up. If that was for another prompt, it is to be edited on: this is what was
    /// typed.
    pub(in crate::terminal) fn begin_anew(&self, prompt: &str, columns: usize) -> Option<Typed> {
        let mut state = self.lock();
        state.dropping = false;
        if !std::mem::take(&mut state.anew) || !state.goes_on() {
            return None;
        }
        state = self.end_typing(state);
        state.start_typing();
        state.erase = if columns == 0 { 0 } else { state.typed.rows(prompt, columns) };
        Some(state.typed.clone())
    }

    /// Drops what was typed ahead, before the next line is typed. rustyline has read it, and gives it up with a line that a
    /// signal ends: it looks for one when it has no key left. So the next line is begun anew, and until then keys do nothing.
    pub(in crate::terminal) fn drop_typed_ahead(&self) {
        self.lock().dropping = true;
    }

    /// Returns true if a key is dropped because it was typed ahead.
    pub(in crate::terminal) fn drops_keys(&self) -> bool {
        self.lock().dropping
    }

    /// Returns true if a line that ended is to be read again, because a key that was typed ahead ended it.
    pub(in crate::terminal) fn drops_line(&self) -> bool {
        let mut state = self.lock();
        state.anew &= !state.dropping;
        state.dropping
    }

    /// Lets the printer write.
    pub(in crate::terminal) fn end(&self) {
        let mut state = self.lock();
        state.line_ended = true;
        state = self.end_typing(state);
        state.anew = false;
        state.erase = 0;
        state.phase = Phase::Idle;
        self.changed.notify_all();
    }

    /// With raw mode off the waker's token goes out directly, so none may be on its way when another thread writes. The
    /// waker can be stuck, but then its token is past that point; so the wait is bounded.
    fn end_typing<'s>(&self, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        state.phase = Phase::Ending;
        let waited = self.changed.wait_timeout_while(state, WAKER, |state| state.waking);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Asks for the line being typed to be given up; true: rustyline has it, and needs a signal.
    pub(in crate::terminal) fn interrupt(&self) -> bool {
        let mut state = self.lock();
        state.interrupted = true;
        self.changed.notify_all();
        state.phase == Phase::Typing { painted: true }
    }

    /// The line was given up.
    pub(in crate::terminal) fn interrupt_done(&self) {
        self.lock().interrupted = false;
    }

    /// Returns true if the line being typed has ended and is on its way. rustyline leaves raw mode a moment before the editor thread
    /// can say so: `is_cooked` tells whether it has.
    pub(in crate::terminal) fn line_has_ended(&self, is_cooked: impl FnOnce() -> bool) -> bool {
        let state = self.lock();
        state.line_ended || (state.phase == Phase::Typing { painted: true } && is_cooked())
    }

    /// The console has got the line that ended.
    pub(in crate::terminal) fn line_arrived(&self) {
        self.lock().line_ended = false;
    }

    /// The program is about to stop. Until [`end_stop`](Self::end_stop) no line begins, because that changes the
    /// settings of the terminal.
    pub(in crate::terminal) fn begin_stop(&self) {
        let changes = |state: &mut State| matches!(state.phase, Phase::Typing { painted: false } | Phase::Ending);
        let waited = self.changed.wait_timeout_while(self.lock(), TRANSITION, changes);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopping = true;
    }

    /// Repaints the line being typed after the program was stopped.
    pub(in crate::terminal) fn end_stop(&self) {
        self.lock().stopping = false;
        self.changed.notify_all();
        self.repaint();
    }
}

impl State {
    /// Returns true if the line may begin or continue.
    fn goes_on(&self) -> bool {
        !self.interrupted && self.life == Life::Open
    }

    fn start_typing(&mut self) {
        self.phase = Phase::Typing { painted: false };
        self.asked = false;
    }

    fn needs_repaint(&self) -> bool {
        self.phase == Phase::Typing { painted: true } && !self.asked && (self.stale || !self.queue.is_empty())
    }
}
