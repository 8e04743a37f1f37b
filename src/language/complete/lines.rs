//! The logical lines of the text that is being typed.

use crate::language::syntax::{Outline, TokenKind, Word, outline};

/// A text that is being typed, right or wrong, read once for its colors, its hint and its completion.
#[derive(Clone, Debug)]
pub struct Lines {
    text: String,
    /// Each logical line: where it begins, and its words. There is always one.
    lines: Vec<(usize, Outline)>,
}

impl Lines {
    /// Reads a text of one line or more.
    pub fn read(text: impl Into<String>) -> Self {
        let text = text.into();
        let mut lines = vec![(0, outline(&text))];
        while let Some((start, Some(next))) = lines.last().map(|(start, line)| (*start, line.next_line)) {
            lines.push((start + next, outline(&text[start + next..])));
        }
        Self { text, lines }
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the name of the command, or the action of a transaction, in which `cursor` stands; with its dot that of a built-in
    /// one.
    pub fn command_at(&self, cursor: usize) -> Option<&str> {
        let (start, line, outline) = self.at(cursor);
        let is_name = |word: &&Word| matches!(word.kind, TokenKind::Command | TokenKind::Action | TokenKind::DotName);
        let before = outline.words.iter().rev().filter(|word| start + word.span.start <= cursor);
        before.into_iter().find(is_name).map(|word| word.span.of(line))
    }

    /// Returns each line: where it begins, the text from there on, and its words.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &str, &Outline)> {
        self.lines.iter().map(|(start, outline)| (*start, &self.text[*start..], outline))
    }

    /// Returns the line in which `cursor` stands.
    pub(super) fn at(&self, cursor: usize) -> (usize, &str, &Outline) {
        let after = self.lines.partition_point(|(start, _)| *start <= cursor);
        let (start, outline) = &self.lines[after.saturating_sub(1)];
        (*start, &self.text[*start..], outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_into_logical_lines() {
        let check = |text: &str, cursor: usize, expected: &str| {
            let lines = Lines::read(text);
            let (start, line, outline) = lines.at(cursor);
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
    fn the_command_at_the_cursor_is_found() {
        let check = |line: &str, expected: Option<&str>| {
            let cursor = line.find('^').unwrap();
            assert_eq!(Lines::read(line.replacen('^', "", 1)).command_at(cursor), expected, "{line}");
        };
        check("^", None);
        check("sto^", Some("sto"));
        check("resize id=x si^", Some("resize"));
        check("resi^ze id=x", Some("resize"));
        check(".wait timeout=3 ^", Some(".wait"));
        check(".try resize i^", Some("resize"));
        check("stop\nresize i^", Some("resize"));
        check("transaction(\nresize id=x\nset a=^", Some("set"));
    }
}
