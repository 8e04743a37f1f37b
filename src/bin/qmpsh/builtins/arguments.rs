//! The words after the name of a built-in command.

use std::slice::Iter;
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

/// The words, taken from the front: options (`KEY=VALUE`) first, then the others.
#[derive(Debug)]
pub(super) struct Words<'a> {
    dot: &'a DotCommand,
    left: Iter<'a, DotWord>,
    /// The names of the options, which come before the other words.
    options: Vec<&'a str>,
    /// The action of the command at the end of the line, as in `.try COMMAND`.
    carried: Option<Action>,
}

impl<'a> Words<'a> {
    pub(super) fn new(dot: &'a DotCommand, carried: Option<Action>) -> Self {
        Self { dot, left: dot.words.iter(), options: Vec::new(), carried }
    }

    /// Takes the options of these names from the front, each with its place.
    pub(super) fn options<const N: usize>(
        &mut self,
        names: [&'a str; N],
    ) -> Result<[Option<(String, Span)>; N], Refusal> {
        let mut given = [const { None }; N];
        self.options.extend(names);
        while let Some(word) = self.left.as_slice().first() {
            let Some(at) = names.iter().position(|name| is_option(&word.raw, name)) else { break };
            self.left.next();
            let argument = word.argument()?;
            let (Value::Plain(text) | Value::Text(text)) = argument.value else {
                return Err(Refusal::new(argument.value_span, format!("{}= takes a plain value", names[at])));
            };
            if given[at].replace((text, argument.value_span)).is_some() {
                return Err(Refusal::new(word.span, format!("{}= is given twice", names[at])));
            }
        }
        Ok(given)
    }

    /// Takes the next word, without its quotes, and its place.
    pub(super) fn next(&mut self) -> Result<Option<(String, Span)>, Refusal> {
        self.left.next().map(|word| Ok((word.text()?, word.span))).transpose()
    }

    /// Takes the next word with its quotes.
    pub(super) fn next_raw(&mut self) -> Option<&'a DotWord> {
        self.left.next()
    }

    /// Fails if the next word is an option, which belongs before the other words.
    pub(super) fn no_option(&self) -> Result<(), Refusal> {
        let Some(word) = self.left.as_slice().first() else { return Ok(()) };
        let late = self.options.iter().find(|name| is_option(&word.raw, name));
        let message = |name| {
            format!(
                "{name}= must come before the other arguments (usage: {})",
                super::registry::usage(&self.dot.name.text)
            )
        };
        late.map_or(Ok(()), |name| Err(Refusal::new(word.span, message(name))))
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
        self.no_option()?;
        match self.left.next() {
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
