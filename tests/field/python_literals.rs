//! Messages and values as Python prints them, from logs of Python clients and from qmp-shell.

use crate::support::{Mock, qmpsh};

/// Checks what is sent for a line.
#[track_caller]
fn sends(line: &str, message: &str) {
    let mock = Mock::new().negotiate().expect(message).reply("{}").unix();
    qmpsh().arg(mock.socket()).stdin(line).run().stdout("{}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn a_dict_is_a_message() {
    // As `print(message)` shows it, and as it stands in a log of Python 2.
    sends(
        "{'execute': 'set_link', 'arguments': {'name': 'n', 'up': True}}",
        r#"{"execute":"set_link","arguments":{"name":"n","up":true}}"#,
    );
    sends(
        "{u'execute': u'a', u'arguments': {u'x': None, u'y': False, u'z': [u'caf\\xe9', 1.5, -3]}, 'id': 'q'}",
        r#"{"execute":"a","arguments":{"x":null,"y":false,"z":["café",1.5,-3]}}"#,
    );
    // A quote in a string changes the quotes around it.
    sends(
        r#"{'execute': 'human-monitor-command', 'arguments': {'command-line': "print 'a'"}}"#,
        r#"{"execute":"human-monitor-command","arguments":{"command-line":"print 'a'"}}"#,
    );
    // Over several lines with a comma at the end, as a script for socat had it.
    sends(
        "{\n\t'execute': 'dump-guest-memory',\n\t'arguments': {\n\t\t'paging': False,\n\t\t'protocol': 'file:/tmp/x',\n\t},\n}\n",
        r#"{"execute":"dump-guest-memory","arguments":{"paging":false,"protocol":"file:/tmp/x"}}"#,
    );
    // JSON's and Python's words in one message.
    sends(
        r#"{"execute": "a", "arguments": {"x": True, "y": null}}"#,
        r#"{"execute":"a","arguments":{"x":true,"y":null}}"#,
    );
}

#[test]
fn a_value_is_a_literal() {
    // An example of QEMU's documentation for qmp-shell.
    sends(
        "query-stats target==vm providers=[{'provider':'kvm','names':['apicv_inhibited']}]",
        r#"{"execute":"query-stats","arguments":{"target":"vm","providers":[{"provider":"kvm","names":["apicv_inhibited"]}]}}"#,
    );
    sends("a x={u'k': u'v', 'n': None}", r#"{"execute":"a","arguments":{"x":{"k":"v","n":null}}}"#);
}

#[test]
fn what_has_no_meaning_in_json_is_refused_with_its_place() {
    let check = |line: &str, stderr: &str| {
        let mock = Mock::new().negotiate().unix();
        qmpsh().arg(mock.socket()).stdin(line).run().stdout("").stderr_contains(stderr).status(2);
        mock.finish();
    };
    check("{'execute': 'a', 'arguments': {'x': b'y'}}", "stdin:1:37: unexpected `b`\n");
    check(
        "{'execute': 'a', 'arguments': {'x': b'y'}}",
        "help: omit the letter before the quote; a backslash is written \\\\\n",
    );
    check("a x={'y': r'z'}", "stdin:1:11: unexpected `r`\n");
    check("{'execute': 'a', 'arguments': {'x': (1, 2)}}", "help: a list stands in brackets: [1, 2]\n");
    check("{'execute': 'a', 'arguments': {'x': nan}}", "help: QEMU accepts neither NaN nor infinity\n");
    check("{'execute': 'a', 'arguments': {1: 2}}", "expected a key in quotes or `}`\n");
    check("{'execute': 'a', 'id': 1j}", "stdin:1:24: `1j` is not a number\n");
    check("{'execute': 'a'", "stdin:1:1: this bracket { is never closed\n");
}
