//! The words after the name of a built-in command.

use std::collections::VecDeque;
use std::time::Duration;

use crate::session::Action;
use qmpsh::language::syntax::{DotCommand, DotWord, Span, SyntaxError, Value};

/// An error in the arguments of a built-in command, and its place.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) span: Span,
    pub(crate) message: String,
}

impl Refusal {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }
}

impl From<SyntaxError> for Refusal {
    fn from(error: SyntaxError) -> Self {
        Self::new(error.span, error.to_string())
    }
}

/// The words: options (`KEY=VALUE`) are taken from among them, the others from the front.
#[derive(Debug)]
pub(super) struct Words<'a> {
    dot: &'a DotCommand,
    left: VecDeque<&'a DotWord>,
    /// The action of the command at the end of the line, as in `.try COMMAND`.
    carried: Option<Action>,
}

impl<'a> Words<'a> {
    pub(super) fn new(dot: &'a DotCommand, carried: Option<Action>) -> Self {
        Self { dot, left: dot.words.iter().collect(), carried }
    }

    /// Takes the options of these names, each with its place. They may stand before or behind the other words.
    pub(super) fn options<const N: usize>(&mut self, names: [&str; N]) -> Result<[Option<(String, Span)>; N], Refusal> {
        self.options_among(self.left.len(), names)
    }

    /// Takes the options of these names from the front, each with its place: the words behind them belong to another program.
    pub(super) fn leading_options<const N: usize>(
        &mut self,
        names: [&str; N],
    ) -> Result<[Option<(String, Span)>; N], Refusal> {
        let leading = self.left.iter().take_while(|word| names.iter().any(|name| is_option(&word.raw, name))).count();
        self.options_among(leading, names)
    }

    /// Takes the options that are among the first `count` words.
    fn options_among<const N: usize>(
        &mut self,
        count: usize,
        names: [&str; N],
    ) -> Result<[Option<(String, Span)>; N], Refusal> {
        let mut given = [const { None }; N];
        let behind = self.left.split_off(count);
        for word in std::mem::replace(&mut self.left, behind).into_iter().rev() {
            let Some(at) = names.iter().position(|name| is_option(&word.raw, name)) else {
                self.left.push_front(word);
                continue;
            };
            let argument = word.argument()?;
            let (Value::Plain(text) | Value::Text(text)) = argument.value else {
                return Err(Refusal::new(argument.value_span, format!("{}= takes a plain value", names[at])));
            };
            if let Some((_, second)) = given[at].replace((text, argument.value_span)) {
                return Err(Refusal::new(second, format!("{}= is given twice", names[at])));
            }
        }
        Ok(given)
    }

    /// Takes the next word, without its quotes, and its place.
    pub(super) fn next(&mut self) -> Result<Option<(String, Span)>, Refusal> {
        self.left.pop_front().map(|word| Ok((word.text()?, word.span))).transpose()
    }

    /// Takes the next word with its quotes.
    pub(super) fn next_raw(&mut self) -> Option<&'a DotWord> {
        self.left.pop_front()
    }

    /// Takes the next word and its place. Without one, the error names `what` is missing, such as "the name of a file".
    pub(super) fn required(&mut self, what: &str) -> Result<(String, Span), Refusal> {
        self.next()?.ok_or_else(|| self.refusal(format!("{what} is missing")))
    }

    /// Returns the rest of the line, unchanged.
    pub(super) fn rest(&self) -> &'a str {
        &self.dot.rest.text
    }

    /// Takes the action of the command at the end of the line, which must be there.
    pub(super) fn carried(&mut self) -> Result<Action, Refusal> {
        match self.carried.take() {
            Some(Action::Builtin(builtin)) if builtin.switches_language() => {
                Err(self.refusal("a command that changes the language cannot run here"))
            }
            Some(action) => Ok(action),
            None => Err(self.refusal("a command is missing")),
        }
    }

    /// Fails if there are more words.
    pub(super) fn end(mut self) -> Result<(), Refusal> {
        match self.left.pop_front() {
            None => Ok(()),
            Some(word) if self.dot.words.len() == 1 => {
                Err(Refusal::new(word.span, format!("{} takes no arguments", self.name())))
            }
            Some(word) => Err(Refusal::new(word.span, format!("{} takes no more arguments", self.name()))),
        }
    }

    /// Makes an error about the command as a whole, with its usage line.
    pub(super) fn refusal(&self, message: impl AsRef<str>) -> Refusal {
        let usage = super::registry::usage(&self.dot.name.text);
        Refusal::new(self.dot.name.span, format!("{} (usage: {usage})", message.as_ref()))
    }

    fn name(&self) -> String {
        format!(".{}", self.dot.name.text)
    }
}

fn is_option(word: &str, name: &str) -> bool {
    word.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
}

/// Reads a time in seconds; it may have a fraction.
pub(super) fn seconds((text, span): (String, Span)) -> Result<Duration, Refusal> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| Refusal::new(span, "not a time in seconds"))
}

/// Reads a count of at least 1.
pub(super) fn count((text, span): (String, Span)) -> Result<u64, Refusal> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| Refusal::new(span, "not a count of 1 or more"))
}

/// Reads `on` or `off`.
pub(super) fn on_or_off((text, span): (String, Span)) -> Result<bool, Refusal> {
    match text.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Refusal::new(span, "not `on` or `off`")),
    }
}

/// Reads a line with a built-in command, for a test of the function that reads its arguments.
#[cfg(test)]
pub(super) fn read_line<T>(line: &str, read: impl FnOnce(&mut Words<'_>) -> Result<T, Refusal>) -> Result<T, String> {
    read_parsed(qmpsh::language::syntax::parse(line).unwrap().remove(0), read)
}

/// Reads a parsed line, for a test.
#[cfg(test)]
pub(super) fn read_parsed<T>(
    line: qmpsh::language::syntax::Line,
    read: impl FnOnce(&mut Words<'_>) -> Result<T, Refusal>,
) -> Result<T, String> {
    let qmpsh::language::syntax::Statement::Dot(dot) = line.statement else { panic!() };
    let mut words = Words::new(&dot, None);
    let result = read(&mut words).and_then(|read| words.end().map(|()| read));
    result.map_err(|refusal| refusal.message)
}
