//! Texts in the columns of a terminal: measured, cut, wrapped, side by side.

use std::borrow::Cow;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;
use textwrap::core::{Word, break_words};
use textwrap::{Options, WordSplitter};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// Returns the size of the terminal, or `None` if it is not a terminal or does not know.
pub(crate) fn size_of(terminal: impl AsFd) -> Option<Size> {
    let size = tcgetwinsize(terminal).ok().filter(|size| size.ws_col > 0)?;
    Some(Size { rows: size.ws_row.into(), columns: size.ws_col.into() })
}

/// The columns between two cells.
pub(crate) const GAP: usize = 2;

/// Returns how many columns the text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Cuts the text to this many columns; `…` stands for the rest.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    // No text takes more columns than it has bytes.
    if text.len() <= columns || width(text) <= columns { text.into() } else { beginning(text, columns).into() }
}

/// Puts cells side by side, each padded to its columns, without spaces at the end.
pub(crate) fn row<'t>(cells: impl IntoIterator<Item = (&'t str, usize)>) -> String {
    let (mut row, mut gap) = (String::new(), 0);
    for (cell, columns) in cells {
        row.extend(std::iter::repeat_n(' ', gap));
        row.push_str(cell);
        gap = columns.saturating_sub(width(cell)) + GAP;
    }
    row
}

/// Returns the beginning of the text with `…` behind it, in this many columns.
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

/// Wraps long lines between words. A line with carets below it stays, and so do the carets.
///
/// Further rows of a line are indented: to its second column if it has two, or by two more if it is indented.
pub(crate) fn wrap(text: &str, columns: usize) -> Cow<'_, str> {
    if text.split('\n').all(|line| width(line) <= columns) {
        return text.into();
    }
    let mut lines = text.split('\n').peekable();
    let mut wrapped: Vec<String> = Vec::new();
    while let Some(line) = lines.next() {
        let stays = is_carets(line) || lines.peek().is_some_and(|next| is_carets(next));
        wrapped.push(if stays { line.to_owned() } else { hang(line, indentation(line), columns) });
    }
    wrapped.join("\n").into()
}

/// Wraps one line between words. Its further rows are indented by `indent`, but not beyond the middle.
pub(crate) fn hang(line: &str, indent: usize, columns: usize) -> String {
    let indent = " ".repeat(indent.min(columns / 2));
    let options = Options::new(columns).subsequent_indent(&indent).break_words(false);
    textwrap::fill(line, options.word_splitter(WordSplitter::NoHyphenation))
}

/// Breaks a value into rows of at most this width: between words; a word that is longer than a row behind `/` and `,`, as in a
/// path or a list of options; and anywhere if it has none. Further rows are indented, but not beyond the middle. There is at least
/// one row.
pub(crate) fn wrapped(line: &str, indent: usize, columns: usize) -> Vec<Cow<'_, str>> {
    if width(line) <= columns {
        return vec![line.into()];
    }
    let indent = indent.min(columns / 2);
    let room = columns.saturating_sub(indent).max(1);
    let words = line.split_inclusive(' ').flat_map(|word| {
        let is_long = width(word.trim_end()) > room;
        word.split_inclusive(move |c| is_long && matches!(c, ',' | '/'))
    });
    let (mut rows, mut at) = (vec![String::new()], 0);
    for word in break_words(words.map(Word::from), room) {
        let longest = if rows.len() == 1 { columns.max(1) } else { room };
        if at > 0 && at + width(word.word) > longest {
            rows.push(" ".repeat(indent));
            at = 0;
        }
        if let Some(row) = rows.last_mut() {
            row.push_str(word.word);
            row.push_str(word.whitespace);
            at += width(word.word) + word.whitespace.len();
        }
    }
    rows.into_iter().map(|row| row.trim_end().to_owned().into()).collect()
}

/// Returns the indentation of the further rows of a line.
fn indentation(line: &str) -> usize {
    let text = line.trim_start_matches(' ');
    let start = line.len() - text.len();
    match text.split_once("  ") {
        Some((first, second)) => {
            start + width(first) + text[first.len()..].len() - second.trim_start_matches(' ').len()
        }
        None if start > 0 => start + 2,
        None => 0,
    }
}

/// Returns true if the line only points at places in the line above it.
pub(crate) fn is_carets(line: &str) -> bool {
    line.contains('^') && line.chars().all(|c| matches!(c, ' ' | '\t' | '^'))
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

    #[test]
    fn long_words_are_broken() {
        let check = |line: &str, columns, expected: &[&str]| assert_eq!(wrapped(line, 0, columns), expected, "{line}");
        check("", 5, &[""]);
        check("a b", 5, &["a b"]);
        check("/images/disk.qcow2 raw", 12, &["/images/", "disk.qcow2", "raw"]);
        check("path=/a,server=on,wait=off", 10, &["path=/a,", "server=on,", "wait=off"]);
        check("disk.qcow2", 6, &["disk.q", "cow2"]);
        check("日本語", 4, &["日本", "語"]);
        check("ab", 0, &["a", "b"]);
        check("see /a/b now", 8, &["see /a/b", "now"]);
        let check = |line: &str, columns, expected: &[&str]| assert_eq!(wrapped(line, 2, columns), expected, "{line}");
        check("reset by guest", 9, &["reset by", "  guest"]);
        check("at /images/disk.qcow2 raw", 12, &["at /images/", "  disk.qcow2", "  raw"]);
        check("abcdef", 4, &["abcd", "  ef"]);
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        let check = |text: &str, expected: &str| assert_eq!(wrap(text, 20), expected);
        check("cannot connect to q.sock: no such socket", "cannot connect to\nq.sock: no such\nsocket");
        check("exactly twenty here.", "exactly twenty here.");
        check("one\n\n  - a monitor serves one client", "one\n\n  - a monitor serves\n    one client");
        check("  KEY=V  a value of the type", "  KEY=V  a value of\n         the type");
        check("  KEY.KEY=VALUE  a value", "  KEY.KEY=VALUE  a\n          value");
        check("see /a/path/that/is/longer-than-a-row now", "see\n/a/path/that/is/longer-than-a-row\nnow");
        check("block-export-add needs node-name", "block-export-add\nneeds node-name");
        check("日本語 日本語 日本語 日本語", "日本語 日本語 日本語\n日本語");
        check(
            "an error here: bad\n  a b c d e f g h i j k=1\n      ^^\nexpected: one of these two",
            "an error here: bad\n  a b c d e f g h i j k=1\n      ^^\nexpected: one of\nthese two",
        );
        check("", "");
    }
}
