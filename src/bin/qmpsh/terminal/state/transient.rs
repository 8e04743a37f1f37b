//! A line at the bottom that is replaced in place, such as a progress bar; everything else is printed above it.

use bytes::Bytes;

use super::super::queue::Chunk;
use super::{Shared, State};

/// Goes to the begin of the row and empties it.
const ERASE: &[u8] = b"\r\x1b[K";

/// What is to stand in the last row while no line is being typed, and what stands there.
#[derive(Debug, Default)]
pub(super) struct Transient {
    wanted: Option<String>,
    shown: bool,
    /// What is wanted is not what is shown.
    stale: bool,
}

impl Transient {
    pub(super) fn set(&mut self, text: Option<String>) {
        if self.wanted != text {
            self.wanted = text;
            self.stale = true;
        }
    }

    /// Whether it stands there and is not wanted any more.
    pub(super) fn must_go(&self) -> bool {
        self.shown && self.wanted.is_none()
    }

    /// Something else is printed: what comes before that.
    fn give_way(&mut self) -> &'static [u8] {
        if !std::mem::take(&mut self.shown) {
            return b"";
        }
        self.stale = true;
        ERASE
    }

    /// What is to be written for it, when nothing else is left to write.
    fn draw(&mut self) -> Option<Bytes> {
        if !std::mem::take(&mut self.stale) {
            return None;
        }
        let was_shown = std::mem::replace(&mut self.shown, self.wanted.is_some());
        match &self.wanted {
            // Written over the old one, so that nothing flickers. What is typed meanwhile goes over its begin: behind its end it
            // would go into the next row.
            Some(text) => Some(Bytes::from(format!("\r{text}\x1b[K\r"))),
            None => was_shown.then_some(Bytes::from_static(ERASE)),
        }
    }
}

impl Shared {
    /// Shows a line that the next one replaces; none: takes it away.
    pub(crate) fn set_transient(&self, text: Option<String>) {
        self.lock().transient.set(text);
        self.changed.notify_all();
    }
}

impl State {
    /// The transient line makes room for this chunk.
    pub(super) fn above_transient(&mut self, mut chunk: Chunk) -> Chunk {
        let before = self.transient.give_way();
        if !before.is_empty() {
            chunk.text = [before, &chunk.text].concat().into();
        }
        chunk
    }

    pub(super) fn draw_transient(&mut self) -> Option<Chunk> {
        Some(Chunk { text: self.transient.draw()?, through: self.printed })
    }
}
