//! Reads a request, and writes it anew.
//!
//! What QEMU gets from a server in between is the text that was written here: compact JSON in ASCII, whose names and values are those
//! that were checked.

use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Range;

use super::lexer::{Token, tokens};
use crate::json;

/// A request that QEMU's parser takes.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The request, written anew.
    pub(super) text: String,
    /// The members of the object; `None` if the request is no object.
    pub(super) members: Option<Vec<Member>>,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// Its value in [`Parsed::text`].
    pub(super) value: Range<usize>,
    /// Its value in the request as it came.
    pub(super) raw: Range<usize>,
}

/// An open object or array, with the names of its members so far.
enum Container {
    Object(HashSet<String>),
    Array,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    /// A value or the end of the array.
    FirstValue,
    Name,
    /// A name or the end of the object.
    FirstName,
    Colon,
    Separator,
    Nothing,
}

/// Parses a request. The error is QEMU's description of the first mistake.
pub(super) fn parse(request: &[u8]) -> Result<Parsed, String> {
    let error = |what: &str| Err(format!("JSON parse error, {what}"));
    let mut text = String::with_capacity(request.len());
    let mut members: Vec<Member> = Vec::new();
    let mut open: Vec<Container> = Vec::new();
    let mut expected = Expected::Value;
    for (token, range) in tokens(request) {
        let word = &request[range.clone()];
        match expected {
            Expected::Colon => {
                if token != Token::Colon {
                    return error("missing : in object pair");
                }
                text.push(':');
                expected = Expected::Value;
                continue;
            }
            Expected::Separator if token == Token::Comma => {
                text.push(',');
                expected = if let Some(Container::Object(_)) = open.last() { Expected::Name } else { Expected::Value };
                continue;
            }
            Expected::Name | Expected::FirstName if token == Token::String => {
                let name = string(word)?;
                write_string(&mut text, &name);
                if let [Container::Object(_)] = open.as_slice() {
                    members.push(Member { name: name.clone(), value: 0..0, raw: 0..0 });
                }
                if let Some(Container::Object(names)) = open.last_mut()
                    && !names.insert(name)
                {
                    return error("duplicate key");
                }
                expected = Expected::Colon;
                continue;
            }
            _ => {}
        }
        let is_end = match (open.last(), token) {
            (Some(Container::Object(_)), Token::CloseObject) => {
                matches!(expected, Expected::FirstName | Expected::Separator)
            }
            (Some(Container::Array), Token::CloseArray) => {
                matches!(expected, Expected::FirstValue | Expected::Separator)
            }
            _ => false,
        };
        let start = text.len();
        match (expected, token) {
            _ if is_end => {
                text.push(char::from(word[0]));
                open.pop();
            }
            (Expected::Separator, _) => {
                let is_object = matches!(open.last(), Some(Container::Object(_)));
                return error(if is_object { "expected separator in dict" } else { "expected separator in list" });
            }
            (Expected::Nothing, _) | (_, Token::CloseObject | Token::CloseArray | Token::Colon | Token::Comma) => {
                return error("expecting value");
            }
            (_, Token::Keyword) if !matches!(word, b"true" | b"false" | b"null") => {
                return error(&format!("invalid keyword '{}'", String::from_utf8_lossy(word)));
            }
            (Expected::Name | Expected::FirstName, _) => return error("key is not a string in object"),
            (_, Token::OpenObject | Token::OpenArray) => {
                text.push(char::from(word[0]));
                if let [Container::Object(_)] = open.as_slice() {
                    begin(&mut members, start, range.start);
                }
                let is_object = token == Token::OpenObject;
                open.push(if is_object { Container::Object(HashSet::new()) } else { Container::Array });
                expected = if is_object { Expected::FirstName } else { Expected::FirstValue };
                continue;
            }
            (_, Token::String) => write_string(&mut text, &string(word)?),
            (_, Token::Number | Token::Keyword) => text.push_str(&String::from_utf8_lossy(word)),
        }
        // A value has ended.
        if let [Container::Object(_)] = open.as_slice() {
            if !is_end {
                begin(&mut members, start, range.start);
            }
            if let Some(member) = members.last_mut() {
                (member.value.end, member.raw.end) = (text.len(), range.end);
            }
        }
        expected = if open.is_empty() { Expected::Nothing } else { Expected::Separator };
    }
    if expected != Expected::Nothing {
        return error("premature EOI");
    }
    let members = text.starts_with('{').then_some(members);
    Ok(Parsed { text, members })
}

fn begin(members: &mut [Member], value: usize, raw: usize) {
    if let Some(member) = members.last_mut() {
        (member.value.start, member.raw.start) = (value, raw);
    }
}

/// Decodes a string with its quotes.
///
/// Source: `parse_string` in QEMU's `json-parser.c`. Noncharacters, such as U+FFFE, are mistakes.
fn string(quoted: &[u8]) -> Result<String, String> {
    let inner = &quoted[1..quoted.len() - 1];
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(&byte) = rest.first() {
        if byte != b'\\' {
            let end = rest.iter().position(|&byte| byte == b'\\').unwrap_or(rest.len());
            let plain =
                std::str::from_utf8(&rest[..end]).ok().filter(|plain| !plain.chars().any(json::is_noncharacter));
            text.push_str(plain.ok_or("JSON parse error, invalid UTF-8 sequence in string")?);
            rest = &rest[end..];
            continue;
        }
        let mut used = 2;
        text.push(match rest.get(1) {
            Some(&byte @ (b'"' | b'\'' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                used = 6;
                let mut code = hex(rest);
                if let Some(first @ 0xd800..0xdc00) = code
                    && let Some(next) = rest.get(6..).filter(|next| next.starts_with(b"\\u"))
                {
                    code = hex(next)
                        .filter(|second| (0xdc00..0xe000).contains(second))
                        .map(|second| 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                    used += if code.is_some() { 6 } else { 0 };
                }
                let character = code.and_then(char::from_u32).filter(|&character| !json::is_noncharacter(character));
                character.ok_or_else(|| {
                    let shown = String::from_utf8_lossy(&rest[..rest.len().min(6)]);
                    format!("JSON parse error, {shown} is not a valid Unicode character")
                })?
            }
            _ => return Err("JSON parse error, invalid escape sequence in string".to_owned()),
        });
        rest = &rest[used..];
    }
    Ok(text)
}

/// Returns the four digits of the `\uXXXX` at the front.
fn hex(escape: &[u8]) -> Option<u32> {
    escape.get(2..6)?.iter().try_fold(0, |code, &digit| Some(code << 4 | char::from(digit).to_digit(16)?))
}

/// Writes a string as QEMU does: in ASCII, all else as `\uXXXX`.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_anew() {
        #[track_caller]
        fn check(request: &str, expected: &str) {
            assert_eq!(parse(request.as_bytes()).unwrap().text, expected, "{request}");
        }
        check(" { \"a\" : [ 1 , -0.50e+3,true,null ,{ } , [ ] ] } ", r#"{"a":[1,-0.50e+3,true,null,{},[]]}"#);
        check(r"{'execute':'st\u006fp'}", r#"{"execute":"stop"}"#);
        check(r#"{'a"b':'it\'s \/ "x" \b\f\n\r\t\\'}"#, r#"{"a\"b":"it's / \"x\" \b\f\n\r\t\\"}"#);
        check("{\"é\":\"\u{1f600} \\ud83d\\ude00\u{7f}\"}", r#"{"\u00E9":"\uD83D\uDE00 \uD83D\uDE00\u007F"}"#);
        check("12", "12");
    }

    #[test]
    fn members_have_their_places() {
        let request = r#" {"a": {"b": [1]} , "\u0063" :'x',"d":-1} "#;
        let parsed = parse(request.as_bytes()).unwrap();
        let members: Vec<_> = parsed.members.as_ref().unwrap().iter().collect();
        let shown = members
            .iter()
            .map(|member| (member.name.as_str(), &parsed.text[member.value.clone()], &request[member.raw.clone()]));
        let expected = [("a", r#"{"b":[1]}"#, r#"{"b": [1]}"#), ("c", "\"x\"", "'x'"), ("d", "-1", "-1")];
        assert_eq!(shown.collect::<Vec<_>>(), expected);
        assert!(parse(b"[{}]").unwrap().members.is_none());
    }
}
