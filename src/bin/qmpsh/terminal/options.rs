//! What a console is made from.

use std::fmt;
use std::sync::Arc;

use super::history::HistoryOptions;

/// Says whether a text is finished.
#[derive(Clone)]
pub(crate) struct IsComplete(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl IsComplete {
    /// From what decides it.
    pub(crate) fn new(is_complete: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_complete))
    }

    pub(super) fn of(&self, text: &str) -> bool {
        (self.0)(text)
    }
}

impl fmt::Debug for IsComplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IsComplete")
    }
}

/// How a [`super::Console`] is to be.
#[derive(Clone, Debug)]
pub(crate) struct ConsoleOptions {
    /// The prompt, without colors.
    pub prompt: String,
    /// Where lines are kept, and which.
    pub history: HistoryOptions,
    /// Says false for a text that is not finished (an open bracket, quote, transaction): Enter then adds a line to it.
    pub is_complete: IsComplete,
    /// Whether there are colors, and with them hints.
    pub color: bool,
}
