//! A text read once, for all that is to be said of it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::language::syntax::{Outline, outline};

/// A text being typed, as the words of its logical lines; a text that was pasted has several.
#[derive(Debug)]
pub struct Reading {
    text: String,
    /// There is always one.
    lines: Vec<(usize, Outline)>,
}

impl Reading {
    /// Reads a text.
    pub fn new(text: &str) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        loop {
            let outline = outline(&text[start..]);
            let next = outline.next_line;
            lines.push((start, outline));
            match next {
                Some(next) => start += next,
                None => return Self { text: text.to_owned(), lines },
            }
        }
    }

    /// The text that was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Each logical line: where it begins, the text from there to the end of all, and its words.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str, &Outline)> {
        self.lines.iter().map(|line| self.line(line))
    }

    /// The one in which `cursor` stands.
    pub(super) fn at(&self, cursor: usize) -> (usize, &str, &Outline) {
        let behind = self.lines.partition_point(|(start, _)| *start <= cursor);
        self.line(&self.lines[behind.max(1) - 1])
    }

    /// The last one.
    pub(super) fn last(&self) -> (usize, &str, &Outline) {
        self.at(self.text.len())
    }

    fn line<'r>(&'r self, (start, outline): &'r (usize, Outline)) -> (usize, &'r str, &'r Outline) {
        (*start, &self.text[*start..], outline)
    }
}

/// Reads a text when it is asked about first, and keeps it until it is asked about another one.
#[derive(Debug, Default)]
pub struct Reader(Mutex<Option<Arc<Reading>>>);

impl Reader {
    /// What `text` says.
    pub fn read(&self, text: &str) -> Arc<Reading> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(reading) if reading.text == text => Arc::clone(reading),
            _ => Arc::clone(last.insert(Arc::new(Reading::new(text)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_text() {
        let check = |text: &str, cursor: usize, expected: &str| {
            let reading = Reading::new(text);
            let (start, line, outline) = reading.at(cursor);
            assert_eq!(&line[..outline.next_line.unwrap_or(line.len())], expected, "{text:?} {cursor}");
            assert_eq!(&text[start..], line);
        };
        check("", 0, "");
        check("a", 1, "a");
        check("a\nb\n", 1, "a\n");
        check("a\nb\n", 2, "b\n");
        check("a\nb\n", 4, "");
        check("a\nb", 99, "b");
        check("a x=[\n1]\nb", 7, "a x=[\n1]\n");
    }

    #[test]
    fn the_same_text_is_read_once() {
        let reader = Reader::default();
        let first = reader.read("stop");
        assert!(Arc::ptr_eq(&first, &reader.read("stop")));
        assert!(!Arc::ptr_eq(&first, &reader.read("stop ")));
        assert_eq!(first.text(), "stop");
    }
}
