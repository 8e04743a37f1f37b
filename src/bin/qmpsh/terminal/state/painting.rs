//! What rustyline paints where its prompt stands, and who asks it to paint again.

use std::borrow::Cow;
use std::sync::PoisonError;

use unicode_width::UnicodeWidthStr;

use super::phase::{Life, Phase};
use super::{CHUNK, Shared, State};

/// What the waker and the painting tell each other.
#[derive(Debug, Default)]
pub(super) struct Repaint {
    /// The waker is about to ask for a repaint.
    pub(super) waking: bool,
    /// A repaint was asked for and has not come.
    pub(super) asked: bool,
    /// The prompt is not the one on the screen.
    pub(super) stale: bool,
}

impl Shared {
    pub(crate) fn set_prompt(&self, prompt: String) {
        let mut state = self.lock();
        if state.prompt != prompt {
            state.prompt = prompt;
            state.repaint.stale = true;
            self.wake.notify_all();
        }
    }

    /// What is painted would be another now.
    pub(crate) fn repaint(&self) {
        self.lock().repaint.stale = true;
        self.wake.notify_all();
    }

    /// What rustyline is to paint where it would paint `prompt`: the pending lines, and the prompt. A prompt set since
    /// then takes its place if it is as wide, because the layout was made for `prompt`; for another one the line is begun anew.
    /// `default` is false for the prompts of rustyline itself (Ctrl-R).
    pub(crate) fn paint<'p>(&self, prompt: &'p str, default: bool) -> Cow<'p, str> {
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

    /// Waits until the editor has to be asked for a repaint; false: the waker is not needed any more.
    pub(crate) fn wait_to_wake(&self) -> bool {
        let mut state = self.lock();
        while state.life == Life::Open && !state.to_wake() {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.life == Life::Open
    }

    /// Claims the repaint, if it is still needed.
    pub(crate) fn begin_wake(&self) -> bool {
        let mut state = self.lock();
        let needed = state.to_wake();
        state.repaint.waking = needed;
        state.repaint.asked |= needed;
        needed
    }

    pub(crate) fn end_wake(&self) {
        self.lock().repaint.waking = false;
        self.changed.notify_all();
    }
}

impl State {
    fn to_wake(&self) -> bool {
        self.phase == Phase::Typing { painted: true }
            && !self.repaint.asked
            && (self.repaint.stale || !self.queue.is_empty())
    }
}
