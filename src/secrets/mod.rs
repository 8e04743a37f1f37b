//! Finds and masks secrets: passwords and the like in commands, file names and typed lines.
//!
//! One list for the wire log, diagnostics and the history. It knows the arguments that QEMU's schema and the guest agent
//! have for secrets, and besides takes every argument for one whose name says so. Members that end in `-secret` hold the
//! id of a `secret` object and are shown. Source: docs/qmp.md, "Secrets".

mod mask;

use std::borrow::Cow;

pub use mask::mask;

use crate::json;
use crate::text;

/// Parts of names that make an argument a secret, in lower case.
const IN_NAMES: [&str; 5] = ["password", "passwd", "passphrase", "secret", "cookie"];

/// Names that look like secrets but hold ids of objects, besides those that end in `-secret`.
const IDS: [&str; 2] = ["passwordid", "secretid"];

/// Commands with an argument that is a secret although its name does not say so.
const ARGUMENTS: [(&str, &str); 9] = [
    ("object-add", "data"),
    ("guest-exec", "input-data"),
    ("guest-exec", "env"),
    ("guest-file-write", "buf-b64"),
    // These type passwords into the guest.
    ("send-key", "keys"),
    ("input-send-event", "events"),
    // Only if the line has a secret.
    ("human-monitor-command", "command-line"),
    // Only if the property is one.
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

/// Whether `name` is that of an argument with a secret, whatever the command. Dotted names count as a whole.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or(&name);
    !last.ends_with("-secret") && !IDS.contains(&last) && IN_NAMES.iter().any(|part| name.contains(part))
}

/// Whether the value of an argument, as typed, is a secret or has one: by its name, by the command, or by itself. Only for a line that has
/// one: it errs on the side of yes.
pub fn is_secret_argument(command: &str, name: &str, value: &str) -> bool {
    let is_listed = |(of, argument): &(&str, &str)| *of == command && name.split('.').any(|part| part == *argument);
    is_secret_name(name) || ARGUMENTS.iter().any(is_listed) || line_has_secret(value)
}

/// Whether this command of QMP or HMP nearly always carries a secret.
pub fn is_secret_command(command: &str) -> bool {
    COMMANDS.contains(&command)
}

/// The beginning of a message for logs and errors: safe to show, secrets masked, at most `max` characters.
pub fn excerpt(message: &[u8], max: usize) -> String {
    // A secret is masked even if only its beginning is looked at; masking can only make the text shorter by that.
    let considered = &message[..message.len().min(max.saturating_mul(4).saturating_add(64))];
    let readable = String::from_utf8_lossy(considered);
    let masked = mask(&readable);
    if considered.len() == message.len() {
        return text::excerpt(masked.as_bytes(), max);
    }
    let shown = text::excerpt(masked.as_bytes(), max);
    if shown.ends_with('…') { shown } else { shown + "…" }
}

/// Whether `line`, as typed, has a secret: in the shell's own language, as JSON, or as HMP. Errs on the side of yes.
pub fn line_has_secret(line: &str) -> bool {
    let line = line.trim_start();
    if line.starts_with('{') { matches!(mask(line), Cow::Owned(_)) } else { words_have_secret(line) }
}

/// Whether the words of `line` say that it has a secret, for text of any syntax.
fn words_have_secret(line: &str) -> bool {
    // No name hides behind the escapes of JSON.
    let line = json::decode_inner(line.as_bytes()).to_ascii_lowercase();
    let mut words = words(&line).peekable();
    if let Some((first, _)) = words.peek()
        && [".help", ".commands"].contains(first)
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
        takes_data |= ["object-add", "object_add", "qom-set"].contains(&word);
        takes_input |= word == "guest-exec";
        data |= word.split('.').any(|part| part == "data");
        input |= word.split('.').any(|part| part == "env" || part == "input-data");
    }
    (takes_data && data) || (takes_input && input)
}

/// Runs of letters, digits, `_`, `-` and `.`, each with what follows it.
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

/// Whether a value follows, after `=` or `:`, possibly behind a closing quote.
fn is_assigned(after: &str) -> bool {
    after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).starts_with(['=', ':'])
}

/// Where the user name and password of the first URL in `text` stand that has them.
fn userinfo(text: &str) -> Option<std::ops::Range<usize>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        let check = |name: &str, expected: bool| assert_eq!(is_secret_name(name), expected, "{name}");
        check("password", true);
        check("Password", true);
        check("file.password", true);
        check("proxy-password", true);
        check("passphrase", true);
        check("cookie", true);
        check("secret", true);
        check("password-secret", false);
        check("file.cookie-secret", false);
        check("key-secret", false);
        check("passwordid", false);
        check("node-name", false);
        check("data", false);
    }

    #[test]
    fn typed_lines_with_a_secret() {
        for line in [
            "set_password protocol=vnc password=x",
            "  set_password protocol=vnc password=x",
            ".try set_password protocol=vnc password=x",
            "set_password protocol=vnc pass\\u0077ord=x",
            "change-vnc-password password==x",
            r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"x"}}"#,
            r#"{"execute":"set_password","arguments":{"protocol":"vnc","pass\u0077ord":"x"}} | jq ."#,
            "{'execute': 'set_password', 'arguments': {'password': 'x'}}",
            r#"{"execute":"set_password","arguments":{"password":"x"#,
            "object-add qom-type=secret id=s data=x",
            "object-add data:=\"x\" qom-type=secret id=s",
            "object-add qom-type=secret id=s props.data=x",
            "transaction(\nobject-add qom-type=secret id=s data=x\n)",
            "sev-inject-launch-secret packet-header=a secret=x",
            "x-thing \"secret\"=x",
            "x-thing options={'secret': 'x'}",
            "blockdev-add driver=https node-name=n url=https://h/f cookie=a=b",
            "blockdev-add driver=https node-name=n url=https://user:x@h/f",
            r"blockdev-add driver=https node-name=n url:=\u0022https:\/\/user:x@h/f",
            r#"blockdev-snapshot-sync device=d snapshot-file="json:{\"driver\":\"ssh\",\"password\":\"x\"}""#,
            "blockdev-add driver=raw file.filename=rbd:pool/image:id=admin:key=x:mon_host=h",
            "guest-set-user-password username=root password=x crypted=off",
            "guest-exec path=/bin/sh input-data=x",
            "guest-exec path=/bin/sh env=[\"PW=x\"]",
            "guest-exec path=/bin/sh env.0=PW=x",
            "guest-file-write handle=1 buf-b64=eA==",
            "send-key keys=[{\"type\":\"qcode\",\"data\":\"x\"}]",
            "input-send-event events=[]",
            "qom-set path=/objects/s property=data value=x",
            "human-monitor-command command-line=\"change vnc password x\"",
            ".hmp change vnc password x",
            ".hmp set_password vnc x",
            ".hmp sendkey x",
            ".hmp object_add secret,id=s,data=x",
            ".hmp drive_add 0 file=https://user:x@h/f",
            "device_add driver=x PassWord=x",
            ".oob x-login passphrase=x",
        ] {
            assert!(line_has_secret(line), "{line}");
        }
    }

    #[test]
    fn typed_lines_without_one() {
        for line in [
            "",
            "query-status",
            "query-block | jq '.[].device' | sort",
            "device_add driver=virtio-net-pci id=0123 netdev=net0",
            r#"{"execute": "query-status"}"#,
            r#"{"execute":"object-add","arguments":{"qom-type":"iothread","id":"i"}}"#,
            "object-add qom-type=secret id=secret0 file=/etc/key",
            "blockdev-add driver=https node-name=n url=https://h/f@1 password-secret=secret0",
            "blockdev-add driver=luks node-name=n file=f key-secret=s",
            "expire_password protocol=vnc time=now",
            "guest-exec path=/bin/ls capture-output=on",
            "qom-set path=/machine property=graphics value=on",
            ".hmp info status",
            ".help set_password",
            ".commands *password*",
            "migrate uri=tcp:host:4444",
            "human-monitor-command command-line=\"info block\"",
            r#"{"execute":"human-monitor-command","arguments":{"command-line":"info block"}}"#,
        ] {
            assert!(!line_has_secret(line), "{line}");
        }
    }

    #[test]
    fn excerpts_are_masked_before_they_are_cut() {
        let check = |message: &str, max, expected: &str| {
            assert_eq!(excerpt(message.as_bytes(), max), expected);
        };
        check(r#"{"return": {}}"#, 40, r#"{"return": {}}"#);
        check(r#"{"return": {}, "id": 1}"#, 10, r#"{"return"…"#);
        check(r#"{"password":"hunter2"}"#, 40, r#"{"password":"***"}"#);
        let long = format!(r#"{{"password":"{}","a":1}}"#, "x".repeat(10_000));
        check(&long, 40, r#"{"password":"***"…"#);
    }
}
