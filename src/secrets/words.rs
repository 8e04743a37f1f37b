//! The list of secrets: which names, commands and arguments have one, and where a text of any syntax has its first.

use std::borrow::Cow;
use std::ops::Range;

use crate::json;

/// Parts of the names of secret arguments, in lower case.
const IN_NAMES: [&str; 5] = ["password", "passwd", "passphrase", "secret", "cookie"];

/// Names that look like secrets but hold the ids of objects; so do those that end in `-secret`.
const IDS: [&str; 2] = ["passwordid", "secretid"];

/// Commands with a secret argument whose name does not show it.
pub(super) const ARGUMENTS: [(&str, &str); 11] = [
    ("object-add", "data"),
    // The spelling of the human monitor.
    ("object_add", "data"),
    ("guest-exec", "arg"),
    ("guest-exec", "input-data"),
    ("guest-exec", "env"),
    ("guest-file-write", "buf-b64"),
    // These type passwords into the guest.
    ("send-key", "keys"),
    ("input-send-event", "events"),
    // Only if the line has a secret.
    (HUMAN, "command-line"),
    // Only if the property is a secret.
    (QOM_SET, "value"),
    // As the human monitor has it: the name of the property.
    (QOM_SET, "data"),
];

pub(super) const HUMAN: &str = "human-monitor-command";

pub(super) const QOM_SET: &str = "qom-set";

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
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or(&name);
    !last.ends_with("-secret") && !IDS.contains(&last) && IN_NAMES.iter().any(|part| name.contains(part))
}

/// Returns true if a property of an object is a secret.
pub(super) fn is_secret_property(name: &str) -> bool {
    // It may stand in a line that is wrong.
    name.trim_matches(|c: char| !c.is_alphanumeric()) == "data" || is_secret_name(name)
}

/// Returns true if a word of this command that is not `KEY=VALUE` may be a secret.
pub fn takes_secret(command: &str) -> bool {
    let is_listed = |(of, _): &(&str, &str)| *of == command && ![HUMAN, QOM_SET].contains(of);
    COMMANDS.contains(&command) || ARGUMENTS.iter().any(is_listed)
}

/// Returns true if the value of an argument is a secret: by its name, by its command, or by what it contains. `property` is the
/// value of the command's argument of that name.
pub fn is_secret_argument(command: &str, name: &str, value: &str, property: Option<&str>) -> bool {
    let is_listed = |(of, argument): &(&str, &str)| {
        *of == command
            && name.split('.').any(|part| part == *argument)
            && match *of {
                HUMAN => in_text(value, "").is_some(),
                QOM_SET => property.is_none_or(is_secret_property),
                _ => true,
            }
    };
    is_secret_name(name) || ARGUMENTS.iter().any(is_listed) || value_has_secret(command, value)
}

/// Returns true if a value has a secret in itself: a URL, a list of options, JSON.
fn value_has_secret(command: &str, value: &str) -> bool {
    let is_structure = value.starts_with(['{', '[', '"', '\'']) || value.contains("json:");
    userinfo(value, false).is_some() || option(value).is_some() || (is_structure && in_text(value, command).is_some())
}

/// Returns the place of the first secret in a list of options of QEMU's command line, such as `rbd:pool/image:key=…` and
/// `secret,data=…`.
pub(super) fn option(value: &str) -> Option<usize> {
    let mut start = 0;
    for item in value.split_inclusive([',', ':']) {
        if let Some((name, _)) = item.split_once('=')
            && start > 0
            && (is_secret_name(name) || (name == "key" && value.contains("rbd:")) || name == "data")
        {
            return Some(start + name.len() + 1);
        }
        start += item.len();
    }
    None
}

/// Returns the place of the first secret in a text whose syntax is not known, such as a line of the human monitor, a command of a
/// shell, or a line that cannot be read. From there on nothing may be shown.
///
/// A secret follows a word that names one, or stands in a URL. `command` is the command that the text belongs to, or empty.
pub fn in_text(text: &str, command: &str) -> Option<usize> {
    let found = [first_named(text, command), userinfo(text, true).map(|range| range.start), option(text)];
    let found = found.into_iter().flatten().min();
    let Some(escape) = text.find('\\') else { return found };
    // JSON's escapes may hide a name, which begins at the first of them or later. Where a hidden URL begins is not known.
    let decoded = json::decode_inner(text.as_bytes());
    if userinfo(&decoded, true).is_some() && userinfo(text, true).is_none() {
        return Some(0);
    }
    let hidden = first_named(&decoded, command).map(|_| escape);
    found.into_iter().chain(hidden).min()
}

/// Searches the rest of a text for a secret, from one place after the other, as [`in_text`] does. It remembers what has none, so that the
/// time is linear in the text.
#[derive(Debug)]
pub struct SecretSearch<'a> {
    text: &'a str,
    /// The commands with which nothing was found up to the end.
    clean: Vec<&'static str>,
}

impl<'a> SecretSearch<'a> {
    /// Begins at the front of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, clean: Vec::new() }
    }

    /// Returns the place of the first secret from `place` on, which is the beginning of a word. Places must not decrease.
    pub fn first_from(&mut self, place: usize, command: &str) -> Option<usize> {
        // Commands without secret arguments are all alike.
        let command = ARGUMENTS.iter().map(|(of, _)| *of).find(|of| *of == command).unwrap_or_default();
        if self.clean.contains(&command) {
            return None;
        }
        let found = in_text(&self.text[place..], command).map(|found| place + found);
        if found.is_none() {
            self.clean.push(command);
        }
        found
    }
}

/// Returns the place behind the first word that names a secret.
fn first_named(text: &str, command: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let is_command = |name: &str| name == command || words(&lower).any(|(_, word)| word == name);
    let arguments = ARGUMENTS.iter().filter(|(of, _)| is_command(of));
    let arguments: Vec<_> = arguments.map(|(_, argument)| *argument).collect();
    words(&lower).find_map(|(end, word)| {
        let named = is_secret_name(word) && word != "expire_password";
        // `secret` alone is the type of an object, `secret0` its id; with a value it is a secret.
        let only_secret = named && IN_NAMES.iter().all(|&part| part == "secret" || !word.contains(part));
        let rest = &lower[end..];
        let value = behind_sign(rest);
        let has_sign = rest[..rest.len() - value.len()].contains(['=', ':']);
        let takes_value = word.split('.').any(|part| arguments.contains(&part));
        let begins = COMMANDS.contains(&word) || (named && (!only_secret || has_sign)) || takes_value;
        (begins && !value.is_empty()).then_some(lower.len() - value.len())
    })
}

/// Returns what stands behind the sign between a name and its value: `=`, `:`, `:=` or white space, possibly after a quote.
fn behind_sign(rest: &str) -> &str {
    let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    rest.strip_prefix('=').unwrap_or(rest).trim_start()
}

/// Returns the runs of letters, digits, `_`, `-` and `.`, without such signs before them, each with the place of its end.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut end = 0;
    std::iter::from_fn(move || {
        let start = end + text[end..].find(is_word)?;
        end = text[start..].find(|c| !is_word(c)).map_or(text.len(), |length| start + length);
        Some((end, text[start..end].trim_start_matches(['-', '.'])))
    })
}

/// Returns a text with `***` in place of the user names and passwords of URLs.
pub fn mask_urls(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    let mut from = 0;
    while let Some(inside) = userinfo(&masked[from..], true) {
        let start = from + inside.start;
        masked.to_mut().replace_range(start..from + inside.end, "***");
        from = start;
    }
    masked
}

/// Returns the range of the user name and password of the first URL in `text` that has them. `is_loose`: white space ends a
/// URL.
pub(super) fn userinfo(text: &str, is_loose: bool) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("://") {
        let start = from + found + 3;
        let url = text.get(start..)?;
        let url = if is_loose { url.split(char::is_whitespace).next().unwrap_or_default() } else { url };
        let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some(at) = authority.rfind('@') {
            return Some(start..start + at);
        }
        // What follows the colon is no port, so it is a password with one of those signs, or the rest of it is missing.
        let port = authority.split_whitespace().next().unwrap_or_default().rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|_| !authority.starts_with('['));
        let port = port.map(|port| port.trim_end_matches(['"', '\'', ',', ';', ')', ']', '}']));
        if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit())) {
            return Some(start..start + url.rfind('@').unwrap_or(url.trim_end_matches('"').len()));
        }
        from = start;
    }
    None
}
