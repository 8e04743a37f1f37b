//! Why there can be no console.

use std::io;

use rustyline::error::ReadlineError;

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The settings of the terminal cannot be read or changed.
    #[error("cannot set up the terminal")]
    Terminal(#[source] io::Error),
    /// The line editor cannot be made.
    #[error("cannot set up the line editor")]
    Editor(#[source] ReadlineError),
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// SIGINT cannot be caught.
    #[error("cannot catch signals")]
    Signals(#[source] io::Error),
}
