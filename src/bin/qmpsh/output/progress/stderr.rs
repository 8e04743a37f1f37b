//! The line of progress of a batch: on stderr, if that is a terminal.

use std::io::{self, IsTerminal};

use crate::output::columns::size_of;
use crate::output::stdout::poll_now;

/// Goes to the start of the row and erases it.
const ERASE: &str = "\r\x1b[K";

/// The last row of the terminal on stderr, for a line that is replaced. Dropping it erases the line.
#[derive(Debug)]
pub(crate) struct BottomLine {
    can_replace: bool,
    shown: bool,
}

impl BottomLine {
    pub(crate) fn new() -> Self {
        Self { can_replace: io::stderr().is_terminal() && !is_dumb(), shown: false }
    }

    /// Returns how many columns a line may have, or `None` if stderr is not a terminal that can rewrite a row.
    pub(crate) fn width(&self) -> Option<usize> {
        self.can_replace.then(|| width_of(rustix::stdio::stderr()))
    }

    /// Shows this in place of the line before. It must be no wider than [`width`](Self::width).
    pub(crate) fn show(&mut self, text: &str) {
        self.shown = self.write(&format!("\r{text}\x1b[K\r")) || self.shown;
    }

    /// Erases the line, before other text is written to the terminal.
    pub(crate) fn clear(&mut self) {
        if self.shown {
            // On Ctrl-C the kernel sends the signal and then discards output on its way to the terminal. It does both under
            // the lock of the terminal's settings, so reading them waits until nothing more is discarded.
            let _ = rustix::termios::tcgetattr(rustix::stdio::stderr());
            self.shown = !self.write(ERASE);
        }
    }

    /// Returns true if it was written. A terminal that was stopped (Ctrl-S) must not stop the batch.
    fn write(&self, text: &str) -> bool {
        let stderr = rustix::stdio::stderr();
        self.can_replace && !poll_now(stderr).is_empty() && rustix::io::write(stderr, text.as_bytes()).is_ok()
    }
}

impl Drop for BottomLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Returns the columns of a terminal less one: some terminals begin another row behind the last.
pub(crate) fn width_of(terminal: impl std::os::fd::AsFd) -> usize {
    size_of(terminal).map_or(80, |size| size.columns) - 1
}

fn is_dumb() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    term.is_empty() || crate::terminal::is_dumb(&term)
}
