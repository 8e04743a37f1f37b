//! SIGTSTP, from Ctrl-Z or another program: qmpsh stops with the terminal as it was found, while a line is edited and while
//! a command runs. Some shells, such as dash, do not restore the settings themselves.

use std::io;
use std::sync::Arc;

use nix::sys::signal::{SigSet, Signal, raise};
use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};

use super::settings::Terminal;
use super::state::Shared;

/// Blocks the signal for this thread and those that it starts.
pub(super) fn block() {
    // It fails only for wrong arguments.
    let _ = SigSet::from(Signal::SIGTSTP).thread_block();
}

/// Waits for the signal again and again. It must be blocked in all threads.
pub(super) fn run(shared: &Shared, terminal: &Arc<Terminal>) {
    let stop = SigSet::from(Signal::SIGTSTP);
    while stop.wait().is_ok() {
        shared.begin_stop();
        let before = tcgetattr(io::stdin());
        let columns = || tcgetwinsize(io::stdout()).map(|size| size.ws_col);
        let width = columns();
        terminal.restore();
        // Only this thread takes the signal, so the program has stopped and gone on when `raise` returns. The kernel ignores the
        // signal in an orphaned process group, which no shell could let go on.
        let _ = stop.thread_unblock().and_then(|()| raise(Signal::SIGTSTP));
        let _ = stop.thread_block();
        if let Ok(before) = before
            && terminal.is_as_found()
        {
            // If this fails so does the next read, which says it.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
        if columns() != width {
            // A background process does not get SIGWINCH.
            let _ = raise(Signal::SIGWINCH);
        }
        shared.end_stop();
    }
}
