//! Describes a command or an event as text, by the schema.

use std::fmt::{self, Write as _};

use crate::output::columns::hang;
use qmpsh::language::syntax::bare_argument;
use qmpsh::schema::{Choice, Command, Event, Features, Reference, ReferenceLine, Row, Schema, TypeId};

/// The widest column of names; longer ones move their line to the right.
const NAMES: usize = 34;

/// A manual for a version of QEMU that is not the peer's.
pub(super) struct OtherVersion<'a> {
    /// The peer's version.
    pub(super) peer: &'a str,
    /// The version that the manual is for.
    pub(super) manual: &'a str,
    /// The arguments that it describes; `None` if it does not tell all of them.
    pub(super) arguments: Option<&'a [String]>,
}

impl fmt::Display for OtherVersion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QEMU {}; the installed manual is for QEMU {}", self.peer, self.manual)
    }
}

/// Describes a command in full; of a union only the branches that were chosen. The error says that a choice does not exist.
pub(super) fn command(
    schema: &Schema,
    command: &Command,
    choices: &[Choice],
    manual: Option<&OtherVersion<'_>>,
    width: usize,
) -> Result<String, String> {
    let name = &*command.name;
    let mut text = title(name, "command", &command.features, manual);
    if !command.enabled {
        text.push_str("\nThe peer's configuration disables it.\n");
    }
    if !command.success_response {
        text.push_str("\nA success is not answered.\n");
    }
    let Some(arguments) = command.arguments else {
        text.push_str("\nThe guest agent does not say what its commands take and return.\n");
        return Ok(text);
    };
    let reference = schema.reference(arguments, &format!("the arguments of {name}"), choices);
    if let Some((choice, cases)) = reference.unmatched.first() {
        return Err(unmatched(name, choice, cases));
    }
    members(&mut text, "Arguments", &reference, manual, width);
    let first_tag = reference.lines.iter().find_map(|line| match &line.row {
        Row::Branch { path, .. } if line.depth == 0 => Some(path),
        _ => None,
    });
    if let (Some(tag), true) = (first_tag, choices.is_empty()) {
        let _ = writeln!(text, "\n`.help {name} {tag}=VALUE` shows one of these alone.");
    }
    if let Some(argument) = bare_argument(name) {
        let value = argument.to_uppercase();
        let condition = if name == "balloon" { ", if it has a unit, as 2G has" } else { "" };
        let _ = writeln!(text, "\n`{name} {value}` is short for `{name} {argument}={value}`{condition}.");
    }
    if name == "device_add" {
        text.push_str("  and any property of the device, as with -device\n");
    }
    if let Some(result) = command.result {
        returned(&mut text, schema, result, width);
    }
    if command.allow_oob {
        text.push_str("\nIt may go out of band: .oob\n");
    }
    Ok(text)
}

/// Describes an event in full.
pub(super) fn event(schema: &Schema, event: &Event, manual: Option<&OtherVersion<'_>>, width: usize) -> String {
    let mut text = title(&event.name, "event", &event.features, manual);
    let data = event.data.map(|data| schema.reference(data, "the data", &[]));
    members(&mut text, "Data", &data.unwrap_or_default(), manual, width);
    text
}

/// Writes a command on one line: its name, and its arguments, the required ones first.
pub(crate) fn signature(schema: &Schema, command: &Command) -> String {
    let mut text = command.name.to_string();
    let members = command.arguments.map(|ty| schema.members(ty, &|_| None)).unwrap_or_default();
    let (optional, required): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.optional);
    for member in required {
        let _ = write!(text, " {}=", member.name);
    }
    for member in optional {
        let _ = write!(text, " [{}=]", member.name);
    }
    if !command.enabled {
        text.push_str(" (disabled)");
    }
    text
}

fn title(name: &str, kind: &str, features: &Features, manual: Option<&OtherVersion<'_>>) -> String {
    let features: Vec<&str> = features.names().collect();
    let features = if features.is_empty() { String::new() } else { format!(", {}", features.join(", ")) };
    let versions = manual.map_or_else(String::new, |versions| format!(" in {versions}"));
    format!("{name} ({kind}{features}){versions}\n")
}

fn unmatched(name: &str, choice: &Choice, cases: &[String]) -> String {
    let Choice { path, case } = choice;
    if cases.is_empty() {
        format!("nothing in {name} depends on `{path}`")
    } else {
        format!("{name} has nothing for {path}={case}: {path} is one of {}", cases.join(", "))
    }
}

fn returned(text: &mut String, schema: &Schema, result: TypeId, width: usize) {
    let reference = schema.reference(result, "the result", &[]);
    let kind = schema.kind(result);
    if reference.lines.is_empty() {
        // QEMU's empty object says that there is nothing to say.
        let kind = if kind == "object" { "nothing" } else { &kind };
        text.push('\n');
        add(text, "Returns: ", kind, width);
    } else if kind == "object" {
        members(text, "Returns", &reference, None, width);
    } else {
        members(text, &format!("Returns {kind}, each with"), &reference, None, width);
    }
}

/// Adds the members. If the manual is for another version, those that it describes come first.
fn members(text: &mut String, heading: &str, reference: &Reference, manual: Option<&OtherVersion<'_>>, width: usize) {
    let described = manual.and_then(|manual| manual.arguments);
    if reference.lines.is_empty() {
        let _ = writeln!(text, "\n{heading}: none");
    } else {
        let _ = writeln!(text, "\n{heading}:");
        rows(text, reference, described, width);
    }
    let is_there = |name: &String| reference.lines.iter().any(|line| key(line) == Some(name));
    let gone: Vec<&str> = described.into_iter().flatten().filter(|name| !is_there(name)).map(String::as_str).collect();
    if !gone.is_empty() {
        add(text, "  only in the manual: ", &gone.join(", "), width);
    }
}

fn rows(text: &mut String, reference: &Reference, described: Option<&[String]>, width: usize) {
    let mut lines: Vec<(Group, &ReferenceLine)> = Vec::new();
    for line in &reference.lines {
        let place = match (described, key(line), lines.last()) {
            (Some(described), Some(key), _) => match &line.row {
                Row::Branch { path, .. } if path == key => Group::OfAll,
                _ if described.iter().any(|name| name == key) => Group::Described,
                _ => Group::NotDescribed,
            },
            // What stands below a branch follows it.
            (_, _, Some((place, _))) => *place,
            _ => Group::Described,
        };
        lines.push((place, line));
    }
    lines.sort_by_key(|(place, _)| *place);
    for group in lines.chunk_by(|(_, a), (_, b)| a.depth == b.depth && name(a).and(name(b)).is_some()) {
        let widths = group.iter().filter_map(|(_, line)| Some(name(line)?.chars().count()));
        let column = widths.max().unwrap_or(0).min(NAMES);
        for (place, line) in group {
            let indent = " ".repeat(2 + 2 * line.depth);
            match &line.row {
                Row::Member { path, what } => {
                    let is_new = *place == Group::NotDescribed && line.depth == 0;
                    let note = if is_new { " (not in the manual)" } else { "" };
                    add(text, &format!("{indent}{path:column$}  "), &format!("{what}{note}"), width);
                }
                Row::Branch { path, cases, note } => {
                    let note = note.as_ref().map_or_else(String::new, |note| format!(" {note}"));
                    add(text, &format!("{indent}with {path}="), &format!("{cases}:{note}"), width);
                }
                Row::Cut => text.push_str("  … (the rest is left out: it is too long)\n"),
            }
        }
    }
}

/// The order of lines, if the manual is for another version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// The manual describes the argument.
    Described,
    NotDescribed,
    /// It depends on another argument, as most of a union does.
    OfAll,
}

/// Returns the argument of a line, if that is not below a branch.
fn key(line: &ReferenceLine) -> Option<&str> {
    match &line.row {
        Row::Member { path, .. } | Row::Branch { path, .. } if line.depth == 0 => path.split('.').next(),
        _ => None,
    }
}

fn name(line: &ReferenceLine) -> Option<&str> {
    match &line.row {
        Row::Member { path, .. } => Some(path),
        Row::Branch { .. } | Row::Cut => None,
    }
}

/// Adds a line that begins with `first`, behind which its further rows begin.
fn add(text: &mut String, first: &str, rest: &str, width: usize) {
    text.push_str(&hang(&format!("{first}{rest}"), first.chars().count(), width));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema that the library's own tests use.
    fn sample() -> Schema {
        Schema::parse(include_bytes!("../../../../schema/sample.json")).unwrap()
    }

    fn help(name: &str, choices: &[(&str, &str)], width: usize) -> String {
        let schema = sample();
        let choices = choices.iter().map(|(path, case)| Choice { path: (*path).into(), case: (*case).into() });
        let choices: Vec<_> = choices.collect();
        match schema.command(name) {
            Some(found) => command(&schema, found, &choices, None, width).unwrap_or_else(|sentence| sentence),
            None => event(&schema, schema.event(name).unwrap(), None, width),
        }
    }

    #[test]
    fn commands_and_events_are_described() {
        let check = |name: &str, expected: &str| assert_eq!(help(name, &[], 80), expected, "{name}");
        check("nothing", "nothing (command)\n\nArguments: none\n\nReturns: nothing\n");
        check(
            "resize",
            "resize (command, deprecated, json-cli)\n\nArguments:\n  id      string\n  size    optional integer\n  \
             x-fast  optional boolean (unstable)\n\nReturns: nothing\n\nIt may go out of band: .oob\n",
        );
        check("STOPPED", "STOPPED (event, unstable)\n\nData: none\n");
        assert!(
            help("kinds", &[], 80)
                .ends_with("\nReturns list of objects, each with:\n  keys  list of one of a, b, null\n")
        );
        assert!(help("device_add", &[], 80).contains("  id      optional string\n  and any property of the device"));
    }

    #[test]
    fn branches_are_listed_and_long_lines_broken() {
        let expected = "add (command)\n\nArguments:\n  driver     one of file, raw,\n             other\n  \
                        node-name  optional string\n  detached   optional boolean\n  with driver=file:\n    \
                        filename  string\n    size      optional integer\n  with driver=raw:\n    \
                        file    string or null or\n            object, as the\n            arguments of add\n    \
                        offset  optional integer\n    size    optional string\n  with driver=other: nothing\n              more\n\n\
                        `.help add driver=VALUE` shows one of these alone.\n\nReturns: nothing\n";
        assert_eq!(help("add", &[], 30), expected);
        let one = help("add", &[("driver", "file")], 80);
        assert!(one.contains("  driver     file\n") && !one.contains("offset") && one.contains("filename"), "{one}");
        assert_eq!(
            help("add", &[("driver", "x")], 80),
            "add has nothing for driver=x: driver is one of file, raw, other"
        );
        assert_eq!(help("add", &[("x", "y")], 80), "nothing in add depends on `x`");
    }

    #[test]
    fn the_manual_of_another_version_is_compared() {
        let schema = sample();
        let check = |name: &str, arguments: Option<&[&str]>, expected: &str| {
            let arguments: Option<Vec<String>> =
                arguments.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            let manual = OtherVersion { peer: "11.1.3", manual: "7.2.22", arguments: arguments.as_deref() };
            let found = schema.command(name).unwrap();
            let text = command(&schema, found, &[], Some(&manual), 80).unwrap_or_else(|sentence| sentence);
            let first = format!("{name} (command) in QEMU 11.1.3; the installed manual is for QEMU 7.2.22\n\n");
            let first = if name == "resize" { first.replace(')', ", deprecated, json-cli)") } else { first };
            assert_eq!(text.strip_prefix(&first), Some(expected), "{text}");
        };
        check(
            "resize",
            Some(&["size", "gone", "x-fast", "old"]),
            "Arguments:\n  size    optional integer\n  x-fast  optional boolean (unstable)\n  \
             id      string (not in the manual)\n  only in the manual: gone, old\n\nReturns: nothing\n\n\
             It may go out of band: .oob\n",
        );
        check(
            "resize",
            None,
            "Arguments:\n  id      string\n  size    optional integer\n  x-fast  optional boolean (unstable)\n\n\
             Returns: nothing\n\nIt may go out of band: .oob\n",
        );
        check("nothing", Some(&["x"]), "Arguments: none\n  only in the manual: x\n\nReturns: nothing\n");
        // What depends on an argument stays behind all that does not.
        let manual = OtherVersion { peer: "11.1.3", manual: "7.2.22", arguments: Some(&["driver".to_owned()]) };
        let text = command(&schema, schema.command("add").unwrap(), &[], Some(&manual), 80)
            .unwrap_or_else(|sentence| sentence);
        assert!(
            text.contains(
                "\n  driver     one of file, raw, other\n  node-name  optional string (not in the manual)\n  \
                 detached   optional boolean (not in the manual)\n  with driver=file:\n    filename  string\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_command_of_a_guest_agent_has_no_types() {
        let schema = Schema::parse_guest_info(
            br#"{"supported_commands":[{"enabled":false,"name":"guest-shutdown","success-response":false}]}"#,
        )
        .unwrap();
        let text = command(&schema, schema.command("guest-shutdown").unwrap(), &[], None, 80)
            .unwrap_or_else(|sentence| sentence);
        assert_eq!(
            text,
            "guest-shutdown (command)\n\nThe peer's configuration disables it.\n\nA success is not answered.\n\n\
             The guest agent does not say what its commands take and return.\n"
        );
        assert_eq!(signature(&schema, schema.command("guest-shutdown").unwrap()), "guest-shutdown (disabled)");
    }

    #[test]
    fn a_signature_is_one_line() {
        let schema = sample();
        let check =
            |name: &str, expected: &str| assert_eq!(signature(&schema, schema.command(name).unwrap()), expected);
        check("nothing", "nothing");
        check("resize", "resize id= [size=] [x-fast=]");
        check("add", "add driver= [node-name=] [detached=]");
    }
}
