//! A message with the line it is about and a caret under the place.

use unicode_width::UnicodeWidthChar;

use super::span::Span;
use crate::text::{self, is_unsafe};

/// How many columns of a long line are shown on each side of the place.
const SIDE: usize = 50;

/// Returns `[NAME:LINE:COLUMN: ]MESSAGE`, the line, and a caret under `span`; without a final newline.
///
/// Lines and columns (in characters) count from 1, `first_line` being the number of the source's first line. Without a
/// name the line is named only if it is not the first. Control characters of the line are shown escaped, tabs as they
/// are, and of a long line only what is near the place.
pub fn render(source: &str, span: Span, message: &str, name: Option<&str>, first_line: usize) -> String {
    place(source, span, name, first_line) + &excerpt(source, span, message)
}

/// Returns `NAME:LINE:COLUMN: `, as [`render`] begins.
pub fn place(source: &str, span: Span, name: Option<&str>, first_line: usize) -> String {
    let before = &source[..source.floor_char_boundary(span.start)];
    let line = first_line + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
    match name {
        Some(name) => format!("{name}:{line}:{column}: "),
        None if line > 1 => format!("line {line}, column {column}: "),
        None => String::new(),
    }
}

/// The message, the line and the caret.
fn excerpt(source: &str, span: Span, message: &str) -> String {
    let start = source.floor_char_boundary(span.start);
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);

    let left = &source[line_start..start];
    let right = source[start..line_end].trim_end_matches('\r');
    let marked = span.end.clamp(start, start + right.len()) - start;
    let left_from = left.char_indices().rev().nth(SIDE).map_or(0, |(at, c)| at + c.len_utf8());
    let right_to = right.char_indices().nth(SIDE).map_or(right.len(), |(at, _)| at);

    let mut shown = String::from("  ");
    let mut under = String::from("  ");
    if left_from > 0 {
        shown.push('…');
        under.push(' ');
    }
    for c in left[left_from..].chars() {
        let width = push_shown(&mut shown, c);
        if c == '\t' {
            under.push('\t');
        } else {
            under.extend(std::iter::repeat_n(' ', width));
        }
    }
    let widths = right[..right_to].char_indices().map(|(at, c)| (at < marked, push_shown(&mut shown, c)));
    let carets: usize = widths.filter(|(is_marked, _)| *is_marked).map(|(_, width)| width).sum();
    if right_to < right.len() {
        shown.push('…');
    }
    under.extend(std::iter::repeat_n('^', carets.max(1)));
    format!("{message}\n{shown}\n{under}")
}

/// Adds `c`, escaped if it could move the cursor, and returns its width in columns.
fn push_shown(out: &mut String, c: char) -> usize {
    if c == '\t' {
        out.push(c);
        1
    } else if is_unsafe(c) {
        let before = out.len();
        out.push_str(&text::line(c.encode_utf8(&mut [0; 4])));
        out.len() - before
    } else {
        out.push(c);
        c.width().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        let check = |text: &str, start, end, name: Option<&str>, expected: &str| {
            assert_eq!(render(text, Span::new(start, end), "wrong", name, 1), expected, "{text:?}");
        };
        check("ab cd", 3, 5, None, "wrong\n  ab cd\n     ^^");
        check("ab cd", 5, 5, Some("f"), "f:1:6: wrong\n  ab cd\n       ^");
        check("one\ntwo x\nthree", 8, 13, Some("f"), "f:2:5: wrong\n  two x\n      ^");
        check("one\ntwo", 4, 5, None, "line 2, column 1: wrong\n  two\n  ^");
        check("\tab", 1, 2, None, "wrong\n  \tab\n  \t^");
        check("日本 x", 7, 8, None, "wrong\n  日本 x\n       ^");
        check("\u{1b}[ x", 3, 4, None, "wrong\n  \\u{1b}[ x\n          ^");
        check("\u{202e} x", 4, 5, None, "wrong\n  \\u{202e} x\n           ^");
        check("a\r\nb", 1, 1, None, "wrong\n  a\n   ^");
        check("é", 1, 1, None, "wrong\n  é\n  ^");
        check("", 0, 0, None, "wrong\n  \n  ^");
        check("x", 99, 100, None, "wrong\n  x\n   ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}X{}", "a".repeat(1000), "b".repeat(1000));
        let shown = render(&text, Span::new(1000, 1001), "wrong", None, 1);
        let expected = format!("wrong\n  …{}X{}…\n   {}^", "a".repeat(50), "b".repeat(49), " ".repeat(50));
        assert_eq!(shown, expected);
    }
}
