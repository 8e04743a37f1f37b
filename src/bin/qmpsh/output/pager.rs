//! The pager that shows long results at the prompt.

use std::env;

use unicode_width::UnicodeWidthChar;

use crate::output::columns::Size;

/// The pager if no variable names one: it shows colors, stays for more than a screen, and leaves what it showed.
const DEFAULT: &str = "less -FRX";

/// The columns between tab stops.
const TAB: usize = 8;

/// The pager: a command for `sh`.
#[derive(Debug)]
pub(crate) struct Pager {
    command: String,
    pub(crate) is_on: bool,
}

impl Pager {
    /// The pager that `$QMPSH_PAGER`, the configuration file or `$PAGER` names. An empty value and `cat` mean none.
    pub(crate) fn new(configured: Option<&str>) -> Self {
        Self::from(configured, |name| env::var(name).ok())
    }

    fn from(configured: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let configured = || configured.map(str::to_owned);
        let named = variable("QMPSH_PAGER").or_else(configured).or_else(|| variable("PAGER"));
        let command = named.as_deref().map_or(DEFAULT, str::trim);
        if matches!(command, "" | "cat") {
            // `.pager on` still means something.
            return Self { command: DEFAULT.to_owned(), is_on: false };
        }
        Self { command: command.to_owned(), is_on: true }
    }

    /// Returns its command if it is on.
    pub(crate) fn command(&self) -> Option<&str> {
        self.is_on.then_some(&*self.command)
    }
}

/// Returns true if a text has more rows than the screen has above a prompt. Reads only as much as that needs.
pub(crate) fn is_longer(text: impl Iterator<Item = impl AsRef<[u8]>>, screen: Size) -> bool {
    let mut rows = Rows { columns: screen.columns.max(1), finished: 0, column: 0, escape: Escape::No };
    for piece in text {
        for chunk in piece.as_ref().utf8_chunks() {
            for c in chunk.valid().chars().chain(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER)) {
                rows.add(c);
                if rows.finished + usize::from(rows.column > 0) >= screen.rows {
                    return true;
                }
            }
        }
    }
    false
}

/// The rows that a text takes on a terminal.
struct Rows {
    columns: usize,
    finished: usize,
    /// Where the next character stands.
    column: usize,
    escape: Escape,
}

/// Where in an escape sequence a character stands.
#[derive(Clone, Copy)]
enum Escape {
    No,
    Begun,
    Color,
    /// In a picture, which ends with an escape sequence of its own and a newline.
    Picture,
}

impl Rows {
    fn add(&mut self, c: char) {
        self.escape = match (self.escape, c) {
            (Escape::No | Escape::Picture, '\x1b') => Escape::Begun,
            (Escape::Begun, '_' | 'P') | (Escape::Picture, _) => Escape::Picture,
            (Escape::Begun, '\\') | (Escape::Color, 'm') => return self.escape = Escape::No,
            (Escape::Begun | Escape::Color, _) => Escape::Color,
            (Escape::No, _) => Escape::No,
        };
        if !matches!(self.escape, Escape::No) {
            return;
        }
        match c {
            '\n' => {
                self.finished += 1;
                self.column = 0;
            }
            '\t' => self.column = (self.column / TAB + 1).saturating_mul(TAB).min(self.columns),
            c => {
                let width = if c.is_ascii() { 1 } else { c.width().unwrap_or_default() };
                if self.column + width > self.columns {
                    self.finished += 1;
                    self.column = 0;
                }
                self.column += width;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_the_pager() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let value = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string());
            assert_eq!(Pager::from(None, value).command(), expected, "{variables:?}");
        };
        check(&[], Some("less -FRX"));
        check(&[("PAGER", "more")], Some("more"));
        check(&[("PAGER", "more"), ("QMPSH_PAGER", "less -R")], Some("less -R"));
        check(&[("PAGER", "more"), ("QMPSH_PAGER", "")], None);
        check(&[("PAGER", "cat")], None);
        check(&[("PAGER", " ")], None);
        check(&[("PAGER", "cat"), ("QMPSH_PAGER", "cat -A")], Some("cat -A"));
        let configured =
            |set: &'static str| Pager::from(Some("most"), move |name| (name == set).then(|| "more".to_owned()));
        assert_eq!(configured("PAGER").command(), Some("most"));
        assert_eq!(configured("QMPSH_PAGER").command(), Some("more"));
        assert_eq!(Pager::from(Some(""), |_| None).command(), None);
        let mut off = Pager::from(None, |_| Some(String::new()));
        off.is_on = true;
        assert_eq!(off.command(), Some("less -FRX"));
    }

    #[test]
    fn a_text_is_longer_than_the_screen() {
        let check = |pieces: &[&str], rows, columns, expected| {
            let is_longer = is_longer(pieces.iter(), Size { rows, columns });
            assert_eq!(is_longer, expected, "{pieces:?} in {rows}x{columns}");
        };
        check(&["a\nb\nc\n"], 4, 10, false);
        check(&["a\nb\nc"], 4, 10, false);
        check(&["a\nb\nc\n", "d"], 4, 10, true);
        check(&["a\nb\nc\n\n"], 4, 10, true);
        check(&["12345", "67890\n"], 2, 10, false);
        check(&["12345", "678901\n"], 2, 10, true);
        check(&["\x1b[34m1234567890\x1b[0m\n"], 2, 10, false);
        check(&["\x1b_Ga=T,f=100;mmmmmmmmmmmmmmmm\x1b\\\x1bPq#0~m~m~m~m~m~m~m\x1b\\a\n"], 2, 10, false);
        check(&["日本語日本\n"], 2, 10, false);
        check(&["日本語日本語\n"], 2, 10, true);
        check(&["\t1\n"], 2, 10, false);
        check(&["1234567\t123\n"], 2, 10, true);
        check(&[], 1, 10, false);
        // Only the beginning is read.
        assert!(is_longer(std::iter::repeat("endless"), Size { rows: 24, columns: 80 }));
    }
}
