//! Arguments without their names, as the human monitor has them, or with their names written in another way.

use super::words::{is_key, pair, split, unquoted, write};
use crate::language::syntax::bare_argument;

/// Commands, and the arguments that words without a name are, in the order of the human monitor; where it has no such command, in
/// the order of the schema. Those in brackets are optional.
const TABLE: &[(&str, &[&str])] = &[
    ("balloon", &["value"]),
    ("block-commit", &["device"]),
    ("block-dirty-bitmap-add", &["node", "name"]),
    ("block-dirty-bitmap-clear", &["node", "name"]),
    ("block-dirty-bitmap-disable", &["node", "name"]),
    ("block-dirty-bitmap-enable", &["node", "name"]),
    ("block-dirty-bitmap-remove", &["node", "name"]),
    ("block-job-set-speed", &["device", "speed"]),
    ("block-set-write-threshold", &["node-name", "write-threshold"]),
    ("block-stream", &["device"]),
    ("block_resize", &["device", "size"]),
    ("blockdev-change-medium", &["id", "filename"]),
    ("blockdev-close-tray", &["id"]),
    ("blockdev-insert-medium", &["id", "node-name"]),
    ("blockdev-open-tray", &["id"]),
    ("blockdev-snapshot", &["node", "overlay"]),
    ("blockdev-snapshot-sync", &["device", "snapshot-file", "[format]"]),
    ("change-backing-file", &["device", "image-node-name", "backing-file"]),
    ("dumpdtb", &["filename"]),
    ("eject", &["device"]),
    ("expire_password", &["protocol", "time"]),
    ("getfd", &["fdname"]),
    ("guest-exec", &["path"]),
    ("guest-file-open", &["path", "[mode]"]),
    ("guest-set-user-password", &["username", "password"]),
    ("guest-shutdown", &["[mode]"]),
    ("guest-sync", &["id"]),
    ("guest-sync-delimited", &["id"]),
    ("memsave", &["val", "size", "filename"]),
    ("migrate", &["uri"]),
    ("migrate-continue", &["state"]),
    ("migrate-incoming", &["uri"]),
    ("migrate-recover", &["uri"]),
    ("nbd-server-add", &["device", "[name]"]),
    ("pmemsave", &["val", "size", "filename"]),
    ("qom-get", &["path", "property"]),
    ("qom-set", &["path", "property", "value"]),
    ("ringbuf-read", &["device", "size"]),
    ("ringbuf-write", &["device", "data"]),
    ("screendump", &["filename"]),
    ("set_link", &["name", "up"]),
    ("set_password", &["protocol", "password"]),
    ("trace-event-set-state", &["name", "enable"]),
    ("watchdog-set-action", &["action"]),
    ("xen-load-devices-state", &["filename"]),
    ("xen-save-devices-state", &["filename"]),
];

/// Commands that take another argument in place of `device`, and what that names.
const OTHERS: [(&str, &str, &str); 3] = [
    ("block_resize", "node-name", "a node"),
    ("blockdev-snapshot-sync", "node-name", "a node"),
    ("eject", "id", "the id of a -device"),
];

/// Says how such a line is written with `KEY=VALUE`.
pub(super) fn line(line: &str) -> Option<String> {
    let words = split(line);
    let (command, rest) = words.split_first()?;
    if rest.iter().any(|word| matches!(*word, "--help" | "-h" | "-?")) && is_key(command) {
        return write(&format!(".help {command}"));
    }
    let json = line[command.len()..].trim_start();
    if json.starts_with('{') && is_key(command) {
        let message = format!("{{\"execute\": \"{command}\", \"arguments\": {json}}}");
        return write(&message);
    }
    if *command == "human-monitor-command" {
        let rest = line[command.len()..].trim();
        return write(&format!(".hmp {}", unquoted(rest.strip_prefix("command-line=").unwrap_or(rest))));
    }
    let listed = TABLE.iter().find(|(name, _)| name == command).map(|(_, names)| names.to_vec());
    let names = listed.or_else(|| bare_argument(command).map(|name| vec![name])).unwrap_or_default();
    // A unit is needed there, and the error says so.
    if *command == "balloon" && rest.len() < 2 && !rest.iter().any(|word| word.starts_with('-')) {
        return None;
    }
    let pairs = named(rest, &names).or_else(|| placed(rest, &names))?;
    if pairs.iter().eq(rest) {
        return None;
    }
    let written = write(&format!("{command} {}", pairs.join(" ")))?;
    let other = OTHERS.iter().find(|(name, ..)| name == command);
    let other = other.filter(|_| pairs.iter().any(|pair| pair.starts_with("device=")));
    Some(match other {
        Some((_, key, what)) => format!("{written} (`{key}=` in place of `device=` for {what})"),
        None => written,
    })
}

/// Reads `--key value`, `--key=value`, `key: value`, `key = value`, and `key value`, `-key value` and `key:value` where `key` is
/// one of `names`.
fn named(words: &[&str], names: &[&str]) -> Option<Vec<String>> {
    let is_name = |key: &str| names.contains(&key) || (names.contains(&"device") && key == "node-name");
    let mut pairs = Vec::new();
    let mut words = words.iter().map(|word| word.trim_end_matches(',')).peekable();
    while let Some(word) = words.next() {
        let single = word.strip_prefix('-').filter(|key| is_name(key));
        let (dashes, key) = word.strip_prefix("--").or(single).map_or((false, word), |key| (true, key));
        if let Some((key, value)) = key.split_once(':')
            && is_name(unquoted(key))
            && !value.is_empty()
        {
            pairs.push(pair(unquoted(key), unquoted(value)));
            continue;
        }
        if let Some((key, value)) = key.split_once('=')
            && !key.is_empty()
            && !value.is_empty()
        {
            pairs.push(format!("{key}={value}"));
            continue;
        }
        let marked = key.strip_suffix([':', '=']);
        let is_marked = marked.is_some();
        let key = unquoted(marked.unwrap_or(key));
        let is_sign = is_marked || words.next_if(|word| matches!(*word, "=" | ":")).is_some();
        if !is_key(key) || !(dashes || is_sign || is_name(key)) {
            return None;
        }
        // An option alone switches something on.
        let value = words.next_if(|word| !(dashes && word.starts_with("--")));
        match value {
            Some(value) => pairs.push(format!("{key}={}", value.strip_prefix('=').unwrap_or(value))),
            None if dashes => pairs.push(format!("{key}=on")),
            None => return None,
        }
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// Gives words without a name the next of `names`.
fn placed(words: &[&str], names: &[&str]) -> Option<Vec<String>> {
    let mut pairs = Vec::new();
    let key_of = |word: &str| word.split_once('=').map(|(key, _)| key.to_owned()).filter(|key| is_key(key));
    let given: Vec<_> = words.iter().filter_map(|word| key_of(word)).collect();
    // A node stands in the place of a device.
    let is_there = |name: &str| given.iter().any(|key| key == name || (name == "device" && key == "node-name"));
    let mut names = names.iter().filter(|name| !is_there(name.trim_matches(['[', ']'])));
    for word in words {
        let word = word.trim_end_matches(',');
        if key_of(word).is_some() {
            pairs.push(word.to_owned());
        } else if word.len() == 2 && word.starts_with('-') {
            // A flag of the human monitor: only of these the meaning is known here.
            match word {
                // QMP never waits for the end of a migration.
                "-d" => {}
                "-f" => pairs.push("force=on".to_owned()),
                _ => return None,
            }
        } else {
            pairs.push(pair(names.next()?.trim_matches(['[', ']']), unquoted(word)));
        }
    }
    let missing: Vec<_> = names.filter(|name| !name.starts_with('[')).collect();
    pairs.extend(missing.into_iter().map(|name| format!("{name}={}", name.to_uppercase())));
    (!pairs.is_empty()).then_some(pairs)
}
