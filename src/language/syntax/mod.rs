//! The shell's language: the text of a line becomes a [`Line`], with the place of each part. No I/O.
//!
//! [`Assembler`] joins physical lines to a [`LogicalLine`], [`parse`] reads one, [`parse_words`] the words of a command line.
//! [`outline`] reads a line that is still being typed, and [`expected_at`] says what can stand at its cursor. An error is a
//! [`SyntaxError`], which renders itself with a caret. [`crate::language::typing`] makes a message of a line.
//!
//! `lexer` splits a line into words, and the place of a word tells what it is (`token`). `parser` puts the words
//! together: `argument` reads one `KEY=VALUE`, `json_value` JSON and Python literals, `json_line` a whole message.
//! Nothing recurses with the depth of the input, and each byte is looked at a fixed number of times.

mod argument;
mod assembler;
mod ast;
mod bare;
mod cursor;
#[cfg(test)]
mod display_tests;
mod error;
mod expected;
mod json_line;
mod json_value;
mod lexer;
mod number;
mod outline;
mod parser;
#[cfg(test)]
mod properties_tests;
mod render;
mod span;
mod string;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use crate::json::{MAX_NESTING, is_noncharacter, quoted};
pub use assembler::{Assembler, Dialect, LogicalLine};
pub use ast::{
    Argument, Command, Comparison, DotCommand, DotWord, Invocation, JsonLine, Key, KeyPart, Line, Source, Statement,
    Text, Transaction, Value,
};
pub use bare::bare_argument;
pub use error::{Opening, SyntaxError, SyntaxErrorKind, shown};
pub use expected::{Expected, Target, expected_at};
pub use json_value::{JsonText, parse_json};
pub use number::is_json_integer;
pub use outline::{ArgumentWord, Outline, Pair, PartialKey, ValuePlace, Word, outline, outline_words};
pub use parser::{parse, parse_words};
pub use render::{place, render};
pub use span::Span;
pub use string::written;
pub(crate) use string::{in_quotes, value_needs_quotes};
pub use token::{TokenKind, dot_name};
