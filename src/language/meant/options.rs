//! Lists with commas, as QEMU's command line and the human monitor have them.

use serde_json::{Map, Value};

use super::words::{is_key, pair, split, unquoted, write};
use crate::message::Request;

/// Commands that take such a list elsewhere, the argument that may stand first without its name, and their option of QEMU's
/// command line.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("device_add", "driver", "device"),
    ("netdev_add", "type", "netdev"),
    ("object-add", "qom-type", "object"),
    ("object_add", "qom-type", "object"),
    ("blockdev-add", "driver", "blockdev"),
];

/// Arguments of `netdev_add` that are lists of objects.
const LISTS: [&str; 3] = ["hostfwd", "guestfwd", "dnssearch"];

/// Says how an option of QEMU's command line is written, as in `-device e1000,netdev=n0`.
pub(super) fn command_line(line: &str) -> Option<String> {
    let words = split(line);
    let option = words.first()?.strip_prefix('-')?;
    let option = option.strip_prefix('-').unwrap_or(option);
    let known = COMMANDS.iter().find(|(_, _, name)| *name == option);
    match (known, words.as_slice()) {
        (Some((command, first, _)), [_, list]) => written(command, first, list, line),
        (None, [_, list]) if option == "chardev" => write(&format!(".hmp chardev-add {}", unquoted(list))),
        _ => None,
    }
}

/// Says how a command with such a list is written, as in `device_add e1000,netdev=n0`.
pub(super) fn comma_list(line: &str) -> Option<String> {
    let words = split(line);
    let (command, list) = words.split_first()?;
    if let ("chardev-add" | "chardev-change", true) = (*command, line.contains(',')) {
        return write(&format!(".hmp {line}"));
    }
    let (command, first, _) = COMMANDS.iter().find(|(name, ..)| name == command)?;
    if list.is_empty() {
        return None;
    }
    // Blanks behind commas, and blanks in place of commas.
    let list: Vec<_> = list.iter().map(|word| word.trim_end_matches(',')).collect();
    written(command, first, &list.join(","), line)
}

/// Says how a command is written that has its arguments in round brackets, as in Python. `again` looks at it without them.
pub(super) fn call(line: &str, again: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (command, rest) = line.split_once('(')?;
    let arguments = rest.trim_end_matches(';').strip_suffix(')')?;
    if !is_key(command.trim_start_matches('.')) {
        return None;
    }
    let words = split(arguments);
    let words: Vec<_> = words.iter().map(|word| word.trim_end_matches(',')).collect();
    let line = format!("{command} {}", words.join(" "));
    let line = line.trim();
    write(line).map(|written| format!("arguments stand in no brackets: {written}")).or_else(|| again(line))
}

/// Says how arguments are written that commas separate, of which the first are in quotes, as in `device="d0",size=1M`.
pub(super) fn quoted_list(line: &str) -> Option<String> {
    let blanks = line.replace("\",", "\" ").replace("',", "' ");
    if blanks == line { None } else { write(&blanks).map(|written| format!("blanks separate arguments: {written}")) }
}

/// Writes a command with the arguments of `list`; `line` is what was typed.
fn written(command: &str, first: &str, list: &str, line: &str) -> Option<String> {
    let command = if command == "object_add" { "object-add" } else { command };
    if matches!(list.rsplit(',').next(), Some("help" | "?")) {
        // The list of the human monitor makes an object of the type, and some types end a running QEMU then.
        return write(&format!(".help {command}"));
    }
    let why = if line.contains(',') { "blanks separate arguments" } else { "each argument has a name" };
    let mut line = command.to_owned();
    let mut lists = 0;
    for (n, part) in parts(unquoted(list)).iter().enumerate() {
        let (key, value) = match part.split_once('=') {
            Some((key, value)) => (key, value),
            None if n == 0 => (first, part.as_str()),
            None => (part.as_str(), "on"),
        };
        line.push(' ');
        if command == "netdev_add" && LISTS.contains(&key) {
            line.push_str(&pair(&format!("{key}.{lists}.str"), unquoted(value)));
            lists += 1;
        } else {
            line.push_str(&pair(key, unquoted(value)));
        }
        if !is_key(key) {
            return None;
        }
    }
    write(&line).map(|written| format!("{why}: {written}"))
}

/// Splits a list at its commas; two commas stand for one in a value. Source: `get_opt_value` of QEMU's `util/qemu-option.c`.
fn parts(list: &str) -> Vec<String> {
    let parts = list.replace(",,", "\0");
    parts.split(',').filter(|part| !part.is_empty()).map(|part| part.replace('\0', ",")).collect()
}

/// Says how a request is written whose value goes on with the next argument, as in `qom-type=iothread,id=i`, if the refusal is
/// about that: it names the value, or an argument that is missing.
pub(super) fn refused(request: &Request, desc: &str) -> Option<String> {
    if !request.text().contains(',') {
        return None;
    }
    let message: Value = serde_json::from_str(&request.masked(request.text())).ok()?;
    let none = Map::new();
    let arguments = message.get("arguments").and_then(Value::as_object).unwrap_or(&none);
    let mut line = request.command().to_owned();
    let mut is_list = false;
    for (key, value) in arguments {
        line.push(' ');
        let Value::String(text) = value else {
            let sign = if value.is_object() || value.is_array() { ":=" } else { "=" };
            line.push_str(&format!("{key}{sign}{value}").replace(' ', ""));
            continue;
        };
        let goes_on = |rest: &str| rest.split(',').all(|part| part.split_once('=').is_some_and(|(key, _)| is_key(key)));
        let (own, rest) = text.split_once(',').unwrap_or((text, ""));
        let is_missing =
            |key: &str| desc.contains(&format!("'{key}' is missing")) || desc.starts_with(&format!("'{key}' must"));
        let mut others = rest.split(',').filter_map(|part| part.split_once('='));
        let is_blamed = desc.contains(text.as_str())
            || desc.starts_with(&format!("Parameter '{key}' expects"))
            || others.any(|(key, _)| is_missing(key));
        if text.contains(',') && is_blamed && !own.is_empty() && (rest.is_empty() || goes_on(rest)) {
            is_list = true;
            line.push_str(&pair(key, own));
            let others = rest.split(',').filter_map(|part| part.split_once('='));
            for (key, value) in others {
                line.push(' ');
                line.push_str(&pair(key, value));
            }
        } else {
            line.push_str(&pair(key, text));
        }
    }
    if !is_list {
        return None;
    }
    write(&line).map(|written| format!("blanks separate arguments, without a comma: {written}"))
}
