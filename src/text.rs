//! Makes text from the peer safe to show on a terminal.
//!
//! Device names, error texts, guest strings and HMP output can hold any text of a guest: escape sequences that control the
//! terminal, bidirectional overrides that change the visible text, invisible characters. JSON from QEMU is ASCII, so this
//! matters after decoding. Source: docs/qmp.md, "Terminal".
//!
//! The functions escape C0, DEL and C1, bidirectional marks, embeddings, overrides and isolates, and characters without a width
//! or a shape. They do not double a backslash, so that paths stay readable.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes `text` for one line: line breaks and tabs as `\n`, `\r` and `\t`, all else as `\u{1b}`.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, is_unsafe)
}

/// Escapes `text` but for line breaks and tabs. CRLF, with which HMP ends its lines, becomes `\n`.
pub fn lines(text: &str) -> Cow<'_, str> {
    let harmless = |c| is_unsafe(c) && c != '\n' && c != '\t';
    if text.contains("\r\n") {
        Cow::Owned(escape(&text.replace("\r\n", "\n"), harmless).into_owned())
    } else {
        escape(text, harmless)
    }
}

/// Escapes UTF-8 like [`line()`]. Invalid bytes become `\xff`.
pub fn bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return line(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(&line(chunk.valid()));
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// Returns the beginning of `bytes`, escaped like [`bytes`](self::bytes), in at most `max` characters. `…` means that there is more.
pub fn excerpt(bytes: &[u8], max: usize) -> String {
    // A character has at most four bytes, so no more than this can be shown.
    let considered = &bytes[..bytes.len().min(max.saturating_mul(4).saturating_add(4))];
    let shown = self::bytes(considered);
    if considered.len() == bytes.len() && shown.chars().count() <= max {
        return shown.into_owned();
    }
    let mut out: String = shown.chars().take(max.saturating_sub(1)).collect();
    out.push('…');
    out
}

fn escape(text: &str, is_unsafe: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_unsafe(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// Returns true if `c` can control a terminal or is not what it looks like.
pub fn is_unsafe(c: char) -> bool {
    match c {
        ' '..='~' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        _ => matches!(c,
            // Soft hyphen, joiners and fillers that show nothing.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
            // The Arabic letter mark; zero-width characters, directional marks, embeddings, overrides, isolates, line
            // and paragraph separators, invisible operators.
            | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            // Variation selectors and other format characters.
            | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Tags, and all else in that plane that shows nothing; characters that are none.
            | '\u{e0000}'..='\u{e0fff}' | '\u{fffe}' | '\u{ffff}'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line() {
        let check = |text: &str, expected: &str| assert_eq!(line(text), expected);
        check("", "");
        check("plain, é, 日本, 😀", "plain, é, 日本, 😀");
        check(r"C:\path\u{1b}", r"C:\path\u{1b}");
        check("a\nb\r\tc", r"a\nb\r\tc");
        check("\x1b]0;title\x07", r"\u{1b}]0;title\u{7}");
        check("\x7f\u{80}\u{9b}31m\u{9f}\u{a0}", "\\u{7f}\\u{80}\\u{9b}31m\\u{9f}\u{a0}");
        check("\u{202e}\u{2066}\u{200e}\u{61c}", r"\u{202e}\u{2066}\u{200e}\u{61c}");
        check("\u{200b}\u{200d}\u{feff}\u{2028}\u{ad}\u{e0041}", r"\u{200b}\u{200d}\u{feff}\u{2028}\u{ad}\u{e0041}");
        assert!(matches!(line("é"), Cow::Borrowed(_)));
    }

    #[test]
    fn many_lines() {
        let check = |text: &str, expected: &str| assert_eq!(lines(text), expected);
        check("a\r\n\tb\r\n", "a\n\tb\n");
        check("a\nb", "a\nb");
        check("50%\r100%", r"50%\r100%");
        check("\x1b[2J\r\n", "\\u{1b}[2J\n");
    }

    #[test]
    fn broken_text() {
        let check = |text: &[u8], expected: &str| assert_eq!(bytes(text), expected);
        check(b"ok", "ok");
        check(b"a\xff\xfeb\x1b", r"a\xff\xfeb\u{1b}");
        check(b"\xe2\x82", r"\xe2\x82");
    }

    #[test]
    fn excerpts_are_short() {
        let check = |text: &[u8], max, expected: &str| assert_eq!(excerpt(text, max), expected);
        check(b"", 5, "");
        check(b"12345", 5, "12345");
        check(b"123456", 5, "1234…");
        check("ééééé".as_bytes(), 5, "ééééé");
        check("éééééé".as_bytes(), 5, "éééé…");
        check(b"\x1b\x1b", 8, r"\u{1b}\…");
        check(&b"x".repeat(1_000_000), 3, "xx…");
        check(b"x", 0, "…");
    }
}
