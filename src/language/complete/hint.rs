//! The hint behind the cursor: what can still be typed.

use super::context::{CommandContext, Context};
use super::describe::{ARGUMENTS, hinted, ordered, short};
use super::lines::Lines;
use super::{dot_commands, json_line};
use crate::language::syntax::{Expected, KeyPart, Opening, PartialKey, TokenKind, ValuePlace, dot_name};
use crate::schema::{Member, Schema};

/// What can still be typed behind the end of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The hint. Safe to show; it may be longer than a row.
    pub text: String,
    /// The text to insert for the first argument that the hint names, if it names one: `size=` of `size=integer`.
    pub next: Option<String>,
}

impl Hint {
    fn new(text: String) -> Self {
        let (space, words) = text.split_at(text.len() - text.trim_start().len());
        let word = words.split(' ').next().unwrap_or_default().trim_start_matches('[');
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        // Another name would need quotes.
        let name = &word[..word.find(|c| !is_name(c)).unwrap_or(word.len())];
        let follows = ["=", "."].into_iter().find(|then| word[name.len()..].starts_with(then));
        let next = follows.map(|then| format!("{space}{name}{then}"));
        Self { text, next }
    }
}

/// Returns the hint behind the end of a text.
pub fn hint(lines: &Lines, context: Context<'_>) -> Option<Hint> {
    shown(lines, context).map(Hint::new)
}

fn shown(lines: &Lines, context: Context<'_>) -> Option<String> {
    let (_, line, outline) = lines.at(lines.text().len());
    let words = &outline.words;
    // On a new row nothing else shows that the line continues.
    if let (Some(open), true) = (outline.open, line.ends_with('\n')) {
        return Some(goes_on(open));
    }
    if let Some(message) = words.last().filter(|word| word.kind == TokenKind::Json && word.span.end == line.len()) {
        let hint = json_line::hint(context, line, message.span).filter(|hint| !hint.is_empty())?;
        return Some(crate::text::line(&hint).into_owned());
    }
    let space = |hint: String| if line.ends_with(char::is_whitespace) { hint } else { format!(" {hint}") };
    let hint = match outline.expected(line) {
        Expected::Command { span, action } if !span.of(line).is_empty() => {
            let schema = context.schema?;
            let name = span.of(line);
            let ty = if action { schema.action(name) } else { schema.arguments(name) }?;
            space(listed(schema, &schema.members(ty, &|_| None)))
        }
        Expected::DotCommand { span } => space(dot_commands::find(context, dot_name(span.of(line)))?.words.to_owned()),
        Expected::DotWord { command, words, span } if words.is_empty() && span.of(line).is_empty() => {
            dot_commands::find(context, &command)?.words.to_owned()
        }
        Expected::Argument { target, name: Some(name), .. } => {
            argument(&CommandContext::at(words, line.len(), false, &target, context), &name)?
        }
        Expected::Bare { target, span, place: ValuePlace::Plain, .. } => {
            let typed = span.of(line);
            let name = PartialKey { last: KeyPart { text: typed.to_owned(), quoted: false, span }, parts: Vec::new() };
            let begun = argument(&CommandContext::at(words, line.len(), false, &target, context), &name);
            match begun {
                Some(begun) => begun,
                None => {
                    let name = PartialKey::empty(line.len());
                    format!(" {}", argument(&CommandContext::at(words, line.len(), true, &target, context), &name)?)
                }
            }
        }
        Expected::Value { target, key, place, span } if span.of(line).is_empty() => {
            return value(&CommandContext::at(words, line.len(), false, &target, context), &key.parts, place);
        }
        // The value counts as finished: it may be the tag of a union.
        Expected::Value { target, place: ValuePlace::Plain, .. } => {
            let name = PartialKey::empty(line.len());
            format!(" {}", argument(&CommandContext::at(words, line.len(), true, &target, context), &name)?)
        }
        _ => return None,
    };
    (!hint.trim().is_empty()).then(|| crate::text::line(&hint).into_owned())
}

/// Returns what closes it.
fn goes_on(open: Opening) -> String {
    match open {
        Opening::Transaction => "ACTION KEY=VALUE… or )".to_owned(),
        Opening::Quote(quote) => format!("… {quote}"),
        Opening::Bracket('[') => "… ]".to_owned(),
        Opening::Bracket(_) => "… }".to_owned(),
    }
}

/// Returns the arguments that are missing, or the rest of the one at the cursor.
fn argument<'a>(command: &CommandContext<'a>, name: &'a PartialKey) -> Option<String> {
    let schema = command.schema()?;
    let at = command.find(&name.parts);
    let members = ordered(&command.members(at));
    let mut missing: Vec<_> = members.into_iter().filter(|member| !command.is_given(at, &member.name)).collect();
    if name.last.text.is_empty() {
        return Some(listed(schema, &missing));
    }
    missing.retain(|member| member.name.starts_with(&name.last.text));
    match missing.as_slice() {
        [only] => {
            let whole = hinted(schema, &only.name, &Member { optional: false, ..(*only).clone() });
            whole.get(name.last.text.len()..).map(str::to_owned)
        }
        _ => None,
    }
}

fn listed(schema: &Schema, members: &[&Member]) -> String {
    let mut words: Vec<_> =
        ordered(members).into_iter().take(ARGUMENTS).map(|member| hinted(schema, &member.name, member)).collect();
    if members.len() > ARGUMENTS {
        words.push("…".to_owned());
    }
    words.join(" ")
}

/// Returns the type of an empty value.
fn value<'a>(command: &CommandContext<'a>, parts: &'a [KeyPart], place: ValuePlace) -> Option<String> {
    if matches!(place, ValuePlace::File) {
        return Some("file".to_owned());
    }
    let hint = short(command.schema()?, command.find(parts).ty?);
    Some(crate::text::line(&hint).into_owned())
}
