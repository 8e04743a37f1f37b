//! The list of what has a word in its name or its text.

use std::fmt::Write as _;

use super::super::registry::COMMANDS;
use super::is_type;
use super::manual::{Hit, Wanted};
use crate::output::columns::{hang, width as columns};
use qmpsh::schema::Schema;

/// The widest column of names; longer ones move their line to the right.
const NAMES: usize = 34;

/// Lists the commands, events and types that a word is in, types last, and those with the word in their name first. Empty if
/// there are none.
///
/// What the peer does not offer is left out, if it says what it offers.
pub(super) fn hits(word: &str, schema: Option<&Schema>, in_manual: &[Hit], width: usize) -> String {
    let wanted = Wanted::new(word);
    let of_peer = |kind, name: &str| Hit { is_in_text: false, name: name.to_owned(), kind, about: None };
    let commands = schema.into_iter().flat_map(Schema::commands).map(|command| of_peer("Command", &command.name));
    let events = schema.into_iter().flat_map(Schema::events).map(|event| of_peer("Event", &event.name));
    let own = COMMANDS.iter().map(|command| Hit {
        is_in_text: !wanted.is_in_name(command.name),
        name: format!(".{}", command.name),
        kind: "built-in command",
        about: Some(command.summary.to_owned()),
    });
    let is_wanted = |hit: &Hit| hit.is_in_text || wanted.is_in_name(&hit.name);
    let own =
        own.filter(|hit| is_wanted(hit) && (!hit.is_in_text || wanted.is_in_text(hit.about.as_deref().unwrap_or(""))));
    let is_offered = |hit: &&Hit| match (schema, hit.kind) {
        (Some(schema), "Command") => schema.command(&hit.name).is_some(),
        (Some(schema), "Event") => schema.event(&hit.name).is_some(),
        _ => true,
    };
    let mut found: Vec<Hit> = in_manual.iter().filter(is_offered).cloned().collect();
    let is_new = |hit: &Hit| is_wanted(hit) && in_manual.iter().all(|listed| listed.name != hit.name);
    found.extend(commands.chain(events).filter(is_new));
    found.extend(own);
    // Commands come before events, and both before types, which nobody types.
    let order = |hit: &Hit| (is_type(&hit.name), hit.is_in_text, hit.kind == "Event", hit.name.clone());
    found.sort_by_cached_key(order);
    let column = found.iter().map(|hit| columns(&hit.name)).max().unwrap_or(0).min(NAMES).min(width / 2);
    let mut text = String::new();
    for Hit { name, kind, about, .. } in found {
        let about = about.unwrap_or_else(|| format!("({})", kind.to_lowercase()));
        let _ = writeln!(text, "{}", hang(&format!("{name:column$}  {about}"), column + 2, width));
    }
    text
}
