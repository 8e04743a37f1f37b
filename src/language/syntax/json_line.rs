//! A whole message as JSON: `{"execute": …}`.

use std::collections::HashSet;

use super::ast::{JsonLine, Text};
use super::cursor::Cursor;
use super::error::{MAX_NESTING, Opening, SyntaxError, SyntaxErrorKind, shown};
use super::json_value::{self, Grammar};

/// Reads the message that begins under the cursor; the cursor ends behind it.
///
/// QEMU's parser would refuse whatever is refused here. Source: qmp-spec.rst, and QEMU's `qmp_dispatch_check_obj`.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<JsonLine, SyntaxError> {
    let opened = cursor.pos;
    let mut name: Option<(Text, bool)> = None;
    let mut arguments = None;
    let mut id = None;
    let mut seen = HashSet::new();
    cursor.pos += 1;
    cursor.skip_space();
    let mut more = !cursor.eat(b'}');
    while more {
        cursor.skip_space();
        let from = cursor.pos;
        if !matches!(cursor.peek(), Some(b'"' | b'\'')) {
            let expected: &[&str] = if seen.is_empty() { &["a key in quotes", "`}`"] } else { &["a key in quotes"] };
            return Err(unexpected(cursor, opened, expected));
        }
        let key = json_value::read_string(cursor, Grammar::Line, &mut String::new())?;
        let key_span = cursor.span(from);
        if !seen.insert(key.clone()) {
            return Err(SyntaxError::new(key_span, SyntaxErrorKind::DuplicateKey(shown(&key)), &[]));
        }
        cursor.skip_space();
        if !cursor.eat(b':') {
            return Err(unexpected(cursor, opened, &["`:`"]));
        }
        cursor.skip_space();
        if cursor.peek().is_none() {
            return Err(unexpected(cursor, opened, &["a value"]));
        }
        let value_from = cursor.pos;
        let first = cursor.peek();
        match key.as_str() {
            "execute" | "exec-oob" => {
                let member = if key == "execute" { "execute" } else { "exec-oob" };
                if name.is_some() {
                    return Err(SyntaxError::new(key_span, SyntaxErrorKind::TwoExecutes, &[]));
                }
                if !matches!(first, Some(b'"' | b'\'')) {
                    json_value::read(cursor, Grammar::Line, MAX_NESTING - 1)?;
                    return Err(cursor.error(value_from, SyntaxErrorKind::WrongMember(member, "a string"), &[]));
                }
                let text = json_value::read_string(cursor, Grammar::Line, &mut String::new())?;
                name = Some((Text { text, span: cursor.span(value_from) }, member == "exec-oob"));
            }
            "arguments" => {
                let value = json_value::read(cursor, Grammar::Line, MAX_NESTING - 1)?;
                if first != Some(b'{') {
                    let kind = SyntaxErrorKind::WrongMember("arguments", "an object");
                    return Err(cursor.error(value_from, kind, &[]));
                }
                arguments = Some(value);
            }
            "id" => id = Some(json_value::read(cursor, Grammar::Line, MAX_NESTING - 1)?),
            _ => {
                let kind = SyntaxErrorKind::UnknownMember(shown(&key));
                let expected = &["\"execute\"", "\"exec-oob\"", "\"arguments\"", "\"id\""];
                return Err(SyntaxError::new(key_span, kind, expected));
            }
        }
        cursor.skip_space();
        more = cursor.eat(b',');
        if !more && !cursor.eat(b'}') {
            return Err(unexpected(cursor, opened, &["`,`", "`}`"]));
        }
    }
    let span = cursor.span(opened);
    let Some((name, out_of_band)) = name else {
        return Err(SyntaxError::new(span, SyntaxErrorKind::NoExecute, &["{\"execute\": \"COMMAND\"}"]));
    };
    Ok(JsonLine { name, out_of_band, arguments, id, span })
}

fn unexpected(cursor: &mut Cursor<'_>, opened: usize, expected: &'static [&'static str]) -> SyntaxError {
    if cursor.peek().is_some() {
        return cursor.unexpected(expected);
    }
    let span = cursor.span_at(opened);
    SyntaxError::new(span, SyntaxErrorKind::Unclosed(Opening::Bracket('{')), expected)
}

#[cfg(test)]
mod tests {
    use super::super::json_value::JsonText;
    use super::*;

    fn line(text: &str) -> Result<JsonLine, String> {
        read(&mut Cursor::new(text, 0)).map_err(|error| format!("{} {error}", error.span.start))
    }

    #[test]
    fn messages_are_read() {
        let check = |text: &str, name: &str, oob: bool, arguments: Option<&str>, id: Option<&str>| {
            let line = line(text).unwrap();
            assert_eq!((line.name.text.as_str(), line.out_of_band), (name, oob));
            assert_eq!(line.arguments.as_ref().map(JsonText::as_str), arguments);
            assert_eq!(line.id.as_ref().map(JsonText::as_str), id);
        };
        check(r#"{"execute":"query-status"}"#, "query-status", false, None, None);
        check(
            "{ 'id' : [1, 2] ,\n\"arguments\" : { \"a\" : 1.50 }, \"exec-oob\" : \"a\\u002db\" }",
            "a-b",
            true,
            Some(r#"{"a":1.50}"#),
            Some("[1,2]"),
        );
    }

    #[test]
    fn what_qemu_would_refuse_is_refused() {
        let check = |text: &str, expected: &str| assert_eq!(line(text).unwrap_err(), expected, "{text}");
        check("{}", "0 a JSON line needs \"execute\" (or \"exec-oob\")");
        check(r#"{"id":1}"#, "0 a JSON line needs \"execute\" (or \"exec-oob\")");
        check(r#"{"execute":5}"#, "11 \"execute\" must be a string");
        check(r#"{"execute":"a","arguments":[]}"#, "27 \"arguments\" must be an object");
        check(r#"{"execute":"a","exec-oob":"a"}"#, "15 a JSON line has either \"execute\" or \"exec-oob\"");
        check(r#"{"execute":"a","execute":"b"}"#, "15 the key `execute` is given twice");
        check(r#"{"execute":"a","foo":1}"#, "15 `foo` is not a member of a QMP message");
        check(r#"{"execute":"a","id":01}"#, "20 `01` is not a number");
        check(r#"{"execute":"a",}"#, "15 unexpected `}`");
        check(r#"{"execute":"a" "id":1}"#, "15 unexpected `\"`");
        check(r#"{"execute" "a"}"#, "11 unexpected `\"`");
        check(r#"{execute:"a"}"#, "1 unexpected `execute`");
        check(r#"{"execute":"a","arguments":{"x":1,"x":2}}"#, "34 the key `x` is given twice");
        check(r#"{"execute":"#, "0 this bracket { is never closed");
        check(r#"{"execute":"a""#, "0 this bracket { is never closed");
        check(r#"{"execute":"a"#, "11 this quote \" is never closed");
    }

    #[test]
    fn the_depth_counts_the_outer_brace() {
        let with = |depth: usize| {
            line(&format!(r#"{{"execute":"a","arguments":{{"x":{}{}}}}}"#, "[".repeat(depth), "]".repeat(depth)))
        };
        assert!(with(1022).is_ok());
        assert!(with(1023).unwrap_err().ends_with("nested more than 1024 deep, QEMU's limit"));
    }
}
