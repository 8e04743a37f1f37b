//! What a line says.

use std::fmt;

use super::{JsonText, Span, SyntaxError, argument};

/// One parsed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What is to be done.
    pub statement: Statement,
    /// The shell command that gets the result.
    pub pipeline: Option<Text>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Something to be sent.
    Invoke(Invocation),
    /// One of the shell's own commands.
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

/// Words of the line and where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The words, as they stand there.
    pub text: String,
    /// Where.
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

/// Actions that are done together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// What is done, in order.
    pub actions: Vec<Command>,
    /// What stands after the `)`.
    pub properties: Vec<Argument>,
    /// Where `transaction(` stands.
    pub span: Span,
}

/// A whole message, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonLine {
    /// The command's name, decoded.
    pub name: Text,
    /// Whether it is `exec-oob`.
    pub out_of_band: bool,
    /// `arguments`: an object.
    pub arguments: Option<JsonText>,
    /// The user's own `id`.
    pub id: Option<JsonText>,
    /// Where the message stands.
    pub span: Span,
}

/// One of the shell's own commands: `.name`, its own words, and for some a command that it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DotCommand {
    /// Its name, without the dot.
    pub name: Text,
    /// Its own words: those before the command it carries, if it carries one.
    pub words: Vec<DotWord>,
    /// All after the name, up to a comment or a pipeline; for `.hmp` the rest of the line as it is.
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
    /// Where the value stands, with its quotes and what marks it (`@`, the second `=`).
    pub value_span: Span,
}

impl Argument {
    /// Where the whole of it stands.
    pub fn span(&self) -> Span {
        self.key.span.to(self.value_span)
    }
}

/// A key: one part, or several with dots between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The parts, never none.
    pub parts: Vec<KeyPart>,
    /// Where the key stands.
    pub span: Span,
}

impl Key {
    /// The key as one name, dots and all, without quotes.
    pub fn joined(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")
    }
}

/// What stands between two dots of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPart {
    /// The name, without quotes.
    pub text: String,
    /// Whether it was quoted, so that it is a name and never an index.
    pub quoted: bool,
    /// Where it stands.
    pub span: Span,
}

/// What stands after the `=`. Its `Debug` hides the text, which may be a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `KEY=text`: takes the type that the argument has.
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

/// Where a value comes from, if not from the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `@FILE`
    File(String),
    /// `@-`
    Stdin,
    /// `@?`: asked for, without echo.
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

/// `PATH=PATTERN`: what a value somewhere is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The way to the value.
    pub path: Key,
    /// What it is compared with.
    pub value: String,
    /// Whether that was quoted, or stands after `==`: then it is no pattern.
    pub is_literal: bool,
    /// Where it stands.
    pub value_span: Span,
}

/// A word that belongs to a dot command itself. What it means is that command's own grammar.
#[derive(Clone, PartialEq, Eq)]
pub struct DotWord {
    /// The word as it stands there, with its quotes.
    pub raw: String,
    /// Where.
    pub span: Span,
    pub(super) quoting: argument::Quoting,
}

impl fmt::Debug for DotWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DotWord({} bytes at {})", self.raw.len(), self.span.start)
    }
}

impl DotWord {
    /// The word without its quotes, if it is quoted as a whole.
    pub fn text(&self) -> Result<String, SyntaxError> {
        argument::whole_word(&self.raw, self.span.start, self.quoting)
    }

    /// The word as `KEY=VALUE`.
    pub fn argument(&self) -> Result<Argument, SyntaxError> {
        argument::argument(&self.raw, self.span.start, self.quoting)
    }

    /// The word as `PATH=PATTERN`.
    pub fn comparison(&self) -> Result<Comparison, SyntaxError> {
        argument::comparison(&self.raw, self.span.start, self.quoting)
    }
}
