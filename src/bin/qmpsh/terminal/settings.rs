//! The terminal's settings: what they were, what the shell adds, and how they are put back.

use std::io;
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcsetattr};

use crate::output::columns::size_of;

/// What a special key is set to if there is none.
pub(super) const DISABLED: u8 = nix::libc::_POSIX_VDISABLE;

/// The values of `TERM` for which rustyline has no raw mode.
const DUMB: [&str; 3] = ["dumb", "cons25", "emacs"];

/// The settings of the terminal on stdin, as they were found.
#[derive(Debug)]
pub(super) struct Terminal {
    found: Termios,
}

impl Terminal {
    /// Remembers the settings, and makes those of [`Terminal::settle`].
    pub(super) fn open() -> io::Result<Self> {
        let terminal = Self { found: tcgetattr(io::stdin())? };
        terminal.settle()?;
        Ok(terminal)
    }

    /// Makes the settings that hold while no line is being edited, if they do not: a signal can keep rustyline from
    /// leaving raw mode, and another program may have had the terminal while the shell was stopped. They are those
    /// found, but
    ///
    /// - `NOFLSH` is on: without it, Ctrl-C while a command runs makes the kernel throw away output that is on its way;
    /// - `VEOF` is off: with it, a Ctrl-D typed while a command runs would be lost when the next line begins;
    /// - `ECHO` is off: with it, what is typed while a command runs would stand in the middle of what the command prints, and
    ///   again behind the next prompt.
    pub(super) fn settle(&self) -> io::Result<()> {
        let now = tcgetattr(io::stdin())?;
        let raw = !now.local_modes.contains(LocalModes::ICANON);
        let mut wanted = if raw { self.found.clone() } else { now.clone() };
        wanted.local_modes |= LocalModes::NOFLSH;
        wanted.local_modes -= LocalModes::ECHO;
        wanted.special_codes[SpecialCodeIndex::VEOF] = DISABLED;
        if raw || wanted.local_modes != now.local_modes || now.special_codes[SpecialCodeIndex::VEOF] != DISABLED {
            tcsetattr(io::stdin(), OptionalActions::Now, &wanted)?;
        }
        Ok(())
    }

    /// Puts back what was found. Never waits for output to drain, which a stopped terminal would not do.
    pub(super) fn restore(&self) {
        // Nothing can be done about a failure: the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.found);
    }

    /// Whether the settings are those that were found, as far as the shell changes them.
    pub(super) fn is_as_found(&self) -> bool {
        let end = |settings: &Termios| settings.special_codes[SpecialCodeIndex::VEOF];
        let same = |now: Termios| now.local_modes == self.found.local_modes && end(&now) == end(&self.found);
        tcgetattr(io::stdin()).is_ok_and(same)
    }

    /// The key for this, if the person has one: Ctrl-C for `VINTR`, unless another one was chosen.
    pub(super) fn key(&self, code: SpecialCodeIndex) -> Option<char> {
        let code = self.found.special_codes[code];
        (code != DISABLED).then_some(char::from(code))
    }
}

/// How many columns the terminal has; 0: it does not know.
pub(super) fn columns() -> usize {
    size_of(io::stdout()).map_or(0, |size| size.columns)
}

/// Whether the terminal makes a signal of Ctrl-C, which it does while no line is being edited.
pub(super) fn is_cooked() -> bool {
    tcgetattr(io::stdin()).is_ok_and(|now| now.local_modes.contains(LocalModes::ISIG))
}

/// Whether lines can be edited: both ends are terminals, and not a kind that only scrolls.
pub(crate) fn can_edit() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    isatty(io::stdin().as_fd()) && isatty(io::stdout().as_fd()) && !is_dumb(&term)
}

/// Whether a terminal of this kind only scrolls.
pub(crate) fn is_dumb(term: &str) -> bool {
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
