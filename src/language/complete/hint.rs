//! What is still to come, as a gray text behind the cursor.

use super::own;
use super::place::{Arguments, hinted, ordered, short};
use super::{Peer, Reading};
use crate::language::syntax::{Expected, KeyPart, Opening, PartialKey, ValuePlace};
use crate::schema::{Member, Schema};
use crate::text;

/// How many arguments a hint names at most: more do not fit a row.
const ARGUMENTS: usize = 12;

/// What is still to come behind the end of a text. Safe to show; longer than a row may be.
pub fn hint(reading: &Reading, peer: Peer<'_>) -> Option<String> {
    let (_, line, outline) = reading.last();
    let words = &outline.words;
    // At the beginning of a row there is no other sign that the line goes on.
    if let (Some(open), true) = (outline.open, line.ends_with('\n')) {
        return Some(goes_on(open));
    }
    let space = |hint: String| if line.ends_with(char::is_whitespace) { hint } else { format!(" {hint}") };
    let hint = match outline.expected(line) {
        Expected::Command { span, action } if !span.of(line).is_empty() => {
            let schema = peer.schema?;
            let name = span.of(line);
            let ty = if action { schema.action(name) } else { schema.arguments(name) }?;
            space(listed(schema, &schema.members(ty, &|_| None)))
        }
        Expected::DotCommand { span } => space(own::find(peer, &span.of(line)[1..])?.words.to_owned()),
        Expected::DotWord { command, words, span } if words.is_empty() && span.of(line).is_empty() => {
            own::find(peer, &command)?.words.to_owned()
        }
        Expected::Argument { target, name: Some(name), .. } => {
            argument(&Arguments::at(words, line.len(), &target, peer), &name)?
        }
        Expected::Value { target, key, place, span } if span.of(line).is_empty() => {
            return value(&Arguments::at(words, line.len(), &target, peer), &key.parts, place);
        }
        // As if the value were finished: the tag of a union may stand there.
        Expected::Value { target, place: ValuePlace::Plain, .. } => {
            let name = PartialKey::empty(line.len());
            format!(" {}", argument(&Arguments::behind(words, line.len(), &target, peer), &name)?)
        }
        _ => return None,
    };
    (!hint.trim().is_empty()).then(|| text::line(&hint).into_owned())
}

/// What closes that which is open.
fn goes_on(open: Opening) -> String {
    match open {
        Opening::Transaction => "ACTION KEY=VALUE… or )".to_owned(),
        Opening::Quote(quote) => format!("… {quote}"),
        Opening::Bracket('[') => "… ]".to_owned(),
        Opening::Bracket(_) => "… }".to_owned(),
    }
}

/// The arguments that are missing; or the rest of the one that was begun.
fn argument(arguments: &Arguments<'_>, name: &PartialKey) -> Option<String> {
    let schema = arguments.schema()?;
    let at = arguments.find(&name.parts);
    let members = ordered(&arguments.members(at));
    let mut missing: Vec<_> = members.into_iter().filter(|member| !arguments.is_given(at, &member.name)).collect();
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

/// The type of a value that is not begun.
fn value(arguments: &Arguments<'_>, parts: &[KeyPart], place: ValuePlace) -> Option<String> {
    if matches!(place, ValuePlace::File) {
        return Some("file".to_owned());
    }
    let hint = short(arguments.schema()?, arguments.find(parts).ty?);
    Some(text::line(&hint).into_owned())
}
