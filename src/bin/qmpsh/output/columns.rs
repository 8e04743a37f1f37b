//! Texts in the columns of a terminal.

use std::borrow::Cow;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// The size of this terminal; none: it is none, or does not know.
pub(crate) fn size_of(terminal: impl AsFd) -> Option<Size> {
    let size = tcgetwinsize(terminal).ok().filter(|size| size.ws_col > 0)?;
    Some(Size { rows: size.ws_row.into(), columns: size.ws_col.into() })
}

/// How many columns the text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The text in at most so many columns; `…` says that there was more.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    // No text takes more columns than it has bytes.
    if text.len() <= columns || width(text) <= columns { text.into() } else { beginning(text, columns).into() }
}

/// So much of the text that `…` fits behind it.
pub(crate) fn beginning(text: &str, columns: usize) -> String {
    let mut width = 0;
    let fits = |c: &char| {
        width += c.width().unwrap_or_default();
        width < columns
    };
    let mut beginning: String = text.chars().take_while(fits).collect();
    if columns > 0 {
        beginning.push('…');
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_to_columns() {
        let check = |text: &str, columns, expected: &str| assert_eq!(cut(text, columns), expected, "{columns}");
        check("backup", 6, "backup");
        check("backup", 5, "back…");
        check("日本語", 6, "日本語");
        check("日本語", 5, "日本…");
        check("日本語", 4, "日…");
        check("a", 1, "a");
        check("ab", 1, "…");
        check("", 0, "");
        check("a", 0, "");
        assert_eq!(beginning("ab", 5), "ab…");
    }
}
