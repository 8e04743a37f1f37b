//! The terminal handed over to another program, or to a job: a process group that is in the foreground until it ends.
//!
//! While a job runs, Ctrl-C and Ctrl-Z are for the job. When it stops, qmpsh stops with it, as a pipeline of the calling
//! shell would: `fg` there brings both back. Source: `tcsetpgrp(3)`, `setpgid(2)`, and "Job control" in the manual of the GNU C
//! library.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::process::{self, Pid, getpgrp, kill_current_process_group, kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::settings;

/// Undoes what a killed job may have left: the alternate screen, application keys, a hidden cursor.
const RESET: &[u8] = b"\x1b[?47l\x1b[?1l\x1b>\x1b[?25h\x1b[0m";

/// A terminal that a job has. Give it to [`Console::take_back`](super::Console::take_back).
#[derive(Debug)]
#[must_use = "the terminal has to be taken back"]
pub(crate) struct Handover {
    /// The settings of the terminal when it was handed over.
    settings: Option<Termios>,
    /// This program's process group, if it was in the foreground.
    ours: Option<Pid>,
}

impl Handover {
    /// Must be called when the terminal has the settings that it was found with.
    pub(super) fn new() -> Self {
        let ours = tcgetpgrp(io::stdin()).ok().filter(|foreground| *foreground == getpgrp());
        Self { settings: tcgetattr(io::stdin()).ok(), ours }
    }

    /// Returns true if this program can put a process group into the foreground, because it was there itself.
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

    /// Puts this program back into the foreground.
    pub(crate) fn reclaim(&self) {
        let Some(ours) = self.ours else { return };
        // A background process that does this gets the signal.
        let found = SigSet::from(Signal::SIGTTOU).thread_swap_mask(SigmaskHow::SIG_BLOCK);
        let _ = tcsetpgrp(io::stdin(), ours);
        if let Ok(found) = found {
            let _ = found.thread_set_mask();
        }
    }

    pub(super) fn restore(&self) {
        if let Some(settings) = &self.settings {
            // If this fails so does the next read, which says it.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
        }
    }
}

/// Begins a row for the prompt below the output of a job. A job that `was_killed` could not restore the terminal.
pub(super) fn begin_row(was_killed: bool) {
    let mut text = if was_killed { RESET.to_vec() } else { Vec::new() };
    // If the cursor is at the start of a row, as many spaces as columns stay in that row, and otherwise reach the next one.
    text.resize(text.len() + settings::columns(), b' ');
    text.push(b'\r');
    // If this fails so does the next read, which says it.
    let _ = rustix::io::write(io::stdout(), &text);
}
