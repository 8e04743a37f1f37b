//! Makes JSON safe to show on a terminal.

use std::borrow::Cow;

use super::tokens::{TokenKind, Tokens};
use crate::text;

/// Escapes the characters of `raw` that are [unsafe](text::is_unsafe) to show, so that JSON stays JSON.
///
/// Inside strings they become `\uXXXX`, and invalid UTF-8 `\ufffd`. Outside, a carriage return or a tab becomes a space. Borrowed
/// if there is nothing to escape, as in the JSON of QEMU, which is ASCII.
pub fn escape(raw: &[u8]) -> Cow<'_, [u8]> {
    // Pieces without an early exit compile to vector instructions.
    let plain =
        |piece: &[u8]| piece.iter().fold(true, |plain, &byte| plain & (byte == b'\n' || (0x20..0x7f).contains(&byte)));
    if raw.chunks(4096).all(plain) && !has_line_break_in_string(raw) {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len() + 64);
    for token in Tokens::new(raw) {
        let is_string = token.kind == TokenKind::String;
        for chunk in raw[token.range].utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\n' if !is_string => out.push(b'\n'),
                    '\r' | '\t' if !is_string => out.push(b' '),
                    c if text::is_unsafe(c) => push_escape(&mut out, c),
                    c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            if !chunk.invalid().is_empty() {
                push_escape(&mut out, char::REPLACEMENT_CHARACTER);
            }
        }
    }
    Cow::Owned(out)
}

fn has_line_break_in_string(raw: &[u8]) -> bool {
    let has_line_break = |text| memchr::memchr(b'\n', text).is_some();
    has_line_break(raw)
        && Tokens::new(raw).any(|token| token.kind == TokenKind::String && has_line_break(&raw[token.range]))
}

fn push_escape(out: &mut Vec<u8>, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json() {
        let check = |raw: &[u8], expected: &str| assert_eq!(String::from_utf8_lossy(&escape(raw)), expected);
        check(br#"{"a": "\u001b", "b": 1}"#, r#"{"a": "\u001b", "b": 1}"#);
        check("{\n  \"a\": \"é\"\n}".as_bytes(), "{\n  \"a\": \"é\"\n}");
        check(b"{\"a\":\t\"\x1b\t\n\\\"\r\"}\r", r#"{"a": "\u001b\u0009\u000a\"\u000d"} "#);
        check("\"\u{202e}\u{e0041}\"".as_bytes(), r#""\u202e\udb40\udc41""#);
        check(b"\"a\xffb\"", r#""a\ufffdb""#);
        check(b"\"a\nb\"", r#""a\u000ab""#);
        assert!(matches!(escape(b"{\n \"a\": \"x\\\"\"\n}"), Cow::Borrowed(_)));
        let safe = escape(b"{\"a\":\t\"\x1b\xff\n\"}").into_owned();
        assert!(serde_json::from_slice::<serde_json::Value>(&safe).is_ok());
    }
}
