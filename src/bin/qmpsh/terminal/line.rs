//! Lines: those read, and the one being typed.

use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

/// rustyline's distance between tab stops.
const TAB: usize = 8;

/// The outcome of reading a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Readline {
    /// A line, or several with newlines between them (a text that went on, or was pasted), without the last newline.
    Line(String),
    /// Ctrl-X Ctrl-E: the text is to be edited elsewhere.
    Edit(String),
    /// Ctrl-C: the line being typed was dropped.
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal is gone.
    EndOfFile,
    /// The terminal cannot be read, for this reason. Every later read fails too.
    Failed(String),
}

/// Returns true if a text is complete.
pub(crate) type IsComplete = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The line being typed, as it was painted last. A line that begins again under another prompt continues with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    text: String,
    /// Its offset in `text`, in bytes.
    cursor: usize,
}

impl Typed {
    pub(super) fn set(&mut self, text: &str, cursor: usize) {
        text.clone_into(&mut self.text);
        self.cursor = cursor;
    }

    /// Returns the text before the cursor, and the text behind it.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""))
    }

    /// Returns how many rows it takes behind `prompt`, wrapped as rustyline wraps it.
    pub(super) fn rows(&self, prompt: &str, columns: usize) -> usize {
        let (mut row, mut column) = (0, 0);
        for char in prompt.chars().chain(self.text.chars()) {
            let width = match char {
                '\n' => {
                    (row, column) = (row + 1, 0);
                    continue;
                }
                '\t' => TAB - column % TAB,
                char => char.width().unwrap_or(0),
            };
            column += width;
            if column > columns {
                (row, column) = (row + 1, width);
            }
        }
        // At the last column rustyline moves the cursor to the next row.
        row + 1 + usize::from(column == columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str, cursor: usize) -> Typed {
        Typed { text: text.to_owned(), cursor }
    }

    #[test]
    fn rows_are_wrapped_as_rustyline_wraps_them() {
        let check = |text: &str, expected: usize| assert_eq!(typed(text, 0).rows("(x) ", 10), expected, "{text:?}");
        check("", 1);
        check("12345", 1);
        check("123456", 2);
        check("1234567", 2);
        check("1234567890123456", 3);
        check("a\nb", 2);
        check("a\n", 2);
        check("12345é", 2);
        check("1234✅", 2);
        check("12345✅", 2);
        check("\tx", 1);
    }

    #[test]
    fn text_is_split_at_the_cursor() {
        assert_eq!(typed("aé b", 3).parts(), ("aé", " b"));
        // No editor gives such cursors.
        assert_eq!(typed("aé", 2).parts(), ("aé", ""));
        assert_eq!(typed("a", 7).parts(), ("a", ""));
    }
}
