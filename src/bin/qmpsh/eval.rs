//! From a line of the language to an action.

use std::borrow::Cow;
use std::fs::File;
use std::io;

use crate::builtins;
use crate::input::masked::Masked;
use crate::input::secret;
use crate::input::stdin::{read_value, stdin};
use crate::session::Action;
use crate::session::types::TypeInfo;
use crate::status::{Failure, Status};
use qmpsh::language::meant;
use qmpsh::language::syntax::{self, Line, LogicalLine, Span, Statement, SyntaxError, SyntaxErrorKind, TokenKind};
use qmpsh::language::typing::{self, Needs, TypingError, TypingErrorKind};

/// The text of a statement and its place.
#[derive(Clone, Copy)]
pub(crate) enum Text<'a> {
    /// A line of a file, or typed.
    Line {
        line: &'a LogicalLine,
        /// The file's name, if it is one.
        name: Option<&'a str>,
    },
    /// The words after the address.
    Words(&'a [String]),
}

/// A statement whose arguments have no types yet.
#[derive(Debug)]
pub(crate) struct Parsed(Line);

impl Parsed {
    /// Returns what the types of its arguments depend on.
    pub(crate) fn needs(&self) -> Needs {
        let mut statement = &self.0.statement;
        loop {
            match statement {
                Statement::Invoke(invocation) => return Needs::of(invocation),
                Statement::Dot(dot) => match &dot.carried {
                    Some(carried) => statement = carried,
                    None => return Needs::default(),
                },
            }
        }
    }

    /// Returns true if it is a built-in command.
    pub(crate) fn is_builtin(&self) -> bool {
        matches!(self.0.statement, Statement::Dot(_))
    }
}

/// Parses a line: no statement if it is blank, several if it has several messages.
pub(crate) fn parse(text: Text<'_>) -> Result<Vec<Parsed>, Failure> {
    let parsed = match text {
        Text::Line { line, .. } => line.parse(),
        Text::Words(words) => syntax::parse_words(words),
    };
    Ok(parsed.map_err(|error| refused(error, text))?.into_iter().map(Parsed).collect())
}

/// A statement, read as far as possible without the peer and files.
pub(crate) enum Read {
    /// Completely read.
    Action(Action),
    /// Types depend on the peer, or values on files.
    Untyped(Parsed),
}

/// Reads a line as far as possible without the peer and files.
pub(crate) fn read(text: Text<'_>) -> Result<Vec<Read>, Failure> {
    let read = |parsed: Parsed| {
        if text.mentions_a_source() || !parsed.needs().is_empty() {
            return Ok(Read::Untyped(parsed));
        }
        action(parsed, text, &mut Sources { stdin: false }, &TypeInfo::default()).map(Read::Action)
    };
    parse(text)?.into_iter().map(read).collect()
}

/// Makes an action of a statement. `text` is its source.
pub(crate) fn action(
    parsed: Parsed,
    text: Text<'_>,
    sources: &mut dyn typing::Sources,
    type_info: &TypeInfo,
) -> Result<Action, Failure> {
    let Parsed(line) = parsed;
    let action = statement(line.statement, text, sources, type_info)?;
    Ok(match line.pipeline {
        Some(pipeline) => Action::Pipe(Box::new(action), pipeline.text),
        None => action,
    })
}

fn statement(
    statement: Statement,
    text: Text<'_>,
    sources: &mut dyn typing::Sources,
    type_info: &TypeInfo,
) -> Result<Action, Failure> {
    match statement {
        Statement::Invoke(invocation) => match typing::request(&invocation, type_info.types(), sources) {
            Ok((request, resend)) => Ok(Action::Send(request, resend)),
            Err(error) if was_interrupted(&error) => Err(Failure::silent(Status::Interrupted)),
            Err(error) => Err(text
                .refuse(error.span, |text, name, first, span| TypingError { span, ..error }.render(text, name, first))),
        },
        Statement::Dot(mut dot) => {
            let carried = dot.carried.take().map(|carried| self::statement(*carried, text, sources, type_info));
            builtins::read(&dot, carried.transpose()?).map_err(|refusal| at(text, refusal.span, &refusal.message))
        }
    }
}

/// Makes an action of a statement. Runs on a thread if a value may have to wait for a pipe or a person, so that Ctrl-C works.
pub(crate) async fn action_apart(
    parsed: Parsed,
    text: Text<'_>,
    mut sources: impl typing::Sources + Send + 'static,
    type_info: TypeInfo,
) -> Result<Action, Failure> {
    if !text.mentions_a_source() {
        return action(parsed, text, &mut sources, &type_info);
    }
    let run: Box<dyn FnOnce() -> Result<Action, Failure> + Send> = match text {
        Text::Words(words) => {
            let words = words.to_vec();
            Box::new(move || action(parsed, Text::Words(&words), &mut sources, &type_info))
        }
        Text::Line { line, name } => {
            let (line, name) = (line.clone(), name.map(str::to_owned));
            Box::new(move || {
                let text = Text::Line { line: &line, name: name.as_deref() };
                action(parsed, text, &mut sources, &type_info)
            })
        }
    };
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Returns true if the answer to a question was Ctrl-C.
fn was_interrupted(error: &TypingError) -> bool {
    matches!(&error.kind, TypingErrorKind::Unreadable { source, .. } if source.kind() == io::ErrorKind::Interrupted)
}

impl Text<'_> {
    /// Returns true if it may name a file: `=@FILE`, `:=@FILE`.
    pub(crate) fn mentions_a_source(self) -> bool {
        match self {
            Text::Words(words) => words.iter().any(|word| word.contains("=@")),
            // Most lines have no `@`, and a search for one byte is faster.
            Text::Line { line, .. } => line.text().contains('@') && line.text().contains("=@"),
        }
    }

    /// Makes a failure with the message of `render`, which gets the text with secrets masked, the file name, the number of the first
    /// line, and the span.
    fn refuse(self, span: Span, render: impl FnOnce(&str, Option<&str>, usize, Span) -> String) -> Failure {
        let (masked, place, name, first) = match self {
            Text::Line { line, name } => {
                let (text, first) = (line.text(), line.first_line);
                (Masked::line(text), syntax::place(text, span, name, first), name, first)
            }
            Text::Words(words) => (Masked::words(words), String::new(), None, 1),
        };
        let original = span;
        let span = masked.span(span);
        let message = render(&masked.text, name, first, span);
        // The column is that of the typed text, not of the masked one.
        let message = match message.strip_prefix(&syntax::place(&masked.text, span, name, first)) {
            Some(rest) => place + rest,
            None => message,
        };
        Failure::placed(Status::Usage, masked.hide(original, message))
    }
}

fn refused(error: SyntaxError, text: Text<'_>) -> Failure {
    let mut is_explained = false;
    let (place, is_argument) = (error.span.start, matches!(error.kind, SyntaxErrorKind::NoEquals(_)));
    let mut failure = text.refuse(error.span, |text, name, first, span| {
        // The suggestion is made of the text without its secrets.
        let line = text[text[..span.start].rfind('\n').map_or(0, |at| at + 1)..].lines().next().unwrap_or_default();
        // What is never closed may have taken lines with it, and says so.
        let is_told = matches!(error.kind, SyntaxErrorKind::Unclosed(_)) && error.help.is_some();
        let help = if is_told { None } else { meant::refused_line(line).map(Cow::Owned) };
        is_explained = help.is_some();
        SyntaxError { help: help.or(error.help), ..error }.at(span).render(text, name, first)
    });
    failure.command = match text {
        Text::Line { line, .. } if is_argument && !is_explained => command_before(line.text(), place),
        _ => None,
    };
    failure
}

/// Returns the name of the command whose arguments stand at `place`.
fn command_before(text: &str, place: usize) -> Option<String> {
    let words = syntax::outline(text).words;
    let mut before = words.iter().filter(|word| word.span.end <= place);
    let command = before.rfind(|word| word.kind == TokenKind::Command)?;
    Some(command.span.of(text).to_owned())
}

fn at(text: Text<'_>, span: Span, message: &str) -> Failure {
    text.refuse(span, |text, name, first, span| syntax::render(text, span, message, name, first))
}

/// Reads values that a line does not contain: from files, from stdin, or by asking the user.
#[derive(Clone, Copy)]
pub(crate) struct Sources {
    /// Commands do not come from stdin, so a value can.
    pub(crate) stdin: bool,
}

impl typing::Sources for Sources {
    fn file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        read_value(File::open(path)?)
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        if !self.stdin {
            return Err(io::Error::other("stdin already provides the commands"));
        }
        read_value(stdin()?)
    }

    fn secret(&mut self, prompt: &str) -> io::Result<String> {
        secret::ask(prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::masked::planted;
    use qmpsh::language::syntax::Dialect;

    #[test]
    fn no_message_about_a_line_shows_its_secret() {
        let mut shown = Vec::new();
        let mut check = |line: &str, text: &str| {
            if planted::PARTS.iter().any(|part| text.contains(part)) {
                shown.push(format!("{line}\n    {text}"));
            }
        };
        for n in 0..planted::CASES {
            let line = planted::line(n);
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let logical = LogicalLine::new(line.as_str(), 1, Dialect::Qmp);
            for text in [Text::Line { line: &logical, name: Some("f") }, Text::Words(&words)] {
                let actions = parse(text).and_then(|parsed| {
                    let action = |parsed| action(parsed, text, &mut Sources { stdin: false }, &TypeInfo::default());
                    parsed.into_iter().map(action).collect::<Result<Vec<_>, _>>()
                });
                match actions {
                    Err(failure) => check(&line, &failure.message),
                    // What the trace shows of a request.
                    Ok(actions) => actions.iter().for_each(|action| {
                        if let Action::Send(request, _) = action {
                            check(&line, &format!("{request:?}"));
                        }
                    }),
                }
            }
        }
        let count = shown.len();
        shown.truncate(20);
        assert!(shown.is_empty(), "{count} were shown:\n{}", shown.join("\n"));
    }
}
