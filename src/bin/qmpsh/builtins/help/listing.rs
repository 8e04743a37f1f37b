//! Describes a command or an event as text, by the schema.

use std::fmt::{self, Write as _};

use super::super::show::drawn_by;
use super::manual::Found;
use super::page::Texts;
use crate::output::columns::hang;
use crate::output::columns::wrap;
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

/// What there is to show beside the schema.
#[derive(Clone, Copy, Default)]
pub(super) struct Manual<'a> {
    /// The manual's section about the name.
    pub(super) found: Option<&'a Found>,
    /// Its version and the peer's, if they differ.
    pub(super) other_version: Option<&'a OtherVersion<'a>>,
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
    manual: Manual<'_>,
    width: usize,
) -> Result<String, String> {
    let name = &*command.name;
    let mut text = title(name, "command", &command.features, manual.other_version, width);
    if !command.enabled {
        note(&mut text, "The peer's configuration disables it.", width);
    }
    if !command.success_response {
        note(&mut text, "A success is not answered.", width);
    }
    let Some(arguments) = command.arguments else {
        match manual.found {
            Some(found) => {
                let _ = write!(text, "\n{}", found.text);
                note(&mut text, &format!("(From {}.)", found.title), width);
            }
            None => note(&mut text, "The guest agent does not say what its commands take and return.", width),
        }
        return Ok(text);
    };
    let reference = schema.reference(arguments, &format!("the arguments of {name}"), choices);
    if let Some((choice, cases)) = reference.unmatched.first() {
        return Err(unmatched(name, choice, cases));
    }
    introduction(&mut text, manual);
    if let Some(other) = for_people(name) {
        note(&mut text, &format!("`{other}` shows it for people."), width);
    }
    let texts = manual.found.map(|found| &found.described.argument_texts);
    members(&mut text, "Arguments", &reference, texts, manual.other_version, width);
    let first_tag = reference.lines.iter().find_map(|line| match &line.row {
        Row::Branch { path, .. } if line.depth == 0 => Some(path),
        _ => None,
    });
    if let (Some(tag), true) = (first_tag, choices.is_empty()) {
        note(&mut text, &format!("`.help {name} {tag}=VALUE` shows one of these alone."), width);
    }
    if let Some(argument) = bare_argument(name) {
        let value = argument.to_uppercase();
        let condition = if name == "balloon" { ", if it has a unit, as 2G has" } else { "" };
        note(&mut text, &format!("`{name} {value}` is short for `{name} {argument}={value}`{condition}."), width);
    }
    if name == "device_add" {
        text.push_str("  and any property of the device, as with -device\n");
    }
    if let Some(result) = command.result {
        returned(&mut text, schema, result, manual, width);
    }
    if command.allow_oob {
        note(&mut text, "It may go out of band: .oob", width);
    }
    parts(&mut text, manual, width);
    Ok(text)
}

/// Describes an event in full.
pub(super) fn event(schema: &Schema, event: &Event, manual: Manual<'_>, width: usize) -> String {
    let mut text = title(&event.name, "event", &event.features, manual.other_version, width);
    introduction(&mut text, manual);
    let data = event.data.map(|data| schema.reference(data, "the data", &[]));
    let texts = manual.found.map(|found| &found.described.argument_texts);
    members(&mut text, "Data", &data.unwrap_or_default(), texts, manual.other_version, width);
    parts(&mut text, manual, width);
    text
}

/// Returns the built-in command that answers the same question as a query.
pub(crate) fn for_people(query: &str) -> Option<String> {
    match query {
        "query-jobs" | "query-block-jobs" => Some(".jobs".to_owned()),
        query => drawn_by(query).map(|view| format!(".show {view}")),
    }
}

/// Adds the manual's text that stands before the arguments.
fn introduction(text: &mut String, manual: Manual<'_>) {
    let introduction = manual.found.map(|found| found.described.introduction.trim());
    if let Some(introduction) = introduction.filter(|introduction| !introduction.is_empty()) {
        let _ = writeln!(text, "\n{introduction}");
    }
}

/// Adds what else the manual says, and which manual it is.
fn parts(text: &mut String, manual: Manual<'_>, width: usize) {
    for (heading, part) in manual.found.iter().flat_map(|found| &found.described.parts) {
        text.push('\n');
        if heading.is_empty() {
            let _ = writeln!(text, "{part}");
            continue;
        }
        let _ = writeln!(text, "{heading}:");
        for line in part.lines() {
            let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "  " });
        }
    }
    source(text, manual, width);
}

fn source(text: &mut String, manual: Manual<'_>, width: usize) {
    let Some(found) = manual.found else { return };
    let since = found.described.since.as_ref();
    let since = since.map_or_else(String::new, |since| format!("; since QEMU {since}"));
    note(text, &format!("(From {}{since}.)", found.title), width);
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

/// Adds a sentence, after an empty line.
fn note(text: &mut String, sentence: &str, width: usize) {
    let _ = writeln!(text, "\n{}", wrap(sentence, width));
}

fn title(name: &str, kind: &str, features: &Features, manual: Option<&OtherVersion<'_>>, width: usize) -> String {
    let features: Vec<&str> = features.names().collect();
    let features = if features.is_empty() { String::new() } else { format!(", {}", features.join(", ")) };
    let versions = manual.map_or_else(String::new, |versions| format!(" in {versions}"));
    wrap(&format!("{name} ({kind}{features}){versions}\n"), width).into_owned()
}

fn unmatched(name: &str, choice: &Choice, cases: &[String]) -> String {
    let Choice { path, case } = choice;
    if (name, &**path) == ("device_add", "driver") {
        // Its properties are in no schema. To ask for those of a type can end QEMU.
        format!("the schema does not list the properties of {case}; Tab behind device_add driver={case} knows some")
    } else if cases.is_empty() {
        format!("nothing in {name} depends on `{path}`")
    } else {
        format!("{name} has nothing for {path}={case}: {path} is one of {}", cases.join(", "))
    }
}

fn returned(text: &mut String, schema: &Schema, result: TypeId, manual: Manual<'_>, width: usize) {
    let reference = schema.reference(result, "the result", &[]);
    let described = manual.found.map(|found| &found.described);
    let mut about: Vec<&str> = described.into_iter().flat_map(|described| described.result.lines()).collect();
    let mut kind = schema.kind(result);
    if reference.lines.is_empty() && kind == "object" {
        // QEMU's empty object says that there is nothing to say, and so does the manual.
        "nothing".clone_into(&mut kind);
        let says_nothing = |line: &&str| line.trim_start_matches("- ").to_lowercase().starts_with(&kind);
        if about.first().is_some_and(says_nothing) {
            about.remove(0);
        }
    }
    let first = about.first().filter(|line| !line.starts_with("- ")).copied().unwrap_or_default();
    let further = &about[usize::from(!first.is_empty()).min(about.len())..];
    text.push('\n');
    if reference.lines.is_empty() {
        add_described(text, "Returns: ", 2, &kind, first, width);
    } else if kind == "object" {
        text.push_str(hang(&format!("Returns: {first}"), 2, width).trim_end());
        text.push('\n');
    } else {
        let about = if first.is_empty() { ", each with:".to_owned() } else { format!(": {first}") };
        text.push_str(&hang(&format!("Returns {kind}{about}"), 2, width));
        text.push('\n');
    }
    for line in further.iter().filter(|line| !line.is_empty()) {
        let line = format!("  {line}");
        let marker = line.len() - line.trim_start_matches([' ', '-']).len();
        let _ = writeln!(text, "{}", hang(&line, marker, width));
    }
    rows(text, &reference, described.map(|described| &described.result_texts), None, width);
}

/// Adds the members under a heading. If the manual is for another version, those that it describes come first.
fn members(
    text: &mut String,
    heading: &str,
    reference: &Reference,
    texts: Option<&Texts>,
    manual: Option<&OtherVersion<'_>>,
    width: usize,
) {
    let described = manual.and_then(|manual| manual.arguments);
    if reference.lines.is_empty() {
        let _ = writeln!(text, "\n{heading}: none");
    } else {
        let _ = writeln!(text, "\n{heading}:");
        rows(text, reference, texts, described, width);
    }
    let is_there = |name: &String| reference.lines.iter().any(|line| key(line) == Some(name));
    let gone: Vec<&str> = described.into_iter().flatten().filter(|name| !is_there(name)).map(String::as_str).collect();
    if !gone.is_empty() {
        add(text, "  only in the manual: ", &gone.join(", "), width);
    }
}

fn rows(text: &mut String, reference: &Reference, texts: Option<&Texts>, described: Option<&[String]>, width: usize) {
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
    let mut branches: Vec<(&str, &str)> = Vec::new();
    for group in lines.chunk_by(|(_, a), (_, b)| a.depth == b.depth && name(a).and(name(b)).is_some()) {
        let widths = group.iter().filter_map(|(_, line)| Some(name(line)?.chars().count()));
        let column = widths.max().unwrap_or(0).min(NAMES);
        for (place, line) in group {
            let indent = " ".repeat(2 + 2 * line.depth);
            match &line.row {
                Row::Member { path, what } => {
                    let is_new = *place == Group::NotDescribed && line.depth == 0;
                    let note = if is_new { " (not in the manual)" } else { "" };
                    let branch = line.depth.checked_sub(1).and_then(|depth| branches.get(depth)).copied();
                    let about = texts.and_then(|texts| texts.get(branch, path)).unwrap_or_default();
                    let first = format!("{indent}{path:column$}  ");
                    add_described(text, &first, first.chars().count(), &format!("{what}{note}"), about, width);
                }
                Row::Branch { path, cases, note } => {
                    let note = note.as_ref().map_or_else(String::new, |note| format!(" {note}"));
                    add(text, &format!("{indent}with {path}="), &format!("{cases}:{note}"), width);
                    branches.truncate(line.depth);
                    branches.push((path, cases));
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

/// Adds a line that begins with `first`, then what it is, then the text about it, whose further lines begin at `column`.
fn add_described(text: &mut String, first: &str, column: usize, what: &str, about: &str, width: usize) {
    let mut lines = about.lines();
    let about = lines.next().filter(|line| !line.is_empty()).map_or_else(String::new, |line| format!(" -- {line}"));
    text.push_str(&hang(&format!("{first}{what}{about}"), column, width));
    text.push('\n');
    for line in lines {
        let marker = line.len() - line.trim_start_matches([' ', '-']).len();
        let line = format!("{:column$}{line}", "", column = column.min(width / 2));
        text.push_str(hang(&line, column + marker, width).trim_end());
        text.push('\n');
    }
}

/// Adds a line that begins with `first`, behind which its further rows begin.
fn add(text: &mut String, first: &str, rest: &str, width: usize) {
    text.push_str(hang(&format!("{first}{rest}"), first.chars().count(), width).trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::page::Page;
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
            Some(found) => {
                command(&schema, found, &choices, Manual::default(), width).unwrap_or_else(|sentence| sentence)
            }
            None => event(&schema, schema.event(name).unwrap(), Manual::default(), width),
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
                        `.help add driver=VALUE` shows\none of these alone.\n\nReturns: nothing\n";
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
            let text = command(&schema, found, &[], Manual { found: None, other_version: Some(&manual) }, 100)
                .unwrap_or_else(|sentence| sentence);
            let first = format!("{name} (command) in QEMU 11.1.3; the installed manual is for QEMU 7.2.22\n\n");
            let first = if name == "resize" { first.replace(')', ", deprecated, json-cli)") } else { first };
            assert_eq!(text.strip_prefix(&first), Some(expected), "{text}");
            let narrow =
                command(&schema, found, &[], Manual { found: None, other_version: Some(&manual) }, 40).unwrap();
            assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
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
        let text = command(
            &schema,
            schema.command("add").unwrap(),
            &[],
            Manual { found: None, other_version: Some(&manual) },
            80,
        )
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
    fn each_member_has_its_type_and_its_text() {
        let page = r".SS \fBadd\fP (Command)
.sp
Adds.
.SS Arguments
.INDENT 0.0
.TP
.B \fBdriver\fP: \fBDriver\fP
which one
.sp
Or none:
.INDENT 7.0
.IP \(bu 2
as it is
.UNINDENT
.TP
.B \fBdetached\fP: \fBboolean\fP (optional)
Not documented
.TP
.B The members of \fBFile\fP when \fBdriver\fP is \fB\(dqfile\(dq\fP
.UNINDENT
.SS Returns
.INDENT 0.0
.IP \(bu 2
Nothing on success
.IP \(bu 2
If it is there, an error
.UNINDENT
.SS Note
.sp
A note.
.SS Since
.sp
2.9
.SS \fBFile\fP (Object)
.SS Members
.INDENT 0.0
.TP
.B \fBfilename\fP: \fBstring\fP
of the file
.UNINDENT
";
        let described = Page::new(page).described("add", 80, &|lines| lines).unwrap();
        let found = Found { title: "manual(7)".into(), text: String::new(), described, version: None };
        let schema = sample();
        let manual = Manual { found: Some(&found), other_version: None };
        let choice = Choice { path: "driver".into(), case: "file".into() };
        let text = command(&schema, schema.command("add").unwrap(), &[choice], manual, 80).unwrap();
        assert_eq!(
            text,
            "add (command)\n\nAdds.\n\nArguments:\n  driver     file -- which one\n\n             Or none:\n                 \
             - as it is\n  node-name  optional string\n  detached   optional boolean\n  with driver=file:\n    \
             filename  string -- of the file\n    size      optional integer\n\nReturns: nothing\n  \
             - If it is there, an error\n\nNote:\n  A note.\n\n(From manual(7); since QEMU 2.9.)\n"
        );
    }

    #[test]
    fn a_command_of_a_guest_agent_has_no_types() {
        let schema = Schema::parse_guest_info(
            br#"{"supported_commands":[{"enabled":false,"name":"guest-shutdown","success-response":false}]}"#,
        )
        .unwrap();
        let text = command(&schema, schema.command("guest-shutdown").unwrap(), &[], Manual::default(), 80)
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
