//! Puts the words of a line together to a statement.

use super::ast::{
    Argument, Command, DotCommand, DotWord, Invocation, JsonLine, Line, Quoting, Statement, Text, Transaction,
};
use super::cursor::Cursor;
use super::error::{Opening, SyntaxError, SyntaxErrorKind, shown};
use super::lexer::{self, Lexer, Words};
use super::span::Span;
use super::token::{Open, Token, TokenKind, dot_name};
use super::{argument, bare, json_line};

/// How many dot commands may carry one another.
const MAX_DOT_COMMANDS: usize = 8;

/// Parses one logical line: nothing if it is blank or a comment, several statements if it has several messages.
///
/// ```
/// use qmpsh::language::syntax::{Invocation, Statement, outline, parse};
///
/// let line = parse("block_resize node-name=n0 size=10G # more").unwrap().remove(0);
/// let Statement::Invoke(Invocation::Command(command)) = line.statement else { panic!() };
/// assert_eq!(command.name.text, "block_resize");
/// assert_eq!(command.arguments.len(), 2);
///
/// let open = "query-status a=[1,";
/// assert!(parse(open).is_err() && outline(open).open.is_some());
/// ```
pub fn parse(text: &str) -> Result<Vec<Line>, SyntaxError> {
    parse_read(text, &Words::of(Lexer::read(text)))
}

/// Parses a logical line, of which these are the words.
pub(super) fn parse_read(text: &str, words: &Words) -> Result<Vec<Line>, SyntaxError> {
    let open = words.open;
    let lines = Parser { text, tokens: &words.tokens, quoting: Quoting::Shell, open }.lines();
    let lines = lines.map_err(|error| {
        let error = open.and_then(|open| never_closed(text, open, error.span)).unwrap_or(error);
        with_lines_taken(text, error)
    })?;
    match second_line(text, words.end) {
        None => Ok(lines),
        Some(span) => {
            let kind = SyntaxErrorKind::Unexpected(shown(span.of(text)));
            Err(SyntaxError::new(span, kind, &["the end of the line"]).help("one command a line"))
        }
    }
}

/// Returns the error that a bracket is never closed, if `wrong` stands on a later line: it may be another command.
fn never_closed(text: &str, open: Open, wrong: Span) -> Option<SyntaxError> {
    let expected: &[&str] = match open.what {
        Opening::Bracket('[') => &["`]`"],
        Opening::Bracket(_) => &["`}`"],
        Opening::Quote(_) | Opening::Transaction => return None,
    };
    let is_later = text.get(open.span.end..wrong.start)?.contains('\n');
    is_later.then(|| SyntaxError::new(open.span, SyntaxErrorKind::Unclosed(open.what), expected))
}

/// Adds to the error of something that is never closed how many lines it took with it.
fn with_lines_taken(text: &str, error: SyntaxError) -> SyntaxError {
    let SyntaxErrorKind::Unclosed(_) = error.kind else { return error };
    let taken = match text[error.span.end..].trim_end().matches('\n').count() {
        0 => return error,
        1 => "the line after it belongs to it, and was not run".to_owned(),
        count => format!("the {count} lines after it belong to it, and were not run"),
    };
    let help = match &error.help {
        Some(help) => format!("{taken}; {help}"),
        None => taken,
    };
    error.help(help)
}

/// Returns the first line from `from` on that is neither blank nor a comment.
fn second_line(text: &str, from: usize) -> Option<Span> {
    let mut start = from;
    for line in text[from..].split('\n') {
        let trimmed = line.trim();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            let start = start + line.len() - line.trim_start().len();
            return Some(Span::new(start, start + trimmed.len()));
        }
        start += line.len() + 1;
    }
    None
}

/// Parses the words after the address on a command line: one command, or messages in JSON.
///
/// Each word is finished: quotes, `#` and `|` in it are ordinary characters. Spans, also that of an error, count in the words
/// joined by one space each.
pub fn parse_words(words: &[String]) -> Result<Vec<Line>, SyntaxError> {
    let (text, spans) = lexer::join(words);
    let tokens = lexer::read_words(&text, &spans);
    Parser { text: &text, tokens: &tokens, quoting: Quoting::Done, open: None }.lines()
}

/// Parses a line of [`Dialect::Hmp`](super::Dialect::Hmp), which has no pipeline: nothing if it is blank.
pub(super) fn parse_hmp(text: &str) -> Result<Vec<Line>, SyntaxError> {
    let name = text.find(' ').unwrap_or(text.len());
    let line = text.len() - text[name..].trim_start().len();
    let spans = [Span::new(0, name), Span::new(line, text.len())];
    let tokens = lexer::read_words(text, &spans[..usize::from(!text.is_empty()) + usize::from(line < text.len())]);
    Parser { text, tokens: &tokens, quoting: Quoting::Done, open: None }.lines()
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    quoting: Quoting,
    /// What is open at the end of the text.
    open: Option<Open>,
}

impl Parser<'_> {
    fn lines(&mut self) -> Result<Vec<Line>, SyntaxError> {
        let Some(first) = self.tokens.first() else {
            return Ok(Vec::new());
        };
        if first.kind == TokenKind::Pipeline {
            let bar = Span::new(first.span.start, first.span.start + 1);
            return Err(SyntaxError::new(bar, SyntaxErrorKind::Unexpected("`|`".into()), &["a command"]));
        }
        let line = |statement| Line { statement, pipeline: None };
        let mut lines: Vec<_> = if first.kind == TokenKind::Json {
            let messages = self.messages()?.into_iter();
            messages.map(|message| line(Statement::Invoke(Invocation::Json(message)))).collect()
        } else {
            vec![line(self.statement(0)?)]
        };
        if let Some(token) = self.take(TokenKind::Pipeline) {
            let [only] = &mut lines[..] else {
                let bar = Span::new(token.span.start, token.span.start + 1);
                let kind = SyntaxErrorKind::Unexpected("`|`".into());
                return Err(SyntaxError::new(bar, kind, &["the end of the line"])
                    .help("a pipeline takes the result of one message; write each message on a line of its own"));
            };
            only.pipeline = Some(self.pipeline(token)?);
        }
        match self.tokens.first() {
            None => Ok(lines),
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
        if rest.starts_with('|') {
            let bars = Span::new(token.span.start, start + 1);
            return Err(SyntaxError::new(bars, SyntaxErrorKind::Unexpected("`||`".into()), &["`|`"]));
        }
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
        let invocation = if self.tokens.first().is_some_and(|token| token.kind == TokenKind::Json) {
            Invocation::Json(self.carried_message()?)
        } else if let Some(token) = self.take(TokenKind::TransactionOpen) {
            Invocation::Transaction(self.transaction(token)?)
        } else {
            Invocation::Command(self.command(false)?)
        };
        Ok(Statement::Invoke(invocation))
    }

    /// Reads the messages that begin here, one or more.
    fn messages(&mut self) -> Result<Vec<JsonLine>, SyntaxError> {
        let mut messages = Vec::new();
        while let Some(token) = self.take(TokenKind::Json) {
            let mut cursor = Cursor::new(token.span.of(self.text), token.span.start);
            // A finished word may hold several.
            while cursor.peek() == Some(b'{') {
                messages.push(json_line::read(&mut cursor)?);
                if self.quoting == Quoting::Done {
                    cursor.skip_space();
                    while let Some(length) = lexer::literal_line_end(cursor.rest()) {
                        cursor.pos += length;
                        cursor.skip_space();
                    }
                }
            }
            if !cursor.rest().is_empty() {
                return Err(cursor.unexpected(&["white space", "another message", "the end of the line"]));
            }
        }
        Ok(messages)
    }

    /// Reads the message that a dot command carries.
    fn carried_message(&mut self) -> Result<JsonLine, SyntaxError> {
        let mut messages = self.messages()?;
        if let Some(second) = messages.get(1) {
            // Not its text, which may have a secret.
            let kind = SyntaxErrorKind::Unexpected("second message".into());
            return Err(SyntaxError::new(second.span, kind, &["the end of the line"])
                .help("a dot command takes one message; write the next on a line of its own"));
        }
        Ok(messages.remove(0))
    }

    fn command(&mut self, action: bool) -> Result<Command, SyntaxError> {
        let Some(token) = self.take(if action { TokenKind::Action } else { TokenKind::Command }) else {
            let end = Span::new(self.text.len(), self.text.len());
            let span = self.tokens.first().map_or(end, |token| token.span);
            let found = if span == end { "end".into() } else { shown(span.of(self.text)) };
            return Err(SyntaxError::new(span, SyntaxErrorKind::Unexpected(found), expected_name(action)));
        };
        let name = self.name(token.span, action)?;
        let mut arguments = Vec::new();
        if let Some(token) = self.tokens.first().copied().filter(|token| token.kind == TokenKind::Argument && !action) {
            let (raw, base) = (token.span.of(self.text), token.span.start);
            if let Some(key) = bare::key(&name.text, raw, base, self.quoting) {
                self.take(TokenKind::Argument);
                arguments.push(bare::read(&name.text, key, raw, base, self.quoting)?);
            }
        }
        arguments.append(&mut self.arguments()?);
        Ok(Command { name, arguments })
    }

    fn name(&self, span: Span, action: bool) -> Result<Text, SyntaxError> {
        let word = span.of(self.text);
        let dotted = action && word.starts_with('.');
        if !(word.is_empty() || word.starts_with(['#', '-']) || word.contains(is_odd) || dotted) {
            return Ok(Text { text: word.to_owned(), span });
        }
        let kind = SyntaxErrorKind::Unexpected(shown(word));
        let error = SyntaxError::new(span, kind, expected_name(action));
        Err(if matches!(word, "-e" | "-n" | "-en" | "-ne") {
            error.help("an `echo` without options printed it: use `printf` in the script")
        } else if self.quoting == Quoting::Done && word.contains(char::is_whitespace) {
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
        let marked = usize::from(word.starts_with('.'));
        let name = Text { text: dot_name(word).to_owned(), span: Span::new(token.span.start + marked, token.span.end) };
        if name.text.is_empty() || name.text.contains(is_odd) {
            let kind = SyntaxErrorKind::Unexpected(shown(word));
            return Err(SyntaxError::new(token.span, kind, &["a dot command, such as .help"]));
        }
        let rest = self.rest(token.span.end);
        let mut words = Vec::new();
        while let Some(token) = self.take(TokenKind::DotWord) {
            if let Some(open) = self.open.filter(|_| token.span.end == self.text.len()) {
                // No dot command takes a word that is not closed.
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

    /// Returns everything from the next word to the last one before a pipeline.
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

/// Returns true if no command has `c` in its name.
fn is_odd(c: char) -> bool {
    let is_mark =
        |c| matches!(c, '=' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | ';' | '&' | '<' | '>' | '?' | ',');
    !c.is_ascii_alphanumeric() && (is_mark(c) || c.is_whitespace() || c.is_control())
}

fn expected_name(action: bool) -> &'static [&'static str] {
    if action { &["the name of an action", "`)`"] } else { &["a command name"] }
}
