//! The text of a cell: a value on one line, no wider than the cell.

use std::borrow::Cow;

use crate::output::color::Colors;
use crate::output::columns;
use qmpsh::json::{compact, decode};
use qmpsh::text;

/// The most columns for an object or an array: enough for a small one, and to recognize a large one.
pub(super) const NESTED: usize = 48;

/// The most columns for any cell.
const LONGEST: usize = 1 << 16;

/// The most bytes of JSON for one column: a character as two `\uXXXX`.
const BYTES: usize = 12;

/// The kinds of values that a table treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    /// `true`, `false`, `null`.
    Literal,
    /// An object or an array.
    Nested,
}

impl Kind {
    pub(super) fn of(value: &[u8]) -> Self {
        match value.first() {
            Some(b'"') => Kind::Text,
            Some(b'{' | b'[') => Kind::Nested,
            _ if matches!(value, b"true" | b"false" | b"null" | b"") => Kind::Literal,
            _ => Kind::Number,
        }
    }
}

/// How a table is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// The table goes to a terminal, so control characters are escaped. Line breaks always are.
    pub(crate) terminal: bool,
    /// How many columns the terminal has; `None`: it is not cut.
    pub(crate) width: Option<usize>,
    pub(crate) colors: Colors,
}

impl Style {
    /// Returns the text of a value, cut to `room` columns unless it is a number.
    pub(super) fn value(self, value: &[u8], room: usize) -> Cow<'_, str> {
        match Kind::of(value) {
            Kind::Text => self.text(value, room),
            Kind::Nested => {
                let room = room.min(NESTED);
                let (beginning, is_cut) = beginning(value, room);
                let line = compact(beginning);
                let shown = self.safe(String::from_utf8_lossy(&line));
                Cow::Owned(clip(shown, room, is_cut).into_owned())
            }
            Kind::Number | Kind::Literal => self.safe(String::from_utf8_lossy(value)),
        }
    }

    /// Returns the text of a member's name, given without its quotes.
    pub(super) fn key(self, key: &[u8], room: usize) -> String {
        self.text(&[b"\"", key, b"\""].concat(), room).into_owned()
    }

    /// Returns the text of a string, given with its quotes.
    fn text(self, raw: &[u8], room: usize) -> Cow<'_, str> {
        let room = room.min(LONGEST);
        let (beginning, is_cut) = beginning(raw, room);
        let decoded = if is_cut {
            // The cut removed the closing quote.
            Some(Cow::Owned(decode(&[beginning, b"\""].concat()).unwrap_or_default().into_owned()))
        } else {
            decode(beginning)
        };
        let decoded = decoded.unwrap_or_else(|| String::from_utf8_lossy(beginning));
        clip(self.safe(decoded), room, is_cut)
    }

    fn safe(self, shown: Cow<'_, str>) -> Cow<'_, str> {
        if self.terminal {
            rewritten(shown, text::line)
        } else if shown.contains(char::is_control) {
            // A line break would end the row, and other control characters would shift the columns behind them.
            let escape =
                |c: char| if c.is_control() { text::line(c.encode_utf8(&mut [0; 4])).into_owned() } else { c.into() };
            Cow::Owned(shown.chars().map(escape).collect())
        } else {
            shown
        }
    }
}

/// Returns as many bytes of the value as `room` columns can need, and true if there are more.
fn beginning(value: &[u8], room: usize) -> (&[u8], bool) {
    let most = room.saturating_add(2).saturating_mul(BYTES);
    if value.len() <= most { (value, false) } else { (&value[..most], true) }
}

/// Cuts the text to `room` columns; `…` stands for the rest.
fn clip(text: Cow<'_, str>, room: usize, is_cut: bool) -> Cow<'_, str> {
    if is_cut {
        return columns::beginning(&text, room).into();
    }
    rewritten(text, |text| columns::cut(text, room))
}

fn rewritten(text: Cow<'_, str>, rewrite: impl Fn(&str) -> Cow<'_, str>) -> Cow<'_, str> {
    let changed = match rewrite(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => Some(changed),
    };
    changed.map_or(text, Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ColorMode;

    fn style(terminal: bool) -> Style {
        Style { terminal, width: None, colors: Colors::of_stdout(ColorMode::Never) }
    }

    #[test]
    fn values_become_text_of_one_line() {
        let check = |value: &str, room, pipe: &str, terminal: &str| {
            let shown = |terminal| style(terminal).value(value.as_bytes(), room).into_owned();
            assert_eq!(shown(false), pipe, "{value} on a pipe");
            assert_eq!(shown(true), terminal, "{value} on a terminal");
        };
        check("18446744073709551615", 5, "18446744073709551615", "18446744073709551615");
        check("-0.10", 9, "-0.10", "-0.10");
        check("true", 9, "true", "true");
        check("null", 9, "null", "null");
        check(r#""a \"b\"""#, 9, "a \"b\"", "a \"b\"");
        check(r#""123456789""#, 9, "123456789", "123456789");
        check(r#""1234567890""#, 9, "12345678…", "12345678…");
        check(r#""a\nb\u001b""#, 99, "a\\nb\\u{1b}", "a\\nb\\u{1b}");
        check("\"a\u{202e}b\"", 99, "a\u{202e}b", "a\\u{202e}b");
        check(r#""日本語""#, 6, "日本語", "日本語");
        check(r#""日本語""#, 5, "日本…", "日本…");
        check(r#""日本語""#, 4, "日…", "日…");
        check(r#""😀😀""#, 3, "😀…", "😀…");
        check("{}", 9, "{}", "{}");
        check("[1, \"a\"]", 9, "[1, \"a\"]", "[1, \"a\"]");
        check("{\r\n    \"a\": [\r\n        1\r\n    ]\r\n}", 99, "{\"a\": [1]}", "{\"a\": [1]}");
        check(r#"{"a": 1}"#, 4, "{\"a…", "{\"a…");
        check("\"", 9, "\"", "\"");
    }

    #[test]
    fn only_the_beginning_of_long_values_is_read() {
        let style = style(true);
        let string = format!("\"{}\"", "\\u65e5".repeat(1_000_000));
        assert_eq!(style.value(string.as_bytes(), 10), "日日日日…");
        let list = format!("[{}1]", "1, ".repeat(1_000_000));
        assert_eq!(columns::width(&style.value(list.as_bytes(), usize::MAX)), NESTED);
        assert_eq!(
            columns::width(&style.value(format!("\"{}\"", "x".repeat(1_000_000)).as_bytes(), usize::MAX)),
            LONGEST
        );
        // Cut in the middle of an escape, behind what is shown.
        let escapes = format!("\"{}\"", "\\n".repeat(1_000));
        assert_eq!(style.value(escapes.as_bytes(), 5), "\\n\\n…");
        assert_eq!(style.key("k".repeat(1_000).as_bytes(), 5), "kkkk…");
    }
}
