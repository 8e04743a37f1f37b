//! Messages for the person who runs qmpsh: on stderr, or above the line being typed.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use crate::cli::ColorMode;
use crate::output::color::Colors;
use crate::output::columns::{size_of, wrap};
use crate::status::Failure;
use crate::terminal::Sink;
use qmpsh::text;

/// Returns the message as `out` is to get it. For a terminal, control characters are escaped and long lines wrapped
/// between words.
pub(crate) fn fit<'m>(message: &'m str, out: &(impl AsFd + IsTerminal)) -> Cow<'m, str> {
    if !out.is_terminal() {
        return message.into();
    }
    let safe = text::lines(message);
    match size_of(out) {
        Some(size) => wrap(&safe, size.columns).into_owned().into(),
        None => safe,
    }
}

/// stderr, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Messages {
    terminal: bool,
    colors: Colors,
}

impl Messages {
    pub(crate) fn new(color: ColorMode) -> Self {
        Self { terminal: io::stderr().is_terminal(), colors: Colors::of_stderr(color) }
    }

    /// Says what failed, unless the failure has no message.
    pub(crate) fn tell(self, failure: &Failure) {
        if !failure.message.is_empty() {
            write(&self.colors.failure(&fit(&failure.shown(), &io::stderr())));
        }
    }

    /// Writes a message, wrapped if stderr is a terminal.
    pub(crate) fn say(self, message: &str) {
        write(&if self.terminal { fit(message, &io::stderr()) } else { message.into() });
    }

    /// Writes what is not qmpsh's own text, such as JSON or the stderr of a program. It is not wrapped.
    pub(crate) fn quote(self, text: &str) {
        write(&if self.terminal { text::lines(text) } else { text.into() });
    }

    /// What the peer said, as a part of a message: on one line of a terminal, to a pipe as it is.
    pub(crate) fn peer(self, said: &str) -> Cow<'_, str> {
        if self.terminal { text::line(said) } else { said.into() }
    }
}

/// Where messages go: stderr, or the lines above the one being typed.
#[derive(Clone)]
pub(crate) enum Notifier {
    Stderr(Messages),
    Console(Sink),
}

impl Notifier {
    /// Shows a message, wrapped on a terminal.
    pub(crate) fn say(&self, message: &str) {
        match self {
            Notifier::Stderr(messages) => messages.say(message),
            Notifier::Console(sink) => sink.line(fit(message, &io::stdout())),
        }
    }

    /// Shows what is not qmpsh's own text. It is not wrapped.
    pub(crate) fn quote(&self, text: &str) {
        match self {
            Notifier::Stderr(messages) => messages.quote(text),
            Notifier::Console(sink) => sink.line(text::lines(text)),
        }
    }
}

fn write(message: &str) {
    // There is nowhere else to complain.
    let _ = writeln!(io::stderr().lock(), "{message}");
}
