//! Exit statuses of a batch, and where it stops.

use rustix::process::Signal;

use super::{answering, at};
use crate::support::version::status_line;
use crate::support::{Mock, Qemu, qmpsh, sh};

#[test]
fn a_batch_runs_on_a_real_qemu() {
    for qemu in [Qemu::none().start(), Qemu::none().pretty().start()] {
        let socket = qemu.socket();
        let status = status_line("running", true);
        let bogus = "stdin:2: CommandNotFound: The command bogus has not been found\n";
        at(&socket).arg("query-status").run().stdout(&status).stderr("").status(0);
        let lines = "query-name\nbogus\nquery-status\n";
        at(&socket).stdin(lines).run().stdout("{}\n").stderr(bogus).status(1);
        at(&socket).arg("-k").stdin(lines).run().stdout(&format!("{{}}\n{status}")).stderr(bogus).status(1);
        at(&socket).stdin("").run().stdout("").stderr("").status(0);
        at(&socket).stdin("\n# nothing\n\n").run().stdout("").stderr("").status(0);
        at(&socket)
            .arg("bogus")
            .run()
            .stdout("")
            .status(1)
            .stderr("CommandNotFound: The command bogus has not been found\n");
    }
}

#[test]
fn a_batch_stops_at_the_first_failure() {
    // A command that fails, a line that does not parse, a reply that does not come.
    let mock =
        Mock::new().negotiate().expect_execute("a").reply("1").expect_execute("b").error("GenericError", "no").unix();
    at(mock.socket()).stdin("a\nb\nc\n").run().stdout("1\n").stderr("stdin:2: GenericError: no\n").status(1);
    mock.finish();
    let mock = answering(&["a"]).refuse_schema().unix();
    at(mock.socket()).stdin("a\nb c\nd\n").run().stdout("{\"n\": 1}\n").status(2).stderr_contains("stdin:2:3");
    mock.finish();
    let mock = Mock::new().negotiate().expect_execute("a").reply("1").expect_execute("b").unix();
    at(mock.socket())
        .args(["-t", "0.05"])
        .stdin("a\nb\nc\n")
        .run()
        .stdout("1\n")
        .status(5)
        .stderr("stdin:2: no reply to `b` within 0.05 s: it may still be running\n");
    mock.finish();
}

#[test]
fn keep_going_returns_the_highest_status() {
    // Each letter: e, the server refuses it; p, it does not parse; t, no reply; o, fine.
    let rows = [("oo", 0), ("oeo", 1), ("epo", 2), ("pe", 2), ("ete", 5), ("tpo", 5), ("pte", 5)];
    for (steps, status) in rows {
        let mut mock = Mock::new().negotiate();
        let (mut lines, mut results) = (String::new(), String::new());
        for step in steps.chars() {
            mock = match step {
                'o' => mock.expect_execute("ok").reply_latest("\"fine\""),
                'e' => mock.expect_execute("refused").error_latest("GenericError", "no"),
                't' => mock.expect_execute("silent"),
                // A hint is looked for once.
                _ => mock.expect_execute("query-qmp-schema").error_latest("CommandNotFound", "no schema"),
            };
            lines += match step {
                'o' => "ok\n",
                'e' => "refused\n",
                't' => "silent\n",
                _ => "what is this\n",
            };
            if step == 'o' {
                results += "\"fine\"\n";
            }
        }
        let mock = mock.unix();
        // Long enough for a reply that comes, also on a loaded machine.
        let limit = if steps.contains('t') { "2" } else { "1000" };
        let output = at(mock.socket()).args(["-k", "-t", limit]).stdin(&lines).run();
        output.stdout(&results).status(status);
        let told = output.stderr_text().lines().filter(|line| line.contains("stdin:")).count();
        assert_eq!(told, steps.chars().filter(|step| *step != 'o').count(), "{output}");
        mock.finish();
    }
}

#[test]
fn a_late_reply_is_dropped_and_ids_stay_unique() {
    let mock = Mock::new()
        .negotiate()
        .expect_text(r#"{"execute":"slow","id":1}"#)
        .expect_text(r#"{"execute":"a","id":2}"#)
        .send(r#"{"return": "late", "id": 1}{"return": "a", "id": 2}"#)
        .expect_text(r#"{"execute":"b","id":1}"#)
        .send(r#"{"return": "b", "id": 1}"#)
        .unix();
    at(mock.socket())
        .args(["-k", "-t", "2"])
        .stdin("slow\na\nb\n")
        .run()
        .stdout("\"a\"\n\"b\"\n")
        .stderr("stdin:1: no reply to `slow` within 2 s: it may still be running\n")
        .status(5);
    mock.finish();
}

#[test]
fn a_server_that_does_not_read_hits_the_timeout() {
    let mock = Mock::new().negotiate().hold_without_reading().unix();
    let program = at(mock.socket());
    let lines = format!("x v={}\n", "x".repeat(1 << 20)).repeat(3);
    let path = super::file(&program, "commands", lines);
    let output = program.args(["-k", "-t", "0.1", "-f"]).arg(path).run();
    output.stdout("").status(5);
    assert_eq!(output.stderr_text().matches("no reply to `x` within 0.1 s").count(), 3, "{output}");
}

#[test]
fn no_session_is_status_3() {
    let missing = at("missing.sock".as_ref()).arg("query-status").run();
    missing.stdout("").status(3);
    missing.stderr(
        "qmpsh: cannot connect to missing.sock: no such socket; QEMU creates it with \
         -qmp unix:PATH,server=on,wait=off (--wait SECONDS keeps trying)\n",
    );
    let command = at("query-status".as_ref()).env("QMP_SOCKET", "missing.sock").run();
    command.status(3).stderr_contains("no such socket; to run a command at $QMP_SOCKET, write it after -c");
    // Even so, what cannot be sent is found first.
    at("missing.sock".as_ref()).args(["x", "a=[1,"]).run().stdout("").status(2);
}

#[test]
fn a_lost_connection_overrides_earlier_failures() {
    let mock =
        Mock::new().negotiate().expect_execute("a").error("GenericError", "no").expect_execute("b").close().unix();
    at(mock.socket()).arg("-k").stdin("a\nb\nc\n").run().stdout("").status(4).stderr(
        "stdin:1: GenericError: no\nstdin:2: the connection was lost before the reply to `b` came, so whether it ran \
         is unknown: the peer closed the connection\n",
    );
    mock.finish();
}

#[test]
fn an_interrupt_is_status_130_without_message() {
    let mock = Mock::new().negotiate().expect_execute("a").reply("1").expect_execute("b").pause().unix();
    let mut process = at(mock.socket()).start();
    process.line("a");
    assert_eq!(process.read_line(), "1");
    process.line("b");
    mock.wait_for_pause();
    process.signal(Signal::INT);
    process.wait().stdout("1\n").stderr("").status(130);
    mock.go_on();
    mock.finish();
    // Also before there is a session.
    let mock = Mock::new().pause().unix();
    let process = at(mock.socket()).arg("x").start();
    mock.wait_for_pause();
    process.signal(Signal::INT);
    process.wait().stdout("").stderr("").status(130);
    mock.go_on();
    mock.finish();
}

/// As a script has it for what it starts in the background.
#[test]
fn an_interrupt_that_was_ignored_stays_ignored() {
    let mock = Mock::new().negotiate().expect_execute("a").pause().reply("1").unix();
    let script = "trap '' INT; exec \"$0\" \"$@\"";
    let program = sh(script).arg(mock.socket());
    let process = program.arg("a").start();
    mock.wait_for_pause();
    process.signal(Signal::INT);
    mock.go_on();
    process.wait().stdout("1\n").stderr("").status(0);
}

#[test]
fn a_closed_stdout_is_status_141_without_message() {
    let qemu = Qemu::none().start();
    let closed = || at(&qemu.socket()).stdout_closed();
    closed().arg("query-status").run().stderr("").status(141);
    closed().stdin("query-status\nquery-name\n").run().stderr("").status(141);
    closed().args(["-o", "pretty", "query-commands"]).run().stderr("").status(141);
    // What prints nothing does not care.
    closed().arg("bogus").run().status(1);
    closed().stdin("").run().status(0);
}

#[test]
fn a_full_disk_is_reported() {
    let qemu = Qemu::none().start();
    let output = at(&qemu.socket()).arg("query-status").stdout_to("/dev/full").run();
    output.status(1).stderr("qmpsh: cannot write the results: No space left on device\n");
}

#[test]
fn qmp_socket_variable_is_the_default_address() {
    let qemu = Qemu::none().name("web1").start();
    let named = "{\"name\": \"web1\"}\n";
    let program = || qmpsh().env("QMP_SOCKET", qemu.socket());
    program().args(["-c", "query-name"]).run().stdout(named).stderr("").status(0);
    program().stdin("query-name\n").run().stdout(named).status(0);
    let other = Qemu::none().start();
    program().arg(other.socket()).arg("query-name").run().stdout("{}\n").status(0);
    qmpsh().arg("-c").arg("query-name").run().stdout("").status(2);
}
