//! The line of a batch: on stderr, if that is a terminal.

use std::io::{self, IsTerminal};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::output::columns::size_of;

/// Goes to the begin of the row and empties it.
const ERASE: &str = "\r\x1b[K";

/// The last row of the terminal that stderr is, for a line that is replaced. It is taken away on drop.
#[derive(Debug)]
pub(crate) struct BottomLine {
    can_replace: bool,
    shown: bool,
}

impl BottomLine {
    pub(crate) fn new() -> Self {
        Self { can_replace: io::stderr().is_terminal() && !is_dumb(), shown: false }
    }

    /// How many columns a line may have; nothing if stderr is no terminal on which rows can be written again.
    pub(crate) fn width(&self) -> Option<usize> {
        self.can_replace.then(|| width_of(rustix::stdio::stderr()))
    }

    /// Shows this in place of the line before. It must be no wider than [`width`](Self::width).
    pub(crate) fn show(&mut self, text: &str) {
        self.shown = self.write(&format!("\r{text}\x1b[K\r")) || self.shown;
    }

    /// Takes the line away, because something else is to be written to the terminal.
    pub(crate) fn clear(&mut self) {
        if self.shown {
            // On Ctrl-C the kernel first sends the signal and then discards what is on its way to the terminal. It does both
            // under the lock of the terminal's settings, so reading them waits until nothing more is discarded.
            let _ = rustix::termios::tcgetattr(rustix::stdio::stderr());
            self.shown = !self.write(ERASE);
        }
    }

    /// Whether it was written: a terminal that was stopped (Ctrl-S) must not stop the shell.
    fn write(&self, text: &str) -> bool {
        let stderr = rustix::stdio::stderr();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let has_room = poll(&mut [PollFd::from_borrowed_fd(stderr, PollFlags::OUT)], Some(&at_once));
        self.can_replace && has_room.is_ok_and(|ready| ready > 0) && rustix::io::write(stderr, text.as_bytes()).is_ok()
    }
}

impl Drop for BottomLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The columns of a terminal but one: in the last one some would begin another row.
pub(crate) fn width_of(terminal: impl std::os::fd::AsFd) -> usize {
    size_of(terminal).map_or(80, |size| size.columns) - 1
}

fn is_dumb() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    term.is_empty() || crate::terminal::is_dumb(&term)
}
