//! The text of a value, on one line.

use std::borrow::Cow;

use bytes::Bytes;

use super::keys::amount;
use crate::output::color::Colors;
use crate::output::columns;
use qmpsh::json::{compact, decode, elements, members};
use qmpsh::text;

/// The most columns for a list in a table on a terminal: enough for a short one, and to recognize a long one.
pub(super) const LIST: usize = 32;

/// The most elements of a list in a record on a terminal.
const ELEMENTS: usize = 64;

/// The most columns for any value on a terminal.
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

/// Returns true for an object that has members, which become columns or rows of their own.
pub(super) fn is_object(value: &[u8]) -> bool {
    members(value).is_some_and(|mut members| members.next().is_some())
}

/// Returns true for a list that has an object or a list among its elements.
pub(super) fn is_list_of_nested(value: &Bytes) -> bool {
    elements(value).is_some_and(|mut elements| elements.any(|element| Kind::of(&element) == Kind::Nested))
}

/// Returns true for a value that is more than one line of text.
pub(super) fn is_nested(value: &Bytes) -> bool {
    Kind::of(value) == Kind::Nested && (is_object(value) || is_list_of_nested(value))
}

/// How a table is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// The table goes to a terminal, so control characters are escaped, and amounts have units. Line breaks are always escaped.
    pub(crate) terminal: bool,
    /// How many columns the terminal has; `None`: it is not fitted.
    pub(crate) width: Option<usize>,
    pub(crate) colors: Colors,
}

impl Style {
    /// Returns the text of a value for a cell, cut to `room` columns unless it is a number.
    pub(super) fn cell(self, parent: &[u8], key: &[u8], value: &Bytes, room: usize) -> String {
        let is_short = self.terminal && Kind::of(value) == Kind::Nested;
        self.value(parent, key, value, if is_short { room.min(LIST) } else { room })
    }

    /// Returns the text of a value, cut to `room` columns unless it is a number. A long list on a terminal is shortened.
    pub(super) fn value(self, parent: &[u8], key: &[u8], value: &Bytes, room: usize) -> String {
        match Kind::of(value) {
            Kind::Text => self.text(value, room).into_owned(),
            Kind::Nested if is_nested(value) || elements(value).is_none_or(|mut list| list.next().is_none()) => {
                let room = self.most(room);
                let (beginning, is_cut) = beginning(value, room);
                let line = compact(beginning);
                clip(self.safe(String::from_utf8_lossy(&line)), room, is_cut).into_owned()
            }
            Kind::Nested => self.list(value, room),
            Kind::Number
                if self.terminal
                    && let Some(amount) = amount(parent, key, value) =>
            {
                amount
            }
            Kind::Number | Kind::Literal => self.safe(String::from_utf8_lossy(value)).into_owned(),
        }
    }

    /// Returns the elements of a list with commas between.
    fn list(self, list: &Bytes, room: usize) -> String {
        let room = self.most(room);
        let Some(mut left) = elements(list) else { return String::new() };
        let mut text = String::new();
        for (index, element) in left.by_ref().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            text.push_str(&match Kind::of(&element) {
                Kind::Text => self.text(&element, room),
                _ => self.safe(String::from_utf8_lossy(&element)),
            });
            if text.len() > room && columns::width(&text) > room {
                return columns::beginning(&text, room);
            }
            if self.terminal && index + 1 == ELEMENTS {
                break;
            }
        }
        let more = left.count();
        if more > 0 { format!("{text}, … {more} more") } else { text }
    }

    /// Returns the text of a member's name, given without its quotes.
    pub(super) fn key(self, key: &[u8], room: usize) -> String {
        self.text(&[b"\"", key, b"\""].concat(), room).into_owned()
    }

    /// Returns how much of `room` a value may take: on a pipe nothing is cut.
    fn most(self, room: usize) -> usize {
        if self.terminal { room.min(LONGEST) } else { room }
    }

    /// Returns the text of a string, given with its quotes.
    fn text(self, raw: &[u8], room: usize) -> Cow<'_, str> {
        let room = self.most(room);
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
            let shown = |terminal| style(terminal).cell(b"", b"", &Bytes::copy_from_slice(value.as_bytes()), room);
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
        check("[]", 9, "[]", "[]");
        check("[1, \"a, b\", null]", 99, "1, a, b, null", "1, a, b, null");
        check("[1, 22, 333, 4444]", 9, "1, 22, 3…", "1, 22, 3…");
        check(r#"["a\u001b"]"#, 99, "a\\u{1b}", "a\\u{1b}");
        check("[1, [2], {}]", 99, "[1, [2], {}]", "[1, [2], {}]");
        check("{\r\n    \"a\": [\r\n        1\r\n    ]\r\n}", 99, "{\"a\": [1]}", "{\"a\": [1]}");
        check(r#"{"a": 1}"#, 4, "{\"a…", "{\"a…");
        check("\"", 9, "\"", "\"");
    }

    #[test]
    fn only_the_beginning_of_long_values_is_read() {
        let style = style(true);
        let string = format!("\"{}\"", "\\u65e5".repeat(1_000_000));
        let cell = |value: String, room| style.cell(b"", b"", &Bytes::from(value), room);
        assert_eq!(cell(string, 10), "日日日日…");
        let list = || format!("[{}1]", "1, ".repeat(1_000_000));
        assert_eq!(columns::width(&cell(list(), usize::MAX)), LIST);
        let listed = style.value(b"", b"", &Bytes::from(list()), usize::MAX);
        assert!(listed.starts_with("1, 1, 1, ") && listed.ends_with(", 1, … 999937 more"), "{listed}");
        assert_eq!(columns::width(&cell(format!("\"{}\"", "x".repeat(1_000_000)), usize::MAX)), LONGEST);
        // Cut in the middle of an escape, behind what is shown.
        let escapes = format!("\"{}\"", "\\n".repeat(1_000));
        assert_eq!(cell(escapes, 5), "\\n\\n…");
        assert_eq!(style.key("k".repeat(1_000).as_bytes(), 5), "kkkk…");
    }
}
