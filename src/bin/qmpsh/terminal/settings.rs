//! The settings of the terminal: how it was found, what the shell changes, and how it is restored.

use std::io;
use std::os::fd::AsFd;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcsetattr};

use crate::output::columns::size_of;

/// The value of a special key that is off.
pub(super) const DISABLED: u8 = nix::libc::_POSIX_VDISABLE;

/// The values of `TERM` for which rustyline does not use raw mode.
const DUMB: [&str; 3] = ["dumb", "cons25", "emacs"];

/// The settings of the terminal on stdin, as they were found.
#[derive(Debug)]
pub(super) struct Terminal {
    found: Termios,
}

impl Terminal {
    /// Remembers the settings, and changes them as [`Terminal::settle`] does.
    pub(super) fn open() -> io::Result<Self> {
        let terminal = Self { found: tcgetattr(io::stdin())? };
        terminal.settle()?;
        Ok(terminal)
    }

    /// Applies the settings for the time in which no line is edited, if they are not in place: a signal can keep rustyline
    /// from leaving raw mode, and another program may have had the terminal while the shell was stopped. They are the
    /// settings found, except:
    ///
    /// - `NOFLSH` is on: without it, Ctrl-C while a command runs makes the kernel discard output on its way;
    /// - `VEOF` is off: with it, a Ctrl-D typed while a command runs would be lost when the next line begins;
    /// - `ECHO` is off: with it, text typed while a command runs would stand in the middle of its output, and again behind
    ///   the next prompt.
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

    /// Restores the settings found. Does not wait for output to drain, which a stopped terminal would not do.
    pub(super) fn restore(&self) {
        // On failure the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.found);
    }

    /// Returns true if the settings that the shell changes are as they were found.
    pub(super) fn is_as_found(&self) -> bool {
        let end = |settings: &Termios| settings.special_codes[SpecialCodeIndex::VEOF];
        let same = |now: Termios| now.local_modes == self.found.local_modes && end(&now) == end(&self.found);
        tcgetattr(io::stdin()).is_ok_and(same)
    }

    /// Returns the key for `code`, unless it is off: Ctrl-C for `VINTR`, if the user has not chosen another one.
    pub(super) fn key(&self, code: SpecialCodeIndex) -> Option<char> {
        let code = self.found.special_codes[code];
        (code != DISABLED).then_some(char::from(code))
    }
}

/// Returns how many columns the terminal has, or 0 if it does not know.
pub(super) fn columns() -> usize {
    size_of(io::stdout()).map_or(0, |size| size.columns)
}

/// Returns true if the terminal turns Ctrl-C into a signal, as it does while no line is edited.
pub(super) fn is_cooked() -> bool {
    tcgetattr(io::stdin()).is_ok_and(|now| now.local_modes.contains(LocalModes::ISIG))
}

/// Returns true if lines can be edited: stdin and stdout are terminals, and not of a kind that only scrolls.
pub(crate) fn can_edit() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    isatty(io::stdin().as_fd()) && isatty(io::stdout().as_fd()) && !is_dumb(&term)
}

/// Returns true if a terminal of this kind only scrolls.
pub(crate) fn is_dumb(term: &str) -> bool {
    DUMB.iter().any(|dumb| dumb.eq_ignore_ascii_case(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumb_terminals_are_known_by_their_kind() {
        for (term, dumb) in
            [("xterm", false), ("", false), ("dumb", true), ("Dumb", true), ("emacs", true), ("dumber", false)]
        {
            assert_eq!(is_dumb(term), dumb, "{term}");
        }
    }
}
