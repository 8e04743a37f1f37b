//! The terminal lent to another program.

use super::{Console, Mode};

impl Console {
    /// Gives the terminal to another program (a pager, a pipeline that writes to it) with the settings it was found
    /// with, until the guard is dropped. Before, what is pending is printed; meanwhile the sinks only collect. A line
    /// being typed is given up.
    ///
    /// Cancel safe: the terminal is then not lent.
    pub(crate) async fn lend(&mut self) -> TerminalGuard<'_> {
        self.interrupt().await;
        self.sink().flushed().await;
        let lent = TerminalGuard { console: self };
        if let Some(written) = lent.console.shared.lend() {
            // An error means that the console is gone, and nothing is written.
            let _ = written.await;
        }
        if let Mode::Editor { terminal } = &lent.console.mode {
            terminal.restore();
        }
        lent
    }
}

/// The terminal is another program's, until this is dropped.
#[derive(Debug)]
#[must_use = "the terminal comes back when this is dropped"]
pub(crate) struct TerminalGuard<'c> {
    pub(super) console: &'c mut Console,
}

impl Drop for TerminalGuard<'_> {
    fn drop(&mut self) {
        if let Mode::Editor { terminal } = &self.console.mode {
            // If this fails so does the next read, which says it.
            let _ = terminal.settle();
        }
        self.console.shared.take_back();
    }
}
