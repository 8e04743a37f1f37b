//! The list of secrets, and the words of a text that say that it has one.

use crate::json;

/// Parts of the names of secret arguments, in lower case.
const IN_NAMES: [&str; 5] = ["password", "passwd", "passphrase", "secret", "cookie"];

/// Names that look like secrets but hold the ids of objects; so do those that end in `-secret`.
const IDS: [&str; 2] = ["passwordid", "secretid"];

/// Commands with a secret argument whose name does not show it.
pub(super) const ARGUMENTS: [(&str, &str); 9] = [
    ("object-add", "data"),
    ("guest-exec", "input-data"),
    ("guest-exec", "env"),
    ("guest-file-write", "buf-b64"),
    // These type passwords into the guest.
    ("send-key", "keys"),
    ("input-send-event", "events"),
    // Only if the line has a secret.
    ("human-monitor-command", "command-line"),
    // Only if the property is a secret.
    ("qom-set", "value"),
    ("qom-set", "data"),
];

/// Commands of QMP and HMP that nearly always carry a secret, in lower case.
const COMMANDS: [&str; 10] = [
    "set_password",
    "change-vnc-password",
    "block_passwd",
    "block-passwd",
    "send-key",
    "sendkey",
    "input-send-event",
    "sev-inject-launch-secret",
    "guest-set-user-password",
    "guest-file-write",
];

/// Returns true if an argument of this name is a secret in any command. A dotted name counts as a whole.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or(&name);
    !last.ends_with("-secret") && !IDS.contains(&last) && IN_NAMES.iter().any(|part| name.contains(part))
}

/// Returns true if this command of QMP or HMP nearly always carries a secret.
pub fn is_secret_command(command: &str) -> bool {
    COMMANDS.contains(&command)
}

/// Returns true if the words of a text of any syntax suggest a secret.
pub(super) fn words_have_secret(line: &str) -> bool {
    // A name may have JSON escapes.
    let line = json::decode_inner(line.as_bytes()).to_ascii_lowercase();
    let mut words = words(&line).peekable();
    if let Some((first, _)) = words.peek()
        && [".help", "help", ".commands"].contains(first)
    {
        return false;
    }
    if userinfo(&line).is_some() || (line.contains("rbd:") && line.contains(":key=")) {
        return true;
    }
    let (mut takes_data, mut data) = (false, false);
    let (mut takes_input, mut input) = (false, false);
    for (word, after) in words {
        let word = word.trim_start_matches('.');
        let named = is_secret_name(word) && word != "expire_password";
        // `secret` alone is the type of an object, `secret0` its id; with a value it is a secret.
        let only_secret = named && IN_NAMES.iter().all(|&part| part == "secret" || !word.contains(part));
        if COMMANDS.contains(&word) || (named && (!only_secret || is_assigned(after))) {
            return true;
        }
        takes_data |= ["object-add", "object_add", "-object", "--object", "qom-set"].contains(&word);
        takes_input |= word == "guest-exec";
        data |= word.split('.').any(|part| part == "data");
        input |= word.split('.').any(|part| part == "env" || part == "input-data");
    }
    (takes_data && data) || (takes_input && input)
}

/// Returns the runs of letters, digits, `_`, `-` and `.`, each with the text after it.
fn words(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c| !is_word(c));
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some((word, after))
    })
}

/// Returns true if `=` or `:` follows, possibly after a closing quote.
fn is_assigned(after: &str) -> bool {
    after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).starts_with(['=', ':'])
}

/// Returns the range of the user name and password of the first URL in `text` that has them.
pub(super) fn userinfo(text: &str) -> Option<std::ops::Range<usize>> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("://") {
        let start = from + found + 3;
        let authority = text.get(start..)?;
        let end = authority.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?' | '#'));
        let authority = &authority[..end.unwrap_or(authority.len())];
        if let Some(at) = authority.rfind('@') {
            return Some(start..start + at);
        }
        from = start;
    }
    None
}
