//! Why a statement cannot be made a message.

use std::error::Error;
use std::{fmt, io};

use crate::error::describe;
use crate::language::syntax::{self, Span, SyntaxError, is_noncharacter};
use crate::message::RequestError;

/// Why a statement cannot be made a message. Nothing has been sent.
#[derive(Debug)]
pub struct TypingError {
    /// The place in the text that was parsed.
    pub span: Span,
    /// What is wrong.
    pub kind: TypingErrorKind,
}

/// The kinds of [`TypingError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypingErrorKind {
    /// Two values for one key.
    #[error("{0} is given twice")]
    GivenTwice(String),
    /// A key has a value, and keys below it.
    #[error("{0} is given a value here and members elsewhere")]
    LeafAndBranch(String),
    /// More brackets within brackets than QEMU takes.
    #[error("nested more than {} deep, QEMU's limit", syntax::MAX_NESTING)]
    TooDeep,
    /// The message is longer than QEMU takes.
    #[error(transparent)]
    Request(RequestError),
    /// A noncharacter: QEMU's parser refuses it.
    #[error("QEMU does not accept the character U+{:04X}", u32::from(*.0))]
    Noncharacter(char),
    /// A file, standard input or an answer could not be read.
    #[error("cannot read {name}")]
    Unreadable {
        /// The file, ready to be shown.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not text.
    #[error("{name} is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// The file, ready to be shown.
        name: String,
        /// The offset of the first byte that is wrong, from 0.
        at: usize,
    },
    /// A file has a character that QEMU's parser refuses.
    #[error("QEMU does not accept the character U+{:04X} in {name}", u32::from(*.c))]
    FileNoncharacter {
        /// The file, ready to be shown.
        name: String,
        /// The character.
        c: char,
    },
    /// A file is not JSON.
    #[error("{name}:{line}:{column}: {error}")]
    FileNotJson {
        /// The file, ready to be shown.
        name: String,
        /// The line in it, from 1.
        line: usize,
        /// The column, in characters from 1.
        column: usize,
        /// What is wrong.
        error: Box<SyntaxError>,
    },
}

impl fmt::Display for TypingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Error for TypingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

impl TypingError {
    pub(super) fn new(span: Span, kind: TypingErrorKind) -> Self {
        Self { span, kind }
    }

    /// Returns the message, the line and a caret under the place; without a final newline. See [`SyntaxError::render`].
    pub fn render(&self, text: &str, name: Option<&str>, first_line: usize) -> String {
        let mut message = self.to_string();
        if let TypingErrorKind::Unreadable { source, .. } = &self.kind {
            message = format!("{message}: {}", describe(source));
        }
        syntax::render(text, self.span, &message, name, first_line)
    }
}

pub(super) fn check_characters(text: &str, span: Span) -> Result<(), TypingError> {
    if text.is_ascii() {
        return Ok(());
    }
    match text.chars().find(|c| is_noncharacter(*c)) {
        Some(c) => Err(TypingError::new(span, TypingErrorKind::Noncharacter(c))),
        None => Ok(()),
    }
}
