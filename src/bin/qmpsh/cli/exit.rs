//! How the program ends without running a command.

/// The beginning of usage errors.
pub(super) const OURS: &str = "qmpsh: ";

/// The text with which the program ends without running a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Asked for (`--help`, `--version`): to stdout.
    Show(String),
    /// A file that `--generate` prints: to stdout, as it is.
    Generated(String),
    /// A usage error: to stderr.
    Usage(String),
}

impl Exit {
    /// The text to print, with its final newline.
    pub(crate) fn text(&self) -> &str {
        let (Exit::Show(text) | Exit::Generated(text) | Exit::Usage(text)) = self;
        text
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        if matches!(self, Exit::Usage(_)) { 2 } else { 0 }
    }

    /// Names the source of the text that a usage error is about.
    pub(super) fn about(self, source: &str) -> Self {
        match self {
            Exit::Usage(text) => Exit::Usage(text.replacen(OURS, &format!("{OURS}{source}: "), 1)),
            show => show,
        }
    }
}

/// Makes a usage error in the shape of clap's.
pub(super) fn usage(sentence: impl std::fmt::Display) -> Exit {
    Exit::Usage(format!("{OURS}{sentence}\n\nFor more information, try 'qmpsh --help'.\n"))
}
