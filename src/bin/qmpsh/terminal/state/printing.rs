//! Gives the printer thread its output while no line is being typed, and notifies those who wait for it.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{CHUNK, Life, Phase, PlainPrompt, Shared, State, wait};
use crate::terminal::queue::Chunk;

/// Goes to the begin of the row and empties it.
const ERASE: &str = "\r\x1b[K";

impl Shared {
    /// Waits for something to write; `None`: there will be nothing more.
    pub(in crate::terminal) fn next_chunk(&self) -> Option<Chunk> {
        let mut state = self.lock();
        loop {
            if state.life == Life::Closed {
                return None;
            }
            let may = match state.phase {
                Phase::Idle => true,
                Phase::Starting => state.comes_first(),
                Phase::Typing { .. } | Phase::Ending | Phase::HandedOver => false,
            };
            if may && let Some(chunk) = state.next_chunk() {
                state.writing = Some(chunk.through);
                return Some(chunk);
            }
            if may && state.life == Life::Closing {
                return None;
            }
            state = wait(&self.changed, state);
        }
    }

    /// Notes that the chunk was written. Without `alive` the terminal is gone.
    pub(in crate::terminal) fn wrote(&self, chunk: &Chunk, alive: bool) {
        let mut state = self.lock();
        state.writing = None;
        state.printed(chunk.through);
        if !alive {
            state.close();
        }
        self.notify_all();
    }

    /// Drops what is left of the results. The line that is being shown ends where it is.
    pub(crate) fn cut_output(&self) {
        let mut state = self.lock();
        if state.queue.cut_results() && state.queue.is_empty() && state.writing.is_none() {
            let last = state.queue.last();
            state.printed(last);
        }
        // The editor may have waited for them.
        self.changed.notify_all();
    }

    /// Waits until everything that was given to the console before was printed or dropped.
    ///
    /// Cancel safe: it changes nothing.
    pub(crate) async fn flushed(&self) {
        if let Some(printed) = self.when_printed() {
            // An error means that the console is gone.
            let _ = printed.await;
        }
    }

    /// Tells when everything added so far was printed; `None`: it was.
    pub(super) fn when_printed(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        let last = state.queue.last();
        (state.printed < last || state.transient_must_go()).then(|| state.tell_when_printed(last))
    }

    /// Plain mode: shows the prompt after what is pending, and again after what is printed later.
    pub(in crate::terminal) fn show_prompt(&self) {
        let mut state = self.lock();
        if state.plain_prompt == PlainPrompt::Hidden {
            state.plain_prompt = PlainPrompt::Wanted;
        }
        self.changed.notify_all();
    }

    /// Plain mode: a line was read, the cursor is on a new row.
    pub(in crate::terminal) fn hide_prompt(&self) {
        self.lock().plain_prompt = PlainPrompt::Hidden;
    }

    /// Stops the printer, while no line is being read. Tells when it has written its chunk; `None`: it has none.
    pub(in crate::terminal) fn hand_over(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        state.phase = Phase::HandedOver;
        let through = state.writing?;
        Some(state.tell_when_printed(through))
    }

    /// Lets the printer write again.
    pub(in crate::terminal) fn take_back(&self) {
        self.lock().phase = Phase::Idle;
        self.changed.notify_all();
    }
}

impl State {
    /// Returns true if something must be printed before the line begins.
    pub(super) fn comes_first(&self) -> bool {
        self.transient_must_go() || self.queue.has_result() || (self.printed < self.first && !self.queue.is_empty())
    }

    fn transient_must_go(&self) -> bool {
        self.transient_shown.is_some() && self.transient.is_none()
    }

    fn next_chunk(&mut self) -> Option<Chunk> {
        if let Some(mut chunk) = self.queue.take(CHUNK) {
            let mut before = "";
            if self.plain_prompt == PlainPrompt::Shown {
                self.plain_prompt = PlainPrompt::Wanted;
                before = "\n";
            }
            if self.transient_shown.take().is_some() {
                before = ERASE;
            }
            if !before.is_empty() {
                chunk.text = [before.as_bytes(), &chunk.text].concat().into();
            }
            return Some(chunk);
        }
        let text = if self.plain_prompt == PlainPrompt::Wanted {
            self.plain_prompt = PlainPrompt::Shown;
            self.prompt.clone()
        } else if self.transient_shown == self.transient {
            return None;
        } else {
            self.transient_shown.clone_from(&self.transient);
            // Written over the old one, so that nothing flickers. The cursor goes to its begin: keys typed behind its end
            // would go into the next row.
            self.transient.as_ref().map_or_else(|| ERASE.to_owned(), |text| format!("\r{text}\x1b[K\r"))
        };
        Some(Chunk { text: Bytes::from(text), through: self.printed })
    }

    fn tell_when_printed(&mut self, through: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.push((through, sender));
        receiver
    }

    /// Remembers what was printed, and notifies those who wait for it.
    pub(super) fn printed(&mut self, through: u64) {
        // Dropped events at the end have no piece of their own.
        self.printed = if self.queue.is_empty() { self.queue.last() } else { through };
        let printed = self.printed;
        for (_, sender) in self.waiting.extract_if(.., |(number, _)| *number <= printed) {
            // The receiver may be gone.
            let _ = sender.send(());
        }
    }
}
