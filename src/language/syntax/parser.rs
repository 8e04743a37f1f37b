//! Words to a statement.

use super::argument::{self, Quoting};
use super::ast::{Argument, Command, DotCommand, DotWord, Invocation, Line, Statement, Text, Transaction};
use super::cursor::Cursor;
use super::error::shown;
use super::token::{Open, Token, TokenKind};
use super::{Opening, Span, SyntaxError, SyntaxErrorKind, json_line};

/// How many dot commands may carry one another.
const MAX_DOT_COMMANDS: usize = 8;

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) quoting: Quoting,
    /// What is open in the last word.
    pub(super) open: Option<Open>,
}

impl Parser<'_> {
    pub(super) fn line(&mut self) -> Result<Option<Line>, SyntaxError> {
        let Some(first) = self.tokens.first() else {
            return Ok(None);
        };
        if first.kind == TokenKind::Pipeline {
            let bar = Span::new(first.span.start, first.span.start + 1);
            return Err(SyntaxError::new(bar, SyntaxErrorKind::Unexpected("`|`".into()), &["a command"]));
        }
        let statement = self.statement(0)?;
        let pipeline = match self.take(TokenKind::Pipeline) {
            Some(token) => Some(self.pipeline(token)?),
            None => None,
        };
        match self.tokens.first() {
            None => Ok(Some(Line { statement, pipeline })),
            Some(token) => {
                let kind = SyntaxErrorKind::Unexpected(shown(token.span.of(self.text)));
                Err(SyntaxError::new(token.span, kind, &["`|`", "the end of the line"]))
            }
        }
    }

    fn take(&mut self, kind: TokenKind) -> Option<Token> {
        let (first, rest) = self.tokens.split_first().filter(|(first, _)| first.kind == kind)?;
        self.tokens = rest;
        Some(*first)
    }

    fn pipeline(&self, token: Token) -> Result<Text, SyntaxError> {
        let start = token.span.start + 1;
        let rest = &self.text[start..token.span.end];
        let text = rest.trim();
        if text.is_empty() {
            let bar = Span::new(token.span.start, start);
            return Err(SyntaxError::new(bar, SyntaxErrorKind::EmptyPipeline, &["a shell command"]));
        }
        let start = start + rest.len() - rest.trim_start().len();
        Ok(Text { text: text.to_owned(), span: Span::new(start, start + text.len()) })
    }

    fn statement(&mut self, depth: usize) -> Result<Statement, SyntaxError> {
        if let Some(token) = self.take(TokenKind::DotName) {
            return self.dot(token, depth).map(Statement::Dot);
        }
        let invocation = if let Some(token) = self.take(TokenKind::Json) {
            Invocation::Json(self.json(token)?)
        } else if let Some(token) = self.take(TokenKind::TransactionOpen) {
            Invocation::Transaction(self.transaction(token)?)
        } else {
            Invocation::Command(self.command(false)?)
        };
        Ok(Statement::Invoke(invocation))
    }

    fn json(&self, token: Token) -> Result<super::ast::JsonLine, SyntaxError> {
        let mut cursor = Cursor::new(token.span.of(self.text), token.span.start);
        let line = json_line::read(&mut cursor)?;
        if self.quoting == Quoting::Done {
            cursor.skip_space();
        }
        if cursor.rest().is_empty() {
            Ok(line)
        } else {
            Err(cursor.unexpected(&["white space", "the end of the line"]))
        }
    }

    fn command(&mut self, action: bool) -> Result<Command, SyntaxError> {
        let Some(token) = self.take(TokenKind::Command) else {
            let end = Span::new(self.text.len(), self.text.len());
            let span = self.tokens.first().map_or(end, |token| token.span);
            let found = if span == end { "end".into() } else { shown(span.of(self.text)) };
            return Err(SyntaxError::new(span, SyntaxErrorKind::Unexpected(found), expected_name(action)));
        };
        let name = self.name(token.span, action)?;
        Ok(Command { name, arguments: self.arguments()? })
    }

    fn name(&self, span: Span, action: bool) -> Result<Text, SyntaxError> {
        let word = span.of(self.text);
        let dotted = action && word.starts_with('.');
        if !(word.is_empty() || word.starts_with('#') || word.contains(is_odd) || dotted) {
            return Ok(Text { text: word.to_owned(), span });
        }
        let kind = SyntaxErrorKind::Unexpected(shown(word));
        let error = SyntaxError::new(span, kind, expected_name(action));
        Err(if self.quoting == Quoting::Done && word.contains(char::is_whitespace) {
            error.help("words after the address are one command; a whole line is given with -c")
        } else if word.starts_with('.') {
            error.help("dot commands cannot stand in a transaction")
        } else if word.contains('|') {
            error.help("white space stands before the | of a pipeline")
        } else if word.contains(';') {
            error.help("one command a line")
        } else {
            error
        })
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, SyntaxError> {
        let mut arguments = Vec::new();
        while let Some(token) = self.take(TokenKind::Argument) {
            arguments.push(argument::argument(token.span.of(self.text), token.span.start, self.quoting)?);
        }
        Ok(arguments)
    }

    fn transaction(&mut self, open: Token) -> Result<Transaction, SyntaxError> {
        let mut actions = Vec::new();
        loop {
            if self.take(TokenKind::TransactionClose).is_some() {
                return Ok(Transaction { actions, properties: self.arguments()?, span: open.span });
            }
            if self.tokens.is_empty() {
                let kind = SyntaxErrorKind::Unclosed(Opening::Transaction);
                let error = SyntaxError::new(open.span, kind, &["`)`"]);
                let glued = self.text.trim_end().ends_with(')');
                return Err(if glued { error.help("write `)` as a separate word") } else { error });
            }
            if self.take(TokenKind::Separator).is_none() {
                actions.push(self.command(true)?);
            }
        }
    }

    fn dot(&mut self, token: Token, depth: usize) -> Result<DotCommand, SyntaxError> {
        if depth == MAX_DOT_COMMANDS {
            return Err(SyntaxError::new(token.span, SyntaxErrorKind::TooManyDotCommands, &[]));
        }
        let word = token.span.of(self.text);
        let name = Text { text: word[1..].to_owned(), span: Span::new(token.span.start + 1, token.span.end) };
        if name.text.is_empty() || name.text.contains(is_odd) {
            let kind = SyntaxErrorKind::Unexpected(shown(word));
            return Err(SyntaxError::new(token.span, kind, &["a dot command, such as .help"]));
        }
        let rest = self.rest(token.span.end);
        let mut words = Vec::new();
        while let Some(token) = self.take(TokenKind::DotWord) {
            if let Some(open) = self.open.filter(|_| token.span.end == self.text.len()) {
                // Whatever the word means, this must be closed.
                return Err(SyntaxError::new(open.span, SyntaxErrorKind::Unclosed(open.what), &[]));
            }
            let word = DotWord { raw: token.span.of(self.text).to_owned(), span: token.span, quoting: self.quoting };
            words.push(word);
        }
        let carried = match self.tokens.first().map(|token| token.kind) {
            None | Some(TokenKind::Pipeline) => None,
            Some(TokenKind::Raw) => {
                self.take(TokenKind::Raw);
                None
            }
            Some(_) => Some(Box::new(self.statement(depth + 1)?)),
        };
        Ok(DotCommand { name, words, rest, carried })
    }

    /// All from the next word to the last one before a pipeline.
    fn rest(&self, after: usize) -> Text {
        let pipeline = self.tokens.iter().position(|token| token.kind == TokenKind::Pipeline);
        let tokens = &self.tokens[..pipeline.unwrap_or(self.tokens.len())];
        let span = match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::new(after, after),
        };
        Text { text: span.of(self.text).to_owned(), span }
    }
}

/// What no command's name has.
fn is_odd(c: char) -> bool {
    matches!(c, '=' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | ';') || c.is_whitespace() || c.is_control()
}

fn expected_name(action: bool) -> &'static [&'static str] {
    if action { &["the name of an action", "`)`"] } else { &["a command name"] }
}
