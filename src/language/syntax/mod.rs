//! The shell's language: text to [`Line`], with spans. No I/O.
//!
//! [`Assembler`] joins physical lines, [`parse`] reads one logical line, [`parse_words`] the words of a command line, and
//! [`expected_at`] says what can stand at the cursor. [`crate::language::typing`] makes a message of what was parsed.
//!
//! The way of a line: `lexer` splits it into words and knows from a word's place what it is (`token`); `parser` puts them
//! together; `argument` reads one `KEY=VALUE`, `literal` JSON and Python literals, `json_line` a whole message. Nothing recurses with
//! the depth of the input, and every byte is looked at a fixed number of times.

mod argument;
mod assemble;
mod ast;
mod caret;
mod cursor;
mod display;
mod error;
mod expected;
mod json_line;
mod json_text;
mod lexer;
mod literal;
#[cfg(test)]
mod literal_tests;
mod number;
mod outline;
mod parser;
#[cfg(test)]
mod parser_tests;
#[cfg(test)]
mod properties;
mod scan;
mod span;
mod string;
mod token;
mod words;

pub use assemble::{Assembler, Dialect, LogicalLine};
pub use ast::{
    Argument, Command, Comparison, DotCommand, DotWord, Invocation, JsonLine, Key, KeyPart, Line, Source, Statement,
    Text, Transaction, Value,
};
pub use caret::{place, render};
pub use error::shown;
pub use error::{Opening, SyntaxError, SyntaxErrorKind};
pub use expected::{Expected, Target, ValuePlace, expected_at};
pub use json_text::JsonText;
pub use json_text::is_refused;
pub(crate) use json_text::push_string;
pub use number::is_json_integer;
pub use outline::{ArgumentWord, Outline, Pair, PartialKey, Word, WordKind, outline};
pub use span::Span;

use argument::Quoting;
use lexer::Lexer;
use parser::Parser;

/// How deep objects and arrays may be nested in a message, its own braces counted. Source: `MAX_NESTING` in QEMU's
/// `qobject/json-streamer.c`; tried on 7.2.
pub const MAX_NESTING: usize = 1024;

/// Reads one logical line; `None` if it is blank or a comment.
///
/// ```
/// use qmpsh::language::syntax::{Invocation, Statement, parse};
///
/// let line = parse("block_resize node-name=n0 size=10G # more").unwrap().unwrap();
/// let Statement::Invoke(Invocation::Command(command)) = line.statement else { panic!() };
/// assert_eq!(command.name.text, "block_resize");
/// assert_eq!(command.arguments.len(), 2);
///
/// assert!(parse("query-status a=[1,").unwrap_err().is_incomplete());
/// ```
pub fn parse(text: &str) -> Result<Option<Line>, SyntaxError> {
    let mut lexer = Lexer::new();
    let mut tokens = Vec::new();
    lexer.run(text, |token| tokens.push(token));
    let unfinished = lexer.unfinished(text);
    tokens.extend(unfinished);
    let line =
        Parser { text, tokens: &tokens, quoting: Quoting::Ours, open: lexer.open() }.line().map_err(|mut error| {
            error.incomplete = match error.kind {
                SyntaxErrorKind::Unclosed(Opening::Transaction) => true,
                SyntaxErrorKind::Unclosed(_) => unfinished.is_some_and(|word| word.span.start <= error.span.start),
                _ => false,
            };
            error
        })?;
    match second_line(text, lexer.pos) {
        None => Ok(line),
        Some(span) => {
            let kind = SyntaxErrorKind::Unexpected(shown(span.of(text)));
            Err(SyntaxError::new(span, kind, &["the end of the line"]).help("one command a line"))
        }
    }
}

/// The first line from `from` on that is neither blank nor a comment.
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

/// Reads the words after the address on a command line: one command.
///
/// Each word is finished: quotes, `#` and `|` in it are ordinary characters. The spans of the result, and of an error, are those in the
/// words joined by one space each.
pub fn parse_words(words: &[String]) -> Result<Option<Line>, SyntaxError> {
    let text = words.join(" ");
    let mut start = 0;
    let mut spans = Vec::with_capacity(words.len());
    for word in words {
        spans.push(Span::new(start, start + word.len()));
        start += word.len() + 1;
    }
    let mut tokens = Vec::new();
    words::lex(&text, &spans, |token| tokens.push(token));
    Parser { text: &text, tokens: &tokens, quoting: Quoting::Done, open: None }.line()
}

/// Reads a text that is one value of strict JSON, white space around it allowed.
pub fn parse_json(text: &str) -> Result<JsonText, SyntaxError> {
    argument::whole_json(text)
}
