//! Replies that are not for this client come before the one that is.

use crate::support::{Mock, Qemu, qmpsh};

/// What the first command prints if this comes before its reply.
#[track_caller]
fn counts(before: &str) {
    let mock = Mock::new().negotiate().expect_execute("query-status").send(format!("{before}\r\n")).reply("7").unix();
    let output = qmpsh().arg(mock.socket()).arg("query-status").run();
    output.status(0).stdout("7\n").stderr_contains("dropped a message: ");
    mock.finish();
}

#[test]
fn a_reply_with_an_id_of_another_client_does_not_count() {
    for id in ["\"nobody\"", "[1]", "{\"n\": 1}", "null", "4711", "18446744073709551617", "1.0", "1e0", "-1", "true"] {
        counts(&format!(r#"{{"return": 1, "id": {id}}}"#));
        counts(&format!(r#"{{"id": {id}, "error": {{"class": "GenericError", "desc": "no"}}}}"#));
    }
    // libvirt's ids.
    counts(r#"{"return": [], "id": "libvirt-382"}"#);
    // Avocado's ids.
    counts(r#"{"return": {}, "id": "7rB9SX2r"}"#);
    // An object that is no message, with such an id.
    counts(r#"{"id": "x"}"#);
}

#[test]
fn a_reply_before_that_of_the_negotiation_does_not_count() {
    for earlier in [
        r#"{"return": {"n": 1}, "id": 1}"#,
        r#"{"return": {}, "id": 0}"#,
        r#"{"return": {}, "id": 1}"#,
        // Clients that send no ids, such as socat: a success and a refusal.
        r#"{"return": {}}"#,
        r#"{"error": {"class": "GenericError", "desc": "not yours"}}"#,
        r#"{"id": 1, "error": {"class": "GenericError", "desc": "not yours"}}"#,
        // go-qemu took an event for the reply to its negotiation.
        r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "NIC_RX_FILTER_CHANGED", "data": {}}"#,
    ] {
        let mock = Mock::new().greeting().expect_execute("qmp_capabilities").send(format!("{earlier}{earlier}\r\n"));
        let mock = mock.reply("{}").expect_execute("query-status").reply("7").unix();
        qmpsh().arg(mock.socket()).arg("query-status").run().status(0).stdout("7\n").stderr("");
        mock.finish();
    }
}

#[test]
fn the_late_reply_of_a_killed_client_does_not_count() {
    let qemu = Qemu::none().start();
    for _ in 0..20 {
        let mut killed = qemu.hold();
        killed.send(r#"{"execute":"query-version","id":1}{"execute":"query-commands","id":2}"#);
        drop(killed);
        let output =
            qmpsh().args(["--wait", "600"]).arg(qemu.socket()).args(["-c", "query-status", "-c", "query-name"]).run();
        output.status(0).stdout_contains("\"running\": ").stderr("");
        assert!(output.stdout_text().ends_with("\n{}\n"), "{}", output.stdout_text());
    }
}

#[test]
fn many_of_them_are_counted() {
    let mock = Mock::new().negotiate().expect_execute("query-status");
    let many = (0..5_000).map(|n| format!(r#"{{"return": {{}}, "id": "x-{n}"}}"#)).collect::<Vec<_>>().concat();
    let mock = mock.send(many).reply("7").unix();
    let output = qmpsh().arg(mock.socket()).arg("query-status").run();
    output.status(0).stdout("7\n");
    let said = output.stderr_text();
    let counts =
        ["dropped a message: ", "dropped 10 messages so far, ", "dropped 100 messages ", "dropped 1000 messages "];
    for (line, count) in said.lines().zip(counts) {
        assert!(line.contains(count), "{line}");
    }
    assert!(said.lines().last().is_some_and(|line| line.ends_with("dropped 5000 messages in all")), "{said}");
    assert_eq!(said.lines().count(), 5, "{said}");
    mock.finish();
}

#[test]
fn odd_messages_of_others_do_not_count() {
    // Ids of other shapes: a long one, a deep one, ones that could drive a terminal.
    counts(&format!(r#"{{"return": 1, "id": "{}"}}"#, "x".repeat(100_000)));
    counts(&format!(r#"{{"return": 1, "id": {}1{}}}"#, "[".repeat(500), "]".repeat(500)));
    counts("{\"return\": 1, \"id\": \"\\u001b[31m\u{202e}\"}");
    counts(r#"{"return": 1, "id": {"client": ["a", {"n": 1}]}}"#);
    // The number of the command as a text, and as a number that is written in another way.
    counts(r#"{"return": 1, "id": "1"}"#);
    counts(r#"{"return": 1, "id": 1.00}"#);
    // Both at once.
    counts(r#"{"return": 1, "error": {"class": "GenericError", "desc": "no"}, "id": 5}"#);
}

/// A second greeting (a pseudo terminal during start-up), events and blank lines between a command and its reply.
#[test]
fn what_is_no_reply_does_not_count() {
    let greeting =
        r#"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 9}, "package": ""}, "capabilities": []}}"#;
    let event = r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RTC_CHANGE", "data": {"offset": 0}}"#;
    for before in [format!("{greeting}\r\n"), format!("{event}{event}\r\n"), "\r\n\r\n \t".to_owned()] {
        let mock = Mock::new().negotiate().expect_execute("query-status").send(before).reply("7").unix();
        qmpsh().arg(mock.socket()).arg("query-status").run().status(0).stdout("7\n").stderr("");
        mock.finish();
    }
}
