//! One argument's value to JSON.

use super::builder::Json;
use super::error::check_characters;
use super::{Place, Sources, Types, TypingError, TypingErrorKind};
use crate::language::syntax::{self, Argument, Source, Span, Value, is_refused, push_string};

/// The JSON of an argument's value.
pub(super) fn json(
    argument: &Argument,
    place: Place<'_>,
    types: &dyn Types,
    sources: &mut dyn Sources,
) -> Result<Json, TypingError> {
    let span = argument.value_span;
    let mut text = String::new();
    let mut depth = 0;
    match &argument.value {
        Value::Plain(plain) => {
            check_characters(plain, span)?;
            types.value(place, plain, &mut text);
        }
        Value::Text(string) => {
            check_characters(string, span)?;
            push_string(&mut text, string);
        }
        Value::Json(json) => {
            depth = json.depth();
            json.as_str().clone_into(&mut text);
        }
        Value::TextFrom(source) => push_string(&mut text, &read(source, argument, sources)?),
        Value::JsonFrom(source) => {
            let content = read(source, argument, sources)?;
            let json = syntax::parse_json(&content).map_err(|error| {
                let before = &content[..error.span.start.min(content.len())];
                let line = 1 + before.matches('\n').count();
                let column = 1 + before.chars().rev().take_while(|c| *c != '\n').count();
                TypingError::new(
                    span,
                    TypingErrorKind::FileNotJson { name: name(source), line, column, error: Box::new(error) },
                )
            })?;
            depth = json.depth();
            json.as_str().clone_into(&mut text);
        }
    }
    Ok(Json { text, depth, span })
}

/// What stands in `source`, without one final newline.
fn read(source: &Source, argument: &Argument, sources: &mut dyn Sources) -> Result<String, TypingError> {
    let span: Span = argument.value_span;
    let read = match source {
        Source::File(path) => sources.file(path),
        Source::Stdin => sources.stdin(),
        Source::Secret => sources.secret(&argument.key.joined()).map(String::into_bytes),
    };
    let bytes = read
        .map_err(|error| TypingError::new(span, TypingErrorKind::Unreadable { name: name(source), source: error }))?;
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        TypingError::new(span, TypingErrorKind::NotUtf8 { name: name(source), at })
    })?;
    if text.ends_with('\n') {
        text.pop();
    }
    match text.chars().find(|c| is_refused(*c)) {
        Some(c) => Err(TypingError::new(span, TypingErrorKind::FileNoncharacter { name: name(source), c })),
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
