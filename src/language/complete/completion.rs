//! Completion: what can stand at the cursor.

use super::context::{CommandContext, Context, line_at};
use super::describe::{marks, signature};
use super::item::{Completion, Item, Style, choose};
use super::{arguments, dot_commands, values};
use crate::language::syntax::{Expected, PartialKey, Span, ValuePlace, expected_at};
use crate::schema::{Command, Schema};

/// Completes the text of one line or more at `cursor`, a byte offset.
pub fn complete(text: &str, cursor: usize, context: Context<'_>) -> Completion {
    let (start, line, outline) = line_at(text, cursor);
    let at = cursor.min(start + line.len()) - start;
    let words = &outline.words;
    let (span, style, items) = match expected_at(line, at) {
        Expected::Nothing | Expected::Argument { name: None, .. } => return Completion::default(),
        Expected::Command { span, action } => (span, Style::Bare, commands(context, span.of(line), action)),
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
    let mut completion = choose(line, span, style, items);
    completion.span = Span::new(start + completion.span.start, start + completion.span.end);
    completion
}

/// Completes a line of the human monitor, or one of the shell, which begins with a dot.
pub fn complete_hmp(text: &str, cursor: usize, context: Context<'_>) -> Completion {
    let cursor = cursor.min(text.len());
    let start = text.get(..cursor).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let Some(typed) = text.get(start..cursor) else { return Completion::default() };
    if typed.starts_with('.') {
        return complete(text, cursor, context);
    }
    let span = Span::new(cursor - values::hmp_word(typed).len(), cursor);
    choose(text, span, Style::Bare, values::named(values::hmp_values(context, typed)))
}

fn commands(context: Context<'_>, typed: &str, action: bool) -> Vec<Item> {
    let Some(schema) = context.schema else {
        return if typed.is_empty() { dot_commands::names(context) } else { Vec::new() };
    };
    if action {
        let about = |name: &str| schema.action(name).map(|ty| signature(schema, ty)).unwrap_or_default();
        return schema.actions().map(|name| Item::new(name, about(name)).then(" ")).collect();
    }
    let mut items: Vec<_> = schema.commands().iter().map(|command| command_offer(schema, command)).collect();
    if schema.command("transaction").is_some() {
        items.push(Item::new("transaction(", "actions that are done together or not at all"));
    }
    items
}

/// Returns a command with its arguments.
fn command_offer(schema: &Schema, command: &Command) -> Item {
    let mut about = marks(&command.features);
    if !command.enabled {
        about.push_str("disabled ");
    }
    if let Some(arguments) = command.arguments {
        about.push_str(&signature(schema, arguments));
    }
    Item::new(&command.name, about).then(" ")
}
