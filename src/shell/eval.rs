//! From a line of the language to what is to be done.

use std::io::{self, Read};

use super::ask;
use super::session_schema::Knowledge;
use super::status::{Failure, Status};
use crate::message::Request;
use crate::syntax::{self, Invocation, Statement, SyntaxError};
use crate::typing::{self, Needs, Retry, TypingError, TypingErrorKind};

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Action {
    /// A command for the peer, and what may be changed in it if the peer refuses it for a type.
    Send(Request, Option<Retry>),
    /// Something of the shell's own.
    Own(Own),
}

/// The shell's own commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// Leave: `.quit`, or `exit`.
    Quit,
    /// Leave, and do not end the QEMU that was started here: `.detach`.
    Detach,
    /// The language and the keys: `.help`, or `help`.
    Help,
    /// What the connection is: `.status`.
    Status,
    /// Connect again: `.reconnect`.
    Reconnect,
}

impl Own {
    /// The command of this name, which stands without its dot.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "quit" => Own::Quit,
            "detach" => Own::Detach,
            "help" => Own::Help,
            "status" => Own::Status,
            "reconnect" => Own::Reconnect,
            _ => return None,
        })
    }

    /// What a person may type who does not know the shell's language. No peer has commands of these names.
    fn bare(command: &syntax::Command) -> Option<Self> {
        match command.name.text.as_str() {
            _ if !command.arguments.is_empty() => None,
            "exit" => Some(Own::Quit),
            "help" => Some(Own::Help),
            _ => None,
        }
    }
}

/// Where the text of a statement comes from, for messages about it.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
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
pub(super) struct Parsed(Statement);

impl Parsed {
    /// What must be known before it can be typed.
    pub(super) fn needs(&self) -> Needs {
        match &self.0 {
            Statement::Invoke(invocation) => Needs::of(invocation),
            Statement::Dot(_) => Needs::default(),
        }
    }
}

/// Reads a statement; `None`: there is nothing to do.
pub(super) fn parse(text: Text<'_>) -> Result<Option<Parsed>, Failure> {
    let parsed = match text {
        Text::Line { text, .. } => syntax::parse(text),
        Text::Words(words) => syntax::parse_words(words),
    };
    let Some(line) = parsed.map_err(|error| refused(&error, text))? else { return Ok(None) };
    if let Some(pipeline) = &line.pipeline {
        return Err(at(text, pipeline.span, "pipelines are not in this version: pipe the output of qmpsh itself"));
    }
    Ok(Some(Parsed(line.statement)))
}

/// Types the statement that was read from `text`. On failure nothing was done or sent.
pub(super) fn action(
    parsed: Parsed,
    text: Text<'_>,
    sources: &mut dyn typing::Sources,
    knowledge: &Knowledge,
) -> Result<Action, Failure> {
    match parsed.0 {
        Statement::Invoke(Invocation::Command(command)) if let Some(own) = Own::bare(&command) => Ok(Action::Own(own)),
        Statement::Invoke(invocation) => match typing::request(&invocation, &knowledge.types(), sources) {
            Ok(request) => Ok(Action::Send(request, Retry::of(&invocation))),
            Err(error) if was_interrupted(&error) => Err(Failure::silent(Status::Interrupted)),
            Err(error) => {
                Err(Failure::placed(Status::Usage, text.show(|text, name, first| error.render(text, name, first))))
            }
        },
        Statement::Dot(dot) => match Own::named(&dot.name.text) {
            Some(own) if dot.rest.text.is_empty() => Ok(Action::Own(own)),
            Some(_) => Err(at(text, dot.rest.span, &format!(".{} takes no arguments", dot.name.text))),
            None => Err(at(
                text,
                dot.name.span,
                "there is no such command of the shell in this version; it has .help, .status, .reconnect, .detach and .quit",
            )),
        },
    }
}

/// As [`action`]; what may have to wait for a pipe or a person does so in a thread, so that Ctrl-C works meanwhile.
pub(super) async fn action_apart(
    parsed: Parsed,
    text: Text<'_>,
    mut sources: Sources,
    knowledge: Knowledge,
) -> Result<Action, Failure> {
    if !text.mentions_a_source() {
        return action(parsed, text, &mut sources, &knowledge);
    }
    let run: Box<dyn FnOnce() -> Result<Action, Failure> + Send> = match text {
        Text::Words(words) => {
            let words = words.to_vec();
            Box::new(move || action(parsed, Text::Words(&words), &mut sources, &knowledge))
        }
        Text::Line { text, name, first } => {
            let (text, name) = (text.to_owned(), name.map(str::to_owned));
            Box::new(move || {
                action(parsed, Text::Line { text: &text, name: name.as_deref(), first }, &mut sources, &knowledge)
            })
        }
    };
    match tokio::task::spawn_blocking(run).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Failure::new(Status::Usage, format!("reading a value was given up: {error}"))),
        },
    }
}

/// Whether a question was answered with Ctrl-C.
fn was_interrupted(error: &TypingError) -> bool {
    matches!(&error.kind, TypingErrorKind::Unreadable { source, .. } if source.kind() == io::ErrorKind::Interrupted)
}

impl Text<'_> {
    /// Whether it may name a file: `=@FILE`, `:=@FILE`.
    pub(super) fn mentions_a_source(self) -> bool {
        match self {
            Text::Words(words) => words.iter().any(|word| word.contains("=@")),
            Text::Line { text, .. } => text.contains("=@"),
        }
    }

    /// What `render` makes of the text, the name of its file, and the number of its first line.
    fn show(self, render: impl Fn(&str, Option<&str>, usize) -> String) -> String {
        match self {
            Text::Line { text, name, first } => render(text, name, first),
            Text::Words(words) => render(&words.join(" "), None, 1),
        }
    }
}

fn refused(error: &SyntaxError, text: Text<'_>) -> Failure {
    Failure::placed(Status::Usage, text.show(|text, name, first| error.render(text, name, first)))
}

fn at(text: Text<'_>, span: syntax::Span, message: &str) -> Failure {
    Failure::placed(Status::Usage, text.show(|text, name, first| syntax::render(text, span, message, name, first)))
}

/// Where values come from that do not stand in the line: files, stdin, a question.
#[derive(Clone, Copy)]
pub(super) struct Sources {
    /// Whether stdin is free: not where the commands come from.
    pub(super) stdin: bool,
}

impl typing::Sources for Sources {
    fn file(&mut self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        if !self.stdin {
            return Err(io::Error::other("the commands come from stdin already"));
        }
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn secret(&mut self, prompt: &str) -> io::Result<String> {
        ask::secret(prompt)
    }
}
