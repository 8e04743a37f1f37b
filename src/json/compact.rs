//! A pretty-printed value on one line.

use std::borrow::Cow;

use super::is_space;
use super::walk::string_end;

/// `raw` without the line breaks outside strings and the indentation after them; nothing else is touched.
///
/// What a monitor with `pretty=on` sends comes out as one without it sends it: QEMU writes `, ` between members on one
/// line, and `,` with a line break on many, so a line break after a comma becomes one space. Borrowed if there is
/// nothing to remove. Source: tried on QEMU 7.2.
pub fn compact(raw: &[u8]) -> Cow<'_, [u8]> {
    // In a single pass over what has no line breaks at all, which is what QEMU sends unless told otherwise.
    if memchr::memchr2(b'\n', b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'"', b'\n', b'\r', &raw[at..]) {
        at += found;
        if raw[at] == b'"' {
            at = string_end(raw, at);
            continue;
        }
        if out.capacity() == 0 {
            out.reserve_exact(raw.len());
        }
        out.extend_from_slice(&raw[kept..at]);
        at += raw[at..].iter().take_while(|&&byte| is_space(byte)).count();
        kept = at;
        if out.last() == Some(&b',') {
            out.push(b' ');
        }
    }
    if kept == 0 {
        return Cow::Borrowed(raw);
    }
    out.extend_from_slice(&raw[kept..]);
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
