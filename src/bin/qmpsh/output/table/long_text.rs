//! The text of a long string, decoded piece by piece.

use std::borrow::Cow;

use bytes::Bytes;

use qmpsh::json::decode;
use qmpsh::text;

/// About how many bytes of JSON are decoded at once.
const CHUNK: usize = 64 * 1024;

/// The text of a string. Its line breaks stay, and a missing one is added at its end.
#[derive(Clone)]
pub(super) struct LongText {
    /// The rest of the text between the quotes.
    left: Bytes,
    /// The text goes to a terminal, so control characters are escaped.
    terminal: bool,
    /// The last piece ended with a line break. `None` at the end of the text.
    is_at_line: Option<bool>,
}

impl LongText {
    /// Takes the string with its quotes.
    pub(super) fn new(string: Bytes, terminal: bool) -> Self {
        let inner = 1..string.len().saturating_sub(1);
        let left = if inner.is_empty() { Bytes::new() } else { string.slice(inner) };
        Self { left, terminal, is_at_line: Some(false) }
    }
}

impl Iterator for LongText {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.left.is_empty() {
            let is_at_line = self.is_at_line.take()?;
            return Some(if is_at_line { String::new() } else { "\n".to_owned() });
        }
        let piece = self.left.split_to(end_of_piece(&self.left));
        let decoded = decode(&[b"\"", piece.as_ref(), b"\""].concat()).map(Cow::into_owned).unwrap_or_default();
        // HMP ends its lines with CRLF.
        let decoded = if decoded.contains("\r\n") { decoded.replace("\r\n", "\n") } else { decoded };
        self.is_at_line = Some(decoded.ends_with('\n'));
        Some(if self.terminal { text::lines(&decoded).into_owned() } else { decoded })
    }
}

/// Returns where to cut: not within an escape, a surrogate pair, a character, or CRLF.
fn end_of_piece(text: &[u8]) -> usize {
    let mut at = 0;
    while at < CHUNK {
        let Some(found) = memchr::memchr(b'\\', &text[at..text.len().min(CHUNK)]) else {
            return character_end(text, CHUNK);
        };
        at += found;
        at += match &text[at..] {
            [b'\\', b'r', b'\\', b'n', ..] => 4,
            // A surrogate pair is two escapes.
            [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, _, b'\\', b'u', ..] => 12,
            [b'\\', b'u', ..] => 6,
            _ => 2,
        };
    }
    at.min(text.len())
}

/// Returns the end of the last whole character before `at`.
fn character_end(text: &[u8], at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (at - 3..=at).rev().find(|&at| text[at] & 0xc0 != 0x80).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(raw: String, terminal: bool) -> String {
        LongText::new(Bytes::from(raw), terminal).collect()
    }

    #[test]
    fn line_breaks_stay() {
        let check = |raw: &str, pipe: &str, terminal: &str| {
            assert_eq!((&*shown(raw.to_owned(), false), &*shown(raw.to_owned(), true)), (pipe, terminal), "{raw}");
        };
        check(r#""""#, "\n", "\n");
        check(r#""a""#, "a\n", "a\n");
        check(r#""a\r\nb\r\n""#, "a\nb\n", "a\nb\n");
        check(r#""a\u001b[2J""#, "a\u{1b}[2J\n", "a\\u{1b}[2J\n");
        check("\"", "\n", "\n");
    }

    #[test]
    fn pieces_join_without_a_seam() {
        for unit in [r"\r\n", r"\ud83d\ude00", r"\u65e5x", "日", "a\\\\", "\\\"", "😀", "x"] {
            for begin in ["", "1", "12", "123", "1234", "12345"] {
                let raw = format!("\"{begin}{}\"", unit.repeat(2 * CHUNK / unit.len() + 5));
                let whole = decode(raw.as_bytes()).unwrap().replace("\r\n", "\n");
                let shown = shown(raw, false);
                assert!(shown.trim_end_matches('\n') == whole.trim_end_matches('\n'), "{begin} {unit}");
            }
        }
    }

    #[test]
    fn pieces_are_short() {
        let longest =
            LongText::new(Bytes::from(format!("\"{}\"", "x".repeat(10 * CHUNK))), true).map(|piece| piece.len());
        assert_eq!(longest.max(), Some(CHUNK));
    }
}
