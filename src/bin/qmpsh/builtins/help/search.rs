//! The list of what has a word in its name or its text.

use std::fmt::Write as _;

use super::super::registry::COMMANDS;
use super::is_type;
use super::manual::{Hit, Wanted};
use crate::output::columns::{hang, width as columns};
use qmpsh::language::meant::human_commands;
use qmpsh::schema::Schema;

/// How many columns it takes to have names and texts side by side.
const WIDE: usize = 60;

/// The least letters that two names share for one to be suggested for the other.
const SHARED: usize = 5;

/// The widest column of names; longer ones move their line to the right.
const NAMES: usize = 34;

/// Lists the commands, events and types that all the words are in, types last, and those with the words in their name first. Empty if
/// there are none.
///
/// What the peer does not offer is left out, if it says what it offers.
pub(super) fn hits(words: &str, schema: Option<&Schema>, in_manual: &[Hit], width: usize) -> String {
    let wanted = Wanted::new(words);
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
    let own = own.filter(|hit| wanted.is_in(&hit.name, |is_there| hit.about.as_deref().is_some_and(is_there)));
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
        if width < WIDE {
            let _ = writeln!(text, "{name}\n{}", hang(&format!("    {about}"), 4, width));
            continue;
        }
        let _ = writeln!(text, "{}", hang(&format!("{name:column$}  {about}"), column + 2, width));
    }
    text
}

/// Names the commands of the human monitor that have the words in their names and that QMP does not have. Empty if there are none.
pub(super) fn of_human_monitor(words: &str, width: usize) -> String {
    let wanted = Wanted::new(words);
    let names: Vec<&str> =
        human_commands().iter().copied().filter(|name| name.len() > 1 && wanted.is_in_name(name)).collect();
    match names.first() {
        Some(first) => {
            let sentence = format!("In the human monitor: {} (.hmp help {first})", names.join(", "));
            hang(&sentence, 2, width) + "\n"
        }
        None => String::new(),
    }
}

/// Returns a name with a part that begins as the word does, such as `screendump` for `screenshot`: one that shares most of it.
pub(super) fn of_same_begin<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let word = word.to_lowercase();
    let shared = |name: &str| {
        let name = name.to_lowercase();
        let parts = name.split(['-', '_', '.']);
        parts.map(|part| part.chars().zip(word.chars()).take_while(|(a, b)| a == b).count()).max().unwrap_or(0)
    };
    let found = names.map(|name| (shared(name), name)).filter(|(count, _)| *count >= SHARED);
    // The first of those that share as much.
    found.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_begins_alike_is_suggested() {
        let names = ["quit", "screendump", "blockdev-snapshot-sync", "query-block"];
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(of_same_begin(word, names.into_iter()), expected, "{word}");
        };
        check("screenshot", Some("screendump"));
        check("SNAPSHOTS", Some("blockdev-snapshot-sync"));
        check("scripts", None);
        check("", None);
    }

    #[test]
    fn commands_of_the_human_monitor_are_found() {
        assert_eq!(
            of_human_monitor("hostfwd", 100),
            "In the human monitor: hostfwd_add, hostfwd_remove (.hmp help hostfwd_add)\n"
        );
        assert_eq!(of_human_monitor("nosuch", 100), "");
    }

    #[test]
    fn a_narrow_screen_has_texts_below_names() {
        let hit = |name: &str| Hit {
            is_in_text: false,
            name: name.to_owned(),
            kind: "Command",
            about: Some("Stop write tracking and remove the dirty bitmap".to_owned()),
        };
        let shown = hits("bitmap-remove", None, &[hit("block-dirty-bitmap-remove")], 40);
        assert_eq!(shown, "block-dirty-bitmap-remove\n    Stop write tracking and remove the\n    dirty bitmap\n");
    }
}
