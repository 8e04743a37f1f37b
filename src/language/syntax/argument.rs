//! Reads one word as a key and a value.

use super::ast::{Argument, Comparison, DotWord, Key, KeyPart, Quoting, Source, Value};
use super::cursor::Cursor;
use super::error::{SyntaxError, SyntaxErrorKind, shown};
use super::json_value::{self, Grammar, VALUE_DEPTH};
use super::string::{self, Escapes};

/// The operator between key and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `=`
    Typed,
    /// `:=`
    Json,
}

impl DotWord {
    /// Returns the word without its quotes, if it is quoted as a whole.
    pub fn text(&self) -> Result<String, SyntaxError> {
        if self.quoting == Quoting::Done || !self.raw.starts_with(['"', '\'']) {
            return Ok(self.raw.clone());
        }
        let mut cursor = Cursor::new(&self.raw, self.span.start);
        let text = quoted(&mut cursor)?;
        end(&mut cursor)?;
        Ok(text)
    }

    /// Reads the word as `KEY=VALUE`.
    pub fn argument(&self) -> Result<Argument, SyntaxError> {
        argument(&self.raw, self.span.start, self.quoting)
    }

    /// Reads the word as `PATH=PATTERN`: only quotes and a second `=` are special in the pattern.
    pub fn comparison(&self) -> Result<Comparison, SyntaxError> {
        let mut cursor = Cursor::new(&self.raw, self.span.start);
        let (path, operator) = key(&mut cursor, self.quoting)?;
        let from = cursor.pos;
        if operator == Operator::Json {
            let kind = SyntaxErrorKind::Unexpected("`:=`".into());
            return Err(cursor.error(from - 2, kind, &["`=`"]).help("values are compared as text"));
        }
        let (value, is_literal) = if cursor.eat(b'=') {
            (rest(&mut cursor), true)
        } else if opens_quote(&cursor, self.quoting) {
            let text = quoted(&mut cursor)?;
            end(&mut cursor)?;
            (text, true)
        } else {
            (rest(&mut cursor), false)
        };
        Ok(Comparison { path, value, is_literal, value_span: cursor.span(from) })
    }
}

/// Reads `KEY=VALUE`, which is all of `raw`, at `base` in the line.
pub(super) fn argument(raw: &str, base: usize, quoting: Quoting) -> Result<Argument, SyntaxError> {
    let mut cursor = Cursor::new(raw, base);
    let (key, operator) = key(&mut cursor, quoting)?;
    let first = &key.parts[0];
    if !first.quoted && (first.text.contains(',') || first.text.starts_with('-')) {
        // No command has such an argument, and QEMU's answer would be about something else.
        let kind = SyntaxErrorKind::BadKey(shown(&first.text));
        return Err(SyntaxError::new(first.span, kind, &["KEY=VALUE"]));
    }
    let from = cursor.pos;
    let value = value(&mut cursor, operator, quoting)?;
    Ok(Argument { key, value, value_span: cursor.span(from) })
}

/// Reads the value after the operator, up to the end of the word.
pub(super) fn value(cursor: &mut Cursor<'_>, operator: Operator, quoting: Quoting) -> Result<Value, SyntaxError> {
    match operator {
        Operator::Typed => typed_value(cursor, quoting),
        Operator::Json => json_value(cursor, quoting),
    }
}

/// Reads the key and the operator; the cursor ends where the value begins.
pub(super) fn key(cursor: &mut Cursor<'_>, quoting: Quoting) -> Result<(Key, Operator), SyntaxError> {
    let mut parts = Vec::new();
    loop {
        let from = cursor.pos;
        if opens_quote(cursor, quoting) {
            let text = quoted(cursor)?;
            parts.push(KeyPart { text, quoted: true, span: cursor.span(from) });
            if cursor.rest().is_empty() {
                return Err(no_equals(cursor));
            }
        } else {
            cursor.pos += cursor.rest().find(['.', '=']).ok_or_else(|| no_equals(cursor))?;
            let text = cursor.since(from);
            let json = cursor.peek() == Some(b'=') && text.ends_with(':');
            let text = if json { &text[..text.len() - 1] } else { text };
            cursor.pos -= usize::from(json);
            if text.is_empty() {
                if !cursor.rest().contains('=') {
                    return Err(no_equals(cursor));
                }
                return Err(cursor.error(from, SyntaxErrorKind::EmptyKey, &["a key"]));
            }
            parts.push(KeyPart { text: text.to_owned(), quoted: false, span: cursor.span(from) });
        }
        let key_end = cursor.span(0);
        let operator = if cursor.eat(b'.') {
            continue;
        } else if cursor.eat(b'=') {
            Operator::Typed
        } else if cursor.rest().starts_with(":=") {
            cursor.pos += 2;
            Operator::Json
        } else {
            return Err(cursor.unexpected(&["`.`", "`=`", "`:=`"]));
        };
        return Ok((Key { parts, span: key_end }, operator));
    }
}

fn no_equals(cursor: &Cursor<'_>) -> SyntaxError {
    let kind = SyntaxErrorKind::NoEquals(shown(cursor.text));
    let error = SyntaxError::new(cursor.whole(), kind, &["KEY=VALUE"]);
    if cursor.text.starts_with('-') {
        error.help("arguments have no dashes; options of qmpsh stand before the command")
    } else {
        error
    }
}

fn typed_value(cursor: &mut Cursor<'_>, quoting: Quoting) -> Result<Value, SyntaxError> {
    match cursor.peek() {
        Some(b'=') => {
            cursor.pos += 1;
            Ok(Value::Text(rest(cursor)))
        }
        Some(b'@') => source(cursor, quoting, Operator::Typed).map(Value::TextFrom),
        Some(b'"' | b'\'') if quoting == Quoting::Shell => {
            let text = quoted(cursor)?;
            end(cursor)?;
            Ok(Value::Text(text))
        }
        Some(b'{' | b'[') => {
            let json = json_value::read(cursor, Grammar::Value, VALUE_DEPTH)?;
            json_end(cursor, quoting)?;
            Ok(Value::Json(json))
        }
        _ => Ok(Value::Plain(rest(cursor))),
    }
}

fn json_value(cursor: &mut Cursor<'_>, quoting: Quoting) -> Result<Value, SyntaxError> {
    if cursor.peek() == Some(b'@') {
        return source(cursor, quoting, Operator::Json).map(Value::JsonFrom);
    }
    if quoting == Quoting::Done {
        cursor.skip_space();
    }
    let json = json_value::read(cursor, Grammar::Strict, VALUE_DEPTH)
        .map_err(|error| error.or_help("KEY:=VALUE takes JSON; for text, write KEY=TEXT"))?;
    json_end(cursor, quoting)?;
    Ok(Value::Json(json))
}

/// Reads `@` and the name after it.
fn source(cursor: &mut Cursor<'_>, quoting: Quoting, operator: Operator) -> Result<Source, SyntaxError> {
    let at = cursor.pos;
    cursor.pos += 1;
    if opens_quote(cursor, quoting) {
        let name = quoted(cursor)?;
        end(cursor)?;
        return Ok(Source::File(name));
    }
    let from = cursor.pos;
    match rest(cursor).as_str() {
        "" => Err(cursor.error(at, SyntaxErrorKind::NoFileName, &["a file name", "`-`", "`?`"])),
        "-" => Ok(Source::Stdin),
        "?" if operator == Operator::Typed => Ok(Source::Secret),
        "?" => Err(cursor
            .error(from, SyntaxErrorKind::Unexpected("`?`".into()), &["a file name", "`-`"])
            .help("KEY=@? asks for text")),
        name => Ok(Source::File(name.to_owned())),
    }
}

fn opens_quote(cursor: &Cursor<'_>, quoting: Quoting) -> bool {
    quoting == Quoting::Shell && matches!(cursor.peek(), Some(b'"' | b'\''))
}

pub(super) fn quoted(cursor: &mut Cursor<'_>) -> Result<String, SyntaxError> {
    let escapes = if cursor.peek() == Some(b'"') { Escapes::Json } else { Escapes::None };
    string::read(cursor, escapes, true)
}

/// Returns true if `raw`, which begins with a quote, is quoted as a whole, or up to a place that is wrong.
pub(super) fn whole_quoted(raw: &str) -> bool {
    let mut cursor = Cursor::new(raw, 0);
    quoted(&mut cursor).is_err() || !cursor.rest().contains('=')
}

fn rest(cursor: &mut Cursor<'_>) -> String {
    let rest = cursor.rest();
    cursor.pos = cursor.text.len();
    rest.to_owned()
}

/// Expects the end of the word, behind a closing quote or bracket.
pub(super) fn end(cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
    if cursor.rest().is_empty() { Ok(()) } else { Err(cursor.unexpected(&["white space"])) }
}

/// Expects the end of the word behind JSON: a finished word may have white space there.
fn json_end(cursor: &mut Cursor<'_>, quoting: Quoting) -> Result<(), SyntaxError> {
    if quoting == Quoting::Done {
        cursor.skip_space();
    }
    end(cursor)
}
