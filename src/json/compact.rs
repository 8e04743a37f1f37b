//! Puts a pretty-printed value on one line.

use std::borrow::Cow;

use super::tokens::{TokenKind, Tokens};

/// Removes line breaks outside strings, and the indentation after them.
///
/// The result is what a monitor without `pretty=on` sends: a line break after a comma becomes one space. Borrowed if there is
/// nothing to remove. Source: tried on QEMU 7.2.
pub fn compact(raw: &[u8]) -> Cow<'_, [u8]> {
    let is_break = |&byte: &u8| byte == b'\n' || byte == b'\r';
    // Without `pretty=on` QEMU sends no line breaks.
    if memchr::memchr2(b'\n', b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::new();
    let mut copied = 0;
    for token in Tokens::new(raw).filter(|token| token.kind == TokenKind::Space) {
        let Some(blanks) = raw[token.range.clone()].iter().position(is_break) else { continue };
        if out.capacity() == 0 {
            out.reserve_exact(raw.len());
        }
        out.extend_from_slice(&raw[copied..token.range.start + blanks]);
        copied = token.range.end;
        if out.last() == Some(&b',') {
            out.push(b' ');
        }
    }
    if copied == 0 {
        return Cow::Borrowed(raw);
    }
    out.extend_from_slice(&raw[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_breaks_and_indentation_go() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(compact(raw.as_bytes()), expected.as_bytes(), "{raw:?}");
        };
        check("", "");
        check("{}", "{}");
        check("\n", "");
        check("{\r\n}", "{}");
        check("{\n}", "{}");
        check("[\r\n        ]", "[]");
        check(
            "{\r\n    \"a\": 1,\r\n    \"b\": [\r\n        1,\r\n        2\r\n    ]\r\n}",
            r#"{"a": 1, "b": [1, 2]}"#,
        );
        check("{\"a\": 1, \"b\":2 , \"c\" :3}", "{\"a\": 1, \"b\":2 , \"c\" :3}");
        check("{\"a\":1, \n\t\"b\":2}", "{\"a\":1, \"b\":2}");
        check("{\"a\":\n 1\n ,\n \"b\":2}", "{\"a\":1, \"b\":2}");
        check("{\"a\": \"x,\n  y\"}", "{\"a\": \"x,\n  y\"}");
        check("{\n\"a\": \"x\\\",\n  y\\\\\",\n \"b\": 1}", "{\"a\": \"x\\\",\n  y\\\\\", \"b\": 1}");
        check("{\n\"a", "{\"a");
        check("{\n\"a\\", "{\"a\\");
    }

    #[test]
    fn a_pretty_monitor_gives_the_same_lines() {
        // Both as QEMU 7.2 sent them.
        let check = |pretty: &str, line: &str| {
            assert_eq!(String::from_utf8_lossy(&compact(pretty.as_bytes())), line);
        };
        check(
            "{\r\n    \"return\": {\r\n        \"status\": \"prelaunch\",\r\n        \"singlestep\": false,\r\n        \
             \"running\": false\r\n    },\r\n    \"id\": {\r\n        \"a\": [\r\n        ],\r\n        \"b\": {\r\n        \
             },\r\n        \"c\": [\r\n            1,\r\n            {\r\n                \"z\": 1.5\r\n            }\r\n        \
             ]\r\n    }\r\n}",
            r#"{"return": {"status": "prelaunch", "singlestep": false, "running": false}, "id": {"a": [], "b": {}, "c": [1, {"z": 1.5}]}}"#,
        );
        check(
            "{\r\n    \"id\": \"a\\nb, \\\": \\u00E9\",\r\n    \"error\": {\r\n        \"class\": \"CommandNotFound\",\r\n        \
             \"desc\": \"The command bogus has not been found\"\r\n    }\r\n}",
            r#"{"id": "a\nb, \": \u00E9", "error": {"class": "CommandNotFound", "desc": "The command bogus has not been found"}}"#,
        );
    }

    #[test]
    fn nothing_to_remove_is_borrowed() {
        for raw in ["{\"return\": {}, \"id\": 1}", "{\"a\": \"x\ny\"}", ""] {
            assert!(matches!(compact(raw.as_bytes()), Cow::Borrowed(_)), "{raw}");
        }
    }
}
