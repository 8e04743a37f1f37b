//! The JSON of an argument's value.

use std::io;

use super::builder::Json;
use super::error::{TypingError, TypingErrorKind, check_characters};
use super::types::{Place, Types};
use crate::language::syntax::{self, Argument, JsonText, Source, Value, is_noncharacter, quoted};

/// Reads values that do not stand in the line.
pub trait Sources {
    /// Reads all of a file: `KEY=@FILE`.
    fn file(&mut self, path: &str) -> io::Result<Vec<u8>>;
    /// Reads all of standard input: `KEY=@-`.
    fn stdin(&mut self) -> io::Result<Vec<u8>>;
    /// Asks the user for one line, without echo: `KEY=@?`. `prompt` is the key.
    fn secret(&mut self, prompt: &str) -> io::Result<String>;
}

/// Makes the JSON of an argument's value.
pub(super) fn json(
    argument: &Argument,
    place: Place<'_>,
    types: Types<'_>,
    sources: &mut dyn Sources,
) -> Result<Json, TypingError> {
    let span = argument.value_span;
    let of_json = |json: &JsonText| Json { text: json.as_str().to_owned(), depth: json.depth(), span };
    let text = match &argument.value {
        Value::Plain(plain) => {
            check_characters(plain, span)?;
            types.value(place, plain)
        }
        Value::Text(string) => {
            check_characters(string, span)?;
            quoted(string)
        }
        Value::Json(json) => return Ok(of_json(json)),
        Value::TextFrom(source) => quoted(&read(source, argument, sources)?),
        Value::JsonFrom(source) => {
            let content = read(source, argument, sources)?;
            let json = syntax::parse_json(&content).map_err(|error| {
                let before = &content[..error.span.start.min(content.len())];
                let line = 1 + before.matches('\n').count();
                let column = 1 + before.chars().rev().take_while(|c| *c != '\n').count();
                let error = Box::new(error);
                TypingError { span, kind: TypingErrorKind::FileNotJson { name: name(source), line, column, error } }
            })?;
            return Ok(of_json(&json));
        }
    };
    Ok(Json { text, depth: 0, span })
}

/// Reads `source`, without one final newline.
fn read(source: &Source, argument: &Argument, sources: &mut dyn Sources) -> Result<String, TypingError> {
    let failed = |kind| TypingError { span: argument.value_span, kind };
    let read = match source {
        Source::File(path) => sources.file(path),
        Source::Stdin => sources.stdin(),
        Source::Secret => sources.secret(&argument.key.joined()).map(String::into_bytes),
    };
    let bytes =
        read.map_err(|source_error| failed(TypingErrorKind::Unreadable { name: name(source), source: source_error }))?;
    let mut text = String::from_utf8(bytes).map_err(|error| {
        failed(TypingErrorKind::NotUtf8 { name: name(source), at: error.utf8_error().valid_up_to() })
    })?;
    if text.ends_with('\n') {
        text.pop();
    }
    match text.chars().find(|c| is_noncharacter(*c)) {
        Some(c) => Err(failed(TypingErrorKind::FileNoncharacter { name: name(source), c })),
        None => Ok(text),
    }
}

fn name(source: &Source) -> String {
    match source {
        Source::File(path) => syntax::shown(path),
        Source::Stdin => "standard input".into(),
        Source::Secret => "the answer".into(),
    }
}
