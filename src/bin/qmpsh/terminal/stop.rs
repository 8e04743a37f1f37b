//! Ctrl-Z, and whoever sends that signal: the program stops with the terminal as it was found, while a line is being
//! edited and while a command runs. Not every shell puts the settings back by itself: dash does not.

use std::io;
use std::sync::Arc;

use nix::sys::signal::{SigSet, Signal, raise};
use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};

use super::settings::Terminal;
use super::state::Shared;

/// Keeps the signal from this thread and those that it starts; without effect it would stop the program at once, as usual.
pub(super) fn block() {
    // An error would be one of the arguments.
    let _ = SigSet::from(Signal::SIGTSTP).thread_block();
}

/// Waits for the signal, for good. It must be blocked in all threads.
pub(super) fn run(shared: &Shared, terminal: &Arc<Terminal>) {
    let stop = SigSet::from(Signal::SIGTSTP);
    while stop.wait().is_ok() {
        shared.begin_stop();
        let before = tcgetattr(io::stdin());
        let columns = || tcgetwinsize(io::stdout()).map(|size| size.ws_col);
        let width = columns();
        terminal.restore();
        // Only this thread can take it, so it has stopped the program when it goes on here. Where nobody could let it go on, the
        // system ignores the signal.
        let _ = stop.thread_unblock().and_then(|()| raise(Signal::SIGTSTP));
        let _ = stop.thread_block();
        if let Ok(before) = before
            && terminal.is_as_found()
        {
            // If this fails so does the next read, which says it.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
        if columns() != width {
            // Nobody tells who is in the background.
            let _ = raise(Signal::SIGWINCH);
        }
        shared.end_stop();
    }
}
