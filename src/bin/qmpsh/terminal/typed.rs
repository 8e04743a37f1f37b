//! The text of the line being typed, as it was painted last: it goes on when the line has to begin anew under another prompt.

use unicode_width::UnicodeWidthChar;

/// What rustyline takes for the distance of tab stops.
const TAB: usize = 8;

/// A text and the cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    text: String,
    /// In bytes.
    cursor: usize,
}

impl Typed {
    pub(super) fn set(&mut self, text: &str, cursor: usize) {
        text.clone_into(&mut self.text);
        self.cursor = cursor;
    }

    /// What stands before the cursor, and behind it.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""))
    }

    /// How many rows it takes behind `prompt`, wrapped as rustyline does it.
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
        // The cursor goes to the next row.
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
    fn rows() {
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
    fn parts() {
        assert_eq!(typed("aé b", 3).parts(), ("aé", " b"));
        // What no editor gives.
        assert_eq!(typed("aé", 2).parts(), ("aé", ""));
        assert_eq!(typed("a", 7).parts(), ("a", ""));
    }
}
