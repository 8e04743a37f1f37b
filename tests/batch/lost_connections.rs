//! Connections that are lost in a batch.

use std::path::Path;

use super::{answering, at};
use crate::support::mock::Played;
use crate::support::{Mock, Qemu};

#[test]
fn a_lost_connection_names_sent_and_unsent_commands() {
    let mock = Mock::new().negotiate().expect_execute("a").reply("1").expect_execute("b").close().unix();
    at(mock.socket()).stdin("a\nb\nc\n").run().stdout("1\n").status(4).stderr(
        "stdin:2: the connection was lost before the reply to `b` came, so whether it ran is unknown: \
         the peer closed the connection\n",
    );
    mock.finish();
    let check = |mock: Played, address: &Path, why: &str| {
        at(address).arg("b").run().stdout("").status(4).stderr(&format!(
            "qmpsh: the connection was lost before the reply to `b` came, so whether it ran is unknown: {why}\n"
        ));
        mock.finish();
    };
    let rows = [
        ("{\"return\": [1, ", "the stream ended inside a message, after 15 bytes of it: `{\"return\": [1, `"),
        ("\x1b[31mgarbage", "received data is not a JSON object: `\\u{1b}[31mgarbage`"),
    ];
    for (sent, why) in rows {
        let mock = Mock::new().negotiate().expect_execute("b").send(sent).close().unix();
        let address = mock.socket().to_owned();
        check(mock, &address, why);
    }
    let mock = Mock::new().negotiate().expect_execute("b").reset().tcp();
    let address = mock.tcp().to_string();
    check(mock, address.as_ref(), "cannot read from the peer: Connection reset by peer");
}

#[test]
fn a_connection_lost_while_waiting_for_input_ends_the_batch() {
    let mock = answering(&["a"]).pause().close().unix();
    let mut process = at(mock.socket()).start();
    process.line("a");
    assert_eq!(process.read_line(), "{\"n\": 1}");
    mock.go_on();
    let said = process.read_stderr_line();
    assert_eq!(
        said,
        "qmpsh: the connection was lost while waiting for input: the peer closed the connection; every command had its reply"
    );
    process.wait().status(4);
    mock.finish();
}

#[test]
fn killing_qemu_is_a_lost_connection() {
    let qemu = Qemu::none().start();
    let mut process = at(&qemu.socket()).start();
    process.line("query-name");
    assert_eq!(process.read_line(), "{}");
    qemu.signal(rustix::process::Signal::KILL);
    assert!(process.read_stderr_line().contains("the connection was lost while waiting for input"));
    process.wait().status(4);
}

/// QEMU gives it to the next client.
#[test]
fn a_reply_to_an_earlier_client_is_ignored() {
    let qemu = Qemu::none().start();
    for _ in 0..10 {
        let mut earlier = qemu.hold();
        earlier.send(r#"{"execute":"query-qmp-schema","id":1}"#);
        drop(earlier);
        at(&qemu.socket()).arg("query-name").run().stdout("{}\n").stderr("").status(0);
        at(&qemu.socket()).arg("query-kvm").run().stdout_contains("\"present\": ").stderr("").status(0);
    }
}

#[test]
fn lines_after_quit_are_not_sent() {
    let expected = "stdin:3: `query-name` was not sent: the server has quit\n";
    let lines = "query-name\nquit\nquery-name\n";
    let mut qemu = Qemu::none().start();
    at(&qemu.socket()).stdin(lines).run().stdout("{}\n{}\n").stderr(expected).status(4);
    assert!(qemu.wait().success());
    // With a reply or without, and also when the connection is still there.
    let answers: [fn(Mock) -> Mock; 3] = [|mock| mock.reply("{}"), |mock| mock.reply("{}").close(), Mock::close];
    for answer in answers {
        let mock =
            answer(Mock::new().negotiate().expect_execute("query-name").reply("{}").expect_execute("quit")).unix();
        at(mock.socket()).arg("-k").stdin(lines).run().stdout("{}\n{}\n").stderr(expected).status(4);
        mock.finish();
    }
}

#[test]
fn the_end_of_input_after_quit_is_success() {
    let mock = Mock::new().negotiate().expect_execute("quit").reply("{}").close().unix();
    let mut process = at(mock.socket()).start();
    process.line("quit");
    assert_eq!(process.read_line(), "{}");
    mock.finish();
    // The connection has gone; what counts is that nothing more was asked.
    process.line("# that was all");
    process.wait().stdout("{}\n").stderr("").status(0);
}

#[test]
fn quit_built_in_sends_nothing() {
    let mock = answering(&["a"]).unix();
    at(mock.socket()).stdin("a\n.quit\nb\n").run().stdout("{\"n\": 1}\n").stderr("").status(0);
    mock.finish();
}

#[test]
fn an_error_without_id_fails_the_only_pending_command() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("a")
        .send(r#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#)
        .expect_execute("b")
        .reply_latest("2")
        .unix();
    at(mock.socket())
        .arg("-k")
        .stdin("a\nb\n")
        .run()
        .stdout("2\n")
        .status(1)
        .stderr("stdin:1: GenericError: JSON parse error\n");
    mock.finish();
}

#[test]
fn a_reply_without_result_fails_its_command() {
    let mock =
        Mock::new().negotiate().expect_execute("a").send(r#"{"id": 1}"#).expect_execute("b").reply_latest("2").unix();
    at(mock.socket()).arg("-k").stdin("a\nb\n").run().stdout("2\n").status(1).stderr(
        "stdin:1: no valid reply to `a`: the server sent a message that is not a greeting, an event or a reply: \
         `{\"id\": 1}`\n",
    );
    mock.finish();
    let mock = Mock::new().negotiate().expect_execute("a").send(r#"{"id": 1}"#).unix();
    at(mock.socket()).arg("a").run().status(1).stderr(
        "qmpsh: no valid reply to `a`: the server sent a message that is not a greeting, an event or a reply: \
         `{\"id\": 1}`\n",
    );
}
