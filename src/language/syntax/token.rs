//! The words of a line. The place of a word tells what it is.

use super::cursor::is_space;
use super::error::Opening;
use super::span::Span;

/// One word, or mark, of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a word is by its place in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The name of a command.
    Command,
    /// The name of an action of a transaction.
    Action,
    /// `KEY=VALUE` after it, or what may become that.
    Argument,
    /// A whole message in JSON.
    Json,
    /// `.name`
    DotName,
    /// A word that belongs to the dot command itself.
    DotWord,
    /// The rest of a line that is taken as it is.
    Raw,
    /// `transaction(`
    TransactionOpen,
    /// `;`, or the end of a line within a transaction.
    Separator,
    /// `)`
    TransactionClose,
    /// `|` and the rest of the line.
    Pipeline,
}

/// What is open where the text ends, and where it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) what: Opening,
    pub(super) span: Span,
}

/// Commands of the human monitor that may have a pipeline behind them. Elsewhere a bar may belong to an expression, as in
/// `print 1 | 2`, or to the text of a command.
const PIPED_HMP: [&str; 5] = ["info", "help", "qom-list", "qom-get", "qemu-io"];

/// Returns the place of the bar before a pipeline in a line for the human monitor, after `.hmp`.
pub(super) fn hmp_pipeline(line: &str) -> Option<usize> {
    // The monitor ends a name at a slash, too.
    let mut words = line.split([' ', '\t', '/']).filter(|word| !word.is_empty());
    let (command, what) = (words.next()?, words.next());
    // The APIC ID of `info lapic` is an expression.
    if !PIPED_HMP.contains(&command) || (command, what) == ("info", Some("lapic")) {
        return None;
    }
    let (mut is_quoted, mut is_escaped) = (false, false);
    let bytes = line.as_bytes();
    let is_blank = |at: usize| bytes.get(at).is_none_or(|byte| is_space(*byte));
    bytes.iter().enumerate().position(|(at, byte)| {
        match byte {
            _ if std::mem::take(&mut is_escaped) => {}
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'|' => return !is_quoted && at > 0 && is_blank(at - 1) && is_blank(at + 1),
            _ => {}
        }
        false
    })
}

/// How the words after the name of a dot command are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DotShape {
    /// They belong to the dot command.
    Words,
    /// The rest of the line is one text, with a pipeline behind some.
    Raw,
    /// The rest of the line is one text.
    Text,
    /// A command follows this many words, and options (`KEY=VALUE`) and numbers.
    Carries(usize),
    /// A command follows options and a time, each of which may be missing.
    CarriesAfterTime,
}

fn dot_shape(name: &str) -> DotShape {
    match name {
        ".hmp" => DotShape::Raw,
        ".type" => DotShape::Text,
        ".try" | ".oob" => DotShape::Carries(0),
        ".fd" => DotShape::Carries(1),
        ".watch" => DotShape::CarriesAfterTime,
        _ => DotShape::Words,
    }
}

/// Words that are dot commands without a dot, as other shells have them. No peer has commands of these names.
const WITHOUT_DOT: [&str; 7] = ["help", "?", "\\?", "\\h", "exit", "\\q", ":q"];

/// Returns the name of the dot command that `word` means, without its dot: `.exit`, `exit` and `\q` are `quit`, `?` is `help`.
pub fn dot_name(word: &str) -> &str {
    match word.strip_prefix(['.', '\\', ':']).unwrap_or(word) {
        "exit" | "q" => "quit",
        "?" | "h" => "help",
        name => name,
    }
}

/// Returns true if the word at the beginning of `rest` is a dot command without a dot.
fn is_without_dot(rest: &str) -> bool {
    let word = rest.split(|c: char| c.is_ascii() && is_space(c as u8)).next().unwrap_or_default();
    WITHOUT_DOT.contains(&word)
}

pub(super) const TRANSACTION: &str = "transaction(";

/// What the next word is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Next {
    #[default]
    Command,
    Arguments,
    /// Another message may stand behind a message.
    Messages,
    /// Words of a dot command; with a number, that many before the command that it carries.
    DotWords(Option<usize>),
    /// An option or a time of a dot command, or the command that it carries.
    TimeOrCommand,
    Raw,
    /// As `Raw`, without a pipeline.
    Text,
}

/// The place in a line between two words.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    pub(super) next: Next,
    /// Where the open transaction began.
    pub(super) transaction: Option<Span>,
}

impl Position {
    /// Tells what the word at the beginning of `rest` is.
    pub(super) fn kind(&self, rest: &str) -> TokenKind {
        if self.transaction.is_some() {
            match rest.as_bytes().first() {
                Some(b';') => return TokenKind::Separator,
                Some(b')') => return TokenKind::TransactionClose,
                _ => {}
            }
        }
        match self.next {
            Next::Messages if rest.starts_with('{') => TokenKind::Json,
            Next::Arguments | Next::Messages => TokenKind::Argument,
            Next::Raw | Next::Text => TokenKind::Raw,
            Next::DotWords(Some(0)) | Next::TimeOrCommand if is_option(rest) => TokenKind::DotWord,
            Next::TimeOrCommand if is_time(rest) => TokenKind::DotWord,
            Next::Command | Next::DotWords(Some(0)) | Next::TimeOrCommand => match rest.as_bytes().first() {
                Some(b'{') => TokenKind::Json,
                _ if self.transaction.is_some() => TokenKind::Action,
                Some(b'.') => TokenKind::DotName,
                _ if is_without_dot(rest) => TokenKind::DotName,
                _ if rest.starts_with(TRANSACTION) => TokenKind::TransactionOpen,
                _ => TokenKind::Command,
            },
            Next::DotWords(_) => TokenKind::DotWord,
        }
    }

    /// Moves behind `token`.
    pub(super) fn advance(&mut self, token: Token, text: &str) {
        self.next = match token.kind {
            TokenKind::Command | TokenKind::Action | TokenKind::Argument | TokenKind::Raw | TokenKind::Pipeline => {
                Next::Arguments
            }
            TokenKind::Json => Next::Messages,
            TokenKind::Separator => Next::Command,
            TokenKind::TransactionOpen => {
                self.transaction = Some(token.span);
                Next::Command
            }
            TokenKind::TransactionClose => {
                self.transaction = None;
                Next::Arguments
            }
            TokenKind::DotName => match dot_shape(token.span.of(text)) {
                DotShape::Words => Next::DotWords(None),
                DotShape::Raw => Next::Raw,
                DotShape::Text => Next::Text,
                DotShape::Carries(words) => Next::DotWords(Some(words)),
                DotShape::CarriesAfterTime => Next::TimeOrCommand,
            },
            TokenKind::DotWord => match self.next {
                Next::DotWords(Some(words)) => Next::DotWords(Some(words.saturating_sub(1))),
                Next::TimeOrCommand if !is_option(token.span.of(text)) => Next::DotWords(Some(0)),
                next => next,
            },
        };
    }
}

/// Returns true if the word at the beginning of `rest` is `KEY=…`: an option, not a command.
fn is_option(rest: &str) -> bool {
    let end = rest.bytes().position(|b| is_space(b) || b == b'=').unwrap_or(rest.len());
    !rest.starts_with(['{', '.']) && rest.as_bytes().get(end) == Some(&b'=')
}

/// Returns true if the word at the beginning of `rest` is meant as a number. No command begins like one.
fn is_time(rest: &str) -> bool {
    rest.strip_prefix(['-', '+', '.']).unwrap_or(rest).starts_with(|c: char| c.is_ascii_digit())
}
