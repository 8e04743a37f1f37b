//! From a line of the language to what is to be done.

use std::io::{self, Read as _};

use crate::builtins::{self, Builtin};
use crate::input::ask;
use crate::input::masked::Masked;
use crate::session::schema::TypeInfo;
use crate::status::{Failure, Status};
use qmpsh::language::syntax::{self, Invocation, Span, Statement, SyntaxError};
use qmpsh::language::typing::{self, Needs, Resend, TypingError, TypingErrorKind};
use qmpsh::message::Request;

/// What a line asks for.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// A command for the peer, and what may be changed in it if the peer refuses it for a type.
    Send(Request, Option<Box<Resend>>),
    /// Something of the shell's own.
    Builtin(Builtin),
}

/// Where the text of a statement comes from, for messages about it.
#[derive(Clone, Copy)]
pub(crate) enum Text<'a> {
    /// A line of a file, or typed.
    Line {
        text: &'a str,
        /// The file's name, if it is one.
        name: Option<&'a str>,
        /// The number of its first line.
        first: usize,
    },
    /// The words after the address, each one finished.
    Words(&'a [String]),
}

/// A statement that was read, and not typed yet.
#[derive(Debug)]
pub(crate) struct Parsed {
    statement: Statement,
    /// What gets the result.
    pipeline: Option<String>,
}

impl Parsed {
    /// What must be known before it can be typed.
    pub(crate) fn needs(&self) -> Needs {
        let mut statement = &self.statement;
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

    /// Whether it is one of the shell's own commands.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.statement, Statement::Dot(_))
    }
}

/// Reads a statement; `None`: there is nothing to do.
pub(crate) fn parse(text: Text<'_>) -> Result<Option<Parsed>, Failure> {
    let parsed = match text {
        Text::Line { text, .. } => syntax::parse(text),
        Text::Words(words) => syntax::parse_words(words),
    };
    let Some(line) = parsed.map_err(|error| refused(error, text))? else { return Ok(None) };
    Ok(Some(Parsed { statement: line.statement, pipeline: line.pipeline.map(|pipeline| pipeline.text) }))
}

/// What a line asks for, as far as it tells that by itself.
pub(crate) enum Read {
    /// All there is to know.
    Action(Action),
    /// The peer must be asked, or a file read, to type it.
    Untyped(Parsed),
}

/// Reads a line, and types it if nothing else is needed for that; `None`: there is nothing to do.
pub(crate) fn read(text: Text<'_>) -> Result<Option<Read>, Failure> {
    let Some(parsed) = parse(text)? else { return Ok(None) };
    if text.mentions_a_source() || !parsed.needs().is_empty() {
        return Ok(Some(Read::Untyped(parsed)));
    }
    action(parsed, text, &mut Sources { stdin: false }, &TypeInfo::default()).map(|action| Some(Read::Action(action)))
}

/// Types the statement that was read from `text`. On failure nothing was done or sent.
pub(crate) fn action(
    parsed: Parsed,
    text: Text<'_>,
    sources: &mut dyn typing::Sources,
    type_info: &TypeInfo,
) -> Result<Action, Failure> {
    let action = statement(parsed.statement, text, sources, type_info)?;
    Ok(match parsed.pipeline {
        Some(pipeline) => Action::Builtin(Builtin::Pipe(Box::new(action), pipeline)),
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
        Statement::Invoke(Invocation::Command(command)) if let Some(own) = builtins::bare(&command) => {
            Ok(Action::Builtin(own))
        }
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

/// As [`action`]; what may have to wait for a pipe or a person does so in a thread, so that Ctrl-C works meanwhile.
pub(crate) async fn action_apart(
    parsed: Parsed,
    text: Text<'_>,
    mut sources: Sources,
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
        Text::Line { text, name, first } => {
            let (text, name) = (text.to_owned(), name.map(str::to_owned));
            Box::new(move || {
                action(parsed, Text::Line { text: &text, name: name.as_deref(), first }, &mut sources, &type_info)
            })
        }
    };
    match tokio::task::spawn_blocking(run).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Failure::new(Status::Usage, format!("cannot read a value: {error}"))),
        },
    }
}

/// Whether a question was answered with Ctrl-C.
fn was_interrupted(error: &TypingError) -> bool {
    matches!(&error.kind, TypingErrorKind::Unreadable { source, .. } if source.kind() == io::ErrorKind::Interrupted)
}

impl Text<'_> {
    /// Whether it may name a file: `=@FILE`, `:=@FILE`.
    pub(crate) fn mentions_a_source(self) -> bool {
        match self {
            Text::Words(words) => words.iter().any(|word| word.contains("=@")),
            // Most lines have no `@`, which is found out faster.
            Text::Line { text, .. } => text.contains('@') && text.contains("=@"),
        }
    }

    /// What `render` makes of the text, the name of its file, the number of its first line, and the place. No secret of the line is
    /// in it.
    fn refuse(self, span: Span, render: impl FnOnce(&str, Option<&str>, usize, Span) -> String) -> Failure {
        let (masked, place, name, first) = match self {
            Text::Line { text, name, first } => {
                (Masked::line(text), syntax::place(text, span, name, first), name, first)
            }
            Text::Words(words) => (Masked::words(words), String::new(), None, 1),
        };
        let span = masked.span(span);
        let message = render(&masked.text, name, first, span);
        // The place is that in what was typed.
        let message = match message.strip_prefix(&syntax::place(&masked.text, span, name, first)) {
            Some(rest) => place + rest,
            None => message,
        };
        Failure::placed(Status::Usage, masked.hide(message))
    }
}

fn refused(error: SyntaxError, text: Text<'_>) -> Failure {
    text.refuse(error.span, |text, name, first, span| error.at(span).render(text, name, first))
}

fn at(text: Text<'_>, span: Span, message: &str) -> Failure {
    text.refuse(span, |text, name, first, span| syntax::render(text, span, message, name, first))
}

/// Where values come from that do not stand in the line: files, stdin, a question.
#[derive(Clone, Copy)]
pub(crate) struct Sources {
    /// Whether stdin is free: not where the commands come from.
    pub(crate) stdin: bool,
}

impl typing::Sources for Sources {
    fn file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        if !self.stdin {
            return Err(io::Error::other("stdin already provides the commands"));
        }
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn secret(&mut self, prompt: &str) -> io::Result<String> {
        ask::secret(prompt)
    }
}
