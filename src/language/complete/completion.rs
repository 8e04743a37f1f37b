//! Completion: what can stand at the cursor.

use super::commands::{commands, out_of_band};
use super::context::{CommandContext, Context};
use super::item::{Completion, Item, Style, choose};
use super::lines::Lines;
use super::{arguments, dot_commands, json_line, values};
use crate::language::syntax::{Expected, PartialKey, Span, TokenKind, ValuePlace, Word, expected_at};

/// Completes the text of one line or more at `cursor`, a byte offset.
pub fn complete(lines: &Lines, cursor: usize, context: Context<'_>) -> Completion {
    let (start, line, outline) = lines.at(cursor);
    let at = cursor.min(start + line.len()) - start;
    let words = &outline.words;
    let is_message = |word: &&Word| word.kind == TokenKind::Json && (word.span.start + 1..=word.span.end).contains(&at);
    if let Some(message) = words.iter().find(is_message) {
        let (span, style, items) = json_line::items(context, line, message.span, at);
        return choose(line, span, style, items).moved(start);
    }
    let (span, style, items) = match expected_at(line, at) {
        Expected::Nothing | Expected::Argument { name: None, .. } => return Completion::default(),
        Expected::Command { span, action } => {
            let mut items = commands(context, span.of(line), action);
            let before = words.iter().rfind(|word| word.span.end <= span.start);
            if before.is_some_and(|word| word.kind == TokenKind::DotName && word.span.of(line) == ".oob") {
                items = out_of_band(context, items);
            }
            if words.first().is_none_or(|word| word.span == span) {
                items.extend(context.aliases().map(|(name, line)| Item::new(name, line).then(" ")));
            }
            (span, Style::Bare, items)
        }
        Expected::DotCommand { span } => (span, Style::Bare, dot_commands::names(context)),
        Expected::DotWord { command, words, span } => dot_commands::words(context, &command, &words, span, line),
        Expected::Argument { target, name: Some(name), .. } => {
            let command = CommandContext::at(words, at, false, &target, context);
            (name.last.span, Style::key(&name.last), arguments::names(&command, &name))
        }
        Expected::Bare { target, key, place, span } => {
            let command = CommandContext::at(words, at, false, &target, context);
            let (span, style, mut items) = values::items(&command, &key, place, span, line);
            if place == ValuePlace::Plain {
                items.extend(arguments::names(&command, &PartialKey::empty(span.end)));
            }
            (span, style, items)
        }
        Expected::Value { target, key, place, span } => {
            let command = CommandContext::at(words, at, false, &target, context);
            values::items(&command, &key, place, span, line)
        }
    };
    choose(line, span, style, items).moved(start)
}

/// Completes a line of the human monitor, or one of the shell, which begins with a dot.
pub fn complete_hmp(text: &str, cursor: usize, context: Context<'_>) -> Completion {
    let cursor = cursor.min(text.len());
    let start = text.get(..cursor).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let Some(typed) = text.get(start..cursor) else { return Completion::default() };
    if typed.starts_with('.') {
        return complete(&Lines::read(text), cursor, context);
    }
    let span = Span::new(cursor - values::hmp_word(typed).len(), cursor);
    choose(text, span, Style::Bare, values::named(values::hmp_values(context, typed)))
}
