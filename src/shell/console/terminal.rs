//! The terminal's settings: what they were, what the shell adds, and how they are put back.

use std::io;
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

/// The values of `TERM` for which rustyline has no raw mode.
const DUMB: [&str; 3] = ["dumb", "cons25", "emacs"];

/// The settings of the terminal on stdin, as they were found.
#[derive(Debug)]
pub(super) struct Terminal {
    found: Termios,
}

impl Terminal {
    /// Remembers the settings, and turns on `NOFLSH`: without it, Ctrl-C while a command runs makes the kernel throw
    /// away output that is on its way.
    pub(super) fn open() -> io::Result<Self> {
        let found = tcgetattr(io::stdin())?;
        let terminal = Self { found };
        terminal.settle()?;
        Ok(terminal)
    }

    /// Sets what the terminal has to be while no line is being edited, if it is not: a signal can keep rustyline from
    /// leaving raw mode, and another program may have had the terminal while the shell was stopped.
    pub(super) fn settle(&self) -> io::Result<()> {
        let now = tcgetattr(io::stdin())?;
        let mut wanted = if now.local_modes.contains(LocalModes::ICANON) { now.clone() } else { self.found.clone() };
        wanted.local_modes |= LocalModes::NOFLSH;
        if wanted.local_modes != now.local_modes || wanted.input_modes != now.input_modes {
            tcsetattr(io::stdin(), OptionalActions::Now, &wanted)?;
        }
        Ok(())
    }

    /// Puts back what was found. Never waits for output to drain, which a stopped terminal would not do.
    pub(super) fn restore(&self) {
        // Nothing can be done about a failure: the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.found);
    }
}

/// Whether lines can be edited: both ends are terminals, and not a kind that only scrolls.
pub(super) fn can_edit() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    isatty(io::stdin().as_fd()) && isatty(io::stdout().as_fd()) && !is_dumb(&term)
}

fn is_dumb(term: &str) -> bool {
    DUMB.iter().any(|dumb| dumb.eq_ignore_ascii_case(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_terminal() {
        for (term, dumb) in
            [("xterm", false), ("", false), ("dumb", true), ("Dumb", true), ("emacs", true), ("dumber", false)]
        {
            assert_eq!(is_dumb(term), dumb, "{term}");
        }
    }
}
