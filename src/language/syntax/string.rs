//! Quoted strings: in JSON, in Python literals, and as values.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::error::{Opening, SyntaxError, SyntaxErrorKind, shown};
use crate::json::{self, is_noncharacter, quoted};
use crate::text::is_unsafe;

/// Which escapes a backslash begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// None: a backslash is an ordinary character.
    None,
    /// Those of JSON.
    Json,
    /// Those of JSON and of Python. In single quotes an unknown one stays as it is; in double quotes it is an error, as in JSON.
    Python,
}

/// Reads the string that begins with the quote under the cursor, and returns it decoded.
pub(super) fn read(cursor: &mut Cursor<'_>, escapes: Escapes, raw_controls: bool) -> Result<String, SyntaxError> {
    let opened = cursor.pos;
    let quote = cursor.next_char().unwrap_or('"');
    let mut out = String::new();
    loop {
        let from = cursor.pos;
        let Some(c) = cursor.next_char() else {
            let expected: &[&str] = if quote == '"' { &["`\"`"] } else { &["`'`"] };
            let kind = SyntaxErrorKind::Unclosed(Opening::Quote(quote));
            return Err(SyntaxError::new(cursor.span_at(opened), kind, expected));
        };
        if c == quote {
            return Ok(out);
        }
        if c == '\\' && escapes != Escapes::None {
            escape(cursor, from, escapes, quote, &mut out)?;
        } else if c < ' ' && !raw_controls {
            return Err(cursor
                .error(from, SyntaxErrorKind::ControlCharacter(c), &[])
                .help("write it as an escape: \\n, \\t, \\u001b"));
        } else {
            out.push(check(cursor, from, c)?);
        }
    }
}

fn check(cursor: &Cursor<'_>, from: usize, c: char) -> Result<char, SyntaxError> {
    if is_noncharacter(c) { Err(cursor.error(from, SyntaxErrorKind::Noncharacter(c), &[])) } else { Ok(c) }
}

/// Reads what follows a backslash, and adds the character that it means.
fn escape(
    cursor: &mut Cursor<'_>,
    from: usize,
    escapes: Escapes,
    quote: char,
    out: &mut String,
) -> Result<(), SyntaxError> {
    let python = escapes == Escapes::Python;
    // Where the text ends, the caller reports the open quote.
    let Some(c) = cursor.next_char() else { return Ok(()) };
    let c = match c {
        '"' | '\\' | '/' => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => unicode(cursor, from)?,
        '\'' if python => c,
        '\n' if python => return Ok(()),
        'a' if python => '\u{7}',
        'v' if python => '\u{b}',
        'x' if python => code(cursor, from, 2)?,
        'U' if python => code(cursor, from, 8)?,
        '0'..='7' if python => {
            let more = cursor.rest().bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
            cursor.pos += more;
            let digits = &cursor.since(from)[1..];
            char::from_u32(u32::from_str_radix(digits, 8).unwrap_or(0)).unwrap_or('\0')
        }
        // `\N{NAME}` would need the names of all characters.
        _ if python && quote == '\'' && c != 'N' => {
            // Python leaves an unknown escape as it is.
            out.push_str(cursor.since(from));
            return Ok(());
        }
        _ => {
            let kind = SyntaxErrorKind::BadEscape(shown(cursor.since(from)));
            return Err(cursor.error(from, kind, &[]).help("for a backslash, write \\\\"));
        }
    };
    out.push(check(cursor, from, c)?);
    Ok(())
}

/// Reads `digits` hexadecimal digits.
fn hex(cursor: &mut Cursor<'_>, from: usize, digits: usize) -> Result<u32, SyntaxError> {
    let found = cursor.rest().bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
    let start = cursor.pos;
    cursor.pos += found;
    if found < digits {
        let kind = SyntaxErrorKind::BadEscape(shown(cursor.since(from)));
        return Err(cursor.error(from, kind, &["hexadecimal digits"]));
    }
    Ok(u32::from_str_radix(cursor.since(start), 16).unwrap_or(u32::MAX))
}

fn code(cursor: &mut Cursor<'_>, from: usize, digits: usize) -> Result<char, SyntaxError> {
    let value = hex(cursor, from, digits)?;
    char::from_u32(value).ok_or_else(|| {
        let text = shown(cursor.since(from));
        let kind = match value {
            0xd800..0xe000 => SyntaxErrorKind::LoneSurrogate(text),
            _ => SyntaxErrorKind::BadEscape(text),
        };
        cursor.error(from, kind, &[])
    })
}

/// Reads what follows `\u`: four digits, or a surrogate pair in two escapes.
fn unicode(cursor: &mut Cursor<'_>, from: usize) -> Result<char, SyntaxError> {
    let first = hex(cursor, from, 4)?;
    if (0xd800..0xdc00).contains(&first) && cursor.rest().starts_with("\\u") {
        let between = cursor.pos;
        cursor.pos += 2;
        let second = hex(cursor, between, 4)?;
        if (0xdc00..0xe000).contains(&second) {
            let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        cursor.pos = between;
    }
    char::from_u32(first)
        .ok_or_else(|| cursor.error(from, SyntaxErrorKind::LoneSurrogate(shown(cursor.since(from))), &[]))
}

/// Returns true if a value means something else without quotes, in a transaction or outside of it.
pub(crate) fn value_needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.starts_with(['"', '\'', '{', '[', '@', '='])
        || text.contains(|c: char| c.is_whitespace() || is_unsafe(c) || matches!(c, ';' | ')'))
}

/// Writes `text` as a value of the language: in quotes if it means something else without them, or could drive a terminal.
///
/// ```
/// # use qmpsh::language::syntax::written;
/// assert_eq!((written("b1"), written("two words")), ("b1".into(), "\"two words\"".into()));
/// ```
pub fn written(text: &str) -> Cow<'_, str> {
    if value_needs_quotes(text) { Cow::Owned(in_quotes(text, true)) } else { Cow::Borrowed(text) }
}

/// Writes a string of JSON, in which nothing drives a terminal.
pub(crate) fn in_quotes(text: &str, closed: bool) -> String {
    let mut quoted = String::from_utf8_lossy(&json::escape(quoted(text).as_bytes())).into_owned();
    if !closed {
        quoted.pop();
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::quoted;

    fn decoded(text: &str, escapes: Escapes, raw_controls: bool) -> Result<String, String> {
        read(&mut Cursor::new(text, 0), escapes, raw_controls)
            .map_err(|error| format!("{}..{} {error}", error.span.start, error.span.end))
    }

    #[test]
    fn json_strings_are_decoded() {
        let good = |text: &str, expected: &str| {
            assert_eq!(decoded(text, Escapes::Json, false).unwrap(), expected);
        };
        good(r#""""#, "");
        good(r#""a\"\\\/\b\f\n\r\té\u00e9""#, "a\"\\/\u{8}\u{c}\n\r\té\u{e9}");
        good(r#""\ud83d\ude00\u0000""#, "\u{1f600}\0");
        let bad = |text: &str, expected: &str| {
            assert_eq!(decoded(text, Escapes::Json, false).unwrap_err(), expected);
        };
        bad("\"abc", "0..1 this quote \" is never closed");
        bad("\"abc\\", "0..1 this quote \" is never closed");
        bad(r#""a\x41""#, "2..4 `\\x` is not a JSON escape");
        bad(r#""\'""#, "1..3 `\\'` is not a JSON escape");
        bad(r#""\u12g4""#, "1..5 `\\u12` is not a JSON escape");
        bad(r#""\ud800""#, "1..7 `\\ud800` is half of a surrogate pair");
        bad(r#""\ud800\u0041""#, "1..7 `\\ud800` is half of a surrogate pair");
        bad(r#""\ude00""#, "1..7 `\\ude00` is half of a surrogate pair");
        bad(r#""\ufffe""#, "1..7 QEMU does not accept the character U+FFFE");
        bad(r#""\ud83f\udfff""#, "1..13 QEMU does not accept the character U+1FFFF");
        bad("\"\u{ffff}\"", "1..4 QEMU does not accept the character U+FFFF");
        bad("\"a\tb\"", "2..3 a raw control character (U+0009) in a JSON string");
    }

    #[test]
    fn strings_of_python_and_qemu_are_decoded() {
        let check = |text: &str, escapes, expected: &str| {
            assert_eq!(decoded(text, escapes, true).unwrap(), expected);
        };
        check(r"'a\n\'", Escapes::None, r"a\n\");
        check("'a\nb\"'", Escapes::None, "a\nb\"");
        check(r"'it\'s'", Escapes::Python, "it's");
        check(r"'\x41\101\0\a\v\d\/\U0001f600'", Escapes::Python, "AA\0\u{7}\u{b}\\d/\u{1f600}");
        check("'a\\\nb'", Escapes::Python, "ab");
        check(r#""it's \x41""#, Escapes::Python, "it's A");
        // In double quotes it may be JSON with a mistake.
        assert!(decoded(r#""C:\dir""#, Escapes::Python, true).is_err());
        assert!(decoded(r"'\N{BULLET}'", Escapes::Python, true).is_err());
        assert!(decoded(r"'\x4'", Escapes::Python, true).is_err());
        assert!(decoded(r"'\Uffffffff'", Escapes::Python, true).is_err());
    }

    #[test]
    fn a_json_string_escapes_only_what_it_must() {
        let check = |text: &str, expected: &str| {
            let out = quoted(text);
            assert_eq!(out, expected);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        };
        check("", r#""""#);
        check("a\"b\\c/d", r#""a\"b\\c/d""#);
        check("\n\r\t\0\u{1f}\u{7f}é", "\"\\n\\r\\t\\u0000\\u001f\u{7f}é\"");
    }

    #[test]
    fn noncharacters_are_refused() {
        for c in ['\u{fdd0}', '\u{fdef}', '\u{fffe}', '\u{ffff}', '\u{1fffe}', '\u{10ffff}'] {
            assert!(is_noncharacter(c), "{c:?}");
        }
        for c in ['\0', 'a', '\u{fdcf}', '\u{fdf0}', '\u{fffd}', '\u{feff}', '\u{10000}', '\u{10fffd}'] {
            assert!(!is_noncharacter(c), "{c:?}");
        }
    }
}
