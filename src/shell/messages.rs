//! What is said on stderr.

use std::io::{IsTerminal, Write};

use super::status::Failure;
use crate::text;

/// stderr, for sentences about what went wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Messages {
    terminal: bool,
}

impl Messages {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal() }
    }

    /// Says what failed, if there is something to say. Nothing the peer said in it can drive a terminal.
    pub(super) fn tell(self, failure: &Failure) {
        if !failure.message.is_empty() {
            let message = if self.terminal { text::lines(&failure.message) } else { (&failure.message).into() };
            // Where else to complain?
            let _ = writeln!(std::io::stderr().lock(), "{message}");
        }
    }
}
