//! What is said on stderr.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use crate::cli::ColorMode;
use crate::output::color::Colors;
use crate::status::Failure;
use qmpsh::text;

/// stderr, for sentences about what went wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Messages {
    terminal: bool,
    colors: Colors,
}

impl Messages {
    pub(crate) fn new(color: ColorMode) -> Self {
        Self { terminal: std::io::stderr().is_terminal(), colors: Colors::of_stderr(color) }
    }

    /// Says what failed, if there is something to say. Nothing the peer said in it can drive a terminal.
    pub(crate) fn tell(self, failure: &Failure) {
        if !failure.message.is_empty() {
            let message = failure.shown();
            let message = if self.terminal { text::lines(&message) } else { message.into() };
            write(&self.colors.failure(&message));
        }
    }

    /// Says something as it is, but for what could drive a terminal.
    pub(crate) fn say(self, message: &str) {
        let message = if self.terminal { text::lines(message) } else { message.into() };
        write(&message);
    }

    /// What the peer said, as a part of a message: on one line of a terminal, to a pipe as it is.
    pub(crate) fn peer(self, said: &str) -> Cow<'_, str> {
        if self.terminal { text::line(said) } else { said.into() }
    }
}

fn write(message: &str) {
    // Where else to complain?
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}
