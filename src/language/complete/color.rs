//! What each part of a line is, for its colors.

use super::place::Arguments;
use super::{Peer, Reading, own};
use crate::language::syntax::{ArgumentWord, Pair, PartialKey, Span, ValuePlace, Word, WordKind};

/// What a part of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// The name of an argument, or a key in JSON.
    Key,
    /// Text.
    String,
    /// A number.
    Number,
    /// True, false or null.
    Literal,
    /// What the peer or the shell does not know.
    Unknown,
}

/// The parts of a text that have a color, in order; they do not overlap. `cursor` stands in a word that may be unfinished.
pub fn colors(reading: &Reading, cursor: usize, peer: Peer<'_>) -> Vec<(Span, Color)> {
    let mut all = Vec::new();
    for (start, line, outline) in reading.lines() {
        let mut painter = Painter { line, start, cursor: cursor.wrapping_sub(start), peer, painted: all };
        painter.words(&outline.words);
        all = painter.painted;
    }
    all
}

struct Painter<'a> {
    line: &'a str,
    /// Where the line begins in the text.
    start: usize,
    /// From there.
    cursor: usize,
    peer: Peer<'a>,
    painted: Vec<(Span, Color)>,
}

impl Painter<'_> {
    fn words(&mut self, words: &[Word]) {
        let mut rest = words;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let text = first.span.of(self.line);
            match &first.kind {
                WordKind::Command { action } => {
                    if self.is_finished(first) && !self.is_known(text, *action) {
                        self.paint(first.span, Color::Unknown);
                    }
                    rest = self.arguments(text, *action, after);
                }
                WordKind::Mark if text == ")" => rest = self.arguments("transaction", false, after),
                WordKind::DotName if self.is_finished(first) && own::find(self.peer, &text[1..]).is_none() => {
                    self.paint(first.span, Color::Unknown);
                }
                WordKind::Json => self.json(first.span),
                _ => {}
            }
        }
    }

    /// Paints the arguments of a command, and gives what follows them.
    fn arguments<'w>(&mut self, command: &str, action: bool, words: &'w [Word]) -> &'w [Word] {
        let count = words.iter().take_while(|word| matches!(word.kind, WordKind::Argument(_))).count();
        let (own, rest) = words.split_at(count);
        let arguments = Arguments::new(command, action, own, self.peer);
        for word in own {
            match &word.kind {
                WordKind::Argument(ArgumentWord::Pair(pair)) => self.pair(&arguments, pair),
                WordKind::Argument(ArgumentWord::Name(name)) => {
                    let Some(name) = name else { continue };
                    let is_known = |last: Option<_>| arguments.unknown_part(name.parts.iter().chain(last)).is_none();
                    let known = is_known(Some(&name.last))
                        || (!self.is_finished(word) && is_known(None) && is_begun(&arguments, name));
                    self.paint(word.span, if known { Color::Key } else { Color::Unknown });
                }
                _ => {}
            }
        }
        rest
    }

    fn pair(&mut self, arguments: &Arguments<'_>, pair: &Pair) {
        match arguments.unknown_part(pair.key.parts.iter()) {
            None => self.paint(pair.key.span, Color::Key),
            Some(part) => {
                let unknown = pair.key.parts[part].span;
                if part > 0 {
                    self.paint(Span::new(pair.key.span.start, unknown.start), Color::Key);
                }
                self.paint(Span::new(unknown.start, pair.key.span.end), Color::Unknown);
            }
        }
        let value = pair.span;
        let text = value.of(self.line);
        match pair.place {
            ValuePlace::Json => self.json(value),
            ValuePlace::Plain if is_word(text) => self.paint(value, Color::Literal),
            ValuePlace::Plain if is_number(text) => self.paint(value, Color::Number),
            ValuePlace::Quoted(_) => self.paint(Span::new(value.start - 1, value.end), Color::String),
            ValuePlace::Plain | ValuePlace::Text | ValuePlace::File => self.paint(value, Color::String),
        }
    }

    fn is_known(&self, name: &str, action: bool) -> bool {
        let Some(schema) = self.peer.schema else { return true };
        let found = if action { schema.action(name).is_some() } else { schema.command(name).is_some() };
        found || (!action && matches!(name, "help" | "exit"))
    }

    /// Whether the cursor is not in it.
    fn is_finished(&self, word: &Word) -> bool {
        !(word.span.start..=word.span.end).contains(&self.cursor)
    }

    fn paint(&mut self, span: Span, color: Color) {
        if span.start < span.end {
            self.painted.push((Span::new(self.start + span.start, self.start + span.end), color));
        }
    }

    /// Paints the parts of JSON, or of a Python literal, as far as it goes.
    fn json(&mut self, span: Span) {
        let text = span.of(self.line);
        let mut at = 0;
        while let Some(byte) = text.as_bytes().get(at) {
            let start = at;
            match byte {
                b'"' | b'\'' => {
                    at = string_end(text, at);
                    let is_key = text[at..].trim_start().starts_with(':');
                    let color = if is_key { Color::Key } else { Color::String };
                    self.paint(Span::new(span.start + start, span.start + at), color);
                }
                byte if byte.is_ascii_alphanumeric() || *byte == b'-' => {
                    let end = text[at..].find(|c: char| !c.is_alphanumeric() && !"+-._".contains(c));
                    at = end.map_or(text.len(), |end| at + end);
                    let color = if is_number(&text[start..at]) { Color::Number } else { Color::Literal };
                    self.paint(Span::new(span.start + start, span.start + at), color);
                }
                _ => at += 1,
            }
        }
    }
}

/// Whether this is the beginning of a name that is known.
fn is_begun(arguments: &Arguments<'_>, name: &PartialKey) -> bool {
    let members = arguments.members(arguments.find(&name.parts));
    name.last.text.is_empty() || members.iter().any(|member| member.name.starts_with(&name.last.text))
}

/// Behind the string that begins at `at`.
fn string_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes[at];
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        end += match byte {
            b'\\' => 2,
            _ => 1,
        };
        if *byte == quote {
            break;
        }
    }
    // An escape may be cut, and stand before a character of several bytes.
    let mut end = end.min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    end
}

/// Whether an unquoted value is one of the words for a boolean, or null.
fn is_word(text: &str) -> bool {
    matches!(text, "true" | "false" | "null" | "on" | "off")
}

/// Whether it looks like a number, as in `0x10` and `10G`.
fn is_number(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    number.starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'))
}
