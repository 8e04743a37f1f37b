//! The terminal handed over to another program, or to a job: a process group that is in the foreground until it ends.
//!
//! While a job runs, Ctrl-C and Ctrl-Z are for the job. When it stops, the shell stops with it, as a pipeline of the calling shell
//! would: `fg` there brings both back. Source: `tcsetpgrp(3)`, `setpgid(2)`, and "Job control" in the manual of the GNU C
//! library.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::process::{self, Pid, getpgrp, kill_current_process_group, kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::{Console, Mode, settings};

/// What a job that was killed may have left: the other screen, keys of an application, a hidden cursor.
const RESET: &[u8] = b"\x1b[?47l\x1b[?1l\x1b>\x1b[?25h\x1b[0m";

/// The terminal is another program's, until this is dropped.
#[must_use = "the terminal comes back when this is dropped"]
pub(crate) struct TerminalGuard<'c> {
    console: &'c mut Console,
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

/// The terminal is a job's. Give it to [`Console::take_back`].
#[derive(Debug)]
#[must_use = "the terminal has to be taken back"]
pub(crate) struct Handover {
    /// The settings that it was handed over with.
    settings: Option<Termios>,
    /// This program's process group, if it was in the foreground.
    ours: Option<Pid>,
}

impl Console {
    /// Gives the terminal to another program (a pager, a pipeline that writes to it) with the settings it was found
    /// with, until the guard is dropped. Before, what is pending is printed; meanwhile the sinks only collect. A line
    /// being typed is given up.
    ///
    /// Cancel safe: the terminal then stays here.
    pub(crate) async fn lend(&mut self) -> TerminalGuard<'_> {
        self.interrupt().await;
        self.sink().flushed().await;
        let guard = TerminalGuard { console: self };
        if let Some(written) = guard.console.shared.hand_over() {
            // An error means that the console is gone, and nothing is written.
            let _ = written.await;
        }
        if let Mode::Editor { terminal } = &guard.console.mode {
            terminal.restore();
        }
        guard
    }

    /// Gives the terminal to a job, as [`lend`](Self::lend) does, until [`take_back`](Self::take_back).
    ///
    /// Cancel safe: the terminal then stays here.
    pub(crate) async fn hand_over(&mut self) -> Handover {
        // `take_back` does what dropping the guard would do.
        std::mem::forget(self.lend().await);
        let ours = tcgetpgrp(io::stdin()).ok().filter(|foreground| *foreground == getpgrp());
        Handover { settings: tcgetattr(io::stdin()).ok(), ours }
    }

    /// The job has ended; `was_killed`: it could not leave the terminal as it should.
    pub(crate) fn take_back(&mut self, handover: Handover, was_killed: bool) {
        handover.reclaim();
        handover.restore();
        if let Mode::Editor { .. } = self.mode {
            let columns = settings::columns();
            let mut text = if was_killed { RESET.to_vec() } else { Vec::new() };
            // The prompt takes a row for itself. A row full of spaces ends at its own beginning if it began there, and at
            // that of the next one if it did not.
            text.resize(text.len() + columns, b' ');
            text.push(b'\r');
            // If this fails so does the next read, which says it.
            let _ = rustix::io::write(io::stdout(), &text);
        }
        drop(TerminalGuard { console: self });
    }
}

impl Handover {
    /// Whether a process group can be put into the foreground: this program was there, on a terminal of its own.
    pub(crate) fn has_foreground(&self) -> bool {
        self.ours.is_some()
    }

    /// Puts a process group into the foreground, and lets it go on if it has stopped because it was not there. Where this program
    /// is in the background itself, it stops until it is not.
    pub(crate) fn give_to(&self, group: Pid) {
        if self.ours.is_some() {
            // The group may have ended already.
            let _ = tcsetpgrp(io::stdin(), group);
            let _ = kill_process_group(group, process::Signal::CONT);
        }
    }

    /// The group in the foreground has stopped: stops this program too, and when it goes on, the group does.
    pub(crate) fn stop_with(&self, group: Pid) {
        self.reclaim();
        self.restore();
        // The signal must be for this thread, so that it has stopped when it goes on here; see `Console::open`.
        let found = SigSet::from(Signal::SIGTSTP).thread_swap_mask(SigmaskHow::SIG_UNBLOCK);
        // Where nobody could let it go on, the system ignores this, and the group goes on at once.
        let _ = kill_current_process_group(process::Signal::TSTP);
        if let Ok(found) = found {
            let _ = found.thread_set_mask();
        }
        self.give_to(group);
    }

    /// Puts this program into the foreground again.
    pub(crate) fn reclaim(&self) {
        let Some(ours) = self.ours else { return };
        // Who is not in the foreground gets this signal for it.
        let found = SigSet::from(Signal::SIGTTOU).thread_swap_mask(SigmaskHow::SIG_BLOCK);
        let _ = tcsetpgrp(io::stdin(), ours);
        if let Ok(found) = found {
            let _ = found.thread_set_mask();
        }
    }

    fn restore(&self) {
        if let Some(settings) = &self.settings {
            // If this fails so does the next read, which says it.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
        }
    }
}
