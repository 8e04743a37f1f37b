//! A line without its secrets, for messages about it, and for the history.
//!
//! A line is shown up to its first secret. What follows is masked too, since a line that is wrong may be wrong because of a blank or
//! a quote in the secret.

use std::borrow::Cow;

use qmpsh::json::Document;
use qmpsh::language::syntax::{ArgumentWord, Span, TokenKind, ValuePlace, Word, dot_name, outline, outline_words};
use qmpsh::schema::nearest;
use qmpsh::secrets::{SecretSearch, in_text, is_secret_argument, mask, takes_secret};

/// The text in place of a secret.
const MASK: &str = "***";

/// A text up to its first secret, with [`MASK`] in place of the rest.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    pub(crate) text: String,
    /// Where the mask begins.
    cut: Option<usize>,
}

impl Masked {
    /// Masks a line.
    pub(crate) fn line(text: &str) -> Self {
        Self::from(text, in_line(text))
    }

    /// Masks the words of a command line, joined by spaces.
    pub(crate) fn words(words: &[String]) -> Self {
        let (text, words) = outline_words(words);
        Self::from(&text, in_words(&text, &words))
    }

    /// Masks a text of another syntax, such as a command of the system's shell.
    pub(crate) fn text(text: &str) -> Self {
        Self::from(text, in_text(text, ""))
    }

    fn from(text: &str, cut: Option<usize>) -> Self {
        match cut {
            Some(cut) => Self { text: format!("{}{MASK}", &text[..cut]), cut: Some(cut) },
            None => Self { text: text.to_owned(), cut: None },
        }
    }

    /// Returns the place in the masked text of a place in the original.
    pub(crate) fn span(&self, span: Span) -> Span {
        match self.cut {
            Some(cut) if span.end > cut => Span::new(span.start.min(cut), self.text.len()),
            _ => span,
        }
    }

    /// Masks the words that a message about a place of the original quotes, if they may be of a secret.
    pub(crate) fn hide(&self, span: Span, message: String) -> String {
        // The message is one line; those after it are the masked text.
        let end = message.find('\n').unwrap_or(message.len());
        match (message[..end].find('`'), message[..end].rfind('`')) {
            (Some(first), Some(last)) if self.cut.is_some_and(|cut| span.end > cut) => {
                format!("{}`{MASK}{}", &message[..first], &message[last..])
            }
            _ => message,
        }
    }
}

/// Returns true if a typed text, of one or several lines, has a secret.
pub(crate) fn has_secret(text: &str) -> bool {
    in_line(text).is_some() || (text.contains('\n') && text.lines().any(|line| in_line(line).is_some()))
}

/// Returns the place of the first secret of one or more lines.
fn in_line(text: &str) -> Option<usize> {
    let mut start = 0;
    loop {
        let line = outline(&text[start..]);
        let end = line.next_line.map_or(text.len(), |next| start + next);
        if let Some(place) = in_words(&text[start..end], &line.words) {
            return Some(start + place);
        }
        start = line.next_line.map(|next| start + next)?;
    }
}

/// Returns the place of the first secret in a line with these words.
fn in_words(text: &str, words: &[Word]) -> Option<usize> {
    let mut rest = SecretSearch::new(text);
    let (mut command, mut property) = ("", None);
    // The path of the program that `.guest-exec` runs is before this word.
    let mut has_program = false;
    let mut end = 0;
    for (n, word) in words.iter().enumerate() {
        let span = word.span;
        let within = |command: &str| in_text(span.of(text), command).map(|found| span.start + found);
        // A comment.
        let gap = in_text(&text[end..span.start.max(end)], "").map(|found| end + found);
        end = span.end;
        let found = match (word.kind, &word.argument) {
            _ if gap.is_some() => gap,
            (TokenKind::Command | TokenKind::Action, _) => {
                command = span.of(text);
                property = self::property(text, &words[n + 1..]);
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                if command.chars().all(is_name) { None } else { rest.first_from(span.start, "") }
            }
            // Options as on QEMU's command line.
            (_, Some(ArgumentWord::Pair(pair))) if pair.key.joined().contains(',') => {
                rest.first_from(span.start, command)
            }
            (_, Some(ArgumentWord::Pair(pair) | ArgumentWord::Bare(pair))) => {
                let value = pair.span.of(text);
                let name = pair.key.joined();
                // As a name that JSON's escapes hide.
                let is_hidden = name.contains('\\') && in_text(&format!("{name}=_"), command).is_some();
                let is_secret = is_hidden || is_secret_argument(command, &name, value, property);
                match (pair.place, &pair.value) {
                    (ValuePlace::File, Some(_)) => None,
                    _ if is_secret => Some(pair.span.start),
                    (_, None) if takes_secret(command) => Some(pair.span.start),
                    (_, None) => rest.first_from(pair.span.start, command),
                    _ => None,
                }
            }
            // A question.
            (_, Some(ArgumentWord::Name(_))) if span.of(text) == "?" => None,
            (_, Some(ArgumentWord::Name(_))) if takes_secret(command) && !span.of(text).contains(',') => {
                Some(span.start)
            }
            (_, Some(ArgumentWord::Name(_))) => rest.first_from(span.start, command),
            (TokenKind::Json, _) => {
                let found = in_json(span.of(text)).map(|place| span.start + place);
                let is_whole = Document::parse(span.of(text).as_bytes()).is_ok();
                if is_whole { found } else { [found, rest.first_from(span.start, "")].into_iter().flatten().min() }
            }
            (TokenKind::DotName, _) => {
                let name = dot_name(span.of(text));
                // What `.type` types may be a password, also where the name is misspelled.
                command = nearest(name, ["type"]).unwrap_or(name);
                has_program = false;
                None
            }
            (TokenKind::DotWord, _) => match command {
                "help" | "commands" => None,
                // What it carries has places of its own.
                "try" | "oob" | "fd" | "watch" => within(""),
                "type" => Some(span.start),
                // Behind its options and the path of the program.
                "guest-exec" if has_program => Some(span.start),
                _ => rest.first_from(span.start, ""),
            },
            (TokenKind::Raw, _) if command == "type" => (!asks(span.of(text))).then_some(span.start),
            (TokenKind::Raw | TokenKind::Pipeline, _) => within(""),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        let is_option = |word: &str| word.contains('=') && !word.starts_with(['/', '"', '\'']);
        has_program |= word.kind == TokenKind::DotWord && !is_option(span.of(text));
    }
    in_text(&text[end..], "").map(|found| end + found)
}

/// Returns the value of the argument `property` among the arguments that `words` begin with.
fn property<'a>(text: &'a str, words: &[Word]) -> Option<&'a str> {
    let pair = words.iter().map_while(|word| word.argument.as_ref()).find_map(|argument| match argument {
        ArgumentWord::Pair(pair) if pair.key.joined() == "property" => Some(pair),
        _ => None,
    })?;
    let value = pair.span.of(text);
    // One in quotes may have escapes.
    (pair.place == ValuePlace::Plain && pair.value.is_some()).then_some(value)
}

/// Returns true if the words after `.type` are only options and `@?`, which asks for the text.
fn asks(rest: &str) -> bool {
    let mut words = rest.split_ascii_whitespace().rev();
    words.next() == Some("@?") && words.all(|word| word.starts_with("delay=") || word.starts_with("layout="))
}

/// Returns the place of the first secret in JSON, which may be wrong.
fn in_json(text: &str) -> Option<usize> {
    match mask(text) {
        Cow::Borrowed(_) => None,
        // It is not JSON.
        Cow::Owned(masked) if masked == MASK => in_text(text, ""),
        Cow::Owned(masked) => Some(text.bytes().zip(masked.bytes()).take_while(|(a, b)| a == b).count()),
    }
}

#[cfg(test)]
#[path = "../../../../tests/support/planted.rs"]
#[expect(unreachable_pub)]
pub(crate) mod planted;
#[cfg(test)]
#[path = "masked_tests.rs"]
mod tests;
