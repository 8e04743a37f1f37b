//! A whole message as JSON or a Python dict: `{"execute": …}`.

use super::ast::{JsonLine, Text};
use super::cursor::Cursor;
use super::error::{SyntaxError, SyntaxErrorKind, shown};
use super::json_value::{self, Grammar};
use crate::json::MAX_NESTING;

/// Reads the message that begins under the cursor; the cursor ends behind it.
///
/// QEMU's parser would refuse whatever is refused here. Source: qmp-spec.rst, and QEMU's `qmp_dispatch_check_obj`.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<JsonLine, SyntaxError> {
    let opened = cursor.pos;
    json_value::read(cursor, Grammar::Message, MAX_NESTING)?;
    let span = cursor.span(opened);
    // It is a valid object, so only its members can be wrong now.
    let mut name: Option<(Text, bool)> = None;
    let mut arguments = None;
    let mut id = None;
    cursor.pos = opened + 1;
    cursor.skip_space();
    while !cursor.eat(b'}') {
        let from = cursor.pos;
        let key = json_value::read_string(cursor, Grammar::Message, &mut String::new())?;
        let key_span = cursor.span(from);
        cursor.skip_space();
        cursor.eat(b':');
        cursor.skip_space();
        let from = cursor.pos;
        let first = cursor.peek();
        let value = json_value::read(cursor, Grammar::Message, MAX_NESTING - 1)?;
        let value_span = cursor.span(from);
        match key.as_str() {
            "execute" | "exec-oob" if name.is_some() => {
                return Err(SyntaxError::new(key_span, SyntaxErrorKind::TwoExecutes, &[]));
            }
            "execute" | "exec-oob" => {
                let out_of_band = key == "exec-oob";
                let Ok(text) = serde_json::from_str(value.as_str()) else {
                    let member = if out_of_band { "exec-oob" } else { "execute" };
                    return Err(SyntaxError::new(value_span, SyntaxErrorKind::WrongMember(member, "a string"), &[]));
                };
                name = Some((Text { text, span: value_span }, out_of_band));
            }
            "arguments" if first == Some(b'{') => arguments = Some(value),
            "arguments" => {
                let kind = SyntaxErrorKind::WrongMember("arguments", "an object");
                return Err(SyntaxError::new(value_span, kind, &[]));
            }
            "id" => id = Some(value),
            _ => {
                let kind = SyntaxErrorKind::UnknownMember(shown(&key));
                let expected = &["\"execute\"", "\"exec-oob\"", "\"arguments\"", "\"id\""];
                return Err(SyntaxError::new(key_span, kind, expected));
            }
        }
        cursor.skip_space();
        cursor.eat(b',');
        cursor.skip_space();
    }
    let Some((name, out_of_band)) = name else {
        return Err(SyntaxError::new(span, SyntaxErrorKind::NoExecute, &["{\"execute\": \"COMMAND\"}"]));
    };
    Ok(JsonLine { name, out_of_band, arguments, id, span })
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
        check(
            "{'execute': u'set_link', u'arguments': {'name': 'n', 'up': True, 'x': None}, 'id': '1',}",
            "set_link",
            false,
            Some(r#"{"name":"n","up":true,"x":null}"#),
            Some("\"1\""),
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
        check(r#"{"execute":"a",,}"#, "15 unexpected `,`");
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
