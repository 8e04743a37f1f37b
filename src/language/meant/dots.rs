//! Built-in commands of the shell, which begin with a dot.

use super::words::{unquoted, write};

/// Those whose names are no commands of the peer and of the human monitor.
const NAMES: [&str; 30] = [
    "click",
    "commands",
    "connect",
    "detach",
    "edit",
    "events",
    "fd",
    "follow",
    "guest-exec",
    "hmp",
    "job",
    "jobs",
    "keys",
    "migration",
    "monitor",
    "oob",
    "output",
    "pager",
    "qmp",
    "reconnect",
    "screen",
    "show",
    "source",
    "status",
    "timing",
    "try",
    "type",
    "wait",
    "wait-screen",
    "watch",
];

/// Says how a line is written that begins with such a name without its dot.
pub(super) fn line(line: &str) -> Option<String> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if matches!(name, "sendkey" | "send-key" | "send_key") && !rest.trim().is_empty() && !rest.contains('=') {
        // The keys may be a password, so the sentence does not repeat them.
        return Some("`.keys` takes keys in this form, with minuses between those pressed together".to_owned());
    }
    // The human monitor gets a line as it is.
    let rest = if name == "hmp" { unquoted(rest.trim()) } else { rest };
    let is_listed = NAMES.contains(&name);
    let written = is_listed.then(|| write(format!(".{name} {rest}").trim())).flatten()?;
    Some(format!("built-in commands begin with a dot: {written}"))
}
