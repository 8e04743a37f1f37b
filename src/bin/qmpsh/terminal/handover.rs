//! The terminal handed over to a question, or to a job: a process group that is in the foreground until it ends.
//!
//! While a job runs, Ctrl-C and Ctrl-Z are for the job. When it stops, qmpsh stops with it, and `fg` in the calling shell brings
//! both back. Source: `tcsetpgrp(3)`, `setpgid(2)`, and "Job control" in the manual of the GNU C library.

use std::io;
use std::sync::Arc;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::process::{self, Pid, getpgrp, kill_current_process_group, kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::settings::{self, Terminal};
use super::state::Shared;

/// Undoes what a killed job may have left: the alternate screen, application keys, a hidden cursor.
const RESET: &[u8] = b"\x1b[?47l\x1b[?1l\x1b>\x1b[?25h\x1b[0m";

/// The terminal while another program has it. Dropping this takes it back.
#[derive(Debug)]
#[must_use = "dropping it takes the terminal back"]
pub(crate) struct Handover {
    shared: Arc<Shared>,
    /// `None` where lines are not edited.
    terminal: Option<Arc<Terminal>>,
    /// The settings of the terminal when it was handed over.
    settings: Option<Termios>,
    /// This program's process group, if it was in the foreground.
    ours: Option<Pid>,
}

impl Handover {
    /// Stops the printer, and restores the settings of the terminal. Cancel safe: the terminal then stays here.
    pub(super) async fn begin(shared: Arc<Shared>, terminal: Option<Arc<Terminal>>) -> Self {
        let written = shared.hand_over();
        let mut handover = Self { shared, terminal, settings: None, ours: None };
        if let Some(written) = written {
            // An error means that the console is closed, and nothing is written.
            let _ = written.await;
        }
        if let Some(terminal) = &handover.terminal {
            terminal.restore();
        }
        handover.settings = tcgetattr(io::stdin()).ok();
        handover.ours = tcgetpgrp(io::stdin()).ok().filter(|foreground| *foreground == getpgrp());
        handover
    }

    /// Takes the terminal back from a job that has ended. A job that `was_killed` could not restore it.
    pub(crate) fn end(self, was_killed: bool) {
        self.reclaim();
        self.restore();
        if self.terminal.is_some() {
            begin_row(was_killed);
        }
    }

    /// Returns true if this program can put a process group into the foreground, because it was there itself.
    pub(crate) fn has_foreground(&self) -> bool {
        self.ours.is_some()
    }

    /// Puts a process group into the foreground, and continues it if it stopped for lack of that. If this program is in the
    /// background itself, it stops here.
    pub(crate) fn give_to(&self, group: Pid) {
        if self.ours.is_some() {
            // The group may have ended already.
            let _ = tcsetpgrp(io::stdin(), group);
            let _ = kill_process_group(group, process::Signal::CONT);
        }
    }

    /// Stops this program together with the group in the foreground, and continues the group when this program continues.
    pub(crate) fn stop_with(&self, group: Pid) {
        self.reclaim();
        self.restore();
        // This thread takes the signal (the others block it, see `Console::open`), so the program has stopped and continued
        // behind the call. If no shell could continue it, the system ignores the signal, and the group continues at once.
        with_mask(SigmaskHow::SIG_UNBLOCK, Signal::SIGTSTP, || kill_current_process_group(process::Signal::TSTP));
        self.give_to(group);
    }

    /// Puts this program back into the foreground.
    pub(crate) fn reclaim(&self) {
        let Some(ours) = self.ours else { return };
        // The system sends this signal to a background process that does this.
        with_mask(SigmaskHow::SIG_BLOCK, Signal::SIGTTOU, || tcsetpgrp(io::stdin(), ours));
    }

    fn restore(&self) {
        if let Some(settings) = &self.settings {
            // If this fails, the next read fails and reports it.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
        }
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        if let Some(terminal) = &self.terminal {
            // If this fails, the next read fails and reports it.
            let _ = terminal.settle();
        }
        self.shared.take_back();
    }
}

/// Makes a system call while this thread blocks or accepts a signal. Its errors change nothing here.
fn with_mask(how: SigmaskHow, signal: Signal, call: impl FnOnce() -> rustix::io::Result<()>) {
    let found = SigSet::from(signal).thread_swap_mask(how);
    let _ = call();
    if let Ok(found) = found {
        let _ = found.thread_set_mask();
    }
}

/// Begins a row for the prompt below the output of a job.
fn begin_row(was_killed: bool) {
    let mut text = if was_killed { RESET.to_vec() } else { Vec::new() };
    // If the cursor is at the start of a row, as many spaces as columns stay in that row, and otherwise reach the next one.
    text.resize(text.len() + settings::columns(), b' ');
    text.push(b'\r');
    // If this fails, the next read fails and reports it.
    let _ = rustix::io::write(io::stdout(), &text);
}
