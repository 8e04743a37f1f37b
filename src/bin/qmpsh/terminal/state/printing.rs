//! What the printer thread writes while no line is being typed, and who is told when it has.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::phase::{Life, Phase};
use super::{CHUNK, Shared, State};
use crate::terminal::queue::Chunk;

/// The prompt where lines are not edited: the printer writes it, when nothing else is left to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PlainPrompt {
    #[default]
    Hidden,
    Wanted,
    /// The cursor stands behind it, so what is printed begins on a new row.
    Shown,
}

impl Shared {
    /// Waits for something to write; none: there will be nothing more.
    pub(crate) fn next_chunk(&self) -> Option<Chunk> {
        let mut state = self.lock();
        loop {
            if state.life == Life::Closed {
                return None;
            }
            let may = match state.phase {
                Phase::Idle => true,
                Phase::Starting => state.comes_first(),
                Phase::Typing { .. } | Phase::Ending | Phase::TerminalGuard => false,
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
    pub(crate) fn wrote(&self, chunk: &Chunk, alive: bool) {
        let mut state = self.lock();
        state.writing = None;
        state.printed(chunk.through);
        if !alive {
            state.close();
        }
        self.changed.notify_all();
        self.wake.notify_all();
    }

    pub(crate) fn cut_results(&self) {
        let mut state = self.lock();
        if state.queue.cut_results() && state.queue.is_empty() && state.writing.is_none() {
            let last = state.queue.last();
            state.printed(last);
        }
        // The editor may have waited for them.
        self.changed.notify_all();
    }

    /// Tells when everything added so far was printed; none: it was.
    pub(crate) fn flushed(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        if state.printed >= state.queue.last() && !state.transient.must_go() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let last = state.queue.last();
        state.waiting.push((last, sender));
        Some(receiver)
    }

    /// Plain mode: shows the prompt after what is pending, and again after what is printed later.
    pub(crate) fn show_prompt(&self) {
        let mut state = self.lock();
        if state.plain == PlainPrompt::Hidden {
            state.plain = PlainPrompt::Wanted;
        }
        self.changed.notify_all();
    }

    /// Plain mode: a line was read, the cursor is on a new row.
    pub(crate) fn hide_prompt(&self) {
        self.lock().plain = PlainPrompt::Hidden;
    }

    /// Stops the printer, while no line is being read; none: it writes nothing, else tells when it has written its chunk.
    pub(crate) fn lend(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        state.phase = Phase::TerminalGuard;
        let through = state.writing?;
        let (sender, receiver) = oneshot::channel();
        state.waiting.push((through, sender));
        Some(receiver)
    }

    /// The printer may write again.
    pub(crate) fn take_back(&self) {
        self.lock().phase = Phase::Idle;
        self.changed.notify_all();
    }
}

impl State {
    /// Whether something is pending that is printed before the line begins.
    pub(super) fn comes_first(&self) -> bool {
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
    pub(super) fn printed(&mut self, through: u64) {
        // Dropped events at the end have no piece of their own.
        self.printed = if self.queue.is_empty() { self.queue.last() } else { through };
        let printed = self.printed;
        for (_, sender) in self.waiting.extract_if(.., |(number, _)| *number <= printed) {
            // Who does not wait any more need not be told.
            let _ = sender.send(());
        }
    }
}
