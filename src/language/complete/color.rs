//! The colors of a line: what each part of it is.

use super::context::{CommandContext, Context};
use super::dot_commands;
use super::lines::Lines;
use crate::language::syntax::{ArgumentWord, Pair, PartialKey, Span, TokenKind, ValuePlace, Word, dot_name};

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
    /// A name that the peer or the shell does not know.
    Unknown,
}

/// Returns the parts of a text that have a color, in order; they do not overlap. The word at `cursor` may be unfinished.
pub fn colors(lines: &Lines, cursor: usize, context: Context<'_>) -> Vec<(Span, Color)> {
    let mut all = Vec::new();
    for (start, line, outline) in lines.iter() {
        let mut painter = Painter { line, start, cursor: cursor.wrapping_sub(start), context, painted: &mut all };
        painter.words(&outline.words);
    }
    all
}

struct Painter<'a> {
    line: &'a str,
    /// Where the line begins in the text.
    start: usize,
    /// The cursor, from there.
    cursor: usize,
    context: Context<'a>,
    painted: &'a mut Vec<(Span, Color)>,
}

impl Painter<'_> {
    fn words(&mut self, words: &[Word]) {
        let mut rest = words;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let text = first.span.of(self.line);
            match first.kind {
                TokenKind::Command | TokenKind::Action => {
                    let action = first.kind == TokenKind::Action;
                    if self.is_finished(first) && !self.is_known(text, action) {
                        self.paint(first.span, Color::Unknown);
                    }
                    rest = self.arguments(text, action, after);
                }
                TokenKind::TransactionClose => rest = self.arguments("transaction", false, after),
                TokenKind::DotName
                    if self.is_finished(first) && dot_commands::find(self.context, dot_name(text)).is_none() =>
                {
                    self.paint(first.span, Color::Unknown);
                }
                TokenKind::Json => self.json(first.span),
                _ => {}
            }
        }
    }

    /// Paints the arguments of a command, and returns the words behind them.
    fn arguments<'w>(&mut self, command: &str, action: bool, words: &'w [Word]) -> &'w [Word] {
        let count = words.iter().take_while(|word| word.kind == TokenKind::Argument).count();
        let (own, rest) = words.split_at(count);
        let command = CommandContext::new(command, action, own, self.context);
        for word in own {
            match &word.argument {
                Some(ArgumentWord::Pair(pair)) => self.pair(&command, pair),
                Some(ArgumentWord::Bare(pair)) => self.value(pair),
                Some(ArgumentWord::Name(Some(name))) => {
                    let is_known = |last: Option<_>| command.unknown_part(name.parts.iter().chain(last)).is_none();
                    let known = is_known(Some(&name.last))
                        || (!self.is_finished(word) && is_known(None) && begins_a_member(&command, name));
                    self.paint(word.span, if known { Color::Key } else { Color::Unknown });
                }
                _ => {}
            }
        }
        rest
    }

    fn pair<'p>(&mut self, command: &CommandContext<'p>, pair: &'p Pair) {
        match command.unknown_part(pair.key.parts.iter()) {
            None => self.paint(pair.key.span, Color::Key),
            Some(part) => {
                let unknown = pair.key.parts[part].span;
                if part > 0 {
                    self.paint(Span::new(pair.key.span.start, unknown.start), Color::Key);
                }
                self.paint(Span::new(unknown.start, pair.key.span.end), Color::Unknown);
            }
        }
        self.value(pair);
    }

    fn value(&mut self, pair: &Pair) {
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
        let Some(schema) = self.context.schema else { return true };
        if action {
            return schema.action(name).is_some();
        }
        schema.command(name).is_some() || self.context.aliases().any(|(alias, _)| alias == name)
    }

    /// Returns true if the cursor is outside it.
    fn is_finished(&self, word: &Word) -> bool {
        !(word.span.start..=word.span.end).contains(&self.cursor)
    }

    fn paint(&mut self, span: Span, color: Color) {
        if span.start < span.end {
            self.painted.push((Span::new(self.start + span.start, self.start + span.end), color));
        }
    }

    /// Paints the parts of JSON, or of a Python literal, finished or not.
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

/// Returns true if a known name begins with this one.
fn begins_a_member<'a>(command: &CommandContext<'a>, name: &'a PartialKey) -> bool {
    let members = command.members(command.find(&name.parts));
    name.last.text.is_empty() || members.iter().any(|member| member.name.starts_with(&name.last.text))
}

/// Returns the end of the string that begins at `at`.
pub(super) fn string_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes[at];
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        end += if *byte == b'\\' { 2 } else { 1 };
        if *byte == quote {
            break;
        }
    }
    // An escape may be cut off, or stand before a character of several bytes.
    text.ceil_char_boundary(end)
}

/// Returns true if an unquoted value is one of the words for a boolean, or null.
fn is_word(text: &str) -> bool {
    matches!(text, "true" | "false" | "null" | "on" | "off")
}

/// Returns true if it looks like a number, as in `0x10` and `10G`.
fn is_number(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    number.starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'))
}
