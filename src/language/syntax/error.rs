//! What can be wrong with a line.

use std::borrow::Cow;
use std::fmt;

use super::render;
use super::span::Span;
use crate::json::MAX_NESTING;
use crate::text;

/// Why a line is not a statement.
///
/// `Display` says what is wrong; [`SyntaxError::render`] shows the line with a caret and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct SyntaxError {
    /// Where, in the text that was parsed.
    pub span: Span,
    /// What is wrong.
    pub kind: SyntaxErrorKind,
    /// What could have stood there, as words to show; may be empty.
    pub expected: &'static [&'static str],
    /// How to write what was probably meant.
    pub help: Option<Cow<'static, str>>,
}

/// The kinds of [`SyntaxError`]. Words of the line in them are shortened and free of control characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// Something is still open where the text ends.
    #[error("this {0} is never closed")]
    Unclosed(Opening),
    /// Something else should stand here.
    #[error("unexpected {0}")]
    Unexpected(String),
    /// An argument without `=`.
    #[error("{0} is not KEY=VALUE")]
    NoEquals(String),
    /// A word that stands for an argument by itself, but cannot be its value.
    #[error("{0} is not {1}")]
    Unfit(String, &'static str),
    /// The name of an argument that no command has.
    #[error("no argument is named {0}")]
    BadKey(String),
    /// A key, or a part of a dotted key, is empty.
    #[error("a key has an empty part")]
    EmptyKey,
    /// Two values for one key of an object.
    #[error("the key {0} is given twice")]
    DuplicateKey(String),
    /// A backslash and something JSON does not know.
    #[error("{0} is not a JSON escape")]
    BadEscape(String),
    /// Half of a surrogate pair.
    #[error("{0} is half of a surrogate pair")]
    LoneSurrogate(String),
    /// A noncharacter: QEMU's parser refuses it.
    #[error("QEMU does not accept the character U+{:04X}", u32::from(*.0))]
    Noncharacter(char),
    /// A raw control character in a JSON string.
    #[error("a raw control character (U+{:04X}) in a JSON string", u32::from(*.0))]
    ControlCharacter(char),
    /// Not JSON's spelling of a number.
    #[error("{0} is not a number")]
    BadNumber(String),
    /// Brackets within brackets, too many of them.
    #[error("nested more than {} deep, QEMU's limit", MAX_NESTING)]
    TooDeep,
    /// Dot commands within dot commands.
    #[error("too many dot commands in one another")]
    TooManyDotCommands,
    /// A JSON line without `execute` or `exec-oob`.
    #[error("a JSON line needs \"execute\" (or \"exec-oob\")")]
    NoExecute,
    /// Both `execute` and `exec-oob`.
    #[error("a JSON line has either \"execute\" or \"exec-oob\"")]
    TwoExecutes,
    /// A member of a JSON line that is not what the protocol wants.
    #[error("{0:?} must be {1}")]
    WrongMember(&'static str, &'static str),
    /// A member of a JSON line that the protocol does not know.
    #[error("{0} is not a member of a QMP message")]
    UnknownMember(String),
    /// `|` and nothing after it.
    #[error("no command after this |")]
    EmptyPipeline,
    /// `=@` and nothing after it.
    #[error("no file name after @")]
    NoFileName,
}

/// What can be open at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// `"` or `'`
    Quote(char),
    /// `{` or `[`
    Bracket(char),
    /// `transaction(`
    Transaction,
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quote(c) => write!(f, "quote {c}"),
            Self::Bracket(c) => write!(f, "bracket {c}"),
            Self::Transaction => f.write_str("transaction"),
        }
    }
}

impl SyntaxError {
    pub(super) fn new(span: Span, kind: SyntaxErrorKind, expected: &'static [&'static str]) -> Self {
        Self { span, kind, expected, help: None }
    }

    pub(super) fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn or_help(mut self, help: &'static str) -> Self {
        self.help = self.help.or(Some(help.into()));
        self
    }

    /// Moves the error to another place: that of the same text in another spelling.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    /// Returns the message, the line, a caret under the place, and what was expected; without a final newline.
    ///
    /// `text` is what was parsed, `name` the file it came from, and `first_line` the number (from 1) of its first line there.
    pub fn render(&self, text: &str, name: Option<&str>, first_line: usize) -> String {
        let mut out = render::render(text, self.span, &self.to_string(), name, first_line);
        if let Some((last, before)) = self.expected.split_last() {
            out.push_str("\n  expected ");
            if !before.is_empty() {
                out.push_str(&before.join(", "));
                out.push_str(" or ");
            }
            out.push_str(last);
        }
        if let Some(help) = &self.help {
            out.push_str("\n  help: ");
            // It may quote the line.
            out.push_str(&text::lines(help));
        }
        out
    }
}

/// Returns a word of the line in backquotes, short and safe to show.
pub fn shown(word: &str) -> String {
    const LONGEST: usize = 40;
    format!("`{}`", text::excerpt(word.as_bytes(), LONGEST))
}
