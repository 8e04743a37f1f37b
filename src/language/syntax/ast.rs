//! The statement that a line is parsed to.

use std::fmt;

use super::json_value::JsonText;
use super::span::Span;
use crate::json::quoted;

/// One parsed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it asks for.
    pub statement: Statement,
    /// The shell command that gets the result.
    pub pipeline: Option<Text>,
}

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A message to the peer.
    Invoke(Invocation),
    /// A built-in command.
    Dot(DotCommand),
}

/// What becomes one message to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `NAME KEY=VALUE …`
    Command(Command),
    /// `{"execute": …}`
    Json(JsonLine),
    /// `transaction( … )`
    Transaction(Transaction),
}

/// Words of the line and their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The words.
    pub text: String,
    /// Their place.
    pub span: Span,
}

/// A command with its arguments, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: Text,
    /// `KEY=VALUE` each.
    pub arguments: Vec<Argument>,
}

/// Actions that QEMU does together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The actions, in order.
    pub actions: Vec<Command>,
    /// The arguments after the `)`.
    pub properties: Vec<Argument>,
    /// The place of `transaction(`.
    pub span: Span,
}

/// A whole message, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonLine {
    /// The command's name, decoded.
    pub name: Text,
    /// True if it is `exec-oob`.
    pub out_of_band: bool,
    /// `arguments`: an object.
    pub arguments: Option<JsonText>,
    /// The user's own `id`.
    pub id: Option<JsonText>,
    /// The place of the message.
    pub span: Span,
}

/// A built-in command: `.name`, its words, and for some a command that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DotCommand {
    /// Its name, without the dot.
    pub name: Text,
    /// Its words: those before the command it carries, if it carries one.
    pub words: Vec<DotWord>,
    /// Everything after the name, up to a comment or a pipeline; for `.hmp` the rest of the line as it is.
    pub rest: Text,
    /// The command that `.try`, `.oob`, `.fd` and `.watch` carry.
    pub carried: Option<Box<Statement>>,
}

/// One `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The key, dotted or not.
    pub key: Key,
    /// The value.
    pub value: Value,
    /// The place of the value, with its quotes and what marks it (`@`, the second `=`).
    pub value_span: Span,
}

impl Argument {
    /// The place of the key and the value.
    pub fn span(&self) -> Span {
        self.key.span.to(self.value_span)
    }
}

/// A key: one part, or several with dots between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The parts, never none.
    pub parts: Vec<KeyPart>,
    /// The place of the key.
    pub span: Span,
}

impl Key {
    /// The key as one name, dots and all, without quotes.
    pub fn joined(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")
    }
}

/// One part of a key, between two dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPart {
    /// The name, without quotes.
    pub text: String,
    /// True if it was quoted, so that it is a name and never an index.
    pub quoted: bool,
    /// Its place.
    pub span: Span,
}

/// The value after the `=`. Its `Debug` hides the text, which may be a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `KEY=text`: has the type of the argument.
    Plain(String),
    /// `KEY="text"`, `KEY='text'`, `KEY==text`: always a string.
    Text(String),
    /// `KEY={…}`, `KEY=[…]`, `KEY:=JSON`: JSON, compact.
    Json(JsonText),
    /// `KEY=@FILE`, `KEY=@-`, `KEY=@?`: a string from elsewhere.
    TextFrom(Source),
    /// `KEY:=@FILE`, `KEY:=@-`: JSON from elsewhere.
    JsonFrom(Source),
}

/// Where a value comes from that does not stand in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `@FILE`
    File(String),
    /// `@-`
    Stdin,
    /// `@?`: qmpsh asks the user, without echo.
    Secret,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => write!(f, "Plain({} bytes)", text.len()),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Json(json) => write!(f, "Json({json:?})"),
            Self::TextFrom(source) => write!(f, "TextFrom({source:?})"),
            Self::JsonFrom(source) => write!(f, "JsonFrom({source:?})"),
        }
    }
}

/// `PATH=PATTERN`: a condition on a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The keys that lead to the value.
    pub path: Key,
    /// The pattern or text that it must match.
    pub value: String,
    /// True if it was quoted, or stands after `==`: then it is a text, not a pattern.
    pub is_literal: bool,
    /// Its place.
    pub value_span: Span,
}

/// A word of a dot command, which gives it its meaning.
#[derive(Clone, PartialEq, Eq)]
pub struct DotWord {
    /// The word, with its quotes.
    pub raw: String,
    /// Their place.
    pub span: Span,
    pub(super) quoting: Quoting,
}

impl fmt::Debug for DotWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DotWord({} bytes at {})", self.raw.len(), self.span.start)
    }
}

/// What removes the quotes of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// This parser: the word stands in a line of the language.
    Shell,
    /// The user's own shell has: a quote is an ordinary character.
    Done,
}

/// Writes the key as it is typed, in quotes where it needs them.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, part) in self.parts.iter().enumerate() {
            let mut text = part.text.clone();
            if part.quoted || needs_quotes(&text) || text.contains(['.', '=']) || text.ends_with(':') {
                text = quoted(&text);
            }
            write!(f, "{}{text}", if n > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}

/// Returns true if a word, or a part of a key, means something else without quotes.
pub(super) fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains([' ', '\t', '\n', '\r', ';']) || text.starts_with(['"', '\'', '#', '|', ')'])
}
