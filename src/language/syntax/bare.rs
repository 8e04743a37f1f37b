//! The bare word: the first word after a command may be a value alone, if it can only name one thing that exists.
//!
//! A command is listed if one required argument names what exists already and a slip harms no more than it would with
//! `KEY=VALUE`. Nothing that starts, overwrites or replaces something is listed. Source: `query-qmp-schema` of QEMU 7.2,
//! 10.0 and 11.1, of their storage daemons, and `qga/qapi-schema.json`.

use super::argument;
use super::ast::{Argument, Key, KeyPart, Quoting, Value};
use super::cursor::Cursor;
use super::error::{SyntaxError, SyntaxErrorKind, shown};
use super::span::Span;

/// What a bare word must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Number,
    /// A number with a suffix: the human monitor counts MiB where QMP counts bytes.
    Size,
}

/// Commands, the argument that the word is, and what it must be.
const TABLE: &[(&[&str], &str, Kind)] = &[
    (
        &[
            "block-export-del",
            "block-job-change",
            "block-job-dismiss",
            "block-job-finalize",
            "block-latency-histogram-set",
            "blockdev-remove-medium",
            "chardev-remove",
            "chardev-send-break",
            "device-sync-config",
            "device_del",
            "job-cancel",
            "job-complete",
            "job-dismiss",
            "job-finalize",
            "job-pause",
            "job-resume",
            "netdev_del",
            "object-del",
        ],
        "id",
        Kind::Name,
    ),
    (
        &[
            "block-job-cancel",
            "block-job-complete",
            "block-job-pause",
            "block-job-resume",
            "block-job-set-speed",
            "ringbuf-read",
        ],
        "device",
        Kind::Name,
    ),
    (&["block-set-write-threshold", "blockdev-del", "x-blockdev-set-iothread"], "node-name", Kind::Name),
    (
        &[
            "nbd-server-remove",
            "query-rocker",
            "query-rocker-of-dpa-flows",
            "query-rocker-of-dpa-groups",
            "query-rocker-ports",
            "set_link",
            "trace-event-get-state",
        ],
        "name",
        Kind::Name,
    ),
    (
        &[
            "qom-get",
            "qom-list",
            "x-query-virtio-queue-element",
            "x-query-virtio-queue-status",
            "x-query-virtio-status",
            "x-query-virtio-vhost-queue-status",
        ],
        "path",
        Kind::Name,
    ),
    (&["device-list-properties", "qom-list-properties"], "typename", Kind::Name),
    (&["closefd"], "fdname", Kind::Name),
    (&["query-stats"], "target", Kind::Name),
    (&["remove-fd"], "fdset-id", Kind::Number),
    (&["guest-file-close", "guest-file-flush", "guest-file-read"], "handle", Kind::Number),
    (&["guest-exec-status"], "pid", Kind::Number),
    (&["balloon"], "value", Kind::Size),
];

fn find(command: &str) -> Option<(&'static str, Kind)> {
    let (_, name, kind) = TABLE.iter().find(|(commands, ..)| commands.contains(&command))?;
    Some((name, *kind))
}

/// Returns the argument that the first word after `command` is if it has no `=`; `None` if each needs its name.
pub fn bare_argument(command: &str) -> Option<&'static str> {
    find(command).map(|(name, _)| name)
}

/// Returns the key of the bare word at the beginning of `raw`, which is the first word after `command` and stands at `base`;
/// `None` if the word is no bare word of this command. The key has no place in the line.
pub(super) fn key(command: &str, raw: &str, base: usize, quoting: Quoting) -> Option<Key> {
    let (name, _) = find(command)?;
    let is_bare = match raw.as_bytes().first() {
        Some(b'"' | b'\'') if quoting == Quoting::Shell => argument::whole_quoted(raw),
        _ => !raw.contains('='),
    };
    let span = Span::new(base, base);
    is_bare.then(|| Key { parts: vec![KeyPart { text: name.to_owned(), quoted: false, span }], span })
}

/// Reads the bare word `raw`, which `key` is the key of.
pub(super) fn read(command: &str, key: Key, raw: &str, base: usize, quoting: Quoting) -> Result<Argument, SyntaxError> {
    let mut cursor = Cursor::new(raw, base);
    let value_span = cursor.whole();
    if quoting == Quoting::Shell && raw.starts_with(['"', '\'']) {
        let value = Value::Text(argument::quoted(&mut cursor)?);
        argument::end(&mut cursor)?;
        return Ok(Argument { key, value, value_span });
    }
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let size = |text: &str| {
        let digits = text.strip_suffix(|c: char| "kmgtpe".contains(c.to_ascii_lowercase())).unwrap_or_default();
        digits.split('.').count() <= 2 && digits.split('.').all(number)
    };
    let (fits, what) = match find(command).map_or(Kind::Name, |(_, kind)| kind) {
        Kind::Name => (is_name(raw), "a name"),
        Kind::Number => (number(raw), "a number"),
        Kind::Size => (size(raw), "a size with its unit"),
    };
    if fits {
        return Ok(Argument { key, value: Value::Plain(raw.to_owned()), value_span });
    }
    let error = SyntaxError::new(value_span, SyntaxErrorKind::Unfit(shown(raw), what), &["KEY=VALUE"]);
    Err(if command == "balloon" && number(raw) {
        error.help(format!("HMP counts MiB, QMP bytes: write `balloon {raw}M` or `balloon value={raw}`"))
    } else {
        error
    })
}

/// Returns true if a word can be a name: it is no option, JSON or mark of another language.
fn is_name(word: &str) -> bool {
    let starts_otherwise = word.starts_with(['-', '{', '[', '@', '(', '$', '\u{201c}', '\u{2018}']);
    !(starts_otherwise || word.ends_with([',', ':']) || word.contains([';', '&', '<', '>', '|']))
}

#[cfg(test)]
mod tests {
    use super::super::{Invocation, Statement, parse, parse_words};
    use super::*;

    fn arguments(line: &str) -> String {
        let shown = |statement: Statement| {
            let mut statement = statement;
            while let Statement::Dot(dot) = statement {
                statement = *dot.carried.unwrap();
            }
            let Statement::Invoke(Invocation::Command(command)) = statement else { panic!("{line}") };
            let shown = |argument: &Argument| match &argument.value {
                Value::Plain(text) => format!("{}={text}", argument.key.joined()),
                Value::Text(text) => format!("{}={text:?}", argument.key.joined()),
                other => format!("{other:?}"),
            };
            command.arguments.iter().map(shown).collect::<Vec<_>>().join(" ")
        };
        parse(line).map_or_else(|error| error.to_string(), |mut lines| shown(lines.remove(0).statement))
    }

    #[test]
    fn the_first_word_is_the_argument_that_names_a_thing() {
        let check = |line: &str, expected: &str| assert_eq!(arguments(line), expected, "{line}");
        check("device_del d0", "id=d0");
        check("device_del 0123", "id=0123");
        check("device_del \"my device\"", "id=\"my device\"");
        check("device_del 'x=y'", "id=\"x=y\"");
        check("device_del /machine/peripheral/d0", "id=/machine/peripheral/d0");
        check("qom-list /machine/unattached/device[3]", "path=/machine/unattached/device[3]");
        check("qom-get /machine property=type", "path=/machine property=type");
        check("block-job-cancel b1 force=on", "device=b1 force=on");
        check("remove-fd 3", "fdset-id=3");
        check("balloon 2G", "value=2G");
        check("balloon 1.5g", "value=1.5g");
        check(".try device_del d0", "id=d0");
        check(".watch 1 qom-list /", "path=/");
        check(".oob job-cancel b1", "id=b1");
        check("device_del id=d0", "id=d0");
        check("device_del \"id\"=d0", "id=d0");
    }

    #[test]
    fn a_word_that_does_not_fit_is_an_error() {
        let check = |line: &str, expected: &str| assert_eq!(arguments(line), expected, "{line}");
        check("balloon 512", "`512` is not a size with its unit");
        check("balloon much", "`much` is not a size with its unit");
        check("balloon 0x2G", "`0x2G` is not a size with its unit");
        check("balloon G", "`G` is not a size with its unit");
        check("remove-fd x", "`x` is not a number");
        check("device_del d0;", "`d0;` is not a name");
        check("device_del d0,", "`d0,` is not a name");
        check("device_del -f", "`-f` is not a name");
        check("device_del @file", "`@file` is not a name");
        check("device_del {}", "`{}` is not a name");
        check("device_del id: d0", "`id:` is not a name");
        check("device_del d0 d1", "`d1` is not KEY=VALUE");
        check("device_del id d0", "`d0` is not KEY=VALUE");
        check("device_del \"d0\"x", "unexpected `x`");
        check("device_del \"d0", "this quote \" is never closed");
    }

    #[test]
    fn commands_that_start_or_overwrite_take_no_bare_word() {
        for command in [
            "migrate",
            "migrate-incoming",
            "device_add",
            "block-commit",
            "block-stream",
            "block_resize",
            "blockdev-mirror",
            "blockdev-change-medium",
            "blockdev-insert-medium",
            "change-backing-file",
            "screendump",
            "dump-guest-memory",
            "human-monitor-command",
            "getfd",
            "eject",
        ] {
            assert_eq!(arguments(&format!("{command} x")), "`x` is not KEY=VALUE", "{command}");
        }
        assert_eq!(parse("transaction( device_del x )").unwrap_err().to_string(), "`x` is not KEY=VALUE");
    }

    #[test]
    fn words_of_a_command_line_are_bare_words_too() {
        let words = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
            parse_words(&words).unwrap().remove(0).statement
        };
        let Statement::Invoke(Invocation::Command(command)) = words(&["device_del", "\"my d"]) else { panic!() };
        assert_eq!(command.arguments[0].value, Value::Plain("\"my d".into()));
        assert_eq!(command.arguments[0].span(), Span::new(11, 16));
    }
}
