//! A string as its text on many lines, decoded piece by piece.

use std::borrow::Cow;

use bytes::Bytes;

use qmpsh::json::decode;
use qmpsh::text;

/// About how many bytes of JSON are decoded at once.
const CHUNK: usize = 64 * 1024;

/// The text of a string. Its line breaks stay; if there is none at the end, one is added.
pub(super) struct LongText {
    /// What is left between the quotes.
    left: Bytes,
    /// Whether a terminal gets it: then nothing in it may drive the terminal.
    terminal: bool,
    /// The text ends with a line break, as far as it has come; `None`: all of it has.
    is_at_line: Option<bool>,
}

impl LongText {
    /// `string` stands with its quotes.
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
        // As HMP ends its lines.
        let decoded = if decoded.contains("\r\n") { decoded.replace("\r\n", "\n") } else { decoded };
        self.is_at_line = Some(decoded.ends_with('\n'));
        Some(if self.terminal { text::lines(&decoded).into_owned() } else { decoded })
    }
}

/// Where to cut: not within an escape or a pair of them, nor within a character, nor between CR and LF.
fn end_of_piece(text: &[u8]) -> usize {
    let mut at = 0;
    while at < CHUNK {
        let Some(found) = memchr::memchr(b'\\', &text[at..text.len().min(CHUNK)]) else {
            return character_end(text, CHUNK);
        };
        at += found;
        at += match &text[at..] {
            [b'\\', b'r', b'\\', b'n', ..] => 4,
            // The second half of a pair is an escape too.
            [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', _, _, b'\\', b'u', ..] => 12,
            [b'\\', b'u', ..] => 6,
            _ => 2,
        };
    }
    at.min(text.len())
}

/// The end of the last whole character before `at`, if it is near.
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
    fn lines_stay_lines() {
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
    fn where_it_is_cut_is_not_seen() {
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
